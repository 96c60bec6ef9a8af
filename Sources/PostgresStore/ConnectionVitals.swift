private import Synchronization

/// What became of a connection's last calls, for whoever wants to know without waiting. Any thread.
///
/// Told by the connection's own thread as each call begins and ends. Causes are in our words: what the server says may name
/// hosts and users, and goes to the log.
final class ConnectionVitals: Sendable {
    private struct State {
        var runningSince: ContinuousClock.Instant?
        var endedAt: ContinuousClock.Instant?
        var failure: String?
    }

    private let state = Mutex(State())

    /// A call that takes longer is late.
    static let latestAnswer = Duration.seconds(1)
    /// What became of a call that is older says nothing about now.
    static let memory = Duration.seconds(3)

    func began(at now: ContinuousClock.Instant = .now) { state.withLock { $0.runningSince = now } }

    /// - Parameter error: what the call threw, if it did. Only what the database is to blame for counts.
    func ended(_ error: (any Error)?, at now: ContinuousClock.Instant = .now) {
        state.withLock { state in
            state.runningSince = nil
            if let error {
                guard let error = error as? PostgresError, let cause = Self.cause(error) else { return }
                state.failure = cause
            } else {
                state.failure = nil
            }
            state.endedAt = now
        }
    }

    /// Nothing runs, and nothing ended lately.
    func isUnknown(at now: ContinuousClock.Instant = .now) -> Bool {
        state.withLock { state in
            guard state.runningSince == nil else { return false }
            return state.endedAt.map { now - $0 > Self.memory } ?? true
        }
    }

    /// What is wrong; `nil` while calls succeed.
    func problem(at now: ContinuousClock.Instant = .now) -> String? {
        state.withLock { state in
            if let since = state.runningSince, now - since > Self.latestAnswer {
                return state.failure ?? "The database does not answer."
            }
            return state.failure
        }
    }

    private static func cause(_ error: PostgresError) -> String? {
        switch error.code {
        case .connection: "The database cannot be reached; the log says why. It is tried again all the time."
        case .timedOut: "The database answers too slowly."
        case .server, .shape, .databaseNewer:
            "The database refuses what the server asks"
                + (error.sqlState.map { " (SQLSTATE \($0))" } ?? "") + "; the log says more."
        case .closed: "The server is stopping."
        case .busy, .cancelled, .constraint, .configuration, .migrationChanged, .programsMissing, .cluster, .inUse: nil
        }
    }
}
