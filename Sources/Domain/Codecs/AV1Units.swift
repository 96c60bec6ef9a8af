package import NIOCore

/// What one pass over the OBUs of an AV1 temporal unit found (AV1 specification §5.3). Copies nothing; reads headers only.
package struct AV1Units: Sendable {
    static let sequenceHeaderWithSize: UInt8 = 0x0A
    private static let sequenceHeaderType: UInt8 = 1
    private static let frameHeaderTypes: Set<UInt8> = [3, 6]

    /// The payload of the last sequence header.
    package private(set) var sequenceHeader: ByteBuffer?
    /// The first frame is a shown key frame: with a sequence header before it, a decoder can start here.
    package private(set) var startsWithKeyFrame = false
    package private(set) var containsPicture = false
    /// A size reached past the end.
    package private(set) var isBroken = false

    package init(_ unit: ByteBuffer) {
        var rest = unit
        while let header = rest.readInteger(as: UInt8.self) {
            guard header & 0x80 == 0, let payload = Self.readPayload(header, &rest) else {
                isBroken = true
                return
            }
            let type = header >> 3 & 0x0F
            if type == Self.sequenceHeaderType { sequenceHeader = payload }
            if Self.frameHeaderTypes.contains(type), !containsPicture {
                containsPicture = true
                // show_existing_frame 0 · frame_type 00 (key) · show_frame 1
                startsWithKeyFrame =
                    (payload.getInteger(at: payload.readerIndex, as: UInt8.self) ?? 0xFF) >> 4 == 0b0001
            }
        }
    }

    private static func readPayload(_ header: UInt8, _ rest: inout ByteBuffer) -> ByteBuffer? {
        if header & 0x04 != 0, rest.readInteger(as: UInt8.self) == nil { return nil }
        guard header & 0x02 != 0 else { return rest.readSlice(length: rest.readableBytes) }
        guard let size = readSize(&rest) else { return nil }
        return rest.readSlice(length: size)
    }

    /// `leb128()` (§4.10.5): at most eight bytes, less than 2^32.
    private static func readSize(_ rest: inout ByteBuffer) -> Int? {
        var value = 0
        for index in 0..<8 {
            guard let byte = rest.readInteger(as: UInt8.self) else { return nil }
            value |= Int(byte & 0x7F) << (7 * index)
            if byte & 0x80 == 0 { return value < 1 << 32 ? value : nil }
        }
        return nil
    }
}
