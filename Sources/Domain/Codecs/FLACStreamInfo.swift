/// A parsed FLAC stream head (RFC 9639 §8): the magic and the STREAMINFO block.
///
///     ["fLaC"] · last 1 · type=0 (7) · length=34 (24) ·
///     block sizes 16, 16 · frame sizes 24, 24 · rate 20 · channels-1 3 · bits-1 5 · samples 36 · MD5 128
package struct FLACStreamInfo: Sendable, Equatable {
    /// Its configuration is the magic and the STREAMINFO block alone.
    package var format: AudioFormat
    package var bitsPerSample: Int

    private static let magic = Array("fLaC".utf8)
    private static let infoBytes = 34
    private static let maximumBytes = 65_536

    /// - Parameter bytes: further metadata blocks (tags, pictures) may follow; they are left out. ffmpeg (9.0) sends the bare 34
    ///   bytes of STREAMINFO over Enhanced RTMP, without magic and block header: exactly that many are taken for them.
    /// - Throws: `CodecError` with the reason for the DJ: cut short, no STREAMINFO, a field out of range.
    package init(_ bytes: [UInt8]) throws(CodecError) {
        guard bytes.count <= Self.maximumBytes else { throw CodecError(.malformed, "The FLAC head is too long.") }
        let blocks = bytes.dropFirst(bytes.starts(with: Self.magic) ? Self.magic.count : 0)
        let header: [UInt8] = blocks.count == Self.infoBytes ? [0x80, 0, 0, UInt8(Self.infoBytes)] : []
        let block = Array((header + blocks).prefix(4 + Self.infoBytes))
        var reader = BitReader(block, what: "FLAC STREAMINFO")
        try reader.skip(1)
        _ = try reader.int(7, in: 0...0, "block type")
        _ = try reader.int(24, in: Self.infoBytes...Self.infoBytes, "block length")
        let smallest = try reader.int(16, in: 16...65_535, "minimum block size")
        let largest = try reader.int(16, in: smallest...65_535, "maximum block size")
        try reader.skip(24 + 24)
        let sampleRate = try reader.int(20, in: 1...655_350, "sample rate")
        let channels = 1 + (try reader.int(3))
        bitsPerSample = 1 + (try reader.int(5, in: 3...31, "bits per sample"))
        try reader.skip(36)
        try reader.skip(128)
        format = AudioFormat(
            codec: .flac, configuration: Self.magic + [0x80] + block.dropFirst(), sampleRate: sampleRate,
            channels: channels, samplesPerFrame: largest)
    }
}
