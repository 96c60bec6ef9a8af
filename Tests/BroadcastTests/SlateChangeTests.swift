import Domain
import TestKit
import Testing

@testable import Broadcast

/// The channel's slate is changed while it runs.
@Suite struct SlateChangeTests {
    @Test func theNewSlateShowsAtOnceWhereTheOldOneDid() {
        var simulation = ProgrammeSimulation(delay: .seconds(1))
        simulation.run(for: .seconds(3))
        simulation.changeSlate(.synthetic())
        simulation.run(for: .milliseconds(200))
        #expect(simulation.judge.handovers.map(\.reason) == [.started, .slateChanged])
        #expect(simulation.judge.joins.count == 2)
        simulation.run(for: .seconds(5))
        #expect(simulation.judge.joins.count == 2, "once")
        #expect(simulation.judge.violations.isEmpty)
        #expect(abs(simulation.judge.handovers.last?.videoGapFrames ?? 9) <= 1)
    }

    @Test func behindADJItWaitsForItsTurn() {
        var simulation = ProgrammeSimulation(delay: .seconds(1))
        let session = simulation.publish()
        simulation.order(session)
        simulation.run(for: .seconds(6))
        #expect(simulation.judge.reports.last == .onAir(session))
        simulation.changeSlate(.synthetic())
        simulation.run(for: .seconds(3))
        #expect(simulation.judge.reports.last == .onAir(session))
        simulation.drop(session)
        simulation.run(for: .seconds(4))
        #expect(simulation.judge.reports.last == .slate)
        #expect(!simulation.judge.handovers.map(\.reason).contains(.slateChanged))
        #expect(simulation.judge.violations.isEmpty)
    }

    /// Must 3, last clause: whoever is next is not ready in time. The outgoing stays while they are there, else the slate shows
    /// until the next one is ready; nothing is ever dark.
    @Test(arguments: [true, false]) func whoIsNotReadyInTimeIsWaitedFor(outgoingStays: Bool) {
        var simulation = ProgrammeSimulation(delay: .seconds(2))
        let first = simulation.publish()
        simulation.order(first)
        simulation.run(for: .seconds(8))
        #expect(simulation.judge.reports.last == .onAir(first))
        if !outgoingStays {
            simulation.drop(first)
            simulation.run(for: .milliseconds(1500))
        }
        // The next one has only just begun to send.
        let next = simulation.publish()
        simulation.order(next)
        simulation.run(for: .milliseconds(400))
        #expect(simulation.judge.reports.last == .onAir(first), "what the line holds plays on")
        simulation.run(for: .seconds(8))
        #expect(simulation.judge.reports.last == .onAir(next))
        #expect(simulation.judge.reports.contains(.slate))
        let slates = simulation.judge.reports.filter { $0 == .slate }.count
        #expect(slates == (outgoingStays ? 1 : 2), "the slate at the start, and one more where nobody was left")
        #expect(simulation.judge.violations.isEmpty)
        #expect(simulation.judge.greatestDarkness <= .milliseconds(100))
    }
}
