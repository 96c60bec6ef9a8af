package import NIOCore

/// The H.264 NAL unit types this server looks at (ISO/IEC 14496-10 table 7-1).
package enum NALUnitType {
    package static let nonIDRSlice: UInt8 = 1
    package static let idrSlice: UInt8 = 5
    package static let sequenceParameterSet: UInt8 = 7
    package static let pictureParameterSet: UInt8 = 8
    package static let accessUnitDelimiter: UInt8 = 9
}

/// Walks the NAL units of one H.264 or HEVC access unit, each behind a big-endian length of 1, 2 or 4 bytes
/// (ISO/IEC 14496-15 §5.3.4.2). Copies nothing and reads one byte per unit.
///
/// Empty units are skipped. The walk ends at the first length that reaches past the payload; `isBroken` then says so.
package struct NALUnits: Sequence, IteratorProtocol {
    package struct Unit: Equatable {
        /// The first byte; HEVC has a second.
        package var header: UInt8
        /// Indices into the buffer: the unit with its header byte, without its length.
        package var range: Range<Int>

        /// H.264's `nal_unit_type`, 0…31.
        package var type: UInt8 { header & 0x1F }
        /// HEVC's `nal_unit_type`, 0…63 (ITU-T H.265 §7.3.1.2).
        package var hevcType: UInt8 { HEVCUnitType.of(header) }
    }

    private let buffer: ByteBuffer
    private let lengthSize: Int
    private var index: Int
    /// A length reached past the end, or a part of a length was left over.
    package private(set) var isBroken = false
    /// Units of length 0 were skipped; some decoders stop at them.
    package private(set) var hasEmptyUnits = false

    package init(_ buffer: ByteBuffer, lengthSize: Int = 4) {
        self.buffer = buffer
        self.lengthSize = lengthSize
        self.index = buffer.readerIndex
    }

    package mutating func next() -> Unit? {
        while index < buffer.writerIndex {
            guard let length = readLength(), length <= buffer.writerIndex - index - lengthSize else {
                isBroken = true
                index = buffer.writerIndex
                return nil
            }
            let start = index + lengthSize
            index = start + length
            guard length > 0, let header = buffer.getInteger(at: start, as: UInt8.self) else {
                hasEmptyUnits = true
                continue
            }
            return Unit(header: header, range: start..<index)
        }
        return nil
    }

    private func readLength() -> Int? {
        switch lengthSize {
        case 1: buffer.getInteger(at: index, as: UInt8.self).map(Int.init)
        case 2: buffer.getInteger(at: index, as: UInt16.self).map(Int.init)
        default: buffer.getInteger(at: index, as: UInt32.self).map(Int.init)
        }
    }
}

/// What one pass over an H.264 access unit's NAL units found.
package struct NALUnitSummary: Equatable, Sendable {
    /// An IDR slice: a decoder can start here, whatever the container's flag says.
    package var containsIDR = false
    /// Any slice at all; without one the unit shows no picture.
    package var containsPicture = false
    /// A length reached past the end: the unit is damaged.
    package var isBroken = false
    package var hasEmptyUnits = false

    package init(_ payload: ByteBuffer, lengthSize: Int = 4) {
        var units = NALUnits(payload, lengthSize: lengthSize)
        while let unit = units.next() {
            if unit.type == NALUnitType.idrSlice { containsIDR = true }
            if (NALUnitType.nonIDRSlice...NALUnitType.idrSlice).contains(unit.type) { containsPicture = true }
        }
        isBroken = units.isBroken
        hasEmptyUnits = units.hasEmptyUnits
    }
}

/// `payload` with 4-byte lengths and without empty units; copies once. Only for encoders that use other lengths.
package func withFourByteLengths(_ payload: ByteBuffer, lengthSize: Int) -> ByteBuffer {
    var converted = ByteBufferAllocator().buffer(capacity: payload.readableBytes + 64)
    for unit in NALUnits(payload, lengthSize: lengthSize) { converted.writeUnit(unit.range, of: payload) }
    return converted
}

extension ByteBuffer {
    /// Appends `source[range]` behind its 4-byte length.
    mutating func writeUnit(_ range: Range<Int>, of source: ByteBuffer) {
        guard let bytes = source.viewBytes(at: range.lowerBound, length: range.count) else { return }
        writeInteger(UInt32(truncatingIfNeeded: range.count))
        writeBytes(bytes)
    }
}
