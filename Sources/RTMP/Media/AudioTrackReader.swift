import Domain
import NIOCore

/// Reads the audio codecs' configurations and frames. Owned by one `MediaTagDecoder`.
///
/// AAC, Opus and FLAC have a configuration; MP3, AC-3 and E-AC-3 say everything in each frame's header.
struct AudioTrackReader: Sendable {
    /// What holds for the next frame; `nil` while it is not known.
    private(set) var format: AudioFormat?
    /// The first bytes of the frame that `format` was read from: most frames need no second look.
    private var knownHead: UInt32?

    /// - Throws: `CodecError` with the reason for the DJ; the track is without a format then.
    mutating func configure(_ codec: AudioFormat.Codec, _ record: ByteBuffer) throws(CodecError) {
        format = nil
        knownHead = nil
        let bytes = Array(record.readableBytesView)
        switch codec {
        case .aac: format = try AACConfiguration(bytes).format
        case .opus: format = try OpusHeader(bytes).format
        case .flac: format = try FLACStreamInfo(bytes).format
        case .ac3, .eac3:
            // Some senders announce them with MP4's box, others with nothing.
            if !bytes.isEmpty { format = try AC3Header(configuration: bytes, isEnhanced: codec == .eac3).format }
        case .mp3: break
        }
    }

    /// - Returns: `false` for a frame without a configuration.
    /// - Throws: `CodecError` for a frame of MP3, AC-3 or E-AC-3 that is none.
    mutating func read(_ codec: AudioFormat.Codec, _ payload: ByteBuffer) throws(CodecError) -> Bool {
        switch codec {
        case .aac, .opus, .flac: return format?.codec == codec
        case .mp3:
            // Bitrate and padding change from frame to frame.
            try readFrame(codec, payload, ignoring: 0x0000_F200) { frame throws(CodecError) in
                try MP3FrameHeader(frame).format
            }
        case .ac3, .eac3:
            try readFrame(codec, payload, ignoring: 0) { frame throws(CodecError) in
                try AC3Header(frame: frame).format
            }
        }
        return true
    }

    private mutating func readFrame(
        _ codec: AudioFormat.Codec, _ payload: ByteBuffer, ignoring mask: UInt32,
        _ parse: (ByteBuffer) throws(CodecError) -> AudioFormat
    ) throws(CodecError) {
        let head = payload.getInteger(at: payload.readerIndex, as: UInt32.self).map { $0 & ~mask }
        if let head, head == knownHead, format?.codec == codec { return }
        let parsed = try parse(payload)
        guard parsed.codec == codec else {
            throw CodecError(.malformed, "The sound is announced as \(codec.name) and is \(parsed.codec.name).")
        }
        format = parsed
        knownHead = head
    }
}
