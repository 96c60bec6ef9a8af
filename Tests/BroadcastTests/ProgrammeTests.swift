import Broadcast
import Domain
import TestKit
import Testing

/// The programme with fake time and made-up publishers.
@Suite(.serialized) struct ProgrammeTests {
    static let shapes: [ProgrammeTape.Shape] = [
        .init(), .init(frameRate: 25, bFrames: 2, sampleRate: 44_100),
        .init(frameRate: 60, groupSeconds: 1, bFrames: 3),
        .init(frameRate: 24, groupSeconds: 4, bFrames: 1, channels: 1), .init(frameRate: 29.97, bFrames: 3, width: 640),
    ]

    /// What holds in every run: limits in frames, DTS, lateness.
    func expectSound(
        _ simulation: ProgrammeSimulation, lateness: MediaTime = .milliseconds(1),
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let judge = simulation.judge
        #expect(judge.violations.isEmpty, sourceLocation: sourceLocation)
        #expect(judge.greatestLateness <= lateness, sourceLocation: sourceLocation)
        #expect(judge.greatestVideoError <= .milliseconds(42), sourceLocation: sourceLocation)
        #expect(judge.greatestAudioError <= .milliseconds(24), sourceLocation: sourceLocation)
        #expect(judge.greatestOffsetError <= .milliseconds(26), sourceLocation: sourceLocation)
        #expect(judge.greatestDarkness <= .milliseconds(100), sourceLocation: sourceLocation)
        #expect(magnitude(judge.audioEnd - simulation.time) <= .milliseconds(50), sourceLocation: sourceLocation)
    }

    @Test func emitsNothingBeforeTheSlateIsReady() {
        var programme = Programme(delay: .seconds(2))
        let step = programme.advance(now: 1)
        #expect(step.actions.isEmpty)
        #expect(step.wake.at == nil)
    }

    @Test func startsWithTheSlateAndLoopsIt() {
        var simulation = ProgrammeSimulation(delay: .seconds(2))
        simulation.run(for: .seconds(7))
        expectSound(simulation)
        #expect(simulation.judge.reports == [.slate])
        #expect(simulation.judge.joins.count == 1)
        #expect(simulation.judge.pictures == 211)
    }

    @Test(arguments: shapes) func putsAPublisherOnAirAtAKeyFrameAsOldAsTheDelay(shape: ProgrammeTape.Shape) {
        var simulation = ProgrammeSimulation(delay: .seconds(2))
        let session = simulation.publish(shape, startMilliseconds: 77_000)
        simulation.run(for: .seconds(10))
        simulation.order(session)
        simulation.run(for: .seconds(6))
        expectSound(simulation)
        #expect(simulation.judge.reports == [.slate, .onAir(session)])
        // The tape began with the programme: what is shown was made two seconds ago.
        let latency = (simulation.judge.videoOffset ?? .zero).seconds + 77
        #expect((1.9...2.25).contains(latency))
    }

    @Test(arguments: [0.5, 1, 2, 4, 8.33]) func takesWhoBecomesReadyOverTheSlateAtTheirFirstKeyFrame(
        groupSeconds: Double
    ) {
        var simulation = ProgrammeSimulation(delay: .seconds(2))
        simulation.run(for: .seconds(3))
        let session = simulation.publish(.init(groupSeconds: groupSeconds))
        simulation.run(for: .milliseconds(2050))
        simulation.order(session)
        simulation.run(for: .seconds(4))
        expectSound(simulation)
        let joined = simulation.judge.joins.last?.join.at ?? .zero
        #expect((4.9...5.3).contains(joined.seconds))
    }

    @Test(arguments: shapes, shapes) func handsOverBetweenAnyTwo(from: ProgrammeTape.Shape, to: ProgrammeTape.Shape) {
        var simulation = ProgrammeSimulation(delay: .seconds(2))
        let first = simulation.publish(from)
        let second = simulation.publish(to, startMilliseconds: 3_600_000)
        simulation.run(for: .seconds(5))
        simulation.order(first, standby: [second])
        simulation.run(for: .seconds(6))
        simulation.order(second)
        simulation.run(for: .seconds(6))
        expectSound(simulation)
        #expect(simulation.judge.reports == [.slate, .onAir(first), .onAir(second)])
        #expect(simulation.judge.underruns == 0)
    }

    @Test(arguments: [Duration.seconds(2), .seconds(10), .milliseconds(300)])
    func aLoopThatWasHeldUpPlaysWhatTheLineHolds(delay: Duration) {
        var simulation = ProgrammeSimulation(delay: delay)
        let session = simulation.publish()
        simulation.run(for: delay + .seconds(5))
        simulation.order(session)
        simulation.run(for: .seconds(5))
        for span in [Duration.milliseconds(150), .milliseconds(700), .milliseconds(1800)] {
            simulation.freeze(for: span)
            simulation.run(for: .seconds(3))
        }
        expectSound(simulation, lateness: .milliseconds(1800))
        #expect(simulation.judge.underruns == 0)
        #expect(simulation.judge.reports == [.slate, .onAir(session)])
    }

    @Test func playsWhatTheLineHoldsWhenThePublisherIsGone() {
        var simulation = ProgrammeSimulation(delay: .seconds(2))
        let session = simulation.publish()
        simulation.run(for: .seconds(4))
        simulation.order(session)
        simulation.run(for: .seconds(5))
        let dropped = simulation.time
        simulation.drop(session)
        simulation.order(nil)
        simulation.run(for: .seconds(5))
        expectSound(simulation)
        let back = simulation.judge.joins.last?.join
        #expect(back?.session == nil)
        #expect(magnitude((back?.at ?? .zero) - dropped - .milliseconds(2000)) < .milliseconds(120))
        #expect(simulation.judge.underruns == 0)
    }

    @Test(arguments: shapes, 0..<9) func leavesNoHoleWhereAPublisherBreaksOffAmongBFrames(
        shape: ProgrammeTape.Shape, pictures: Int
    ) {
        var simulation = ProgrammeSimulation(delay: .seconds(2))
        let session = simulation.publish(shape)
        simulation.run(for: .seconds(4))
        simulation.order(session)
        simulation.run(for: .milliseconds(5000 + Int64(Double(pictures) * 1000 / shape.frameRate)))
        simulation.drop(session)
        simulation.order(nil)
        simulation.run(for: .seconds(5))
        expectSound(simulation)
        #expect(simulation.judge.greatestJoinSkew <= .milliseconds(42))
        #expect(simulation.judge.reports == [.slate, .onAir(session), .slate])
        #expect(simulation.judge.greatestHole <= .milliseconds(42))
    }

    @Test func anOrderForTheSlateHoldsForWhatArrivesAfterIt() {
        var simulation = ProgrammeSimulation(delay: .seconds(2))
        let session = simulation.publish(.init(bFrames: 3))
        simulation.run(for: .seconds(4))
        simulation.order(session)
        simulation.run(for: .seconds(5))
        let ordered = simulation.time
        simulation.order(nil)
        simulation.run(for: .seconds(5))
        expectSound(simulation)
        let at = simulation.judge.joins.last?.join.at ?? .zero
        #expect(magnitude(at - ordered - .milliseconds(2000)) < .milliseconds(250))
    }

    @Test func aStallShorterThanTheDelayIsInvisibleTwice() {
        var simulation = ProgrammeSimulation(delay: .seconds(5))
        let session = simulation.publish()
        simulation.run(for: .seconds(8))
        simulation.order(session)
        simulation.run(for: .seconds(12))
        simulation.stall(session, for: .seconds(3))
        simulation.run(for: .seconds(30))
        simulation.stall(session, for: .seconds(3))
        simulation.run(for: .seconds(10))
        expectSound(simulation)
        #expect(simulation.judge.joins.count == 2)
    }

    @Test func aLongerStallIsCoveredAndThePublisherReturnsAtTheDelay() {
        var simulation = ProgrammeSimulation(delay: .seconds(2))
        let session = simulation.publish(.init(bFrames: 2))
        simulation.run(for: .seconds(4))
        simulation.order(session)
        simulation.run(for: .seconds(6))
        simulation.stall(session, for: .seconds(5))
        simulation.run(for: .seconds(15))
        expectSound(simulation, lateness: .milliseconds(180))
        #expect(simulation.judge.reports == [.slate, .onAir(session), .slate, .onAir(session)])
        #expect(simulation.judge.underruns == 1)
        // Back at the depth of the delay: the tape's zero was made at programme time zero.
        #expect(abs((simulation.judge.videoOffset ?? .zero).seconds - 2) < 0.2)
    }

    /// The burst after a stall is behind the delay by then; who stalls again soon is not brought back in between.
    @Test func returnsOnlyAfterASecondOfSteadyArrival() {
        var simulation = ProgrammeSimulation(delay: .seconds(2))
        let session = simulation.publish(.init(groupSeconds: 0.5))
        simulation.run(for: .seconds(4))
        simulation.order(session)
        simulation.run(for: .seconds(6))
        simulation.stall(session, for: .seconds(5))
        simulation.run(for: .milliseconds(5300))
        simulation.stall(session, for: .seconds(2))
        simulation.run(for: .seconds(2))
        let resumed = simulation.time
        #expect(simulation.judge.reports == [.slate, .onAir(session), .slate])
        simulation.run(for: .seconds(3))
        expectSound(simulation, lateness: .milliseconds(180))
        #expect(simulation.judge.reports == [.slate, .onAir(session), .slate, .onAir(session)])
        let back = simulation.judge.joins.last?.time ?? .zero
        #expect(back - resumed >= .milliseconds(1000) && back - resumed < .milliseconds(1700))
        #expect(abs((simulation.judge.videoOffset ?? .zero).seconds - 2) < 0.25)
    }

    @Test func withoutDelayTheSlateIsStampedIntoTheHole() {
        var simulation = ProgrammeSimulation(delay: .zero)
        let session = simulation.publish()
        simulation.run(for: .seconds(1))
        simulation.order(session)
        simulation.run(for: .seconds(6))
        #expect(simulation.judge.reports == [.slate, .onAir(session)])
        let stalled = simulation.time
        simulation.stall(session, for: .seconds(4))
        simulation.run(for: .seconds(3))
        let cover = simulation.judge.joins.last
        #expect(cover?.join.session == nil)
        #expect((cover?.time ?? .zero) - stalled < .milliseconds(1700))
        #expect((cover?.join.at ?? .zero) - stalled < .milliseconds(100))
        expectSound(simulation, lateness: .milliseconds(1700))
    }

    /// Where in a picture of the slate a DJ comes says nothing about how late they are shown from then on.
    @Test(arguments: Array(stride(from: 0, to: 40, by: 4))) func withoutDelayTheSlateEndsForADJAtOnce(phase: Int) {
        var simulation = ProgrammeSimulation(delay: .zero)
        simulation.run(for: .milliseconds(1000 + phase))
        let session = simulation.publish(.init(groupSeconds: 1))
        simulation.run(for: .milliseconds(700))
        simulation.order(session)
        simulation.run(for: .seconds(6))
        expectSound(simulation, lateness: .milliseconds(130))
        #expect(simulation.judge.reports == [.slate, .onAir(session)])
        let lead = simulation.publishers[session]?.line.summary.videoLead ?? .zero
        let depth = MediaTime(nanoseconds: lead + simulation.programme.zero) + (simulation.judge.videoOffset ?? .zero)
        #expect(depth >= .zero)
        #expect(depth <= .milliseconds(11))
    }

    @Test func withoutDelayADropIsCoveredWithinTwoHundredMilliseconds() {
        var simulation = ProgrammeSimulation(delay: .zero)
        let session = simulation.publish(.init(bFrames: 3))
        simulation.run(for: .seconds(1))
        simulation.order(session)
        simulation.run(for: .seconds(5))
        let dropped = simulation.time
        simulation.drop(session)
        simulation.run(for: .seconds(2))
        let cover = simulation.judge.joins.last
        #expect(cover?.join.session == nil)
        #expect((cover?.time ?? .zero) - dropped <= .milliseconds(200))
    }

    @Test func takesTheNextPublishersOlderKeyFrameWhenTheLineRunsOut() {
        var simulation = ProgrammeSimulation(delay: .milliseconds(500))
        let first = simulation.publish()
        // Its key frames come every ten seconds: none reaches the delay in time.
        let second = simulation.publish(.init(groupSeconds: 10))
        simulation.run(for: .seconds(3))
        simulation.order(first, standby: [second])
        simulation.run(for: .seconds(10))
        simulation.drop(first)
        simulation.order(second)
        simulation.run(for: .seconds(2))
        #expect(simulation.judge.reports == [.slate, .onAir(first), .onAir(second)])
        expectSound(simulation)
    }

    @Test func aNextWhoIsNotThereLeavesTheOutgoingOnAir() {
        var simulation = ProgrammeSimulation(delay: .seconds(1))
        let first = simulation.publish()
        simulation.run(for: .seconds(3))
        simulation.order(first)
        simulation.run(for: .seconds(4))
        simulation.order(.random())
        simulation.run(for: .seconds(10))
        expectSound(simulation)
        #expect(simulation.judge.reports == [.slate, .onAir(first)])
    }

    @Test func aNewFormatInsideAStreamIsAJoinAtItsKeyFrame() throws {
        var simulation = ProgrammeSimulation(delay: .seconds(1))
        let session = simulation.publish(.init(bFrames: 2))
        simulation.run(for: .seconds(3))
        simulation.order(session)
        simulation.run(for: .seconds(3))
        let line = try #require(simulation.publishers[session]?.line)
        line.append(.video(.synthetic(width: 854, frameRate: nil, mark: 9)))
        simulation.run(for: .seconds(6))
        // The tape goes on in the middle of its group: what cannot be decoded is left out and covered.
        #expect(simulation.judge.violations.isEmpty)
        let last = try #require(simulation.judge.joins.last)
        #expect(last.join.session == session)
        #expect(last.join.formatChanged)
        #expect(last.format.video.width == 854)
    }

    /// When a server starts anew all its DJs come back at once: only a few lines hold more than their last group.
    @Test func withNobodyReadyTheFirstLinesHoldTheDelay() {
        var programme = Programme(delay: .seconds(3))
        let sessions = (0..<7).map { _ in PublishSessionID.random() }
        let lines = sessions.map { _ in DelayLine() }
        for (session, line) in zip(sessions, lines) { programme.attached(line, as: session) }
        // One of the others takes the place of who leaves.
        programme.detached(sessions[1])
        for line in lines {
            var tape = ProgrammeTape(shape: .init(), mark: 1)
            line.append(.video(tape.videoFormat))
            while true {
                let (unit, after) = tape.next()
                guard after < .milliseconds(9000) else { break }
                line.append(unit, at: after.nanoseconds)
            }
        }
        func full() -> [Bool] { lines.map { $0.newestKeyFrame(depth: .seconds(3)) != nil } }
        #expect([full()[0], full()[2], full()[3]] == [true, true, true])
        #expect(full()[4...].count { $0 } == 1)
        programme.ordered(ProgrammeOrder(version: 1, onAir: sessions[0], standby: [sessions[2], sessions[3]]), now: 1)
        #expect([full()[0], full()[2], full()[3]] == [true, true, true])
        #expect(full()[4...].count { $0 } == 0)
        #expect(lines[4...].allSatisfy { $0.newestKeyFrame(depth: .zero) != nil })
    }

    @Test func anOlderOrderIsIgnored() {
        var programme = Programme(delay: .zero)
        let session = PublishSessionID.random()
        programme.ordered(ProgrammeOrder(version: 5, onAir: session, standby: []), now: 1)
        programme.ordered(ProgrammeOrder(version: 4, onAir: nil, standby: []), now: 2)
        programme.slateReady(.synthetic())
        let line = DelayLine()
        programme.attached(line, as: session)
        // It waits for the ordered session's key frame.
        #expect(programme.advance(now: 4).wake.lines.map(\.condition) == [.keyFrame])
    }
}
