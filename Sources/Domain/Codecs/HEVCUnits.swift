package import NIOCore

/// The HEVC NAL unit types this server looks at (ITU-T H.265 table 7-1).
enum HEVCUnitType {
    static let videoParameterSet: UInt8 = 32
    static let sequenceParameterSet: UInt8 = 33
    static let pictureParameterSet: UInt8 = 34
    static let parameterSets = 32...34 as ClosedRange<UInt8>
    /// BLA, IDR and CRA pictures: a decoder can start at each.
    static let randomAccess = 16...21 as ClosedRange<UInt8>
    /// Slices of pictures, reserved types among them.
    static let slices = 0...31 as ClosedRange<UInt8>

    /// - Parameter header: the first of a unit's two header bytes.
    static func of(_ header: UInt8) -> UInt8 { header >> 1 & 0x3F }
}

/// What one pass over an HEVC access unit's NAL units found; as `NALUnitSummary` for H.264.
package struct HEVCUnitSummary: Equatable, Sendable {
    /// An IRAP picture: a decoder can start here, whatever the container's flag says. Pictures that follow a CRA in decoding
    /// order and come before it in display (RASL) cannot be decoded after such a start.
    package var containsRandomAccess = false
    package var containsPicture = false
    /// A length reached past the end: the unit is damaged.
    package var isBroken = false
    package var hasEmptyUnits = false

    package init(_ payload: ByteBuffer, lengthSize: Int = 4) {
        var units = NALUnits(payload, lengthSize: lengthSize)
        while let unit = units.next() {
            guard let header = payload.getInteger(at: unit.range.lowerBound, as: UInt8.self) else { continue }
            let type = HEVCUnitType.of(header)
            if HEVCUnitType.randomAccess.contains(type) { containsRandomAccess = true }
            if HEVCUnitType.slices.contains(type) { containsPicture = true }
        }
        isBroken = units.isBroken
        hasEmptyUnits = units.hasEmptyUnits
    }
}
