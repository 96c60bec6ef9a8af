import Broadcast
import Domain
import TestKit
import Testing

/// Random hand-overs of every kind hold I2 and I3; the seed is the test's argument.
/// One at a time and with pauses: minutes of arithmetic must not hold up the tests that wait for sockets.
@Suite(.serialized) struct ProgrammePropertyTests {
    private static func shape(_ generator: inout SeededGenerator) -> ProgrammeTape.Shape {
        let rates: [Double] = [24, 25, 29.97, 30, 50, 60]
        let sampleRates = [44_100, 48_000]
        return ProgrammeTape.Shape(
            frameRate: rates[Int.random(in: 0..<rates.count, using: &generator)],
            groupSeconds: Double(Int.random(in: 1...4, using: &generator)),
            bFrames: Int.random(in: 0...3, using: &generator),
            sampleRate: sampleRates[Int.random(in: 0...1, using: &generator)],
            channels: Int.random(in: 1...2, using: &generator),
            width: 16 * Int.random(in: 20...120, using: &generator), isOpen: Bool.random(using: &generator),
            codec: [.h264, .hevc][Int.random(in: 0...1, using: &generator)],
            hasDecodableLeading: Bool.random(using: &generator))
    }

    private static func publish(
        _ simulation: inout ProgrammeSimulation, _ generator: inout SeededGenerator, jitter: Duration
    ) -> PublishSessionID {
        simulation.publish(
            shape(&generator), startMilliseconds: Int64.random(in: 0...4_000_000_000, using: &generator),
            jitter: jitter, loss: [0, 0, 0.01][Int.random(in: 0...2, using: &generator)])
    }

    /// Publishers come, go and take turns in any order, planned and unplanned, without stalls.
    @Test(arguments: Array(UInt64(1)...8)) func handOversOfEveryKindHoldTheInvariants(seed: UInt64) async {
        var generator = SeededGenerator(seed: seed)
        let delay = Duration.milliseconds(Int64.random(in: 200...5000, using: &generator))
        var simulation = ProgrammeSimulation(delay: delay, seed: seed)
        var sessions: [PublishSessionID] = []
        for _ in 0..<45 {
            while sessions.count < 4 {
                sessions.append(Self.publish(&simulation, &generator, jitter: .milliseconds(30)))
            }
            let index = Int.random(in: 0..<sessions.count, using: &generator)
            let session = sessions[index]
            let standby = Array(sessions.filter { $0 != session }.prefix(2))
            switch Int.random(in: 0..<10, using: &generator) {
            case 0: simulation.order(nil, standby: standby)
            case 1, 2:
                // The queue's answer to a drop comes at once: the next, or nobody.
                simulation.drop(session)
                sessions.remove(at: index)
                simulation.order(
                    Bool.random(using: &generator) ? sessions.first : nil, standby: Array(sessions.dropFirst()))
            case 3:
                simulation.drop(session)
                sessions.remove(at: index)
            default: simulation.order(session, standby: standby)
            }
            simulation.run(for: .milliseconds(Int64.random(in: 50...9000, using: &generator)))
            await Task.yield()
        }
        // Where a line breaks off with more picture than sound, the next source's first frames of sound come late.
        expectInvariants(simulation, lateness: .milliseconds(100))
        #expect(simulation.judge.joins.count > 20)
        #expect(simulation.judge.underruns == 0)
    }

    /// The delay is changed while hand-overs of every kind go on: each join has the one that holds then.
    @Test(arguments: Array(UInt64(401)...404)) func anotherDelayHoldsTheInvariants(seed: UInt64) async {
        var generator = SeededGenerator(seed: seed)
        var simulation = ProgrammeSimulation(delay: .seconds(1), seed: seed)
        var sessions: [PublishSessionID] = []
        for _ in 0..<60 {
            while sessions.count < 4 {
                sessions.append(Self.publish(&simulation, &generator, jitter: .milliseconds(30)))
            }
            let session = sessions[Int.random(in: 0..<sessions.count, using: &generator)]
            switch Int.random(in: 0..<6, using: &generator) {
            case 0, 1:
                simulation.changeDelay(to: .milliseconds(Int64.random(in: 200...6000, using: &generator)))
            case 2:
                simulation.drop(session)
                sessions.removeAll { $0 == session }
                simulation.order(sessions.first, standby: Array(sessions.dropFirst()))
            default: simulation.order(session, standby: Array(sessions.filter { $0 != session }.prefix(2)))
            }
            simulation.run(for: .milliseconds(Int64.random(in: 50...9000, using: &generator)))
            await Task.yield()
        }
        expectInvariants(simulation, lateness: .milliseconds(100))
        #expect(simulation.judge.joins.count > 20)
        #expect(simulation.judge.underruns == 0)
    }

    /// The same with a network that stalls: the slate is stamped into the holes, and nothing else is late.
    @Test(arguments: Array(UInt64(101)...106)) func stallsAreCovered(seed: UInt64) async {
        var generator = SeededGenerator(seed: seed)
        let delay = Duration.milliseconds([0, 500, 2000][Int.random(in: 0...2, using: &generator)])
        var simulation = ProgrammeSimulation(delay: delay, seed: seed)
        var sessions: [PublishSessionID] = []
        for _ in 0..<30 {
            while sessions.count < 3 {
                sessions.append(Self.publish(&simulation, &generator, jitter: .milliseconds(40)))
            }
            let session = sessions[Int.random(in: 0..<sessions.count, using: &generator)]
            if Bool.random(using: &generator) {
                simulation.stall(session, for: .milliseconds(Int64.random(in: 100...6000, using: &generator)))
            } else {
                simulation.order(session, standby: sessions.filter { $0 != session })
            }
            simulation.run(for: .milliseconds(Int64.random(in: 500...8000, using: &generator)))
            await Task.yield()
        }
        expectInvariants(simulation, lateness: .milliseconds(1800))
    }

    /// Short groups at low rates, so that ten thousand fit into a test: every kind of hand-over at every phase of a group, with and
    /// without B-frames, closed and open groups, jitter, loss, one track missing. The queue answers a drop at once.
    @Test(arguments: Array(UInt64(201)...208)) func tenThousandHandOversHoldTheInvariants(seed: UInt64) async {
        var generator = SeededGenerator(seed: seed)
        var simulation = ProgrammeSimulation(delay: .milliseconds(600), seed: seed)
        var sessions: [PublishSessionID] = []
        while simulation.judge.joins.count < 1251 {
            while sessions.count < 2 {
                let tracks: Set<TrackKind> =
                    switch Int.random(in: 0..<5, using: &generator) {
                    case 0: [.video]
                    case 1: [.audio]
                    default: [.video, .audio]
                    }
                sessions.append(
                    simulation.publish(
                        .init(
                            frameRate: [12.5, 15, 20][Int.random(in: 0...2, using: &generator)], groupSeconds: 0.5,
                            bFrames: Int.random(in: 0...3, using: &generator),
                            sampleRate: Bool.random(using: &generator) ? 24_000 : 22_050,
                            channels: Int.random(in: 1...2, using: &generator),
                            width: 16 * Int.random(in: 20...24, using: &generator),
                            isOpen: Bool.random(using: &generator),
                            codec: [.h264, .hevc][Int.random(in: 0...1, using: &generator)],
                            hasDecodableLeading: Bool.random(using: &generator)),
                        startMilliseconds: Int64.random(in: 0...4_294_967_296, using: &generator),
                        jitter: .milliseconds(30), loss: [0, 0, 0.02][Int.random(in: 0...2, using: &generator)],
                        sends: tracks))
                // Both tracks are known, or the missing one is given up.
                simulation.run(for: .milliseconds(2100))
            }
            let shown = simulation.programme.shown
            let next = sessions.first { $0 != shown } ?? sessions[0]
            switch Int.random(in: 0..<40, using: &generator) {
            case 0:
                sessions.removeAll { $0 == shown }
                if let shown { simulation.drop(shown) }
                simulation.order(next, standby: [])
            case 1: simulation.order(nil, standby: sessions)
            default: simulation.order(next, standby: sessions.filter { $0 != next })
            }
            let phase = Int64.random(in: 0...500, using: &generator)
            simulation.run(for: .milliseconds(350 + phase))
            await Task.yield()
        }
        let judge = simulation.judge
        #expect(judge.violations.isEmpty)
        #expect(judge.greatestLateness <= .milliseconds(130), "\(judge.latest)")
        // One picture of the slowest, one frame of 22.05 kHz.
        #expect(judge.greatestVideoError <= .milliseconds(82))
        #expect(judge.greatestAudioError <= .milliseconds(49))
        #expect(judge.greatestOffsetError <= .milliseconds(50))
        #expect(judge.handovers.allSatisfy { abs($0.videoGapFrames) <= 1 })
        #expect(judge.handovers.allSatisfy { magnitude($0.soundOffset) <= .milliseconds(50) })
        #expect(magnitude(judge.audioEnd - simulation.time) <= .milliseconds(150))
    }

    @Test func aThousandHandOversDoNotDrift() async {
        var simulation = ProgrammeSimulation(delay: .milliseconds(500), seed: 7)
        let sessions = [
            simulation.publish(.init(groupSeconds: 1, bFrames: 2)),
            simulation.publish(.init(frameRate: 29.97, groupSeconds: 1, sampleRate: 44_100), startMilliseconds: 9),
        ]
        simulation.run(for: .seconds(2))
        for turn in 0..<1000 {
            simulation.order(sessions[turn % 2], standby: [sessions[(turn + 1) % 2]])
            simulation.run(for: .milliseconds(1300))
            await Task.yield()
        }
        expectInvariants(simulation, lateness: .milliseconds(1))
        #expect(simulation.judge.joins.count >= 1000)
    }

    private func expectInvariants(
        _ simulation: ProgrammeSimulation, lateness: MediaTime, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let judge = simulation.judge
        #expect(judge.violations.isEmpty, sourceLocation: sourceLocation)
        #expect(judge.greatestLateness <= lateness, sourceLocation: sourceLocation)
        #expect(judge.greatestVideoError <= .milliseconds(42), sourceLocation: sourceLocation)
        // A frame of 44.1 kHz, and what milliseconds round away.
        #expect(judge.greatestAudioError <= .milliseconds(25), sourceLocation: sourceLocation)
        #expect(judge.greatestOffsetError <= .milliseconds(26), sourceLocation: sourceLocation)
        #expect(judge.greatestDarkness <= .milliseconds(100), sourceLocation: sourceLocation)
        if lateness <= .milliseconds(100) {
            #expect(magnitude(judge.audioEnd - simulation.time) <= .milliseconds(50), sourceLocation: sourceLocation)
        }
    }
}
