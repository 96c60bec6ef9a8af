import TestKit
import Domain
import NIOCore
import Packaging

/// Units without media in them, for rules that never look inside.
enum Script {
    static let formatA = format(width: 1280)
    static let formatB = format(width: 1920)

    static func format(width: Int) -> ProgrammeFormat {
        ProgrammeFormat(
            video: VideoFormat(
                configuration: [1, 100, 0, 31], parameterSets: [], width: width, height: 720, frameRate: nil,
                profile: 100, constraints: 0, level: 31),
            audio: AudioFormat(configuration: [0x11, 0x90], sampleRate: 48_000, channels: 2))
    }

    static func video(_ time: MediaTime, key: Bool = false, frameRate: Int64 = 30, bytes: Int = 100) -> ProgrammeUnit {
        ProgrammeUnit(
            track: .video, decodeTime: time, presentationTime: time,
            duration: MediaTime(ticks: 1, timescale: frameRate), isKeyFrame: key,
            payload: ByteBuffer(repeating: 1, count: bytes))
    }

    static func audio(_ time: MediaTime) -> ProgrammeUnit {
        ProgrammeUnit(
            track: .audio, decodeTime: time, presentationTime: time,
            duration: MediaTime(ticks: 1024, timescale: 48_000),
            isKeyFrame: true, payload: ByteBuffer(repeating: 2, count: 10))
    }

    /// Video at `frameRate` with a key frame every `gop` pictures, audio beside it, in order of time; the audio comes
    /// `audioLate` after the pictures of its time.
    static func source(
        from start: MediaTime, seconds: Double, gop: Int, frameRate: Int64 = 30, audioLate: MediaTime = .zero
    ) -> [ProgrammeUnit] {
        let pictures = (0..<Int64((seconds * Double(frameRate)).rounded())).map { index in
            video(
                start + MediaTime(ticks: index, timescale: frameRate), key: index % Int64(gop) == 0,
                frameRate: frameRate)
        }
        let frames = (0..<Int64(seconds * 48_000 / 1024)).map { index in
            audio(start + MediaTime(ticks: index * 1024, timescale: 48_000))
        }
        let arrival = { (unit: ProgrammeUnit) in unit.decodeTime + (unit.track == .audio ? audioLate : .zero) }
        return (pictures + frames).sorted { arrival($0) < arrival($1) }
    }
}

extension Segmenter {
    /// One source after another, to the end.
    static func run(_ sources: [(ProgrammeFormat, [ProgrammeUnit])]) -> [Segment] {
        var segmenter = Segmenter()
        var segments: [Segment] = []
        for (format, units) in sources {
            segmenter.joined(format: format)
            for unit in units { segments += segmenter.unit(unit) }
        }
        return segments + segmenter.finished()
    }
}
