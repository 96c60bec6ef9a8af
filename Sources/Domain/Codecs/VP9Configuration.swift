package import NIOCore

/// A parsed VPCodecConfigurationRecord (VP Codec ISO Media File Format Binding §"vpcC").
///
///     [version=1 (8) · flags 24 ·] profile 8 · level 8 · depth 4 · chroma 3 · full range 1 · colours 24 · size=0 (16)
///
/// Some senders leave the box's version and flags out. The record has no picture size: each key frame has.
package struct VP9Configuration: Sendable, Equatable {
    /// Width and height are 0 until the first key frame.
    package private(set) var format: VideoFormat

    private static let boxHead: UInt32 = 0x0100_0000
    private static let truncated = CodecError(.truncated, "The VP9 configuration ends too early.")

    /// - Throws: `CodecError` with the reason for the DJ: cut short, a field out of range.
    package init(_ record: ByteBuffer) throws(CodecError) {
        var record = record
        if record.getInteger(at: record.readerIndex, as: UInt32.self) == Self.boxHead {
            record.moveReaderIndex(forwardBy: 4)
        }
        guard let fields = record.readBytes(length: 8) else { throw Self.truncated }
        guard fields[0] <= 3 else { throw CodecError(.malformed, "The VP9 configuration's profile is out of range.") }
        let depth = Int(fields[2] >> 4)
        guard [8, 10, 12].contains(depth) else {
            throw CodecError(.malformed, "The VP9 configuration's bitDepth is out of range.")
        }
        let subsampling = fields[2] >> 1 & 7
        guard subsampling <= 3 else {
            throw CodecError(.malformed, "The VP9 configuration's chromaSubsampling is out of range.")
        }
        format = VideoFormat(
            codec: .vp9, configuration: [1, 0, 0, 0] + fields.prefix(6) + [0, 0], parameterSets: [], width: 0,
            height: 0, frameRate: nil, profile: fields[0], constraints: 0, level: fields[1],
            chromaFormat: subsampling <= 1 ? 1 : Int(subsampling), bitDepth: depth, reorderDepth: 0)
    }

    /// Takes over what a key frame says of itself.
    package mutating func update(_ header: VP9FrameHeader) {
        guard let picture = header.keyPicture else { return }
        format.width = picture.width
        format.height = picture.height
        format.profile = header.profile
        format.chromaFormat = picture.chromaFormat
        format.bitDepth = picture.bitDepth
    }
}

/// The begin of a VP9 frame's uncompressed header (VP9 bitstream specification §6.2). Of a superframe it is the first frame's.
package struct VP9FrameHeader: Sendable, Equatable {
    package struct KeyPicture: Sendable, Equatable {
        package var width: Int
        package var height: Int
        /// 1 4:2:0, 2 4:2:2, 3 4:4:4 (and 4:4:0).
        package var chromaFormat: Int
        package var bitDepth: Int
    }

    package var profile: UInt8
    /// Set for a key frame: a decoder can start here, whatever the container's flag says.
    package var keyPicture: KeyPicture?

    private static let maximumHeaderBytes = 16
    private static let syncCode = 0x49_8342

    /// - Throws: `CodecError` for bytes that are no VP9 frame.
    package init(_ payload: ByteBuffer) throws(CodecError) {
        let bytes = Array(payload.readableBytesView.prefix(Self.maximumHeaderBytes))
        var reader = BitReader(bytes, what: "VP9 frame header")
        _ = try reader.int(2, in: 2...2, "frame_marker")
        let low = try reader.bits(1)
        profile = UInt8(truncatingIfNeeded: try reader.bits(1) << 1 | low)
        if profile == 3 { _ = try reader.int(1, in: 0...0, "reserved_zero") }
        if try reader.flag() { return }  // Shows a frame again that was decoded before.
        let isInterFrame = try reader.flag()
        try reader.skip(2)
        if !isInterFrame { keyPicture = try Self.readKeyPicture(&reader, profile: profile) }
    }

    private static func readKeyPicture(_ reader: inout BitReader, profile: UInt8) throws(CodecError) -> KeyPicture {
        _ = try reader.int(24, in: syncCode...syncCode, "frame_sync_code")
        var bitDepth = 8
        if profile >= 2 { bitDepth = try reader.flag() ? 12 : 10 }
        let hasChromaBits = profile == 1 || profile == 3
        let sRGB = 7
        var chromaFormat = 1
        if try reader.int(3) == sRGB {
            guard hasChromaBits else { throw reader.outOfRange("color_space") }
            chromaFormat = 3
            try reader.skip(1)
        } else {
            try reader.skip(1)
            if hasChromaBits {
                let isNarrow = try reader.flag()
                try reader.skip(1)
                chromaFormat = isNarrow ? 2 : 3
                try reader.skip(1)
            }
        }
        return KeyPicture(
            width: 1 + (try reader.int(16)), height: 1 + (try reader.int(16)), chromaFormat: chromaFormat,
            bitDepth: bitDepth)
    }
}
