import Domain

/// Enhanced RTMP's names of codecs: four ASCII characters, on the wire in that order.
enum FourCC {
    static func of(_ codec: VideoFormat.Codec) -> UInt32 {
        switch codec {
        case .h264: 0x6176_6331  // avc1
        case .hevc: 0x6876_6331  // hvc1
        case .av1: 0x6176_3031  // av01
        case .vp9: 0x7670_3039  // vp09
        }
    }

    static func name(of codec: VideoFormat.Codec) -> String {
        String(decoding: [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: of(codec) >> UInt32($0)) }, as: UTF8.self)
    }

    static func of(_ codec: AudioFormat.Codec) -> UInt32 {
        switch codec {
        case .aac: 0x6D70_3461  // mp4a
        case .opus: 0x4F70_7573  // Opus
        case .mp3: 0x2E6D_7033  // .mp3
        case .flac: 0x664C_6143  // fLaC
        case .ac3: 0x6163_2D33  // ac-3
        case .eac3: 0x6563_2D33  // ec-3
        }
    }

    /// The codec of a video tag, or the name of one that is not read here.
    static func video(_ code: UInt32) -> TagCodec {
        if let codec = VideoFormat.Codec.allCases.first(where: { of($0) == code }) { return .video(codec) }
        switch code {
        case 0x7670_3038: return .other("VP8")
        case 0x7676_6331: return .other("VVC (H.266)")
        default: return .other("an unknown video codec")
        }
    }

    static func audio(_ code: UInt32) -> TagCodec {
        if let codec = AudioFormat.Codec.allCases.first(where: { of($0) == code }) { return .audio(codec) }
        return .other("an unknown audio codec")
    }
}
