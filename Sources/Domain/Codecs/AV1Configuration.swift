package import NIOCore

/// A parsed AV1CodecConfigurationRecord (AV1 in ISOBMFF §2.3).
///
///     1 · version=1 (7) · profile 3 · level 5 · tier 1 · high depth 1 · twelve bits 1 · monochrome 1 · subsampling 1, 1 ·
///     position 2 · reserved 3 · delay 1, 4 · OBUs
package struct AV1Configuration: Sendable, Equatable {
    /// Width and height are 0 while no sequence header has been seen: the record may lack it, the first key frame has it.
    package private(set) var format: VideoFormat

    private static let headerBytes = 4
    private static let maximumBytes = 4096

    /// - Throws: `CodecError` with the reason for the DJ: cut short, another version, a field out of range.
    package init(_ record: ByteBuffer) throws(CodecError) {
        var record = record
        guard record.readableBytes <= Self.maximumBytes else {
            throw CodecError(.malformed, "The AV1 configuration is too long.")
        }
        guard let header = record.readBytes(length: Self.headerBytes) else {
            throw CodecError(.truncated, "The AV1 configuration ends too early.")
        }
        guard header[0] == 0x81 else {
            throw CodecError(.unsupported, "The AV1 configuration's marker and version are not 1 and 1.")
        }
        guard header[1] >> 5 <= 2 else {
            throw CodecError(.malformed, "The AV1 configuration's seq_profile is reserved.")
        }
        format = Self.announced(header)
        let units = AV1Units(record)
        guard !units.isBroken else {
            throw CodecError(.malformed, "The AV1 configuration's OBUs do not fit their sizes.")
        }
        if let sequenceHeader = units.sequenceHeader { try update(sequenceHeader) }
    }

    /// Reads an AV1 video descriptor of MPEG-2 TS (AV1 in MPEG-2 TS §2.1): the record's header, with or without tag 0x80 and
    /// length 4 before it.
    package init(transportDescriptor descriptor: ByteBuffer) throws(CodecError) {
        var descriptor = descriptor
        if descriptor.getInteger(at: descriptor.readerIndex, as: UInt16.self) == 0x8004 {
            descriptor.moveReaderIndex(forwardBy: 2)
        }
        guard let header = descriptor.readSlice(length: Self.headerBytes) else {
            throw CodecError(.truncated, "The AV1 video descriptor ends too early.")
        }
        try self.init(header)
    }

    /// What the record's header says, for as long as no sequence header says it.
    private static func announced(_ header: [UInt8]) -> VideoFormat {
        let flags = header[2]
        let hasHighDepth = flags & 0x40 != 0
        let chroma = flags & 0x10 != 0 ? 0 : flags & 0x08 == 0 ? 3 : flags & 0x04 == 0 ? 2 : 1
        return VideoFormat(
            codec: .av1, configuration: header, parameterSets: [], width: 0, height: 0, frameRate: nil,
            profile: header[1] >> 5, constraints: 0, level: header[1] & 0x1F, chromaFormat: chroma,
            bitDepth: hasHighDepth ? (flags & 0x20 != 0 ? 12 : 10) : 8, isHighTier: flags & 0x80 != 0, reorderDepth: 0)
    }

    /// Takes over a sequence header that came in the record or in a key frame.
    /// - Parameter bytes: the OBU's payload.
    package mutating func update(_ bytes: ByteBuffer) throws(CodecError) {
        let header = try AV1SequenceHeader(Array(bytes.readableBytesView))
        format.width = header.width
        format.height = header.height
        format.frameRate = header.frameRate
        format.profile = header.profile
        format.level = header.level
        format.isHighTier = header.isHighTier
        format.chromaFormat = header.chromaFormat
        format.bitDepth = header.bitDepth
        format.configuration = Self.serialise(format, bytes)
    }

    /// A record of our own writing: what the sequence header says, then that header alone.
    private static func serialise(_ format: VideoFormat, _ sequenceHeader: ByteBuffer) -> [UInt8] {
        var flags: UInt8 = format.isHighTier ? 0x80 : 0
        if format.bitDepth > 8 { flags |= 0x40 }
        if format.bitDepth > 10 { flags |= 0x20 }
        switch format.chromaFormat {
        case 0: flags |= 0x1C
        case 1: flags |= 0x0C
        case 2: flags |= 0x08
        default: break  // 4:4:4 sets neither subsampling bit.
        }
        var bytes: [UInt8] = [0x81, format.profile << 5 | format.level, flags, 0, AV1Units.sequenceHeaderWithSize]
        var size = sequenceHeader.readableBytes
        while size > 127 {
            bytes.append(0x80 | UInt8(truncatingIfNeeded: size & 0x7F))
            size >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: size))
        bytes.append(contentsOf: sequenceHeader.readableBytesView)
        return bytes
    }
}
