import Domain
import Logging
import ServiceLifecycle

/// Removes once an hour what is older than its retention, a batch at a time with a pause between, so that the queue's and the
/// pages' statements come between.
struct RetentionService: Service {
    /// One kind of thing that grows old.
    struct Subject: Sendable {
        /// For the log.
        var name: String
        var keep: Duration
        /// Removes at most that many from before a time; fewer when no more are to go.
        var remove: @Sendable (WallTime, Int) async throws -> Int
    }

    var subjects: [Subject]
    var clock: any WallClock
    var timer: any Clock<Duration> = ContinuousClock()
    var logger: Logger

    static let interval: Duration = .seconds(3600)
    /// A start has enough to do.
    static let firstPause: Duration = .seconds(120)
    static let batch = 500
    static let pauseBetweenBatches: Duration = .milliseconds(200)

    func run() async throws {
        // Cancelled by the graceful shutdown: what is left goes another time.
        try? await cancelWhenGracefulShutdown {
            try await timer.sleep(for: Self.firstPause)
            while true {
                for subject in subjects { try await removeOld(subject) }
                try await timer.sleep(for: Self.interval)
            }
        }
    }

    /// - Throws: `CancellationError`.
    private func removeOld(_ subject: Subject) async throws {
        let end = clock.now() - subject.keep
        var total = 0
        do {
            while true {
                let count = try await subject.remove(end, Self.batch)
                total += count
                if count < Self.batch { break }
                try await timer.sleep(for: Self.pauseBetweenBatches)
            }
        } catch {
            try Task.checkCancellation()
            // The database is away, for example: in an hour there is another chance.
            logger.debug("old entries not removed", metadata: ["of": "\(subject.name)", "error": "\(error)"])
        }
        if total > 0 { logger.info("old entries removed", metadata: ["of": "\(subject.name)", "count": "\(total)"]) }
    }
}
