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
            width: 16 * Int.random(in: 20...120, using: &generator))
    }

    private static func publish(
        _ simulation: inout ProgrammeSimulation, _ generator: inout SeededGenerator, jitter: Duration
    ) -> PublishSessionID {
        simulation.publish(
            shape(&generator), startMilliseconds: Int64.random(in: 0...4_000_000_000, using: &generator),
            jitter: jitter)
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
