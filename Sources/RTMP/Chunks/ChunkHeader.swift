import NIOCore

/// A chunk's basic and message header as they stand on the wire (RTMP 1.0 §5.3.1), before they are given a meaning.
///
///     fmt:2 csid:6 [csid 8 or 16 bits] · [timestamp or delta 24] [length 24 · type 8] [stream id 32, little-endian]
///
/// The extended timestamp is read separately: whether it is there hangs on the chunk stream's history.
struct ChunkHeader: Equatable {
    /// 0…3: how much of the message header is there.
    var format: UInt8
    var chunkStreamID: Int
    /// Formats 0…2: a timestamp (0) or a delta (1, 2); `0xFFFFFF` stands for an extended one.
    var timestampField: UInt32 = 0
    /// Formats 0 and 1.
    var messageLength = 0
    var messageType: UInt8 = 0
    /// Format 0.
    var messageStreamID: UInt32 = 0

    /// Of the longest header with its extended timestamp.
    static let maximumBytes = 3 + 11 + 4
    static let extendedMark: UInt32 = 0xFF_FFFF

    /// `nil` when `input` does not hold the whole header yet; then nothing is consumed.
    init?(reading input: inout ByteBuffer) {
        let start = input.readerIndex
        guard let first = input.readInteger(as: UInt8.self) else { return nil }
        format = first >> 6
        chunkStreamID = Int(first & 0x3F)
        guard readWideStreamID(&input), readMessageHeader(&input) else {
            input.moveReaderIndex(to: start)
            return nil
        }
    }

    private mutating func readWideStreamID(_ input: inout ByteBuffer) -> Bool {
        switch chunkStreamID {
        case 0:
            guard let low = input.readInteger(as: UInt8.self) else { return false }
            chunkStreamID = 64 + Int(low)
        case 1:
            guard let wide = input.readInteger(endianness: .little, as: UInt16.self) else { return false }
            chunkStreamID = 64 + Int(wide)
        default: break
        }
        return true
    }

    private mutating func readMessageHeader(_ input: inout ByteBuffer) -> Bool {
        if format <= 2 {
            guard let field = input.readUInt24() else { return false }
            timestampField = field
        }
        if format <= 1 {
            guard let length = input.readUInt24(), let type = input.readInteger(as: UInt8.self) else { return false }
            messageLength = Int(length)
            messageType = type
        }
        if format == 0 {
            guard let id = input.readInteger(endianness: .little, as: UInt32.self) else { return false }
            messageStreamID = id
        }
        return true
    }
}

extension ByteBuffer {
    /// Three bytes, big-endian; `nil` and nothing consumed when there are fewer.
    mutating func readUInt24() -> UInt32? {
        guard readableBytes >= 3, let high = readInteger(as: UInt16.self), let low = readInteger(as: UInt8.self) else {
            return nil
        }
        return UInt32(high) << 8 | UInt32(low)
    }

    mutating func writeUInt24(_ value: UInt32) {
        writeInteger(UInt16(truncatingIfNeeded: value >> 8))
        writeInteger(UInt8(truncatingIfNeeded: value))
    }
}
