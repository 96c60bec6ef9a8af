package import Domain
package import NIOCore
import NIOWebSocket

/// Puts another wrapping's packets into WebSocket frames (RFC 6455 §5.2), for a hub: framed once, written by every viewer.
///
/// Each packet is one binary message. Where the format changes, a text message tells of it first, then the header follows as a
/// binary one.
package struct WebSocketWrapping: HubPacketWrapping {
    private let inner: any HubPacketWrapping
    private let describe: @Sendable (ProgrammeFormat) -> String

    /// - Parameter describe: what a viewer is told of a format: a JSON object.
    package init(_ inner: any HubPacketWrapping, describe: @escaping @Sendable (ProgrammeFormat) -> String) {
        self.inner = inner
        self.describe = describe
    }

    package func header(_ format: ProgrammeFormat, at time: MediaTime) -> ByteBuffer {
        var bytes = WebSocketBytes.frame(.text, ByteBuffer(string: describe(format)))
        let header = inner.header(format, at: time)
        if header.readableBytes > 0 { bytes.writeImmutableBuffer(WebSocketBytes.frame(.binary, header)) }
        return bytes
    }

    package func packet(_ unit: ProgrammeUnit) -> HubPacket? { framed(inner.packet(unit)) }
    package func joined(_ format: ProgrammeFormat) -> HubPacket? { framed(inner.joined(format)) }
    package func finished() -> HubPacket? { framed(inner.finished()) }

    private func framed(_ packet: HubPacket?) -> HubPacket? {
        guard var packet else { return nil }
        packet.bytes = WebSocketBytes.frame(.binary, packet.bytes)
        return packet
    }
}

/// A server's frames: whole messages, not masked.
///
///     FIN 1 │ reserved 3 │ opcode 4 │ MASK 1 │ length 7 (126: 16 more bits, 127: 64 more) │ payload
enum WebSocketBytes {
    static func frame(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) -> ByteBuffer {
        let length = payload.readableBytes
        var bytes = ByteBufferAllocator().buffer(capacity: length + 10)
        bytes.writeInteger(0x80 | UInt8(webSocketOpcode: opcode))
        switch length {
        case ...125: bytes.writeInteger(UInt8(length))
        case ...0xFFFF:
            bytes.writeInteger(UInt8(126))
            bytes.writeInteger(UInt16(length))
        default:
            bytes.writeInteger(UInt8(127))
            bytes.writeInteger(UInt64(length))
        }
        bytes.writeImmutableBuffer(payload)
        return bytes
    }
}
