package import Domain
import Foundation
import NIOCore

/// What a generated test clip is like.
package struct MediaRecipe: Sendable, Hashable {
    package var seconds = 6.0
    package var width = 320
    package var height = 180
    package var frameRate = 30
    /// Pictures between key frames.
    package var keyFrameInterval = 60
    package var bFrames = 0
    /// HEVC comes out of libx265.
    package var codec = VideoFormat.Codec.h264
    /// HEVC only: key pictures are CRA pictures with RASL pictures behind them.
    package var isOpen = false
    package var colour = "red"
    package var toneHertz = 440
    package var sampleRate = 48_000
    package var channels = 2

    package init() {}

    fileprivate var encoder: [String] {
        guard codec == .hevc else {
            return [
                "-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "main", "-g", String(keyFrameInterval),
                "-sc_threshold", "0", "-bf", String(bFrames),
            ]
        }
        let parameters =
            "keyint=\(keyFrameInterval):min-keyint=\(keyFrameInterval):scenecut=0:bframes=\(bFrames):b-adapt=0:"
            + "open-gop=\(isOpen ? 1 : 0):log-level=none:pools=none:frame-threads=1"
        return [
            "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", parameters, "-video_track_timescale", "90000",
        ]
    }

    package func with(_ change: (inout Self) -> Void) -> Self {
        var copy = self
        change(&copy)
        return copy
    }
}

/// A clip in H.264 or HEVC with AAC, encoded by the ffmpeg command and read back from FLV, or from MP4 where FLV cannot hold it, as a
/// publisher's access units.
package struct MediaClip: Sendable {
    package var format: ProgrammeFormat
    /// In the order of the file; times start near zero, in whole milliseconds, as RTMP brings them.
    package var units: [AccessUnit]
    package var recipe: MediaRecipe

    package static func generate(_ recipe: MediaRecipe) throws -> MediaClip {
        let folder = try MediaTool.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.
        let isFLV = recipe.codec == .h264
        let file = folder.appendingPathComponent(isFLV ? "clip.flv" : "clip.mp4").path
        let size = "\(recipe.width)x\(recipe.height)"
        let outcome = try MediaTool.run(
            "ffmpeg",
            [
                "-v", "error", "-y", "-f", "lavfi", "-i", "color=c=\(recipe.colour):s=\(size):r=\(recipe.frameRate)",
                "-f", "lavfi", "-i", "sine=frequency=\(recipe.toneHertz):sample_rate=\(recipe.sampleRate)",
                "-t", String(recipe.seconds), "-pix_fmt", "yuv420p",
            ] + recipe.encoder + ["-threads", "1", "-c:a", "aac", "-ac", String(recipe.channels), file])
        guard outcome.status == 0 else { throw MediaClipError(words: outcome.errors) }
        guard isFLV else { return try MP4ClipReader.read(file, recipe) }
        var reader = FLVClipReader(bytes: ByteBuffer(bytes: try Data(contentsOf: URL(fileURLWithPath: file))))
        return try reader.read(recipe)
    }

    /// The units as the programme would bring them: by DTS, shifted so that the first DTS of all is `start`, parameter sets
    /// in band at each IDR, durations from the next unit, audio times counted in samples.
    package func programme(startingAt start: MediaTime) -> [ProgrammeUnit] {
        let first = units.map(\.decodeTime).min() ?? .zero
        var lastDuration: [TrackKind: MediaTime] = [.video: .milliseconds(33), .audio: format.audio.frameDuration]
        var next: [TrackKind: MediaTime] = [:]
        var made: [ProgrammeUnit] = []
        for unit in withCountedAudioTimes().sorted(by: { $0.decodeTime < $1.decodeTime }).reversed() {
            let decodeTime = unit.decodeTime - first + start
            let duration = next[unit.track].map { $0 - decodeTime } ?? lastDuration[unit.track] ?? .zero
            next[unit.track] = decodeTime
            lastDuration[unit.track] = duration
            made.append(
                ProgrammeUnit(
                    track: unit.track, decodeTime: decodeTime, presentationTime: unit.presentationTime - first + start,
                    duration: duration, isKeyFrame: unit.isKeyFrame, videoCodec: format.video.codec,
                    payload: unit.track == .video && unit.isKeyFrame ? withParameterSets(unit.payload) : unit.payload))
        }
        return made.reversed()
    }

    /// FLV rounds to milliseconds; frames of audio follow each other without gaps.
    private func withCountedAudioTimes() -> [AccessUnit] {
        var anchor: MediaTime?
        var frames: Int64 = 0
        return units.map { unit in
            guard unit.track == .audio else { return unit }
            let zero = anchor ?? unit.decodeTime
            anchor = zero
            var counted = unit
            counted.decodeTime =
                zero
                + MediaTime(
                    ticks: frames * Int64(format.audio.samplesPerFrame), timescale: Int64(format.audio.sampleRate))
            counted.presentationTime = counted.decodeTime
            frames += 1
            return counted
        }
    }

    /// Where the clip's last unit ends on the timeline of `programme(startingAt:)`.
    package func end(startingAt start: MediaTime) -> MediaTime {
        programme(startingAt: start).map { $0.decodeTime + $0.duration }.max() ?? start
    }

    private func withParameterSets(_ payload: ByteBuffer) -> ByteBuffer {
        var whole = ByteBuffer()
        for set in format.video.parameterSets {
            whole.writeInteger(UInt32(set.count))
            whole.writeBytes(set)
        }
        whole.writeImmutableBuffer(payload)
        return whole
    }
}

package struct MediaClipError: Error {
    package var words: String
}

/// Reads what ffmpeg's FLV muxer writes, and nothing else: no hostile input comes here.
private struct FLVClipReader {
    var bytes: ByteBuffer
    var units: [AccessUnit] = []
    var video: [UInt8]?
    var audio: [UInt8]?

    init(bytes: ByteBuffer) { self.bytes = bytes }

    mutating func read(_ recipe: MediaRecipe) throws -> MediaClip {
        guard bytes.readBytes(length: 13) != nil else { throw MediaClipError(words: "no FLV header") }
        while let type = bytes.readInteger(as: UInt8.self) {
            guard let size = readUInt24(), let low = readUInt24(), let high = bytes.readInteger(as: UInt8.self),
                bytes.readBytes(length: 3) != nil, let body = bytes.readSlice(length: size),
                bytes.readInteger(as: UInt32.self) != nil
            else { throw MediaClipError(words: "a cut FLV tag") }
            let time = Int64(high) << 24 | Int64(low)
            if type == 9 { readVideo(body, time) }
            if type == 8 { readAudio(body, time) }
        }
        guard let video, let audio, video.count > 8 else { throw MediaClipError(words: "no codec configuration") }
        let format = ProgrammeFormat(
            video: try AVCConfiguration(ByteBuffer(bytes: video)).format,
            audio: AudioFormat(configuration: audio, sampleRate: recipe.sampleRate, channels: recipe.channels))
        return MediaClip(format: format, units: units, recipe: recipe)
    }

    private mutating func readVideo(_ body: ByteBuffer, _ time: Int64) {
        var body = body
        guard let first = body.readInteger(as: UInt8.self), let kind = body.readInteger(as: UInt8.self),
            let offset = body.readBytes(length: 3)
        else { return }
        if kind == 0 { video = Array(body.readableBytesView) }
        guard kind == 1 else { return }
        let shift = offset.reduce(0) { $0 << 8 | Int64($1) }
        units.append(
            AccessUnit(
                track: .video, decodeTime: .milliseconds(time), presentationTime: .milliseconds(time + shift),
                isKeyFrame: first >> 4 == 1, payload: body))
    }

    private mutating func readAudio(_ body: ByteBuffer, _ time: Int64) {
        var body = body
        guard body.readInteger(as: UInt8.self) != nil, let kind = body.readInteger(as: UInt8.self) else { return }
        if kind == 0 { audio = Array(body.readableBytesView) }
        guard kind == 1 else { return }
        units.append(
            AccessUnit(
                track: .audio, decodeTime: .milliseconds(time), presentationTime: .milliseconds(time), isKeyFrame: true,
                payload: body))
    }

    private mutating func readUInt24() -> Int? {
        bytes.readBytes(length: 3).map { $0.reduce(0) { $0 << 8 | Int($1) } }
    }
}
