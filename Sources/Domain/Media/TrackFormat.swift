/// What a decoder must know before the first picture.
package struct VideoFormat: Sendable, Hashable {
    package enum Codec: String, Sendable, Hashable, CaseIterable {
        case h264, hevc, av1, vp9

        /// By which a DJ knows it.
        package var name: String {
            switch self {
            case .h264: "H.264"
            case .hevc: "HEVC (H.265)"
            case .av1: "AV1"
            case .vp9: "VP9"
            }
        }
    }

    package var codec: Codec
    /// The record that MP4's sample entry holds: `avcC` and `hvcC` (ISO/IEC 14496-15 §5.3.3.1, §8.3.3.1), always with 4-byte NAL
    /// lengths; `av1C`; `vpcC`, whole with its version and flags.
    package var configuration: [UInt8]
    /// (VPS,) SPS, then PPS NAL units without start code or length, for writing them in band at each IDR. Empty for AV1 and
    /// VP9.
    package var parameterSets: [[UInt8]]
    package var width: Int
    package var height: Int
    /// From the SPS's VUI or the AV1 sequence header; `nil` when it does not say.
    package var frameRate: Double?
    /// H.264: `profile_idc`, `constraint flags`, `level_idc`: the three bytes of an `avc1.PPCCLL` codec string. The others:
    /// profile and level as their own record numbers them, constraints 0.
    package var profile: UInt8
    package var constraints: UInt8
    package var level: UInt8
    /// 4:2:0 is 1 (`chroma_format_idc`).
    package var chromaFormat: Int
    package var bitDepth: Int
    /// HEVC's and AV1's high tier.
    package var isHighTier: Bool
    /// How many pictures can be decoded before the one that is shown first: 0 says that display is in decoding order. `nil`
    /// where the stream does not say.
    package var reorderDepth: Int?

    package init(
        codec: Codec = .h264, configuration: [UInt8], parameterSets: [[UInt8]], width: Int, height: Int,
        frameRate: Double?, profile: UInt8, constraints: UInt8, level: UInt8, chromaFormat: Int = 1, bitDepth: Int = 8,
        isHighTier: Bool = false, reorderDepth: Int? = nil
    ) {
        self.codec = codec
        self.configuration = configuration
        self.parameterSets = parameterSets
        self.width = width
        self.height = height
        self.frameRate = frameRate
        self.profile = profile
        self.constraints = constraints
        self.level = level
        self.chromaFormat = chromaFormat
        self.bitDepth = bitDepth
        self.isHighTier = isHighTier
        self.reorderDepth = reorderDepth
    }
}

package struct AudioFormat: Sendable, Hashable {
    package enum Codec: String, Sendable, Hashable, CaseIterable {
        case aac, opus, mp3, flac, ac3, eac3

        /// By which a DJ knows it.
        package var name: String {
            switch self {
            case .aac: "AAC"
            case .opus: "Opus"
            case .mp3: "MP3"
            case .flac: "FLAC"
            case .ac3: "AC-3"
            case .eac3: "E-AC-3"
            }
        }
    }

    package var codec: Codec
    /// AAC: AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1). Opus: the identification header with its magic (RFC 7845 §5.1).
    /// FLAC: `fLaC` and the STREAMINFO block. Empty for the others, whose frames say everything.
    package var configuration: [UInt8]
    /// AAC-LC is 2. Of no meaning for other codecs.
    package var objectType: Int
    /// Samples per second of the coded frames, in hertz. AAC: 7,350…96,000; Opus always 48,000; FLAC up to 655,350.
    package var sampleRate: Int
    /// 1…8.
    package var channels: Int
    /// AAC-LC: 1,024, or 960 when `frameLengthFlag` is set. Opus and FLAC: the usual span; each packet may have its own.
    package var samplesPerFrame: Int
    /// HE-AAC (`hasParametricStereo`: v2), signalled outright or behind the core's configuration.
    package var hasSpectralBandReplication: Bool
    package var hasParametricStereo: Bool

    package init(
        codec: Codec = .aac, configuration: [UInt8], objectType: Int = 2, sampleRate: Int, channels: Int,
        samplesPerFrame: Int = 1024, hasSpectralBandReplication: Bool = false, hasParametricStereo: Bool = false
    ) {
        self.codec = codec
        self.configuration = configuration
        self.objectType = objectType
        self.sampleRate = sampleRate
        self.channels = channels
        self.samplesPerFrame = samplesPerFrame
        self.hasSpectralBandReplication = hasSpectralBandReplication
        self.hasParametricStereo = hasParametricStereo
    }

    /// The span of one frame, rounded to a nanosecond; count samples instead of adding these up.
    package var frameDuration: MediaTime { MediaTime(ticks: Int64(samplesPerFrame), timescale: Int64(sampleRate)) }
}

/// A track's codec and its parameters, as announced before or between its access units.
package enum TrackFormat: Sendable, Hashable {
    case video(VideoFormat)
    case audio(AudioFormat)

    package var track: TrackKind {
        switch self {
        case .video: .video
        case .audio: .audio
        }
    }
}
