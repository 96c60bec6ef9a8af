/// A parsed Opus identification header (RFC 7845 §5.1), or MP4's `dOps` in its place (Opus in ISOBMFF §4.3.2).
///
///     "OpusHead" · version 8 · channels 8 · pre-skip 16 · input rate 32 · gain 16 · mapping 8 · [streams 8 · coupled 8 · map]
///
/// The first is little-endian, `dOps` is big-endian and has no magic.
package struct OpusHeader: Sendable, Equatable {
    /// Its configuration is an identification header of our own writing.
    package var format: AudioFormat
    /// Samples of 48,000 Hz that a decoder drops at the start.
    package var preSkip: Int

    /// Opus is always decoded at this rate (RFC 7845 §5.1, "Input Sample Rate" is for information only).
    private static let sampleRate = 48_000
    /// 20 ms, what encoders send unless they are told otherwise; each packet says its own length.
    private static let usualSamples = 960
    private static let magic = Array("OpusHead".utf8)
    private static let maximumBytes = 8 + 11 + 2 + 255
    private static let truncated = CodecError(.truncated, "The Opus header ends too early.")

    /// - Throws: `CodecError` with the reason for the DJ: cut short, another version, a channel count or mapping out of range.
    package init(_ bytes: [UInt8]) throws(CodecError) {
        guard bytes.count <= Self.maximumBytes else { throw CodecError(.malformed, "The Opus header is too long.") }
        let isIdentification = bytes.starts(with: Self.magic)
        let fields = Array(isIdentification ? bytes.dropFirst(Self.magic.count) : bytes[...])
        guard fields.count >= 11 else { throw Self.truncated }
        guard isIdentification ? fields[0] >> 4 == 0 : fields[0] == 0 else {
            throw CodecError(.unsupported, "The Opus header has version \(fields[0]), which is not known.")
        }
        let channels = Int(fields[1])
        let family = fields[10]
        guard (1...(family == 0 ? 2 : 8)).contains(channels) else {
            throw CodecError(.malformed, "The Opus header's channel count is out of range.")
        }
        let mapping = try family == 0 ? [] : Self.mapping(fields, channels: channels)
        var words = Array(fields[2..<10])
        if !isIdentification {
            for range in [0..<2, 2..<6, 6..<8] { words.replaceSubrange(range, with: words[range].reversed()) }
        }
        preSkip = Int(words[1]) << 8 | Int(words[0])
        let version: UInt8 = 1
        format = AudioFormat(
            codec: .opus, configuration: Self.magic + [version, fields[1]] + words + [family] + mapping,
            sampleRate: Self.sampleRate, channels: channels, samplesPerFrame: Self.usualSamples)
    }

    private static func mapping(_ fields: [UInt8], channels: Int) throws(CodecError) -> [UInt8] {
        guard fields.count >= 13 + channels else { throw truncated }
        let streams = Int(fields[11])
        let coupled = Int(fields[12])
        guard streams > 0, coupled <= streams, streams + coupled <= 255 else {
            throw CodecError(.malformed, "The Opus header's stream count is out of range.")
        }
        let silent: UInt8 = 255
        let map = fields[13..<(13 + channels)]
        guard map.allSatisfy({ $0 == silent || Int($0) < streams + coupled }) else {
            throw CodecError(.malformed, "The Opus header's channel mapping is out of range.")
        }
        return Array(fields[11..<(13 + channels)])
    }
}
