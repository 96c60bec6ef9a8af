import NIOCore

/// The user control events this side sends or reads (RTMP 1.0 §7.1.7).
enum UserControl {
    static let streamBegin: UInt16 = 0
    static let streamEnd: UInt16 = 1
    static let setBufferLength: UInt16 = 3
    static let pingRequest: UInt16 = 6
    static let pingResponse: UInt16 = 7
}

/// Writes our side of the conversation into one buffer, in the order of the calls.
///
/// Owned by one connection. Commands go on chunk stream 3, statuses on 5, control on 2, as peers are used to; `SharedMessage`
/// has others.
struct ReplyWriter: Sendable {
    /// Announced to the peer in both directions, in bytes: it acknowledges each, and so do we.
    static let acknowledgementWindow: UInt32 = 2_500_000
    private static let chunkSize = 4096
    private static let controlStream: UInt16 = 2
    private static let commandStream: UInt16 = 3
    private static let statusStream: UInt16 = 5

    private var encoder = ChunkEncoder()
    private var output = ByteBuffer()

    /// What was written since the last call; `nil` when that is nothing.
    mutating func takeOutput() -> ByteBuffer? {
        guard output.readableBytes > 0 else { return nil }
        defer { output = ByteBuffer() }
        return output
    }

    /// Bytes that are not chunks: the handshake.
    mutating func write(raw bytes: ByteBuffer) { output.writeImmutableBuffer(bytes) }

    // MARK: Control messages (§5.4, §7.1.7)

    mutating func writeConnectPreamble() {
        writeWindowAcknowledgementSize(Self.acknowledgementWindow)
        writeControl(MessageType.setPeerBandwidth) {
            $0.writeInteger(Self.acknowledgementWindow)
            $0.writeInteger(UInt8(2))  // "Dynamic": keep a hard limit if there is one.
        }
        writeChunkSize(Self.chunkSize)
    }

    /// Tells the peer the size of the chunks that follow, and cuts them so.
    mutating func writeChunkSize(_ size: Int) {
        writeControl(MessageType.setChunkSize) { $0.writeInteger(UInt32(truncatingIfNeeded: size)) }
        encoder.chunkSize = size
    }

    mutating func writeWindowAcknowledgementSize(_ size: UInt32) {
        writeControl(MessageType.windowAcknowledgementSize) { $0.writeInteger(size) }
    }

    mutating func writeAcknowledgement(received: UInt32) {
        writeControl(MessageType.acknowledgement) { $0.writeInteger(received) }
    }

    /// - Parameter values: the event's fields: a stream id, a time, a length.
    mutating func writeUserControl(_ event: UInt16, _ values: UInt32...) {
        writeControl(MessageType.userControl) {
            $0.writeInteger(event)
            for value in values { $0.writeInteger(value) }
        }
    }

    private mutating func writeControl(_ type: UInt8, _ fill: (inout ByteBuffer) -> Void) {
        var payload = ByteBuffer()
        fill(&payload)
        let message = RTMPMessage(type: type, streamID: 0, timestamp: 0, payload: payload)
        encoder.encode(message, on: Self.controlStream, into: &output)
    }

    // MARK: Commands (§7.2)

    mutating func writeResult(_ transaction: Double, _ values: [AMF0Value]) {
        writeCommand([.string("_result"), .number(transaction)] + values, streamID: 0, on: Self.commandStream)
    }

    mutating func writeError(_ transaction: Double, code: String, description: String) {
        writeCommand(
            [.string("_error"), .number(transaction), .null, Self.information("error", code, description)],
            streamID: 0, on: Self.commandStream)
    }

    /// - Parameter command: `onStatus`, `onFCPublish` or `onFCUnpublish`.
    mutating func writeStatus(
        _ command: String = "onStatus", level: String, code: String, description: String, streamID: UInt32
    ) {
        writeCommand(
            [.string(command), .number(0), .null, Self.information(level, code, description)],
            streamID: streamID, on: Self.statusStream)
    }

    /// A command of ours, or an answer that is neither result nor status.
    mutating func writeCommand(_ name: String, _ transaction: Double, _ values: [AMF0Value], streamID: UInt32 = 0) {
        writeCommand([.string(name), .number(transaction)] + values, streamID: streamID, on: Self.commandStream)
    }

    /// A data message, on the statuses' chunk stream so that it keeps its place among them.
    mutating func writeData(_ values: [AMF0Value], streamID: UInt32) {
        write(MessageType.dataAMF0, values, streamID: streamID, on: Self.statusStream)
    }

    static func information(_ level: String, _ code: String, _ description: String) -> AMF0Value {
        .object(["level": .string(level), "code": .string(code), "description": .string(description)])
    }

    private mutating func writeCommand(_ values: [AMF0Value], streamID: UInt32, on chunkStream: UInt16) {
        write(MessageType.commandAMF0, values, streamID: streamID, on: chunkStream)
    }

    private mutating func write(_ type: UInt8, _ values: [AMF0Value], streamID: UInt32, on chunkStream: UInt16) {
        var payload = ByteBuffer()
        payload.writeAMF0(values)
        let message = RTMPMessage(type: type, streamID: streamID, timestamp: 0, payload: payload)
        encoder.encode(message, on: chunkStream, into: &output)
    }
}
