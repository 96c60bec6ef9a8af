import NIOCore
import RTMP

/// What an encoder sends, as bytes.
enum PeerBytes {
    /// C0, C1 and a C2 that the server does not look at.
    static func handshake() -> ByteBuffer {
        var bytes = ByteBuffer(integer: UInt8(3))
        bytes.writeRepeatingByte(7, count: 2 * 1536)
        return bytes
    }

    /// Handshake, connect, createStream, publish.
    static func publish(_ key: String, application: String = "live") -> ByteBuffer {
        var bytes = handshake()
        var encoder = ChunkEncoder()
        for (values, stream) in [
            ([.string("connect"), .number(1), .object(["app": .string(application)])], 0),
            ([.string("createStream"), .number(2), .null], 0),
            ([.string("publish"), .number(3), .null, .string(key), .string("live")], 1),
        ] as [([AMF0Value], UInt32)] {
            var payload = ByteBuffer()
            payload.writeAMF0(values)
            let message = RTMPMessage(type: 20, streamID: stream, timestamp: 0, payload: payload)
            encoder.encode(message, on: 3, into: &bytes)
        }
        return bytes
    }

    /// Handshake, connect, createStream, play.
    static func play(_ channel: String) -> ByteBuffer {
        var bytes = handshake()
        var encoder = ChunkEncoder()
        for (values, stream) in [
            ([.string("connect"), .number(1), .object(["app": .string("play")])], 0),
            ([.string("createStream"), .number(2), .null], 0),
            ([.string("play"), .number(3), .null, .string(channel)], 1),
        ] as [([AMF0Value], UInt32)] {
            var payload = ByteBuffer()
            payload.writeAMF0(values)
            let message = RTMPMessage(type: 20, streamID: stream, timestamp: 0, payload: payload)
            encoder.encode(message, on: 3, into: &bytes)
        }
        return bytes
    }

    /// Commands of a player, each of which is answered with several times its bytes.
    static func seeks(_ count: Int) -> ByteBuffer {
        var bytes = ByteBuffer()
        var encoder = ChunkEncoder()
        var payload = ByteBuffer()
        payload.writeAMF0([.string("seek"), .number(0), .null, .number(0)])
        for _ in 0..<count {
            let message = RTMPMessage(type: 20, streamID: 1, timestamp: 0, payload: payload)
            encoder.encode(message, on: 3, into: &bytes)
        }
        return bytes
    }

    static func pause() -> ByteBuffer {
        var bytes = ByteBuffer()
        var encoder = ChunkEncoder()
        var payload = ByteBuffer()
        payload.writeAMF0([.string("pause"), .number(0), .null, .boolean(true), .number(0)])
        encoder.encode(RTMPMessage(type: 20, streamID: 1, timestamp: 0, payload: payload), on: 3, into: &bytes)
        return bytes
    }

    /// AAC-LC, 48 kHz, stereo: the configuration and one frame of nothing.
    /// - Parameter padding: bytes more in the frame.
    static func sound(at timestamp: UInt32, padding: Int = 0) -> ByteBuffer {
        var bytes = ByteBuffer()
        var encoder = ChunkEncoder()
        let frame = [0xAF, 0x01, 0x21, 0x10, 0x04] + [UInt8](repeating: 0, count: padding)
        for payload in [[0xAF, 0x00, 0x11, 0x90], frame] as [[UInt8]] {
            encoder.encode(
                RTMPMessage(type: 8, streamID: 1, timestamp: timestamp, payload: ByteBuffer(bytes: payload)), on: 4,
                into: &bytes)
        }
        return bytes
    }
}
