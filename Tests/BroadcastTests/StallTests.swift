import Broadcast
import Domain
import TestKit
import Testing

/// Lines that run empty at every phase of a group, with B-frames and without: what leaves has no hole (I3).
@Suite(.serialized) struct StallTests {
    static let shapes: [ProgrammeTape.Shape] = [
        .init(frameRate: 30, groupSeconds: 1, bFrames: 1), .init(frameRate: 25, groupSeconds: 2, bFrames: 2),
        .init(frameRate: 30, groupSeconds: 2, bFrames: 3),
        .init(frameRate: 24, groupSeconds: 1, bFrames: 2, isOpen: true),
        .init(frameRate: 60, groupSeconds: 2, bFrames: 3, sampleRate: 44_100, isOpen: true),
        .init(frameRate: 30, groupSeconds: 1),
    ]

    /// Behind a delay line every picture is there before it is due. Without one, a picture may be missing: waiting for it as well
    /// would make each picture late.
    private func expectNoHole(
        _ simulation: ProgrammeSimulation, _ shape: ProgrammeTape.Shape, delay: Duration, lateness: MediaTime,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let judge = simulation.judge
        let spacing = max(shape.frameDuration, .milliseconds(34))
        let limit = (delay == .zero ? spacing * 2 : spacing) + .milliseconds(3)
        #expect(judge.greatestHole <= limit, "\(shape)", sourceLocation: sourceLocation)
        #expect(judge.violations.isEmpty, sourceLocation: sourceLocation)
        #expect(judge.greatestLateness <= lateness, "\(judge.latest)", sourceLocation: sourceLocation)
        #expect(judge.greatestVideoError <= .milliseconds(42), sourceLocation: sourceLocation)
        #expect(judge.greatestAudioError <= .milliseconds(25), sourceLocation: sourceLocation)
        #expect(judge.greatestOffsetError <= .milliseconds(26), sourceLocation: sourceLocation)
        #expect(judge.handovers.allSatisfy { abs($0.videoGapFrames) <= 1 }, sourceLocation: sourceLocation)
    }

    @Test(arguments: shapes, [Duration.zero, .milliseconds(300), .seconds(2)])
    func aStallAtAnyPhaseLeavesNoHole(shape: ProgrammeTape.Shape, delay: Duration) async {
        for phase in 0..<Int64(6) {
            var simulation = ProgrammeSimulation(delay: delay)
            let session = simulation.publish(shape)
            simulation.run(for: delay + .seconds(3))
            simulation.order(session)
            simulation.run(for: .seconds(3) + .milliseconds(phase * 27))
            simulation.stall(session, for: delay + .seconds(4))
            simulation.run(for: delay + .seconds(8))
            expectNoHole(simulation, shape, delay: delay, lateness: .milliseconds(1700))
            #expect(simulation.judge.underruns == 1)
            #expect(simulation.judge.reports == [.slate, .onAir(session), .slate, .onAir(session)])
            await Task.yield()
        }
    }

    /// Stalls of any length, some of which end in a trickle.
    @Test(arguments: Array(UInt64(301)...306), [Duration.zero, .milliseconds(300), .seconds(2)])
    func randomStallsLeaveNoHole(seed: UInt64, delay: Duration) async {
        var generator = SeededGenerator(seed: seed)
        let shape = Self.shapes[Int.random(in: 0..<Self.shapes.count, using: &generator)]
        var simulation = ProgrammeSimulation(delay: delay, seed: seed)
        let session = simulation.publish(shape, jitter: .milliseconds(15))
        simulation.run(for: delay + .seconds(3))
        simulation.order(session)
        simulation.run(for: .seconds(4))
        for _ in 0..<10 {
            let most = delay.wholeNanoseconds / 1_000_000 + 3000
            let span = Duration.milliseconds(Int64.random(in: 50...most, using: &generator))
            simulation.stall(session, for: span)
            simulation.run(for: span)
            for _ in 0..<Int.random(in: 0...20, using: &generator) {
                simulation.run(for: .milliseconds(Int64.random(in: 5...60, using: &generator)))
                simulation.stall(session, for: .milliseconds(Int64.random(in: 10...180, using: &generator)))
            }
            simulation.run(for: delay + .milliseconds(Int64.random(in: 500...6000, using: &generator)))
            await Task.yield()
        }
        expectNoHole(simulation, shape, delay: delay, lateness: .milliseconds(1800))
    }

    /// Without a delay a picture waits for its B-frames, and is shown no later for it: the line is as deep as its key frame was
    /// decoded early.
    @Test(arguments: shapes) func withoutADelayNoPictureIsLateForItsTurn(shape: ProgrammeTape.Shape) {
        var simulation = ProgrammeSimulation(delay: .zero)
        let session = simulation.publish(shape)
        simulation.run(for: .seconds(3))
        simulation.order(session)
        simulation.run(for: .seconds(10))
        expectNoHole(simulation, shape, delay: .zero, lateness: .milliseconds(135))
        #expect(simulation.judge.greatestBelatedness <= .milliseconds(68))
        #expect(simulation.judge.underruns == 0)
    }

    /// Where an encoder left pictures out, the last one stands until the next, whatever the delay: the slate and its silence would be a
    /// longer hole than the one they cover.
    @Test(arguments: [Duration.zero, .milliseconds(300), .seconds(2), .seconds(5)], [160, 240, 500, 1200])
    func picturesLeftOutByTheEncoderBringNoSlate(delay: Duration, span: Int64) async {
        for shape in [
            ProgrammeTape.Shape(frameRate: 25, groupSeconds: 3), .init(frameRate: 30, groupSeconds: 4, bFrames: 2),
        ] {
            for phase in 0..<Int64(4) {
                var simulation = ProgrammeSimulation(delay: delay)
                // And the timer is a little late.
                if delay >= .milliseconds(500) { simulation.releaseSpan = .milliseconds(104) }
                let session = simulation.publish(shape)
                simulation.run(for: delay + .seconds(3))
                simulation.order(session)
                simulation.run(for: .seconds(5) + .milliseconds(phase * 710))
                simulation.leaveOut(pictures: Int(Double(span) / 1000 * shape.frameRate), of: session)
                simulation.run(for: delay + .seconds(8))
                let judge = simulation.judge
                #expect(judge.underruns == 0, "\(shape)")
                #expect(judge.reports == [.slate, .onAir(session)], "\(shape)")
                #expect(judge.violations.isEmpty)
                #expect(judge.greatestAudioError <= .milliseconds(25))
                #expect(judge.greatestHole >= .milliseconds(span / 2), "pictures were left out")
                #expect(judge.greatestHole <= .milliseconds(span + 200))
                await Task.yield()
            }
        }
    }

    /// A picture does not stand for longer than a line may be silent.
    @Test(arguments: [Duration.milliseconds(300), .seconds(2), .seconds(5)])
    func aLongHoleInThePicturesIsCovered(delay: Duration) {
        var simulation = ProgrammeSimulation(delay: delay)
        let session = simulation.publish(.init(frameRate: 25, groupSeconds: 6))
        simulation.run(for: delay + .seconds(6))
        simulation.order(session)
        simulation.run(for: delay + .seconds(7))
        simulation.leaveOut(pictures: 75, of: session)
        simulation.run(for: delay + .seconds(16))
        // Without a picture in the line a still covers and the sound goes on; behind a delay the slate does.
        #expect(simulation.judge.greatestHole <= .milliseconds(1700))
        #expect(simulation.judge.reports.last == .onAir(session))
        #expect(simulation.judge.violations.isEmpty)
    }
}
