import Domain
@testable import Ingest
import NIOCore
import TestKit
import Testing

@Suite struct ReadinessMeterTests {
    /// A meter that has seen `seconds` of a tape, of the tracks in `only`.
    private func meter(
        _ shape: ProgrammeTape.Shape = .init(), seconds: Double, only: Set<TrackKind> = [.video, .audio],
        metadata: StreamMetadata? = nil, envelope: Envelope = Envelope(), delay: Duration = .seconds(2),
        bytes: Int = 0, withoutKeyFrames: Bool = false
    ) -> (meter: ReadinessMeter, now: Int64) {
        var meter = ReadinessMeter(envelope: envelope, delay: delay)
        var tape = ProgrammeTape(shape: shape, mark: 1)
        if let metadata { meter.received(metadata) }
        if only.contains(.video) { meter.received(.video(tape.videoFormat)) }
        if only.contains(.audio) { meter.received(.audio(tape.audioFormat)) }
        var now: Int64 = 0
        while now < Int64(seconds * 1e9) {
            var (unit, after) = tape.next()
            now = after.nanoseconds
            if withoutKeyFrames, unit.track == .video { unit.isKeyFrame = false }
            if bytes > 0, unit.track == .video { unit.payload = ByteBuffer(repeating: 0, count: bytes) }
            if only.contains(unit.track) { meter.received(unit, at: now) }
        }
        return (meter, now)
    }

    private func reasons(_ made: (meter: ReadinessMeter, now: Int64)) -> [String] {
        switch made.meter.readiness(at: made.now) {
        case .ready: []
        case .notReady(let reasons): reasons
        }
    }

    @Test func isReadyOnceTheDelayIsFilled() {
        #expect(
            reasons(meter(seconds: 1.5)) == [
                "Your stream is being buffered for the channel's delay: ready in a moment."
            ])
        #expect(reasons(meter(seconds: 2.1)).isEmpty)
        #expect(reasons(meter(seconds: 0.1, delay: .zero)).isEmpty)
    }

    @Test(arguments: [0.5, 2, 8.33]) func saysOnceThatTheDelayHasBeenFilled(groupSeconds: Double) {
        var meter = ReadinessMeter(envelope: Envelope(), delay: .seconds(2))
        var tape = ProgrammeTape(shape: .init(groupSeconds: groupSeconds), mark: 1)
        var moments: [MediaTime] = []
        for _ in 0..<600 {
            let (unit, after) = tape.next()
            if meter.received(unit, at: after.nanoseconds) { moments.append(unit.decodeTime) }
        }
        #expect(moments.count == 1)
        #expect(((moments.first ?? .zero) - .milliseconds(2000)).seconds < 0.034)
    }

    @Test func saysThatNothingCame() {
        let empty = ReadinessMeter(envelope: Envelope(), delay: .zero)
        #expect(empty.readiness(at: 5) == .notReady(["No media has arrived yet."]))
    }

    @Test func waitsForAPromisedTrack() {
        let promise = StreamMetadata(hasVideo: true, hasAudio: true)
        #expect(
            reasons(meter(seconds: 5, only: [.video], metadata: promise))
                == ["No audio has arrived yet: check the sound source and the encoder."])
        #expect(
            reasons(meter(seconds: 5, only: [.audio], metadata: promise))
                == ["No picture has arrived yet: check the video source and the encoder."])
    }

    @Test(arguments: [TrackKind.video, .audio]) func takesAStreamOfOneTrackAfterTwoSeconds(track: TrackKind) {
        let missing =
            track == .video
            ? "No audio has arrived yet: check the sound source and the encoder."
            : "No picture has arrived yet: check the video source and the encoder."
        #expect(reasons(meter(seconds: 1.9, only: [track], delay: .zero)) == [missing])
        #expect(reasons(meter(seconds: 2.1, only: [track])).isEmpty)
    }

    @Test(arguments: [TrackKind.video, .audio]) func takesAStreamAtOnceThatPromisesOneTrackOnly(track: TrackKind) {
        let promise = StreamMetadata(hasVideo: track == .video, hasAudio: track == .audio)
        #expect(reasons(meter(seconds: 0.1, only: [track], metadata: promise, delay: .zero)).isEmpty)
        #expect(
            reasons(meter(seconds: 1.5, only: [track], metadata: promise))
                == ["Your stream is being buffered for the channel's delay: ready in a moment."])
        #expect(reasons(meter(seconds: 2.1, only: [track], metadata: promise)).isEmpty)
    }

    @Test func asksForAKeyFrame() {
        #expect(
            reasons(meter(seconds: 5, withoutKeyFrames: true))
                == ["No key frame yet: set the key-frame interval to 2 s."])
    }

    /// Its turn would be a slate of unknown length while others wait who could be shown.
    @Test func isNotReadyOnceItsLastKeyFrameIsGone() {
        let shape = ProgrammeTape.Shape(groupSeconds: 40)
        let overdue = [
            "Your key frames are more than 22 s apart: set the key-frame interval to 2 s and switch open GOPs off."
        ]
        #expect(reasons(meter(shape, seconds: 21)).isEmpty)
        #expect(reasons(meter(shape, seconds: 23)) == overdue)
        #expect(reasons(meter(shape, seconds: 39)) == overdue)
        #expect(reasons(meter(.init(groupSeconds: 10), seconds: 59)).isEmpty)
        // A long delay holds what a long group needs.
        #expect(reasons(meter(.init(groupSeconds: 25), seconds: 49, delay: .seconds(25))).isEmpty)
    }

    /// One steady answer instead of two a group; a group of the right length ends it.
    @Test func whoseGroupsAreTooLongIsNotReadyUntilAShorterOneCame() {
        var meter = ReadinessMeter(envelope: Envelope(), delay: .seconds(2))
        var tape = ProgrammeTape(shape: .init(groupSeconds: 1), mark: 1)
        meter.received(.video(tape.videoFormat))
        meter.received(.audio(tape.audioFormat))
        // Key frames at 0, 23, 46 and 69 s, then each second.
        let keys: Set<Int> = [0, 23, 46, 69]
        var changes: [(second: Double, isReady: Bool)] = []
        var now: Int64 = 0
        while now < 80_000_000_000 {
            var (unit, after) = tape.next()
            now = after.nanoseconds
            if unit.track == .video, unit.isKeyFrame, unit.decodeTime.seconds < 68.5 {
                unit.isKeyFrame = keys.contains(Int(unit.decodeTime.seconds.rounded()))
            }
            meter.received(unit, at: now)
            let isReady = meter.readiness(at: now).isReady
            if isReady != changes.last?.isReady { changes.append((unit.decodeTime.seconds, isReady)) }
        }
        #expect(changes.map(\.isReady) == [false, true, false, true], "\(changes)")
        #expect(changes.map { Int($0.second.rounded()) } == [0, 2, 22, 71], "\(changes)")
    }

    /// The camera was off; its groups are short.
    @Test func aPauseOfThePictureIsNoLongGroup() {
        var meter = ReadinessMeter(envelope: Envelope(), delay: .seconds(2))
        var tape = ProgrammeTape(shape: .init(groupSeconds: 2), mark: 1)
        meter.received(.video(tape.videoFormat))
        meter.received(.audio(tape.audioFormat))
        var now: Int64 = 0
        while now < 64_100_000_000 {
            let (unit, after) = tape.next()
            now = after.nanoseconds
            guard unit.track == .audio || unit.decodeTime.seconds < 11 || unit.decodeTime.seconds >= 62 else {
                continue
            }
            meter.received(unit, at: now)
        }
        #expect(meter.readiness(at: now) == .ready)
    }

    @Test func namesWhatLiesOutsideTheEnvelope() {
        #expect(
            reasons(meter(.init(width: 3840), seconds: 5)) == [
                "Your picture is 3840x2160; this channel takes up to 1920x1080: scale the output down in the encoder."
            ])
        #expect(
            reasons(meter(.init(channels: 6), seconds: 5)) == [
                "Your sound has 6 channels; this channel takes up to 2: choose stereo in the encoder."
            ])
        #expect(
            reasons(meter(.init(frameRate: 120), seconds: 5)) == [
                "Your frame rate is 120; this channel takes up to 60: lower it in the encoder."
            ])
        #expect(
            reasons(meter(seconds: 5, bytes: 60_000)) == [
                "Your bitrate is too high: this channel takes up to 10000 kbit/s of picture and sound; lower it in the "
                    + "encoder."
            ])
    }

    @Test func takesSixtyFramesMeasuredInMilliseconds() {
        #expect(reasons(meter(.init(frameRate: 60), seconds: 5)).isEmpty)
    }

    @Test func refusesOtherColourFormats() {
        var made = meter(seconds: 5)
        var format = VideoFormat.synthetic(width: 1280, frameRate: nil, mark: 1)
        format.chromaFormat = 3
        made.meter.received(.video(format))
        #expect(
            reasons(made)
                == ["Your colour format is not 4:2:0 with 8 bits: choose NV12 or yuv420p in the encoder."])
    }

    @Test func passesOnWhyATrackWasRefusedUntilItsFormatIsGood() {
        var made = meter(seconds: 5)
        made.meter.refused(.audio, reason: "MP3 is not taken: choose AAC.")
        #expect(reasons(made) == ["MP3 is not taken: choose AAC."])
        made.meter.received(.audio(.synthetic(sampleRate: 48_000, channels: 2)))
        #expect(reasons(made).isEmpty)
    }

    @Test func namesACodecThatTheChannelDoesNotTake() {
        var made = meter(seconds: 5)
        var format = VideoFormat.synthetic(width: 1280, frameRate: nil, mark: 1)
        format.codec = .hevc
        format.bitDepth = 10
        made.meter.received(.video(format))
        #expect(made.meter.isOutsideEnvelope(.video) && !made.meter.isOutsideEnvelope(.audio))
        #expect(
            reasons(made) == [
                "Your encoder sends HEVC (H.265); this channel takes H.264: set the encoder to x264, NVENC H.264, "
                    + "QuickSync H.264 or another H.264 encoder."
            ])
        var sound = AudioFormat.synthetic(sampleRate: 48_000, channels: 2)
        sound.codec = .opus
        made.meter.received(.video(.synthetic(width: 1280, frameRate: nil, mark: 1)))
        made.meter.received(.audio(sound))
        #expect(
            reasons(made)
                == ["Your encoder sends Opus sound; this channel takes AAC-LC: choose it as the audio encoder."])
        made.meter.received(.audio(.synthetic(sampleRate: 48_000, channels: 2)))
        #expect(reasons(made).isEmpty)
    }

    @Test(arguments: [(2, true, false, "HE-AAC"), (29, true, true, "HE-AAC v2"), (1, false, false, "object type 1")])
    func takesOfAACOnlyLC(objectType: Int, replication: Bool, parametric: Bool, name: String) {
        var made = meter(seconds: 5)
        var sound = AudioFormat.synthetic(sampleRate: 48_000, channels: 2)
        sound.objectType = objectType
        sound.hasSpectralBandReplication = replication
        sound.hasParametricStereo = parametric
        made.meter.received(.audio(sound))
        #expect(reasons(made).first?.contains(name) == true)
    }

    @Test func takesWhatAWiderEnvelopeNames() {
        var envelope = Envelope()
        envelope.videoCodecs = [.h264, .hevc]
        var made = meter(seconds: 5, envelope: envelope)
        var format = VideoFormat.synthetic(width: 1280, frameRate: nil, mark: 1, codec: .hevc)
        made.meter.received(.video(format))
        #expect(reasons(made).isEmpty)
        format.bitDepth = 10
        made.meter.received(.video(format))
        #expect(reasons(made).first?.contains("8 bits") == true)
        (format.bitDepth, format.profile) = (8, 4)
        made.meter.received(.video(format))
        #expect(reasons(made).first?.contains("profile main") == true)
        format.codec = .av1
        made.meter.received(.video(format))
        #expect(reasons(made).first?.contains("takes H.264 or HEVC (H.265)") == true)
    }
}
