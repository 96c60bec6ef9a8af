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

/// A segment as its parts make it up.
struct ScriptSegment {
    var parts: [Segmenter.Part]

    var format: ProgrammeFormat { parts[0].format }
    var units: [ProgrammeUnit] { parts.flatMap(\.units) }
    var start: MediaTime { parts[0].start }
    var duration: MediaTime { parts.reduce(.zero) { $0 + $1.duration } }
    var isDiscontinuous: Bool { parts[0].isDiscontinuous }
    var isIndependent: Bool { units.first { $0.track == .video }?.isKeyFrame == true }
    var join: Int { parts[0].join }

    /// As a packager puts them together: a part that opens a segment ends the one before.
    static func segments(of parts: [Segmenter.Part]) -> [ScriptSegment] {
        var segments: [ScriptSegment] = []
        var isOpen = false
        for part in parts {
            if part.opensSegment || !isOpen {
                segments.append(ScriptSegment(parts: [part]))
            } else {
                segments[segments.count - 1].parts.append(part)
            }
            isOpen = !part.closesSegment
        }
        return segments
    }
}

extension Segmenter {
    /// One source after another, to the end.
    static func run(
        _ sources: [(ProgrammeFormat, [ProgrammeUnit])], configuration: Configuration = .init()
    ) -> [ScriptSegment] {
        ScriptSegment.segments(of: parts(sources, configuration: configuration))
    }

    static func parts(
        _ sources: [(ProgrammeFormat, [ProgrammeUnit])], configuration: Configuration = .init()
    ) -> [Part] {
        var segmenter = Segmenter(configuration: configuration)
        var parts: [Part] = []
        for (format, units) in sources {
            segmenter.joined(format: format)
            for unit in units { parts += segmenter.unit(unit) }
        }
        return parts + segmenter.finished()
    }
}
