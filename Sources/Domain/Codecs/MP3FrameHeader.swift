package import NIOCore

/// A parsed MPEG audio frame header, layer III (ISO/IEC 11172-3 §2.4.1.3, 13818-3; MPEG 2.5 by common use).
///
///     sync 11 · version 2 · layer 2 · protection 1 · bitrate 4 · rate 2 · padding 1 · private 1 · mode 2 · …
package struct MP3FrameHeader: Sendable, Equatable {
    package var format: AudioFormat

    private static let rates = [44_100, 48_000, 32_000]

    /// - Throws: `CodecError` with the reason for the DJ: not a frame, another layer, a reserved value.
    package init(_ frame: ByteBuffer) throws(CodecError) {
        let bytes = Array(frame.readableBytesView.prefix(4))
        var reader = BitReader(bytes, what: "MP3 frame header")
        _ = try reader.int(11, in: 0x7FF...0x7FF, "sync word")
        let version = try reader.int(2)
        guard version != 1 else { throw reader.outOfRange("MPEG version") }
        guard try reader.int(2) == 1 else {
            throw CodecError(.unsupported, "The MPEG audio is of another layer than III (MP3): set the codec to AAC.")
        }
        try reader.skip(1)
        _ = try reader.int(4, in: 0...14, "bitrate_index")
        let rate = Self.rates[try reader.int(2, in: 0...2, "sampling_frequency")]
        try reader.skip(2)
        let isMono = try reader.int(2) == 3
        let isMPEG1 = version == 3
        format = AudioFormat(
            codec: .mp3, configuration: [], sampleRate: isMPEG1 ? rate : version == 2 ? rate / 2 : rate / 4,
            channels: isMono ? 1 : 2, samplesPerFrame: isMPEG1 ? 1152 : 576)
    }
}
