import Domain
import TestKit
import Testing

@testable import Broadcast

/// Publishers whose clock is off (design §5).
@Suite(.serialized) struct ClockSlewTests {
    private static let second = MediaTime.milliseconds(1000)

    /// A slew that has seen `target` for as long as it settles.
    private func settled(at target: MediaTime) -> ClockSlew {
        var slew = ClockSlew()
        slew.observe(depth: target, at: .zero)
        slew.observe(depth: target, at: ClockSlew.settling)
        return slew
    }

    @Test func staysStillWithinATenthOfASecond() {
        var slew = settled(at: .milliseconds(2000))
        slew.observe(depth: .milliseconds(2100), at: .milliseconds(20_000))
        #expect(slew.correction(over: Self.second) == .zero)
        slew.observe(depth: .milliseconds(1900), at: .milliseconds(20_000))
        #expect(slew.correction(over: Self.second) == .zero)
    }

    @Test func slewsByFiveHundredMillionthsUntilItIsBack() {
        var slew = settled(at: .milliseconds(2000))
        slew.observe(depth: .milliseconds(2101), at: .milliseconds(20_000))
        #expect(slew.correction(over: Self.second) == MediaTime(nanoseconds: -500_000))
        slew.observe(depth: .milliseconds(2050), at: .milliseconds(21_000))
        #expect(slew.correction(over: Self.second) == MediaTime(nanoseconds: -500_000))
        slew.observe(depth: .milliseconds(2010), at: .milliseconds(22_000))
        #expect(slew.correction(over: Self.second) == .zero)
        slew.observe(depth: .milliseconds(1899), at: .milliseconds(23_000))
        #expect(slew.correction(over: Self.second) == MediaTime(nanoseconds: 500_000))
    }

    @Test func wantsACutPastASecondOfBacklog() {
        var slew = settled(at: .milliseconds(2000))
        slew.observe(depth: .milliseconds(2990), at: .milliseconds(20_000))
        #expect(!slew.wantsCut)
        slew.observe(depth: .milliseconds(3010), at: .milliseconds(21_000))
        #expect(slew.wantsCut)
    }

    @Test func takesALineThatBecameMuchTooShallowAsItIs() {
        var slew = settled(at: .milliseconds(5000))
        slew.observe(depth: .milliseconds(2000), at: .milliseconds(20_000))
        #expect(slew.correction(over: Self.second) == .zero)
        slew.observe(depth: .milliseconds(2090), at: .milliseconds(21_000))
        #expect(slew.correction(over: Self.second) == .zero)
    }

    /// An hour each: 720 ms of drift, of which at most the tolerance may show.
    @Test(arguments: [0.9998, 1.0002]) func anHourWithAClockThatIsOffStaysAtTheDelay(speed: Double) async {
        var simulation = ProgrammeSimulation(delay: .seconds(2))
        let session = simulation.publish(
            .init(frameRate: 12.5, groupSeconds: 2, bFrames: 1), jitter: .milliseconds(30), speed: speed)
        simulation.run(for: .seconds(4))
        simulation.order(session)
        simulation.run(for: .seconds(10))
        let depth = simulation.depth(of: session)
        for _ in 0..<360 {
            simulation.run(for: .seconds(10))
            #expect(magnitude(simulation.depth(of: session) - depth) <= .milliseconds(200))
            await Task.yield()
        }
        // To the end of the last group, so that no picture is still to come.
        simulation.order(nil)
        simulation.run(for: .seconds(4))
        let judge = simulation.judge
        #expect(judge.reports == [.slate, .onAir(session), .slate])
        #expect(judge.joins.count == 3)
        #expect(judge.underruns == 0)
        #expect(judge.violations.isEmpty)
        #expect(judge.greatestLateness <= .milliseconds(1))
        #expect(judge.greatestAudioError <= .milliseconds(24))
        #expect(judge.greatestOffsetError <= .milliseconds(26))
        #expect(judge.greatestHole <= .milliseconds(82))
        #expect(magnitude(judge.audioEnd - simulation.time) <= .milliseconds(50))
    }

    @Test func aClockFarTooFastIsCutAtAKeyFrame() {
        var simulation = ProgrammeSimulation(delay: .seconds(1))
        let session = simulation.publish(.init(frameRate: 10, groupSeconds: 1), speed: 1.01)
        simulation.run(for: .seconds(4))
        simulation.order(session)
        simulation.run(for: .seconds(300))
        let judge = simulation.judge
        #expect(judge.reports == [.slate, .onAir(session)])
        #expect((3...5).contains(judge.joins.count))
        #expect(judge.joins.dropFirst(2).allSatisfy { $0.join.session == session && !$0.join.formatChanged })
        #expect(judge.violations.isEmpty)
        #expect(simulation.depth(of: session) < .milliseconds(3500))
    }

    @Test func aClockFarTooSlowRunsOutAndReturnsAtTheDelay() {
        var simulation = ProgrammeSimulation(delay: .seconds(1))
        let session = simulation.publish(.init(frameRate: 10, groupSeconds: 1), speed: 0.99)
        simulation.run(for: .seconds(4))
        simulation.order(session)
        simulation.run(for: .seconds(180))
        let judge = simulation.judge
        #expect(judge.reports.prefix(4) == [.slate, .onAir(session), .slate, .onAir(session)])
        #expect(judge.violations.isEmpty)
    }
}
