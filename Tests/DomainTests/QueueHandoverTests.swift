import Domain
import Testing

/// Whose the sessions of a hand-over were, and what ended the old slot.
@Suite struct QueueHandoverTests {
    private func record(
        _ from: Int?, _ to: Int?, _ reason: HandoverRecord.Reason = .ordered, at now: WallTime
    ) -> HandoverRecord {
        HandoverRecord(
            from: from.map { QueueBench.session($0) }, to: to.map { QueueBench.session($0) }, reason: reason,
            decidedAt: now, onAirAt: now + .milliseconds(40), videoGapFrames: 0, audioGap: .milliseconds(-3),
            soundOffset: .milliseconds(7))
    }

    private func done(_ bench: QueueBench) -> HandoverEntry? { bench.moves.last?.handovers.last }

    @Test func namesBothSidesAndWhatEndedTheOldSlot() throws {
        var bench = QueueBench(ready: 4, settings: QueueSettings(slotSeconds: 60))
        bench.handedOver(record(nil, 1, at: bench.now))
        #expect(done(bench)?.from == nil)
        #expect(done(bench)?.to?.name == "dj1")
        #expect(done(bench)?.cause == nil)
        bench.shows(1)
        try bench.skip()
        bench.shows(2)
        bench.handedOver(record(1, 2, at: bench.now))
        let handover = try #require(done(bench))
        #expect([handover.from?.name, handover.to?.name] == ["dj1", "dj2"])
        #expect(handover.from?.entry == QueueBench.entry(1))
        #expect(handover.cause == .skipped)
        #expect(bench.moves.last?.events == [.handoverDone(handover)])
        bench.wait(.seconds(61))
        bench.shows(3)
        bench.handedOver(record(2, 3, at: bench.now))
        #expect(done(bench)?.cause == .slotOver)
        bench.end(3, .dropped)
        bench.shows(nil)
        bench.handedOver(record(3, nil, .ended, at: bench.now))
        #expect(done(bench)?.cause == .connectionLost)
        #expect(done(bench)?.from?.name == "dj3", "the place is kept, the session is gone")
        #expect(done(bench)?.to == nil)
    }

    @Test func knowsASilentOneAReplacedOneAndWhoBelongsToNobody() {
        var bench = QueueBench(ready: 2)
        bench.shows(1)
        bench.silence(1)
        bench.handedOver(record(1, nil, .stalled, at: bench.now))
        #expect(done(bench)?.cause == .silent)
        bench.join(1, take: 1)
        bench.handedOver(record(1, nil, .ended, at: bench.now))
        #expect(done(bench)?.cause == .replaced)
        bench.handedOver(record(9, nil, .ended, at: bench.now))
        #expect(done(bench)?.from == nil)
        let count = bench.moves.count
        bench.handedOver(record(nil, nil, .started, at: bench.now))
        #expect(bench.moves.count == count, "the beginning is no hand-over")
    }

    @Test func theEventHoldsTheFigures() {
        var bench = QueueBench(ready: 1)
        bench.handedOver(record(nil, 1, at: bench.now))
        let json = bench.moves.last?.events.first?.payload.json ?? ""
        #expect(json.contains(#""name":"dj1","reason":"ordered""#))
        #expect(json.contains(#""videoGapFrames":0.000,"audioGapMilliseconds":-3.000,"soundOffsetMilliseconds":7.000"#))
    }

    @Test func healthIsToldOnceAndShownWithItsEntry() {
        var bench = QueueBench(ready: 1)
        let health = HealthSummary(issues: [.init(type: .gopSizeLong, advice: "Set it to 2 s.")])
        bench.streamHealth(1, health)
        #expect(bench.moves.last?.events.map(\.kind) == ["health.changed"])
        #expect(bench.machine.view(now: bench.now).entries.first?.health == health)
        let count = bench.moves.count
        bench.streamHealth(1, health)
        #expect(bench.moves.count == count)
        bench.join(1, take: 1)
        #expect(bench.machine.view(now: bench.now).entries.first?.health == nil, "another connection, nothing known")
    }
}
