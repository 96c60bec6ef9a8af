import Domain
import Logging
private import Metrics
private import Synchronization

/// Hears NOTIFY on a connection that does nothing else, and hands the notices to whoever listens.
///
/// `run` holds its connection's thread. After a loss it comes back by itself and tells again what was revoked or disabled
/// meanwhile, and that every queue and listing may have changed: a notice may come twice, none is missed.
final class NoticeListener: Sendable {
    /// Notices one subscriber may be behind; beyond it the oldest is lost, counted and logged (I11).
    static let maximumPending = 4096
    /// How long the thread waits before it asks whether the connection still lives, in seconds.
    private static let livenessSeconds: Int32 = 20
    /// What is told again after a loss reaches back so much further than the loss, for clocks that differ.
    private static let marginSeconds: Int64 = 60

    private let connection: PostgresConnection
    private let logger: Logger
    private let reconnectTimer: any Clock<Duration>
    private let wake = WakePipe()
    private let subscribers = Mutex(Subscribers())
    private let lastHeard = Mutex<ContinuousClock.Instant?>(nil)

    private struct Subscribers {
        var next = 0
        var byNumber: [Int: AsyncStream<StoreNotice>.Continuation] = [:]
        var isFinished = false
        /// Whether LISTEN is in force now.
        var isListening = false
        var whenListening: [CheckedContinuation<Void, Never>] = []
    }

    init(_ configuration: DatabaseConfiguration, reconnectTimer: any Clock<Duration>, logger: Logger) {
        self.connection = PostgresConnection(configuration, name: "listen", logger: logger)
        self.reconnectTimer = reconnectTimer
        self.logger = logger
    }

    func notices() -> AsyncStream<StoreNotice> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: StoreNotice.self, bufferingPolicy: .bufferingNewest(Self.maximumPending))
        let number = subscribers.withLock { state -> Int? in
            guard !state.isFinished else { return nil }
            state.next += 1
            state.byNumber[state.next] = continuation
            return state.next
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.subscribers.withLock { _ = $0.byNumber.removeValue(forKey: number) }
        }
        return stream
    }

    /// Returns once LISTEN is in force: what is committed after that is heard.
    func listening() async {
        await withCheckedContinuation { continuation in
            let isNow = subscribers.withLock { state in
                if state.isListening || state.isFinished { return true }
                state.whenListening.append(continuation)
                return false
            }
            if isNow { continuation.resume() }
        }
    }

    /// Listens until the task is cancelled.
    func run() async {
        var backoff = ReconnectBackoff()
        while !Task.isCancelled {
            let before = ContinuousClock.now
            do {
                try await withTaskCancellationHandler {
                    try await connection.perform { [self] link in try listen(link) }
                } onCancel: { [wake] in
                    wake.signal()
                }
            } catch {
                guard !Task.isCancelled else { break }
                logger.warning("listening to the database was interrupted", metadata: [LogKey.cause: "\(error)"])
            }
            subscribers.withLock { $0.isListening = false }
            // A connection that held for a while is no failure in a row.
            if ContinuousClock.now - before > .seconds(10) { backoff.succeeded() }
            var generator = SystemRandomNumberGenerator()
            let pause = backoff.failed(using: &generator)
            // Cancelled while it sleeps: the loop's condition ends it.
            try? await reconnectTimer.sleep(for: pause)
        }
        await finish()
    }

    func finish() async {
        let (streams, waiters) = subscribers.withLock { state in
            state.isFinished = true
            defer {
                state.byNumber = [:]
                state.whenListening = []
            }
            return (state.byNumber.values.map { $0 }, state.whenListening)
        }
        for stream in streams { stream.finish() }
        for waiter in waiters { waiter.resume() }
        await connection.close()
    }

    /// Runs on the connection's thread until the task is cancelled or the connection is lost.
    private func listen(_ link: PostgresLink) throws {
        try link.script("LISTEN lineup")
        try tellWhatWasMissed(link)
        markListening()
        while !Task.isCancelled {
            let payloads = try link.notifications(wake: wake.readEnd, seconds: Self.livenessSeconds)
            if wake.drain() { return }
            if payloads.isEmpty { try link.query("SELECT 1") }
            lastHeard.withLock { $0 = .now }
            for payload in payloads {
                if let notice = StoreNotice(payload: payload) { deliver(notice) }
            }
        }
    }

    private func markListening() {
        let waiters = subscribers.withLock { state in
            state.isListening = true
            defer { state.whenListening = [] }
            return state.whenListening
        }
        for waiter in waiters { waiter.resume() }
    }

    private func tellWhatWasMissed(_ link: PostgresLink) throws {
        let before = lastHeard.withLock { last in
            defer { last = .now }
            return last
        }
        guard let before else { return }
        let seconds = (ContinuousClock.now - before).components.seconds + Self.marginSeconds
        let since: [PostgresValue] = [.integer(seconds)]
        let span = "now() - make_interval(secs => $1::bigint)"
        for row in try link.query("SELECT id FROM stream_keys WHERE revoked_at > \(span)", since) {
            deliver(.keyRevoked(try row.id(0)))
        }
        for row in try link.query("SELECT id FROM users WHERE disabled_at > \(span)", since) {
            deliver(.accountDisabled(try row.id(0)))
        }
        for row in try link.query("SELECT name FROM channels") {
            guard let name = ChannelName(try row.text(0)) else { continue }
            deliver(.queueChanged(name))
            deliver(.listingChanged(name))
        }
        for row in try link.query("SELECT id FROM targets") { deliver(.targetChanged(try row.id(0))) }
        // Also when there is none any more; whoever listens reads all of them.
        deliver(.studioChanged(StudioID(high: 0, low: 0)))
    }

    private func deliver(_ notice: StoreNotice) {
        let streams = subscribers.withLock { $0.byNumber.values.map { $0 } }
        for stream in streams {
            if case .dropped = stream.yield(notice) {
                Counter(label: "lineup_database_notices_lost_total").increment()
                logger.warning("a notice of the database was lost by a slow reader")
            }
        }
    }
}
