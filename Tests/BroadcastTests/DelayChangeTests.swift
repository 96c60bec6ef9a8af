import Broadcast
import Domain
import TestKit
import Testing

/// The programme delay is changed while the channel runs: it holds from the next join on (design §5, Delay line).
@Suite(.serialized) struct DelayChangeTests {
    private static let patience = Duration.seconds(40)

    private func expectSound(_ simulation: ProgrammeSimulation, sourceLocation: SourceLocation = #_sourceLocation) {
        let judge = simulation.judge
        #expect(judge.violations.isEmpty, sourceLocation: sourceLocation)
        #expect(judge.greatestVideoError <= .milliseconds(42), sourceLocation: sourceLocation)
        #expect(judge.greatestAudioError <= .milliseconds(25), sourceLocation: sourceLocation)
        #expect(judge.greatestDarkness <= .milliseconds(100), sourceLocation: sourceLocation)
        #expect(judge.handovers.allSatisfy { abs($0.videoGapFrames) <= 1 }, sourceLocation: sourceLocation)
    }

    /// Depth in seconds: from half a picture below the delay to a key-frame tolerance above.
    private func isDepth(_ depth: MediaTime, of delay: Duration) -> Bool {
        let delay = MediaTime(nanoseconds: delay.wholeNanoseconds)
        return depth >= delay - .milliseconds(60) && depth <= delay + .milliseconds(260)
    }

    @Test(arguments: [(2000, 5000), (5000, 1000), (0, 3000), (3000, 0), (1000, 30_000), (30_000, 500)])
    func aNewDelayHoldsFromTheNextJoinOn(before: Int64, after: Int64) {
        let (before, after) = (Duration.milliseconds(before), Duration.milliseconds(after))
        var simulation = ProgrammeSimulation(delay: before)
        let first = simulation.publish(.init(groupSeconds: 1))
        let second = simulation.publish(.init(frameRate: 25, groupSeconds: 1, bFrames: 2), startMilliseconds: 5_000)
        simulation.order(first, standby: [second])
        simulation.run(for: Self.patience)
        #expect(isDepth(simulation.depth(of: first), of: before))
        let joins = simulation.judge.joins.count
        simulation.changeDelay(to: after)
        // Long enough for a slewed or cut depth to show.
        simulation.run(for: Self.patience)
        #expect(simulation.judge.joins.count == joins)
        #expect(isDepth(simulation.depth(of: first), of: before))
        simulation.order(second, standby: [first])
        simulation.run(for: Self.patience)
        #expect(simulation.programme.shown == second)
        #expect(isDepth(simulation.depth(of: second), of: after))
        simulation.changeDelay(to: nil)
        simulation.order(first)
        simulation.run(for: Self.patience)
        #expect(isDepth(simulation.depth(of: first), of: before))
        #expect(simulation.judge.underruns == 0)
        #expect(simulation.judge.reports == [.slate, .onAir(first), .onAir(second), .onAir(first)])
        expectSound(simulation)
    }

    /// A silence is borne by what the line of whoever is on air holds, not by what the next one will.
    @Test(arguments: [(0, 5000), (5000, 0)]) func aStallIsMeasuredByTheDelayOfTheJoin(before: Int64, after: Int64) {
        var simulation = ProgrammeSimulation(delay: .milliseconds(before))
        let session = simulation.publish(.init(groupSeconds: 1))
        simulation.run(for: .seconds(8))
        simulation.order(session)
        simulation.run(for: .seconds(8))
        simulation.changeDelay(to: .milliseconds(after))
        simulation.stall(session, for: .milliseconds(3000))
        simulation.run(for: .milliseconds(2900))
        let isCovered = before == 0
        #expect(simulation.judge.underruns == (isCovered ? 1 : 0))
        simulation.run(for: Self.patience)
        #expect(simulation.programme.shown == session)
        // Back behind the slate is a join of its own.
        #expect(isDepth(simulation.depth(of: session), of: .milliseconds(isCovered ? after : before)))
        expectSound(simulation)
    }

    /// Another format of the same publisher changes neither what was played nor how deep its line is.
    @Test func anotherFormatOnAirKeepsTheDelayOfTheJoin() throws {
        var simulation = ProgrammeSimulation(delay: .seconds(4))
        let session = simulation.publish(.init(groupSeconds: 1))
        simulation.run(for: .seconds(8))
        simulation.order(session)
        simulation.run(for: .seconds(8))
        simulation.changeDelay(to: .milliseconds(500))
        // An encoder's new format begins with a key frame.
        var isAtKeyFrame: Bool {
            simulation.publishers[session]?.next.map { $0.unit.track == .video && $0.unit.isKeyFrame } ?? false
        }
        while !isAtKeyFrame { simulation.run(for: .milliseconds(1)) }
        let line = try #require(simulation.publishers[session]?.line)
        line.append(.video(.synthetic(width: 640, frameRate: 30, mark: 200)))
        simulation.run(for: Self.patience)
        #expect(simulation.judge.handovers.contains { $0.reason == .formatChanged })
        #expect(isDepth(simulation.depth(of: session), of: .seconds(4)))
        #expect(simulation.judge.underruns == 0)
    }

    @Test func theNextJoinAfterAnEmergencyHasTheNewDelay() {
        var simulation = ProgrammeSimulation(delay: .seconds(1))
        let session = simulation.publish(.init(groupSeconds: 1))
        simulation.run(for: .seconds(8))
        simulation.order(session)
        simulation.run(for: .seconds(8))
        simulation.changeDelay(to: .seconds(3))
        simulation.emergency(.slate)
        simulation.run(for: .seconds(8))
        simulation.emergency(.off)
        simulation.run(for: .seconds(8))
        #expect(simulation.programme.shown == session)
        #expect(isDepth(simulation.depth(of: session), of: .seconds(3)))
    }
}
