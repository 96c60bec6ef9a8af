package import NIOCore

/// A parsed HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1).
///
///     version=1 · space 2 · tier 1 · profile 5 · compatibility 32 · constraints 48 · level 8 · 1111 segmentation 12
///     111111 parallelism 2 · 111111 chroma 2 · 11111 luma depth 3 · 11111 chroma depth 3 · frame rate 16
///     constant 2 · layers 3 · nested 1 · lengthSize-1 2 · count of arrays 8 · (…type 6, count 16, (length 16, NAL unit)…)…
package struct HEVCConfiguration: Sendable, Equatable {
    /// With a record of our own writing: 4-byte lengths, the three kinds of parameter sets and nothing else.
    package var format: VideoFormat
    /// Bytes of each NAL length in the publisher's access units: 1, 2 or 4.
    package var lengthSize: Int

    private static let headerBytes = 22
    private static let maximumParameterSetBytes = 8192
    private static let maximumArrays = 16
    private static let truncated = CodecError(.truncated, "The HEVC configuration ends too early.")

    /// - Throws: `CodecError` with the reason for the DJ: cut short, no VPS, SPS or PPS, a field out of range.
    package init(_ record: ByteBuffer) throws(CodecError) {
        var record = record
        guard var header = record.readBytes(length: Self.headerBytes) else { throw Self.truncated }
        guard header[0] == 1 else {
            throw CodecError(.unsupported, "The HEVC configuration has version \(header[0]) where 1 is known.")
        }
        lengthSize = Int(header[21] & 3) + 1
        guard lengthSize != 3 else {
            throw CodecError(.malformed, "The HEVC configuration's lengthSizeMinusOne asks for NAL lengths of 3 bytes.")
        }
        let sets = try Self.readSets(&record)
        guard let first = sets.sequence.first, !sets.video.isEmpty, !sets.picture.isEmpty else {
            throw CodecError(.malformed, "The HEVC configuration lacks its VPS, SPS or PPS.")
        }
        for set in sets.sequence.dropFirst() { _ = try HEVCSequenceParameterSet(set) }
        let sequence = try HEVCSequenceParameterSet(first)
        header[21] |= 3
        format = VideoFormat(
            codec: .hevc, configuration: Self.serialise(header, sets), parameterSets: sets.all, width: sequence.width,
            height: sequence.height, frameRate: sequence.frameRate, profile: sequence.profile, constraints: 0,
            level: sequence.level, chromaFormat: sequence.chromaFormat,
            bitDepth: max(sequence.bitDepthLuma, sequence.bitDepthChroma), isHighTier: sequence.isHighTier,
            reorderDepth: sequence.reorderDepth)
    }

    /// The record for parameter sets that an encoder gave without one; what it cannot know (segmentation, parallelism, frame rate)
    /// says so by 0.
    /// - Parameter units: VPS, SPS and PPS with their headers; others are left out.
    /// - Throws: `CodecError` without one of each, or for an SPS that cannot be read.
    package static func record(of units: [[UInt8]]) throws(CodecError) -> [UInt8] {
        var sets = ParameterSets()
        for unit in units {
            guard let header = unit.first, HEVCUnitType.parameterSets.contains(HEVCUnitType.of(header)) else {
                continue
            }
            sets.append(unit, type: HEVCUnitType.of(header))
        }
        guard let first = sets.sequence.first, !sets.video.isEmpty, !sets.picture.isEmpty else {
            throw CodecError(.malformed, "The encoder gave no VPS, SPS or PPS.")
        }
        let sequence = try HEVCSequenceParameterSet(first)
        // Behind the unit's header and a byte of the SPS's own stand profile, tier and level (§7.3.3): 12 bytes.
        let general = withoutEmulationPrevention(first.dropFirst(2)).dropFirst().prefix(12)
        let header =
            [1] + general + [
                0xF0, 0, 0xFC, 0xFC | UInt8(truncatingIfNeeded: sequence.chromaFormat),
                0xF8 | UInt8(truncatingIfNeeded: sequence.bitDepthLuma - 8),
                0xF8 | UInt8(truncatingIfNeeded: sequence.bitDepthChroma - 8), 0, 0, 0x0F,
            ]
        return serialise(header, sets)
    }

    fileprivate struct ParameterSets {
        var video: [[UInt8]] = []
        var sequence: [[UInt8]] = []
        var picture: [[UInt8]] = []
        var all: [[UInt8]] { video + sequence + picture }
    }

    /// Other kinds of units are stepped over: x265 puts an SEI message of 2 KB about itself here.
    private static func readSets(_ record: inout ByteBuffer) throws(CodecError) -> ParameterSets {
        guard let arrays = record.readInteger(as: UInt8.self) else { throw truncated }
        guard arrays <= maximumArrays else {
            throw CodecError(.malformed, "The HEVC configuration's numOfArrays is out of range.")
        }
        var sets = ParameterSets()
        var bytesKept = 0
        for _ in 0..<arrays {
            guard let kind = record.readInteger(as: UInt8.self), let count = record.readInteger(as: UInt16.self) else {
                throw truncated
            }
            for _ in 0..<count {
                guard let length = record.readInteger(as: UInt16.self),
                    let unit = record.readSlice(length: Int(length))
                else { throw truncated }
                let type = kind & 0x3F
                guard length > 0, HEVCUnitType.parameterSets.contains(type) else { continue }
                guard unit.getInteger(at: unit.readerIndex, as: UInt8.self).map(HEVCUnitType.of) == type else {
                    throw CodecError(.malformed, "The HEVC configuration's NAL_unit_type differs from its unit's.")
                }
                bytesKept += Int(length)
                guard bytesKept <= maximumParameterSetBytes else {
                    throw CodecError(.unsupported, "The HEVC configuration's parameter sets are too large.")
                }
                sets.append(Array(unit.readableBytesView), type: type)
            }
        }
        return sets
    }

    private static func serialise(_ header: [UInt8], _ sets: ParameterSets) -> [UInt8] {
        var bytes = header
        bytes.append(3)
        let kinds = [
            (HEVCUnitType.videoParameterSet, sets.video), (HEVCUnitType.sequenceParameterSet, sets.sequence),
            (HEVCUnitType.pictureParameterSet, sets.picture),
        ]
        for (type, units) in kinds {
            bytes.append(0x80 | type)
            bytes.append(UInt8(truncatingIfNeeded: units.count >> 8))
            bytes.append(UInt8(truncatingIfNeeded: units.count))
            for unit in units { bytes.append(lengthPrefixed: unit) }
        }
        return bytes
    }
}

extension HEVCConfiguration.ParameterSets {
    fileprivate mutating func append(_ unit: [UInt8], type: UInt8) {
        switch type {
        case HEVCUnitType.videoParameterSet: video.append(unit)
        case HEVCUnitType.sequenceParameterSet: sequence.append(unit)
        default: picture.append(unit)
        }
    }
}
