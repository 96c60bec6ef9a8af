private import CLibPQ
private import Foundation

/// One open connection of libpq. Owned by a `PostgresConnection`, used on its thread only; every call blocks.
final class PostgresLink {
    private let pointer: OpaquePointer
    let cancelHandle: CancelHandle
    /// How long an answer may take until the link counts as lost; `nil`: for ever. The server's own `statement_timeout` ends
    /// what is slow; this ends what is silent: a machine that went away, a server that was stopped or swaps.
    var answerLimit: Duration?
    private static let answerMargin = Duration.milliseconds(500)
    private var hasGoneSilent = false

    /// Connects and prepares the session.
    /// - Throws: `.connection` with the reason of libpq, which names host and user but never a password.
    init(_ configuration: DatabaseConfiguration) throws(PostgresError) {
        let keywords = configuration.keywords
        let pointer = withCStrings(keywords.map(\.0)) { names in
            withCStrings(keywords.map(\.1)) { values in PQconnectdbParams(names, values, 0) }
        }
        guard let pointer else { throw PostgresError(.connection, "libpq has no memory for a connection") }
        guard PQstatus(pointer) == CONNECTION_OK, let cancel = PQgetCancel(pointer) else {
            let reason = Self.firstLine(PQerrorMessage(pointer))
            PQfinish(pointer)
            throw PostgresError(.connection, reason)
        }
        self.pointer = pointer
        self.cancelHandle = CancelHandle(owning: cancel)
        // Without this, libpq writes the server's notices to standard error.
        PQsetNoticeProcessor(pointer, { _, _ in }, nil)
        self.answerLimit = configuration.statementTimeout + Self.answerMargin
        let milliseconds = configuration.statementTimeout.wholeMillisecondsForSettings
        try script(
            """
            SET statement_timeout = \(milliseconds); SET lock_timeout = \(milliseconds);
            SET idle_in_transaction_session_timeout = 60000; SET TIME ZONE 'UTC'; SET bytea_output = 'hex';
            SET client_min_messages = error; SET standard_conforming_strings = on;
            """)
    }

    deinit { PQfinish(pointer) }

    /// Whether the connection is known to be gone.
    var isBroken: Bool { hasGoneSilent || PQstatus(pointer) != CONNECTION_OK }

    /// Whether no transaction is open.
    var isIdle: Bool { PQtransactionStatus(pointer) == PQTRANS_IDLE }

    /// Whether the server ended the connection while it was idle; costs one system call when it did not.
    func wasClosedWhileIdle() -> Bool {
        guard !isBroken else { return true }
        var descriptor = pollfd(fd: PQsocket(pointer), events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, 0) > 0 else { return false }
        // Something came unasked: a notice, or the server's farewell with the end of the stream behind it.
        guard PQconsumeInput(pointer) == 1 else { return true }
        descriptor.revents = 0
        guard poll(&descriptor, 1, 0) > 0 else { return isBroken }
        return PQconsumeInput(pointer) != 1 || isBroken
    }

    /// Runs one statement. `parameters` are `$1`… in it.
    /// - Throws: what the server says, `.connection` when the link is lost, `.shape` for a text with a NUL.
    @discardableResult
    func query(_ sql: String, _ parameters: [PostgresValue] = []) throws(PostgresError) -> [PostgresRow] {
        let packed = try PackedParameters(parameters)
        let isSent = packed.withPointers { values, lengths, formats in
            PQsendQueryParams(pointer, sql, Int32(parameters.count), nil, values, lengths, formats, 0)
        }
        return try rows(of: answer(isSent: isSent == 1))
    }

    /// Runs a text of several statements, without parameters.
    func script(_ sql: String) throws(PostgresError) {
        _ = try rows(of: answer(isSent: PQsendQuery(pointer, sql) == 1))
    }

    /// Waits for the last result of what was sent, as `PQexec` does, but no longer than `answerLimit`.
    private func answer(isSent: Bool) throws(PostgresError) -> OpaquePointer? {
        guard !hasGoneSilent, isSent else { throw lost() }
        let deadline = answerLimit.map { ContinuousClock.now + $0 }
        var last: OpaquePointer?
        while true {
            while PQisBusy(pointer) == 1 {
                guard waitForInput(until: deadline) else {
                    PQclear(last)
                    hasGoneSilent = true
                    throw PostgresError(.connection, "the database has gone silent")
                }
                // Lost: the next result says so.
                guard PQconsumeInput(pointer) == 1 else { break }
            }
            guard let result = PQgetResult(pointer) else { return last }
            PQclear(last)
            last = result
        }
    }

    /// - Returns: `false` when nothing came in time.
    private func waitForInput(until deadline: ContinuousClock.Instant?) -> Bool {
        var descriptor = pollfd(fd: PQsocket(pointer), events: Int16(POLLIN), revents: 0)
        while true {
            let left = deadline.map { max(.zero, $0 - .now).wholeMillisecondsForSettings }
            let ready = poll(&descriptor, 1, left.map { Int32(clamping: $0) } ?? -1)
            if ready > 0 || (ready < 0 && errno != EINTR) { return true }
            if let deadline, ContinuousClock.now >= deadline { return false }
        }
    }

    /// Runs `body` in a transaction that `opening` begins: committed when it returns, rolled back when it throws.
    ///
    /// When the answer to COMMIT is lost the error is `.connection`, and nobody knows whether it happened.
    func transaction<Value>(
        _ opening: String = "BEGIN", _ body: () throws -> Value
    ) throws -> Value {
        try script(opening)
        do {
            let value = try body()
            try script("COMMIT")
            return value
        } catch {
            // A rollback that fails leaves the link not idle; its owner then drops it, which rolls back too.
            if !isBroken && !isIdle { try? script("ROLLBACK") }
            throw error
        }
    }

    /// Waits until a notification came, `wake` is readable, or `seconds` passed.
    /// - Returns: the payloads, in order.
    func notifications(wake: Int32, seconds: Int32) throws(PostgresError) -> [String] {
        var descriptors = [
            pollfd(fd: PQsocket(pointer), events: Int16(POLLIN), revents: 0),
            pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
        ]
        var payloads = takeNotifications()
        if !payloads.isEmpty { return payloads }
        _ = poll(&descriptors, 2, seconds * 1000)
        guard PQconsumeInput(pointer) == 1 else { throw lost() }
        payloads = takeNotifications()
        return payloads
    }

    private func takeNotifications() -> [String] {
        var payloads: [String] = []
        while let notification = PQnotifies(pointer) {
            if let extra = notification.pointee.extra { payloads.append(String(cString: extra)) }
            PQfreemem(notification)
        }
        return payloads
    }

    private func rows(of result: OpaquePointer?) throws(PostgresError) -> [PostgresRow] {
        guard let result else { throw lost() }
        defer { PQclear(result) }
        let status = PQresultStatus(result)
        if status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY {
            return Self.copyRows(of: result)
        }
        guard let sqlState = Self.field(result, lineup_diagnostic_sqlstate) else { throw lost() }
        throw PostgresError.server(
            sqlState: sqlState, constraint: Self.field(result, lineup_diagnostic_constraint),
            message: Self.field(result, lineup_diagnostic_message) ?? "the server gave no reason")
    }

    private static func copyRows(of result: OpaquePointer) -> [PostgresRow] {
        let columns = PQnfields(result)
        return (0..<PQntuples(result)).map { row in
            PostgresRow(
                cells: (0..<columns).map { column in
                    guard PQgetisnull(result, row, column) == 0, let text = PQgetvalue(result, row, column) else {
                        return nil
                    }
                    return String(cString: text)
                })
        }
    }

    private static func field(_ result: OpaquePointer, _ field: Int32) -> String? {
        PQresultErrorField(result, field).map { String(cString: $0) }
    }

    private func lost() -> PostgresError {
        PostgresError(.connection, "the connection was lost: " + Self.firstLine(PQerrorMessage(pointer)))
    }

    private static func firstLine(_ text: UnsafePointer<CChar>?) -> String {
        let whole = text.map { String(cString: $0) } ?? ""
        let line = whole.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        return line.isEmpty ? "no reason given" : line
    }
}

extension Duration {
    /// For a `SET` of a time-out: at least 1, because 0 means none.
    fileprivate var wholeMillisecondsForSettings: Int64 {
        max(1, components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)
    }
}
