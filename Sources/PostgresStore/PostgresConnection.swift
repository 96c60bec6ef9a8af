package import Logging
private import Metrics
private import Synchronization

/// One connection to PostgreSQL, used by one call at a time on a thread of its own.
///
/// It opens at the first call and again after it was lost. While the database cannot be reached, calls fail at once with
/// the last reason; a new attempt is made as `ReconnectBackoff` allows, never on a caller's time beyond libpq's five
/// seconds. Owned by `PostgresStore`, `Migrator` or `PrivateCluster`.
package actor PostgresConnection {
    /// Calls that may wait for the connection; the next is told `busy` (I11).
    private static let maximumWaiting = 128

    private nonisolated let executor: ThreadExecutor
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let configuration: DatabaseConfiguration
    private let logger: Logger
    private nonisolated let canceller = StatementCanceller()
    private nonisolated let waiting = Mutex(0)
    nonisolated let vitals = ConnectionVitals()
    private var state: State = .idle
    private var backoff = ReconnectBackoff()

    private enum State {
        /// Nothing is open; leads to `open` and `failed`.
        case idle
        /// Leads to `idle` when lost, `closed`.
        case open(PostgresLink)
        /// The last attempt failed; no other before `retryAt`. Leads to `open`, `failed`.
        case failed(PostgresError, retryAt: ContinuousClock.Instant)
        /// For good.
        case closed
    }

    /// - Parameter name: for the thread and the logs.
    package init(_ configuration: DatabaseConfiguration, name: String, logger: Logger) {
        var logger = logger
        logger[metadataKey: LogKey.connection] = "\(name)"
        self.configuration = configuration
        self.logger = logger
        self.executor = ThreadExecutor(name: "pg-" + name)
    }

    deinit { executor.stop() }

    /// Whether the database answers.
    package nonisolated func ping() async throws {
        try await perform { link in _ = try link.query("SELECT 1") }
    }

    /// Runs a statement and drops its rows: for tests and maintenance.
    package nonisolated func execute(_ sql: String) async throws {
        try await perform { link in try link.script(sql) }
    }

    /// The first column of a query's first row, as text: for tests and maintenance.
    package nonisolated func firstText(_ sql: String) async throws -> String? {
        try await perform { link in try link.query(sql).first?.optionalText(0) }
    }

    /// Runs `body` on the connection's thread, alone. A cancelled task cancels the statement that runs.
    /// - Throws: what `body` throws; `.busy`, `.closed`, `.cancelled`, `.connection`.
    @discardableResult
    nonisolated func perform<Value: Sendable>(
        _ body: @Sendable (PostgresLink) throws -> Value
    ) async throws -> Value {
        let isAdmitted = waiting.withLock { count in
            guard count < Self.maximumWaiting else { return false }
            count += 1
            return true
        }
        guard isAdmitted else { throw PostgresError(.busy, "too many calls wait for the database") }
        defer { waiting.withLock { $0 -= 1 } }
        return try await performOnThread(body)
    }

    /// Closes the connection for good; calls that come later fail with `.closed`.
    package func close() {
        state = .closed
        vitals.ended(PostgresError(.closed, "the store is closed"))
    }

    private func performOnThread<Value: Sendable>(
        _ body: @Sendable (PostgresLink) throws -> Value
    ) async throws -> Value {
        guard !Task.isCancelled else { throw PostgresError(.cancelled, "the caller was cancelled") }
        vitals.began()
        do {
            let value = try await performNow(body)
            vitals.ended(nil)
            return value
        } catch {
            vitals.ended(error)
            throw error
        }
    }

    private func performNow<Value: Sendable>(
        _ body: @Sendable (PostgresLink) throws -> Value
    ) async throws -> Value {
        let link = try openLink()
        let generation = canceller.begin(link.cancelHandle)
        defer {
            canceller.end()
            dropIfUnusable(link)
        }
        return try await withTaskCancellationHandler {
            // A closure runs on the actor only when it captures it: without this call the body would block the
            // cooperative pool, beside other calls on the same link.
            try call(body, link)
        } onCancel: { [canceller] in
            canceller.cancel(generation)
        }
    }

    private func call<Value>(
        _ body: @Sendable (PostgresLink) throws -> Value, _ link: PostgresLink
    ) rethrows -> Value {
        assert(executor.isCurrentThread, "libpq is called on the connection's own thread only")
        return try body(link)
    }

    private func openLink() throws -> PostgresLink {
        switch state {
        case .closed: throw PostgresError(.closed, "the store is closed")
        case .open(let link):
            guard link.wasClosedWhileIdle() else { return link }
            logger.info("database connection was closed while idle")
        case .failed(let error, let retryAt):
            guard ContinuousClock.now >= retryAt else { throw error }
        case .idle: break
        }
        return try connect()
    }

    private var hasFailed: Bool {
        switch state {
        case .failed: true
        case .idle, .open, .closed: false
        }
    }

    private func connect() throws -> PostgresLink {
        do {
            let link = try PostgresLink(configuration)
            if hasFailed { logger.info("database is back") }
            state = .open(link)
            backoff.succeeded()
            Counter(label: "lineup_database_connects_total").increment()
            return link
        } catch {
            if !hasFailed {
                logger.warning("database cannot be reached", metadata: [LogKey.cause: "\(error)"])
            }
            Counter(label: "lineup_database_connect_failures_total").increment()
            var generator = SystemRandomNumberGenerator()
            state = .failed(error, retryAt: .now + backoff.failed(using: &generator))
            throw error
        }
    }

    /// A link that is lost, or that a failed rollback left inside a transaction, is not used again.
    private func dropIfUnusable(_ link: PostgresLink) {
        guard link.isBroken || !link.isIdle else { return }
        guard case .open(let current) = state, current === link else { return }
        logger.info("database connection is dropped")
        state = .idle
    }
}
