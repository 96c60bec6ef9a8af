import Broadcast
import Domain
import TestKit
import Testing

/// Publishers who send sound or picture only, or lose one of them: the programme always has both (design §5, Envelope).
@Suite(.serialized) struct MissingTrackTests {
    private func expectSound(
        _ simulation: ProgrammeSimulation, lateness: MediaTime = .milliseconds(1),
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let judge = simulation.judge
        #expect(judge.violations.isEmpty, sourceLocation: sourceLocation)
        #expect(judge.greatestLateness <= lateness, sourceLocation: sourceLocation)
        #expect(judge.greatestVideoError <= .milliseconds(42), sourceLocation: sourceLocation)
        #expect(judge.greatestAudioError <= .milliseconds(25), sourceLocation: sourceLocation)
        #expect(judge.greatestOffsetError <= .milliseconds(26), sourceLocation: sourceLocation)
        #expect(magnitude(judge.audioEnd - simulation.time) <= .milliseconds(50), sourceLocation: sourceLocation)
    }

    @Test(arguments: [TrackKind.video, .audio], [Duration.zero, .seconds(2), .seconds(12)])
    func whoSendsOneTrackGoesOnAirAtTheDelay(track: TrackKind, delay: Duration) {
        var simulation = ProgrammeSimulation(delay: delay)
        let session = simulation.publish(sends: [track])
        simulation.order(nil, standby: [session])
        simulation.run(for: delay + .seconds(5))
        simulation.order(session)
        simulation.run(for: .seconds(6))
        expectSound(simulation, lateness: delay == .zero ? .milliseconds(40) : .milliseconds(1))
        #expect(simulation.judge.reports == [.slate, .onAir(session)])
        let stamp = track == .video ? simulation.judge.lastPictureStamp : simulation.judge.lastSoundStamp
        let age = simulation.time - (stamp?.presentation ?? .zero)
        #expect(magnitude(age - .milliseconds(delay.wholeNanoseconds / 1_000_000)) <= .milliseconds(200))
        if track == .video {
            #expect(simulation.judge.filledSounds > 200)
            #expect(simulation.judge.joins.last?.format.audio == SlateClip.synthetic().format.audio)
        } else {
            #expect(simulation.judge.filledPictures > 120)
            #expect(simulation.judge.joins.last?.format.video == SlateClip.synthetic().format.video)
        }
        simulation.drop(session)
        simulation.order(nil)
        simulation.run(for: delay + .seconds(2))
        expectSound(simulation, lateness: .milliseconds(100))
        #expect(simulation.judge.reports == [.slate, .onAir(session), .slate])
        #expect(simulation.judge.underruns == 0)
    }

    @Test func handsOverBetweenAnyKindsOfStreams() {
        let kinds: [Set<TrackKind>] = [[.video, .audio], [.video], [.audio]]
        for from in kinds {
            for to in kinds {
                var simulation = ProgrammeSimulation(delay: .seconds(2))
                let first = simulation.publish(.init(bFrames: 2), sends: from)
                let second = simulation.publish(
                    .init(frameRate: 25, bFrames: 3, sampleRate: 44_100), startMilliseconds: 900_000, sends: to)
                simulation.run(for: .seconds(6))
                simulation.order(first, standby: [second])
                simulation.run(for: .seconds(5))
                simulation.order(second, standby: [first])
                simulation.run(for: .seconds(5))
                expectSound(simulation)
                #expect(simulation.judge.reports == [.slate, .onAir(first), .onAir(second)])
                #expect(simulation.judge.handovers.count == 3)
            }
        }
    }

    @Test(arguments: [Duration.milliseconds(300), .seconds(2)])
    func soundThatStopsIsFilledInItsOwnLayoutAndComesBack(delay: Duration) {
        var simulation = ProgrammeSimulation(delay: delay)
        let session = simulation.publish(.init(sampleRate: 44_100))
        simulation.run(for: .seconds(5))
        simulation.order(session)
        simulation.run(for: .seconds(5))
        simulation.send([.video], session)
        simulation.run(for: .seconds(6))
        #expect(simulation.judge.filledSounds > 100)
        simulation.send([.video, .audio], session)
        simulation.run(for: .seconds(6))
        let filled = simulation.judge.filledSounds
        simulation.run(for: .seconds(3))
        expectSound(simulation, lateness: .milliseconds(1400))
        // Nobody downstream sees a change of format.
        #expect(simulation.judge.joins.count == 2)
        #expect(simulation.judge.filledSounds == filled)
        #expect(simulation.judge.underruns == 0)
    }

    @Test func aPictureThatStopsBecomesAStillAndComesBack() {
        var simulation = ProgrammeSimulation(delay: .seconds(2))
        let session = simulation.publish(.init(bFrames: 2))
        simulation.run(for: .seconds(5))
        simulation.order(session)
        simulation.run(for: .seconds(5))
        simulation.send([.audio], session)
        simulation.run(for: .seconds(8))
        #expect(simulation.judge.filledPictures > 100)
        simulation.send([.video, .audio], session)
        simulation.run(for: .seconds(8))
        let judge = simulation.judge
        #expect(judge.violations.isEmpty)
        #expect(judge.reports == [.slate, .onAir(session)])
        #expect(judge.handovers.map(\.reason) == [.started, .ordered, .tracksChanged, .tracksChanged])
        #expect(judge.filledSounds == 0)
        #expect(judge.greatestAudioError <= .milliseconds(24))
        #expect(judge.greatestOffsetError <= .milliseconds(26))
        #expect(judge.joins.last?.format.video.width == 1280)
    }

    @Test func soundThatBeginsLateIsJoinedAtAKeyFrame() {
        var simulation = ProgrammeSimulation(delay: .seconds(2))
        let session = simulation.publish(.init(sampleRate: 44_100), sends: [.video])
        simulation.run(for: .seconds(5))
        simulation.order(session)
        simulation.run(for: .seconds(5))
        simulation.send([.video, .audio], session)
        simulation.run(for: .seconds(7))
        expectSound(simulation)
        #expect(simulation.judge.handovers.map(\.reason) == [.started, .ordered, .tracksChanged])
        #expect(simulation.judge.joins.last?.format.audio.sampleRate == 44_100)
        #expect(simulation.judge.lastSoundStamp?.mark == 1)
    }

    /// Pictures begin at any phase of what is given back of the line; the first key frame is shown, where it belongs.
    @Test(arguments: 0..<Int64(12)) func aPictureThatBeginsLateIsJoinedAtItsFirstKeyFrame(phase: Int64) {
        for shape in [
            ProgrammeTape.Shape(frameRate: 25, groupSeconds: 4, bFrames: 3),
            .init(frameRate: 12.5, groupSeconds: 4, bFrames: 3, sampleRate: 44_100),
        ] {
            var simulation = ProgrammeSimulation(delay: .seconds(2))
            let session = simulation.publish(shape, sends: [.audio])
            simulation.run(for: .seconds(5) + .milliseconds(phase * 60))
            simulation.order(session)
            simulation.run(for: .seconds(6))
            simulation.send([.video, .audio], session)
            let line = simulation.publishers[session]?.line
            var key: DelayLine.KeyFrame?
            while key == nil {
                simulation.run(for: .milliseconds(20))
                key = line?.newestKeyFrame(depth: .zero)?.key
            }
            simulation.run(for: .milliseconds(3500))
            #expect(simulation.judge.handovers.map(\.reason) == [.started, .ordered, .tracksChanged])
            #expect(simulation.judge.greatestOffsetError <= .milliseconds(26))
            #expect(simulation.judge.violations.isEmpty)
            let shownAt = simulation.judge.joins.last?.join.at ?? .zero
            let due = (key?.presentationTime ?? .zero) + (simulation.judge.videoOffset ?? .zero)
            #expect(magnitude(shownAt - due) <= .milliseconds(42), "phase \(phase)")
        }
    }

    /// Pictures that come later than their sound is played are shown with the delay behind them.
    @Test(arguments: [Duration.milliseconds(500), .seconds(2)], [200, 1200, 1900])
    func aPictureThatLagsBehindItsSoundIsShownAllTheSame(delay: Duration, lag: Int64) {
        var simulation = ProgrammeSimulation(delay: delay)
        let session = simulation.publish(.init(bFrames: 2), startMilliseconds: 10_000, sends: [.audio])
        simulation.publishers[session]?.pictureLag = .milliseconds(lag)
        simulation.run(for: .seconds(5))
        simulation.order(session)
        simulation.run(for: .seconds(6))
        simulation.send([.video, .audio], session)
        simulation.run(for: .seconds(10))
        #expect(simulation.judge.reports == [.slate, .onAir(session)])
        #expect(simulation.judge.joins.last?.format.video.width == 1280)
        #expect(simulation.judge.violations.isEmpty)
        #expect(simulation.judge.underruns == 0)
    }
}
