package import NIOCore

/// Cuts messages into chunks (RTMP 1.0 §5.3), with the shortest header the chunk stream's history allows.
///
/// Owned by one connection, on its event loop. Messages of one chunk stream are written whole, one after another.
package struct ChunkEncoder: Sendable {
    private struct Stream {
        var timestamp: UInt32
        /// As the peer will have it; see `ChunkDecoder`.
        var delta: UInt32
        var length: Int
        var type: UInt8
        var streamID: UInt32
    }

    /// Of one chunk's payload. The peer must have been told by Set Chunk Size before it is raised from 128.
    package var chunkSize = 128
    /// One entry per chunk stream *we* use: a handful.
    private var streams: [UInt16: Stream] = [:]

    package init() {}

    /// Appends `message`'s chunks to `output`. `chunkStreamID` is 2…65,599; we use single digits.
    package mutating func encode(_ message: RTMPMessage, on chunkStreamID: UInt16, into output: inout ByteBuffer) {
        var payload = message.payload
        let length = payload.readableBytes
        let previous = streams[chunkStreamID]
        let format = headerFormat(of: message, after: previous)
        let field = format == 0 ? message.timestamp : message.timestamp &- (previous?.timestamp ?? 0)
        streams[chunkStreamID] = Stream(
            timestamp: message.timestamp, delta: field, length: length, type: message.type, streamID: message.streamID)
        output.reserveCapacity(minimumWritableBytes: length + length / max(1, chunkSize) * 7 + ChunkHeader.maximumBytes)
        let isExtended = field >= ChunkHeader.extendedMark
        writeBasicHeader(format, chunkStreamID, &output)
        let shortField = min(field, ChunkHeader.extendedMark)
        if format <= 2 { output.writeUInt24(shortField) }
        if format <= 1 {
            output.writeUInt24(UInt32(truncatingIfNeeded: length))
            output.writeInteger(message.type)
        }
        if format == 0 { output.writeInteger(message.streamID, endianness: .little) }
        if isExtended { output.writeInteger(field) }
        while true {
            if var part = payload.readSlice(length: min(chunkSize, payload.readableBytes)) { output.writeBuffer(&part) }
            guard payload.readableBytes > 0 else { return }
            writeBasicHeader(3, chunkStreamID, &output)
            if isExtended { output.writeInteger(field) }
        }
    }

    private func headerFormat(of message: RTMPMessage, after previous: Stream?) -> UInt8 {
        guard let previous, previous.streamID == message.streamID,
            message.timestamp &- previous.timestamp < 0x8000_0000
        else { return 0 }
        guard previous.length == message.payload.readableBytes, previous.type == message.type else { return 1 }
        return message.timestamp &- previous.timestamp == previous.delta ? 3 : 2
    }

    private func writeBasicHeader(_ format: UInt8, _ id: UInt16, _ output: inout ByteBuffer) {
        switch id {
        case 2...63: output.writeInteger(format << 6 | UInt8(truncatingIfNeeded: id))
        case 64...319:
            output.writeInteger(format << 6)
            output.writeInteger(UInt8(truncatingIfNeeded: id - 64))
        default:
            output.writeInteger(format << 6 | 1)
            output.writeInteger(id &- 64, endianness: .little)
        }
    }
}
