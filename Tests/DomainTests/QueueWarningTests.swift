import Domain
import Testing

/// The slot clock's warnings: once each, and again when time is added.
@Suite struct QueueWarningTests {
    private func warnings(_ bench: QueueBench) -> [Int] {
        bench.moves.flatMap(\.events).compactMap { event in
            if case .onAirWarning(_, _, let seconds) = event { seconds } else { nil }
        }
    }

    @Test func warnsAtTenFiveAndOneMinuteOnceEach() {
        var bench = QueueBench(ready: 2)
        bench.shows(1)
        bench.wait(.milliseconds(2_999_999))
        #expect(warnings(bench) == [])
        bench.wait(.milliseconds(1))
        #expect(warnings(bench) == [600])
        bench.wait(.seconds(299))
        #expect(warnings(bench) == [600])
        bench.wait(.seconds(301))
        #expect(warnings(bench) == [600, 300, 60] || warnings(bench) == [600, 300])
        bench.wait(.seconds(3600))
        #expect(warnings(bench) == [600, 300, 60])
    }

    @Test func aShortSlotBeginsWithoutTheWarningsItNeverReaches() {
        var bench = QueueBench(ready: 1, settings: QueueSettings(slotSeconds: 300))
        bench.shows(1)
        bench.wait(.seconds(1000))
        #expect(warnings(bench) == [60])
    }

    @Test func timeThatIsAddedIsWarnedOfAgain() throws {
        var bench = QueueBench(ready: 1, settings: QueueSettings(slotSeconds: 400, warningSeconds: [300, 60]))
        bench.shows(1)
        bench.wait(.seconds(350))
        #expect(warnings(bench) == [300, 60])
        try bench.act(.extend(nil, seconds: 200))
        bench.wait(.seconds(250))
        #expect(warnings(bench) == [300, 60, 60], "250 s were left: only the minute is new")
    }

    @Test func aShortenedSlotIsWarnedOfOnceAtOnce() throws {
        var bench = QueueBench(ready: 2)
        bench.shows(1)
        bench.wait(.seconds(10))
        try bench.act(.setRemaining(nil, seconds: 200))
        #expect(warnings(bench) == [300])
        bench.wait(.seconds(140))
        #expect(warnings(bench) == [300, 60])
    }

    @Test func warningsStandStillWithTheClockAndAreNotDoubledByADropOrARestart() {
        var bench = QueueBench(ready: 1, settings: QueueSettings(slotSeconds: 700))
        bench.shows(1)
        bench.wait(.seconds(150))
        #expect(warnings(bench) == [600])
        bench.end(1, .dropped)
        bench.shows(nil)
        bench.wait(.seconds(20))
        bench.restart()
        bench.join(1, take: 1)
        bench.ready(1, take: 1)
        bench.shows(1, take: 1)
        bench.wait(.seconds(249))
        #expect(warnings(bench) == [])
        bench.wait(.seconds(1))
        #expect(warnings(bench) == [300])
    }

    @Test func newWarningTimesAreNotGivenLate() throws {
        var bench = QueueBench(ready: 1)
        bench.shows(1)
        bench.wait(.seconds(3100))
        try bench.act(.set(["warnings": "550,400,30"]))
        #expect(warnings(bench) == [600])
        bench.wait(.seconds(600))
        #expect(warnings(bench) == [600, 400, 30])
    }

    @Test func anUnlimitedSlotHasNone() {
        var bench = QueueBench(ready: 2, settings: QueueSettings(slotSeconds: nil))
        bench.shows(1)
        bench.wait(.seconds(100_000))
        #expect(warnings(bench) == [])
        #expect(bench.onAir == "dj1")
    }
}
