package import NIOCore

/// The HEVC NAL unit types this server looks at (ITU-T H.265 table 7-1).
package enum HEVCUnitType {
    package static let videoParameterSet: UInt8 = 32
    package static let sequenceParameterSet: UInt8 = 33
    package static let pictureParameterSet: UInt8 = 34
    package static let accessUnitDelimiter: UInt8 = 35
    static let parameterSets = 32...34 as ClosedRange<UInt8>
    /// BLA, IDR and CRA pictures: a decoder can start at each.
    static let randomAccess = 16...21 as ClosedRange<UInt8>
    /// Slices of pictures, reserved types among them.
    static let slices = 0...31 as ClosedRange<UInt8>
    static let brokenLinkWithoutLeading: UInt8 = 18
    static let cleanRandomAccess: UInt8 = 21
    /// RADL and RASL.
    static let leading = 6...9 as ClosedRange<UInt8>

    /// - Parameter header: the first of a unit's two header bytes.
    static func of(_ header: UInt8) -> UInt8 { header >> 1 & 0x3F }
}

/// What a picture is to a decoder that starts near it (ITU-T H.265 §3, "IRAP picture", "leading picture").
package enum HEVCPicture: Sendable, Equatable {
    /// An IDR or BLA picture: all that is decoded from here on can be shown.
    case closedRandomAccess
    /// A CRA picture: a decoder can start here, but the RASL pictures behind it need what came before.
    case cleanRandomAccess
    /// Decoded after a random access picture and shown before it.
    case leading
    case trailing

    init(_ type: UInt8) {
        switch type {
        case HEVCUnitType.cleanRandomAccess: self = .cleanRandomAccess
        case HEVCUnitType.randomAccess: self = .closedRandomAccess
        case HEVCUnitType.leading: self = .leading
        default: self = .trailing
        }
    }
}

/// What one pass over an HEVC access unit's NAL units found; as `NALUnitSummary` for H.264.
package struct HEVCUnitSummary: Equatable, Sendable {
    /// By the first slice, since all of a picture have one type (§7.4.2.2); `nil` without any.
    package var picture: HEVCPicture?
    /// A length reached past the end: the unit is damaged.
    package var isBroken = false
    package var hasEmptyUnits = false

    /// An IRAP picture: a decoder can start here, whatever the container's flag says.
    package var containsRandomAccess: Bool { picture == .closedRandomAccess || picture == .cleanRandomAccess }
    package var containsPicture: Bool { picture != nil }

    package init(_ payload: ByteBuffer, lengthSize: Int = 4) {
        var units = NALUnits(payload, lengthSize: lengthSize)
        while let unit = units.next() {
            if picture == nil, HEVCUnitType.slices.contains(unit.hevcType) { picture = HEVCPicture(unit.hevcType) }
        }
        isBroken = units.isBroken
        hasEmptyUnits = units.hasEmptyUnits
    }
}

/// A CRA picture as the BLA picture that it is where a stream is spliced (ITU-T H.265 §3.14, "broken link"); any other as it is.
///
/// A decoder that runs on through a hand-over would take a CRA picture for one of the stream before: its picture order count would go
/// on from there, and what that stream still has to show would be shown late or never. At a BLA picture everything begins anew, as at
/// an IDR picture. The two differ in nothing but the type in each slice's header; this one says that no leading pictures
/// follow (BLA_N_LP), so whoever calls leaves them out.
/// - Parameter payload: with 4-byte lengths. Copied where it is a CRA picture.
package func withBrokenLink(_ payload: ByteBuffer) -> ByteBuffer {
    var spliced = payload
    for unit in NALUnits(payload) where unit.hevcType == HEVCUnitType.cleanRandomAccess {
        // The type lies between the forbidden bit and the layer's highest.
        spliced.setInteger(unit.header & 0x81 | HEVCUnitType.brokenLinkWithoutLeading << 1, at: unit.range.lowerBound)
    }
    return spliced
}
