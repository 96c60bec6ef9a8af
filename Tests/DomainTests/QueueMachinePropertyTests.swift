import Domain
import TestKit
import Testing

/// Random histories with a fake clock hold what design §4 promises.
///
/// 100,000 histories of 30 events each, on as many threads as there are; `LINEUP_QUEUE_HISTORIES` takes another number. A
/// failure names its seed, which plays the same history again.
@Suite(.serialized) struct QueueMachinePropertyTests {
    private struct Outcome: Sendable {
        var failures: [String] = []
        var kinds: Set<String> = []
    }

    /// Nothing is proven about what never happened.
    private static let kinds: Set<String> = [
        "queue.joined", "queue.left dropped", "queue.left finished", "queue.left slotOver", "queue.left skipped",
        "queue.left removed", "queue.left unhealthy", "queue.left banned", "queue.moved", "queue.ready",
        "queue.unready", "queue.held", "queue.released", "queue.called", "queue.noShow", "queue.slotChanged",
        "handover.planned", "onair.started", "onair.ended", "onair.warning", "onair.unhealthy", "onair.healthy",
        "dj.dropped", "dj.returned",
        "dj.blocked", "dj.unblocked", "dj.banned", "dj.unbanned", "dj.slotChanged", "slate.started", "slate.ended",
        "settings.changed", "emergency.changed",
    ]

    @Test(.timeLimit(.minutes(10))) func randomHistoriesKeepTheInvariants() async {
        let histories = QueueHistoryCount.wanted
        let batch = 500
        let outcome = await withTaskGroup(of: Outcome.self) { group in
            for start in stride(from: 0, to: histories, by: batch) {
                group.addTask { Self.play(start..<min(start + batch, histories)) }
            }
            var all = Outcome()
            for await one in group {
                all.failures += one.failures
                all.kinds.formUnion(one.kinds)
            }
            return all
        }
        #expect(outcome.failures.prefix(3) == [], "\(outcome.failures.count) of \(histories) histories")
        if histories >= 10_000 { #expect(Self.kinds.subtracting(outcome.kinds) == []) }
    }

    private static func play(_ seeds: Range<Int>) -> Outcome {
        var outcome = Outcome()
        for seed in seeds {
            var history = QueueHistory(seed: UInt64(seed))
            if let problem = history.play(events: 30) { outcome.failures.append("seed \(seed): \(problem)") }
            outcome.kinds.formUnion(history.kinds)
            // One is enough to look for.
            if !outcome.failures.isEmpty { break }
        }
        return outcome
    }

    /// DJ-30: forty DJs come and go through a day with slots of ten minutes.
    @Test(.timeLimit(.minutes(1))) func aDayOfScheduleRunsInSeconds() {
        var history = QueueHistory(seed: 20_261_121, settings: QueueSettings(slotSeconds: 600))
        #expect(history.playDay() == nil)
        #expect(history.turns >= 120, "\(history.turns) DJs were on air")
    }
}
