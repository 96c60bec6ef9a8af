import Broadcast
import Domain
import TestKit
import Testing

/// An admin's grip on the output (design §5, Emergency): within 500 ms at any delay.
@Suite(.serialized) struct EmergencyTests {
    private static let limit = MediaTime.milliseconds(500)

    private func onAir(
        _ delay: Duration, _ shape: ProgrammeTape.Shape = .init(bFrames: 3), others: Int = 0
    ) -> (ProgrammeSimulation, [PublishSessionID]) {
        var simulation = ProgrammeSimulation(delay: delay)
        let sessions = (0...others).map { simulation.publish(shape, startMilliseconds: Int64($0) * 1_000_000) }
        simulation.order(nil, standby: sessions)
        simulation.run(for: delay + .seconds(5))
        simulation.order(sessions[0], standby: Array(sessions.dropFirst()))
        simulation.run(for: .seconds(5))
        return (simulation, sessions)
    }

    @Test(arguments: [Duration.zero, .seconds(2), .seconds(30)], ProgrammeTests.shapes)
    func theSlateIsShownAtOnceAndTheDJWithinTheLimitAfterIt(delay: Duration, shape: ProgrammeTape.Shape) {
        var (simulation, sessions) = onAir(delay, shape)
        #expect(simulation.judge.reports == [.slate, .onAir(sessions[0])])
        let ordered = simulation.time
        simulation.emergency(.slate)
        simulation.run(for: .milliseconds(500))
        #expect(simulation.judge.reports == [.slate, .onAir(sessions[0]), .slate])
        #expect((simulation.judge.joins.last?.join.at ?? .zero) - ordered <= Self.limit)
        // The order still stands; it waits.
        simulation.run(for: delay + .seconds(6))
        #expect(simulation.judge.reports.last == .slate)
        simulation.emergency(.off)
        simulation.run(for: .milliseconds(500))
        #expect(simulation.judge.reports.last == .onAir(sessions[0]))
        simulation.run(for: .seconds(5))
        #expect(simulation.judge.violations.isEmpty)
        // Without a delay a picture waits for its B-frames.
        #expect(simulation.judge.greatestLateness <= .milliseconds(delay == .zero ? 110 : 50))
        #expect(simulation.judge.greatestVideoError <= .milliseconds(42))
        #expect(simulation.judge.underruns == 0)
        #expect(simulation.judge.handovers.map(\.reason) == [.started, .ordered, .emergency, .emergency])
    }

    /// Back before a key frame came: from the last one, for there is no other place to begin.
    @Test(arguments: [Duration.zero, .seconds(5), .seconds(30)], [100, 1500, 5000])
    func backActsWithinTheLimitAndShowsNothingOlderThanItsKeyFrame(delay: Duration, milliseconds: Int64) {
        for phase in 0..<Int64(2) {
            for shape in [
                ProgrammeTape.Shape(bFrames: 3), .init(groupSeconds: 10),
                .init(frameRate: 25, bFrames: 2, isOpen: true),
            ] {
                var (simulation, sessions) = onAir(delay, shape)
                simulation.run(for: .seconds(7) + .milliseconds(phase * 910))
                let line = simulation.publishers[sessions[0]]?.line
                let held = line?.newestKeyFrame(depth: .zero)?.key
                let newest = line?.summary.newestVideo ?? .zero
                simulation.emergency(.slate)
                simulation.run(for: .milliseconds(milliseconds))
                let hasNew = line?.newestKeyFrame(depth: .zero)?.key != held
                let ordered = simulation.time
                simulation.emergency(.off)
                simulation.run(for: .milliseconds(500))
                #expect(simulation.judge.reports.last == .onAir(sessions[0]), "\(shape) phase \(phase)")
                let back = simulation.judge.joins.last
                #expect((back?.time ?? .zero) - ordered <= Self.limit)
                let first = (back?.join.at ?? .zero) - (simulation.judge.videoOffset ?? .zero)
                #expect(hasNew ? first > newest : first == held?.presentationTime, "\(shape) phase \(phase)")
                simulation.run(for: .seconds(4))
                #expect(simulation.judge.violations.isEmpty)
                #expect(simulation.judge.underruns == 0)
                #expect(simulation.judge.greatestVideoError <= .milliseconds(42))
                #expect(simulation.judge.greatestAudioError <= .milliseconds(24))
                #expect(simulation.judge.greatestHole <= .milliseconds(82))
            }
        }
    }

    @Test(arguments: [Duration.zero, .seconds(30)]) func muteTakesTheSoundFromTheNextFrameOn(delay: Duration) {
        var (simulation, sessions) = onAir(delay)
        let before = simulation.judge.sounds
        #expect(simulation.judge.filledSounds == 0)
        simulation.emergency(.mute)
        simulation.run(for: .seconds(3))
        #expect(simulation.judge.filledSounds == simulation.judge.sounds - before)
        let muted = simulation.judge.filledSounds
        simulation.emergency(.off)
        simulation.run(for: .seconds(3))
        #expect(simulation.judge.filledSounds == muted)
        #expect(simulation.judge.reports == [.slate, .onAir(sessions[0])])
        #expect(simulation.judge.violations.isEmpty)
        #expect(simulation.judge.greatestOffsetError <= .milliseconds(26))
    }

    @Test func soundThatCannotBeSilencedGivesWayToTheSlate() throws {
        var (simulation, sessions) = onAir(.seconds(2))
        var format = AudioFormat.synthetic(sampleRate: 48_000, channels: 2)
        // Layout 0: spelled out in the configuration.
        format.configuration = [0x11, 0x80, 0x04, 0xC4, 0x01, 0x00, 0x20]
        try #require(simulation.publishers[sessions[0]]).line.append(.audio(format))
        simulation.emergency(.mute)
        simulation.run(for: .milliseconds(500))
        #expect(simulation.judge.reports == [.slate, .onAir(sessions[0]), .slate])
    }

    @Test(arguments: [Duration.zero, .seconds(2), .seconds(10)], [0, 1])
    func aBannedDJIsLeftAtOnceForTheNextOrTheSlate(delay: Duration, others: Int) {
        var (simulation, sessions) = onAir(delay, others: others)
        let ordered = simulation.time
        // As the queue does it: the connection is closed, then the order says who is banned.
        simulation.drop(sessions[0])
        simulation.order(others > 0 ? sessions[1] : nil, discarding: [sessions[0]])
        simulation.run(for: .milliseconds(500))
        let after: ProgrammeReport = others > 0 ? .onAir(sessions[1]) : .slate
        let join = simulation.judge.joins.dropFirst(2).first?.join
        #expect(join?.session != sessions[0])
        #expect((join?.at ?? .zero) - ordered <= Self.limit)
        simulation.run(for: delay + .seconds(4))
        #expect(simulation.judge.reports.last == after)
        #expect(simulation.judge.reports.filter { $0 == .onAir(sessions[0]) }.count == 1)
        #expect(simulation.judge.violations.isEmpty)
        #expect(simulation.judge.greatestVideoError <= .milliseconds(42))
    }

    @Test func whoWasDiscardedIsNotShownThoughTheOrderStands() {
        var (simulation, sessions) = onAir(.seconds(10))
        simulation.discard(sessions[0])
        simulation.run(for: .milliseconds(500))
        #expect(simulation.judge.reports.last == .slate)
        simulation.run(for: .seconds(15))
        #expect(simulation.judge.reports == [.slate, .onAir(sessions[0]), .slate])
        #expect(simulation.judge.violations.isEmpty)
    }

    @Test func theSlateComesInTimeThroughAStall() {
        var (simulation, sessions) = onAir(.zero)
        simulation.stall(sessions[0], for: .seconds(10))
        simulation.run(for: .milliseconds(200))
        let ordered = simulation.time
        simulation.emergency(.slate)
        simulation.run(for: .milliseconds(500))
        #expect(simulation.judge.reports.last == .slate)
        #expect((simulation.judge.joins.last?.time ?? .zero) - ordered <= Self.limit)
    }
}
