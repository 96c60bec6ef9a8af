import Domain
import Foundation
import NIOCore
import TestKit

/// Sound as publishers send it, encoded by the ffmpeg command.
enum SoundClips {
    struct EncodingFailed: Error { var words: String }

    /// AAC-LC at 48 kHz.
    static func aac(_ source: String, channels: Int = 2) throws -> (AudioFormat, [ByteBuffer]) {
        let bytes = try encode(source, channels: channels, ["-c:a", "aac", "-b:a", "128k", "-f", "adts"])
        var reader = bytes
        var frames: [ByteBuffer] = []
        // ADTS (ISO/IEC 13818-7 §6.2): 7 bytes of header, its length in 13 bits from bit 30.
        while let head = reader.getBytes(at: reader.readerIndex, length: 7) {
            let length = Int(head[3] & 3) << 11 | Int(head[4]) << 3 | Int(head[5]) >> 5
            guard let frame = reader.readSlice(length: length) else { break }
            frames.append(frame.getSlice(at: frame.readerIndex + 7, length: length - 7) ?? ByteBuffer())
        }
        // Object type 2, 48 kHz (index 3), `channels`.
        return (
            AudioFormat(
                configuration: [0x11, 0x80 | UInt8(channels) << 3], sampleRate: 48_000, channels: channels), frames
        )
    }

    static func opus(_ source: String) throws -> (AudioFormat, [ByteBuffer]) {
        var packets = oggPackets(try encode(source, channels: 2, ["-c:a", "libopus", "-f", "ogg"]))
        let head = Array(packets.removeFirst().readableBytesView)
        packets.removeFirst()
        return (
            AudioFormat(codec: .opus, configuration: head, sampleRate: 48_000, channels: 2, samplesPerFrame: 960),
            packets
        )
    }

    /// Stereo AAC-LC whose every frame is digital silence, padded with a fill element (ISO/IEC 14496-3 §4.4.2.7) as encoders with a
    /// constant bitrate do.
    static func paddedSilence(frames: Int) -> (AudioFormat, [ByteBuffer]) {
        let format = AudioFormat(configuration: [0x11, 0x90], sampleRate: 48_000, channels: 2)
        let plain = AACSilence.frame(for: format).map { Array($0.readableBytesView) } ?? []
        // A channel pair is 43 bits; what follows it in the plain frame is the end.
        var bits = plain.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }.prefix(43).map { $0 }
        func write(_ value: Int, _ count: Int) { bits += (0..<count).map { UInt8(value >> (count - 1 - $0) & 1) } }
        write(6, 3)
        write(15, 4)
        write(200, 8)
        write(0, 8)
        for _ in 1..<(15 + 200 - 1) { write(0xA5, 8) }
        write(7, 3)
        while bits.count % 8 != 0 { write(0, 1) }
        let bytes = stride(from: 0, to: bits.count, by: 8).map { start in
            bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | $1 }
        }
        return (format, Array(repeating: ByteBuffer(bytes: bytes), count: frames))
    }

    private static func encode(_ source: String, channels: Int, _ arguments: [String]) throws -> ByteBuffer {
        let outcome = try MediaTool.run(
            "ffmpeg",
            ["-v", "error", "-f", "lavfi", "-i", source, "-ac", "\(channels)", "-ar", "48000"] + arguments + ["-"])
        guard outcome.status == 0 else { throw EncodingFailed(words: outcome.errors) }
        return ByteBuffer(bytes: outcome.output)
    }

    /// Ogg pages (RFC 3533 §6) to packets.
    private static func oggPackets(_ bytes: ByteBuffer) -> [ByteBuffer] {
        var reader = bytes
        var packets: [ByteBuffer] = []
        var packet = ByteBuffer()
        while reader.readSlice(length: 26) != nil, let count = reader.readInteger(as: UInt8.self),
            let lengths = reader.readBytes(length: Int(count))
        {
            for length in lengths {
                guard var piece = reader.readSlice(length: Int(length)) else { return packets }
                packet.writeBuffer(&piece)
                guard length < 255 else { continue }
                packets.append(packet)
                packet = ByteBuffer()
            }
        }
        return packets
    }
}
