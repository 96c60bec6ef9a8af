import Domain
import TestKit
import Testing

/// Random histories with a fake clock hold what design §4 promises.
///
/// 100,000 histories of 30 events each, on as many threads as there are; `LINEUP_QUEUE_HISTORIES` takes another number. A
/// failure names its seed, which plays the same history again.
@Suite(.serialized) struct QueueMachinePropertyTests {
    @Test(.timeLimit(.minutes(10))) func randomHistoriesKeepTheInvariants() async {
        let histories = QueueHistoryCount.wanted
        let batch = 500
        let failures = await withTaskGroup(of: [String].self) { group in
            for start in stride(from: 0, to: histories, by: batch) {
                group.addTask {
                    var failures: [String] = []
                    for seed in start..<min(start + batch, histories) where failures.isEmpty {
                        var history = QueueHistory(seed: UInt64(seed))
                        if let problem = history.play(events: 30) { failures.append("seed \(seed): \(problem)") }
                    }
                    return failures
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(failures == [], "of \(histories) histories")
    }

    /// DJ-30: forty DJs come and go through a day with slots of ten minutes.
    @Test(.timeLimit(.minutes(1))) func aDayOfScheduleRunsInSeconds() {
        var history = QueueHistory(seed: 20_261_121, settings: QueueSettings(slotSeconds: 600))
        #expect(history.playDay() == nil)
        #expect(history.turns >= 120, "\(history.turns) DJs were on air")
    }
}
