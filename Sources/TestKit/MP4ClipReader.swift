import Domain
import Foundation
import NIOCore

/// Reads an MP4 file that ffmpeg wrote, as ffprobe tells where its packets lie, and nothing else: no hostile input comes here.
enum MP4ClipReader {
    private struct Probe: Decodable {
        struct Packet: Decodable {
            var codec_type: String
            var pts_time: String
            var dts_time: String
            var size: String
            var pos: String
            var flags: String
        }
        var packets: [Packet]
    }

    static func read(_ path: String, _ recipe: MediaRecipe) throws -> MediaClip {
        let bytes = ByteBuffer(bytes: try Data(contentsOf: URL(fileURLWithPath: path)))
        let outcome = try MediaTool.run("ffprobe", ["-v", "error", "-of", "json", "-show_packets", path])
        let packets = try JSONDecoder().decode(Probe.self, from: outcome.output).packets
        let units = packets.compactMap { packet -> AccessUnit? in
            guard let decode = Double(packet.dts_time), let presentation = Double(packet.pts_time),
                let place = Int(packet.pos), let size = Int(packet.size),
                let payload = bytes.getSlice(at: place, length: size)
            else { return nil }
            return AccessUnit(
                track: packet.codec_type == "video" ? .video : .audio, decodeTime: .seconds(decode),
                presentationTime: .seconds(presentation), isKeyFrame: packet.flags.hasPrefix("K"), payload: payload)
        }
        guard units.count == packets.count else { throw MediaClipError(words: "a packet without time or place") }
        let format = ProgrammeFormat(
            video: try HEVCConfiguration(try box("hvcC", in: bytes)).format,
            audio: .synthetic(sampleRate: recipe.sampleRate, channels: recipe.channels))
        return MediaClip(format: format, units: units, recipe: recipe)
    }

    /// The body of the first box of this name, found by its name alone.
    private static func box(_ name: String, in bytes: ByteBuffer) throws -> ByteBuffer {
        let view = Array(bytes.readableBytesView)
        let pattern = Array(name.utf8)
        for place in 4..<max(4, view.count - 4)
        where view[place] == pattern[0] && Array(view[place..<place + 4]) == pattern {
            let size = Int(bytes.getInteger(at: place - 4, as: UInt32.self) ?? 8)
            if let body = bytes.getSlice(at: place + 4, length: size - 8) { return body }
        }
        throw MediaClipError(words: "no \(name)")
    }
}
