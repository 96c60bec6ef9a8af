package import NIOCore

/// One audio, video or data message cut into chunks once, for any number of peers (RTMP 1.0 §5.3).
///
/// Each begins with a type 0 header, so it leans on nothing the peer had before: a hub writes the same bytes to all its players,
/// whenever they joined and whatever they missed. It goes on chunk streams that `ReplyWriter` does not use, and fits peers that
/// were told `chunkSize`: by `ServerConnection.playAccepted`, and by `ClientConnection` before it is ready.
package struct SharedMessage: Sendable, Equatable {
    package enum Kind: Sendable, CaseIterable {
        case audio
        case video
        /// AMF 0.
        case data

        var type: UInt8 {
            switch self {
            case .audio: MessageType.audio
            case .video: MessageType.video
            case .data: MessageType.dataAMF0
            }
        }

        var chunkStream: UInt8 {
            switch self {
            case .audio: 4
            case .video: 6
            case .data: 7
            }
        }
    }

    /// Of one chunk's payload, in bytes. Nearly every picture is one chunk; SRS and GStreamer use about as much.
    package static let chunkSize = 60_000
    /// Of the wire's 24-bit length, in bytes.
    package static let maximumBodyBytes = 0xFF_FFFF
    /// The message stream of every player here, and the one servers give to a client's first.
    package static let usualStreamID: UInt32 = 1
    private static let streamIDOffset = 8

    package let kind: Kind
    /// In milliseconds, modulo 2^32.
    package let timestamp: UInt32
    /// All chunks, for message stream 1.
    package let bytes: ByteBuffer

    /// Copies `header` and `payload`, the two parts of one tag body, into the chunks.
    /// - Returns: `nil` when together they are longer than `maximumBodyBytes`.
    package init?(_ kind: Kind, timestamp: UInt32, header: ByteBuffer = ByteBuffer(), payload: ByteBuffer) {
        let length = header.readableBytes + payload.readableBytes
        guard length <= Self.maximumBodyBytes else { return nil }
        self.kind = kind
        self.timestamp = timestamp
        let isExtended = timestamp >= ChunkHeader.extendedMark
        let continuations = max(0, length - 1) / Self.chunkSize
        var output = ByteBufferAllocator().buffer(
            capacity: 12 + length + continuations + (isExtended ? 4 * (continuations + 1) : 0))
        output.writeInteger(kind.chunkStream)
        output.writeUInt24(min(timestamp, ChunkHeader.extendedMark))
        output.writeUInt24(UInt32(truncatingIfNeeded: length))
        output.writeInteger(kind.type)
        output.writeInteger(Self.usualStreamID, endianness: .little)
        if isExtended { output.writeInteger(timestamp) }
        var room = Self.chunkSize
        for part in [header, payload] {
            var part = part
            while part.readableBytes > 0 {
                if room == 0 {
                    output.writeInteger(0xC0 | kind.chunkStream)
                    if isExtended { output.writeInteger(timestamp) }
                    room = Self.chunkSize
                }
                guard var piece = part.readSlice(length: min(room, part.readableBytes)) else { break }
                room -= piece.readableBytes
                output.writeBuffer(&piece)
            }
        }
        bytes = output
    }

    /// The chunks for another message stream: a copy, unless it is the usual one.
    package func bytes(streamID: UInt32) -> ByteBuffer {
        guard streamID != Self.usualStreamID else { return bytes }
        var patched = bytes
        patched.setInteger(streamID, at: patched.readerIndex + Self.streamIDOffset, endianness: .little)
        return patched
    }
}
