package import NIOCore

/// A parsed AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1), as FLV's AVC sequence header carries it.
///
///     version=1 · profile · constraints · level · 111111 lengthSize-1 · 111 count SPS · (16-bit length, SPS)… · count PPS · …
package struct AVCConfiguration: Sendable, Equatable {
    /// With a record of our own writing: 4-byte lengths, profile and level as the SPS says.
    package var format: VideoFormat
    /// Bytes of each NAL length in the publisher's access units: 1, 2 or 4.
    package var lengthSize: Int

    /// They go in band at every IDR, so they are bounded in all.
    private static let maximumParameterSetBytes = 8192

    /// - Throws: `CodecError` with the reason for the DJ: cut short, no SPS or PPS, a length size of 3, sets out of range.
    package init(_ record: ByteBuffer) throws(CodecError) {
        var record = record
        guard let head = record.readBytes(length: 6) else { throw Self.truncated }
        guard head[0] == 1 else {
            throw CodecError(.unsupported, "The H.264 configuration has version \(head[0]) where 1 is known.")
        }
        lengthSize = Int(head[4] & 3) + 1
        guard lengthSize != 3 else {
            throw CodecError(.malformed, "The H.264 configuration asks for NAL lengths of 3 bytes.")
        }
        let sequenceSets = try Self.readSets(&record, count: Int(head[5] & 0x1F))
        guard let pictureCount = record.readInteger(as: UInt8.self) else { throw Self.truncated }
        let pictureSets = try Self.readSets(&record, count: Int(pictureCount))
        guard let first = sequenceSets.first, !pictureSets.isEmpty else {
            throw CodecError(.malformed, "The H.264 configuration lacks its parameter sets.")
        }
        guard pictureSets.allSatisfy({ ($0.first ?? 0) & 0x1F == NALUnitType.pictureParameterSet }) else {
            throw CodecError(.malformed, "The H.264 configuration holds something else than a PPS.")
        }
        guard (sequenceSets + pictureSets).reduce(0, { $0 + $1.count }) <= Self.maximumParameterSetBytes else {
            throw CodecError(.unsupported, "The H.264 configuration's parameter sets are too large.")
        }
        for set in sequenceSets.dropFirst() { _ = try SequenceParameterSet(set) }
        let sequence = try SequenceParameterSet(first)
        format = VideoFormat(
            configuration: Self.serialise(sequence, sequenceSets: sequenceSets, pictureSets: pictureSets),
            parameterSets: sequenceSets + pictureSets, width: sequence.width, height: sequence.height,
            frameRate: sequence.frameRate, profile: sequence.profile, constraints: sequence.constraints,
            level: sequence.level, chromaFormat: sequence.chromaFormat,
            bitDepth: max(sequence.bitDepthLuma, sequence.bitDepthChroma), reorderDepth: sequence.reorderDepth)
    }

    private static let truncated = CodecError(.truncated, "The H.264 configuration ends too early.")

    /// Empty sets are left out. `count` is at most 255 and each set stands in the record, so nothing is claimed ahead.
    private static func readSets(_ record: inout ByteBuffer, count: Int) throws(CodecError) -> [[UInt8]] {
        var sets: [[UInt8]] = []
        for _ in 0..<count {
            guard let length = record.readInteger(as: UInt16.self), let bytes = record.readBytes(length: Int(length))
            else { throw truncated }
            if !bytes.isEmpty { sets.append(bytes) }
        }
        return sets
    }

    private static func serialise(
        _ sequence: SequenceParameterSet, sequenceSets: [[UInt8]], pictureSets: [[UInt8]]
    ) -> [UInt8] {
        var bytes: [UInt8] = [1, sequence.profile, sequence.constraints, sequence.level, 0xFF]
        bytes.append(0xE0 | UInt8(truncatingIfNeeded: sequenceSets.count))
        for set in sequenceSets { bytes.append(lengthPrefixed: set) }
        bytes.append(UInt8(truncatingIfNeeded: pictureSets.count))
        for set in pictureSets { bytes.append(lengthPrefixed: set) }
        if SequenceParameterSet.isHighProfile(sequence.profile) {
            bytes.append(0xFC | UInt8(truncatingIfNeeded: sequence.chromaFormat))
            bytes.append(0xF8 | UInt8(truncatingIfNeeded: sequence.bitDepthLuma - 8))
            bytes.append(0xF8 | UInt8(truncatingIfNeeded: sequence.bitDepthChroma - 8))
            bytes.append(0)  // No SPS extensions: they describe auxiliary pictures, which nobody shows.
        }
        return bytes
    }
}

extension [UInt8] {
    /// Behind its 16-bit length, as configuration records hold parameter sets.
    mutating func append(lengthPrefixed set: [UInt8]) {
        append(UInt8(truncatingIfNeeded: set.count >> 8))
        append(UInt8(truncatingIfNeeded: set.count))
        append(contentsOf: set)
    }
}
