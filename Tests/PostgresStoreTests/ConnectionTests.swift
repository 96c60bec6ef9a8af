import Domain
import Foundation
import Logging
import PostgresTestKit
import Testing

@testable import PostgresStore

@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    private func connect(
        _ change: (inout DatabaseConfiguration) -> Void = { _ in }
    ) async throws -> PostgresConnection {
        var configuration = try await TestDatabase.makeEmpty()
        change(&configuration)
        return PostgresConnection(configuration, name: "test", logger: TestDatabase.logger)
    }

    @Test func returnsEveryByteUnchanged() async throws {
        let connection = try await connect()
        let bytes = (0...255).map { UInt8($0) }
        let back = try await connection.perform { link in
            try link.query("SELECT $1::bytea", [.bytes(bytes)]).first?.bytes(0)
        }
        #expect(back == bytes)
        let none = try await connection.perform { link in
            try link.query("SELECT $1::bytea", [.bytes([])]).first?.bytes(0)
        }
        #expect(none == [])
    }

    @Test(arguments: ["", "O'Brien; DROP TABLE users --", "Ŝĭñ 🎧👩‍🚀 \u{202E}x", "\\x00 \"quoted\"\n\t", "$1"])
    func returnsEveryTextUnchanged(text: String) async throws {
        let connection = try await connect()
        let back = try await connection.perform { link in
            try link.query("SELECT $1::text, $2::text", [.text(text), .null]).first
        }
        #expect(try back?.text(0) == text)
        #expect(try back?.optionalText(1) == nil)
    }

    @Test func refusesATextWithANulInsteadOfCuttingItOff() async throws {
        let connection = try await connect()
        let error = await #expect(throws: PostgresError.self) {
            try await connection.perform { try $0.query("SELECT $1::text", [.text("a\0b")]) }
        }
        #expect(error?.code == .shape)
    }

    /// A server process that is stopped answers nothing, and no packet says that it is gone.
    @Test func aDatabaseThatGoesSilentIsLostInTimeAndFoundAgain() async throws {
        let connection = try await connect { $0.statementTimeout = .milliseconds(200) }
        let text = try #require(try await connection.firstText("SELECT pg_backend_pid()"))
        let process = try #require(pid_t(text))
        try #require(kill(process, SIGSTOP) == 0)
        defer { kill(process, SIGCONT) }
        let error = await #expect(throws: PostgresError.self) { try await connection.ping() }
        #expect(error?.code == .connection)
        try await connection.ping()
        #expect(try await connection.firstText("SELECT pg_backend_pid()") != text)
    }

    @Test func namesTheConstraintThatWasBroken() async throws {
        let connection = try await connect()
        try await connection.execute("CREATE TABLE t (a int CONSTRAINT only_once UNIQUE); INSERT INTO t VALUES (7)")
        let error = await #expect(throws: PostgresError.self) {
            try await connection.perform { try $0.query("INSERT INTO t VALUES ($1)", [.integer(7)]) }
        }
        #expect(error?.code == .constraint)
        #expect(error?.sqlState == "23505")
        #expect(error?.constraint == "only_once")
    }

    @Test func neverQuotesAValueInAnError() async throws {
        let connection = try await connect()
        try await connection.execute("CREATE TABLE t (a text UNIQUE); INSERT INTO t VALUES ('swordfish')")
        for sql in [
            "INSERT INTO t VALUES ($1::text)", "SELECT $1::text::uuid", "SELECT $1::text::int", "SELECT x($1::text)",
        ] {
            let error = await #expect(throws: PostgresError.self) {
                try await connection.perform { try $0.query(sql, [.text("swordfish")]) }
            }
            #expect(error.map { "\($0)".contains("swordfish") } == false)
        }
    }

    @Test func cancelsTheRunningStatementAndStaysUsable() async throws {
        let connection = try await connect()
        let (started, signal) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            defer { signal.finish() }
            return try await connection.perform { link in
                signal.yield()
                return try link.query("SELECT pg_sleep(60)")
            }
        }
        for await _ in started { break }
        let began = ContinuousClock.now
        task.cancel()
        let result = await task.result
        #expect(throws: PostgresError.self) { try result.get() }
        #expect(ContinuousClock.now - began < .seconds(20))
        #expect(try await connection.firstText("SELECT 1") == "1")
    }

    @Test func aLateCancellationNeverHitsTheNextStatement() async throws {
        let connection = try await connect()
        for _ in 0..<50 {
            let task = Task { try await connection.perform { try $0.query("SELECT 1").count } }
            async let next = connection.perform { try $0.query("SELECT pg_sleep(0.001), 2").first?.text(1) }
            task.cancel()
            _ = await task.result
            #expect(try await next == "2")
        }
    }

    @Test func endsAStatementThatTakesTooLong() async throws {
        let connection = try await connect { $0.statementTimeout = .milliseconds(50) }
        let error = await #expect(throws: PostgresError.self) { try await connection.execute("SELECT pg_sleep(60)") }
        #expect(error?.code == .timedOut)
    }

    @Test func rollsBackWhenTheBodyThrows() async throws {
        struct Stop: Error {}
        let connection = try await connect()
        try await connection.execute("CREATE TABLE t (a int)")
        await #expect(throws: Stop.self) {
            try await connection.perform { link in
                try link.transaction {
                    try link.query("INSERT INTO t VALUES (1)")
                    throw Stop()
                }
            }
        }
        #expect(try await connection.firstText("SELECT count(*) FROM t") == "0")
    }

    @Test func comesBackAfterTheServerEndedItWhileIdle() async throws {
        let connection = try await connect()
        let pid = try #require(try await connection.firstText("SELECT pg_backend_pid()"))
        let other = try await connect()
        #expect(try await other.firstText("SELECT pg_terminate_backend(\(pid), 5000)") == "t")
        #expect(try await connection.firstText("SELECT 1") == "1")
        #expect(try await connection.firstText("SELECT pg_backend_pid()") != pid)
    }

    @Test func reportsALossInTheMiddleAndComesBack() async throws {
        let connection = try await connect()
        let error = await #expect(throws: PostgresError.self) {
            try await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        }
        #expect(error?.code == .connection)
        #expect(try await connection.firstText("SELECT 1") == "1")
    }

    @Test func failsAtOnceWhileTheDatabaseIsAway() async throws {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        let connection = PostgresConnection(
            DatabaseConfiguration(host: folder, database: "none", password: Secret("swordfish")), name: "away",
            logger: TestDatabase.logger)
        for _ in 0..<20 {
            let error = await #expect(throws: PostgresError.self) { try await connection.ping() }
            #expect(error?.code == .connection)
            #expect(error.map { "\($0)".contains("swordfish") } == false)
        }
    }

    @Test func refusesCallsBeyondItsBoundAndServesTheOthers() async throws {
        let connection = try await connect()
        var configuration = try await TestDatabase.makeEmpty()
        configuration.database = try #require(try await connection.firstText("SELECT current_database()"))
        let blocker = PostgresConnection(configuration, name: "blocker", logger: TestDatabase.logger)
        try await blocker.execute("SELECT pg_advisory_lock(1)")
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    do {
                        try await connection.execute("SELECT pg_advisory_lock(1)")
                        return true
                    } catch let error as PostgresError where error.code == .busy {
                        return false
                    }
                }
            }
            // 128 are inside, one of them waiting for the lock; the rest are told so at once.
            for _ in 0..<72 { #expect(try await group.next() == false) }
            try await blocker.execute("SELECT pg_advisory_unlock(1)")
            for _ in 0..<128 { #expect(try await group.next() == true) }
        }
    }

    @Test func refusesCallsOnceItIsClosed() async throws {
        let connection = try await connect()
        try await connection.ping()
        await connection.close()
        let error = await #expect(throws: PostgresError.self) { try await connection.ping() }
        #expect(error?.code == .closed)
    }
}
