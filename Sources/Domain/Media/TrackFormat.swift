/// What a decoder must know before the first picture.
package struct VideoFormat: Sendable, Hashable {
    package enum Codec: String, Sendable, Hashable { case h264 }

    package var codec: Codec
    /// AVCDecoderConfigurationRecord, always with 4-byte NAL lengths (ISO/IEC 14496-15 §5.3.3.1).
    package var configuration: [UInt8]
    /// SPS, then PPS NAL units without start code or length, for writing them in band at each IDR.
    package var parameterSets: [[UInt8]]
    package var width: Int
    package var height: Int
    /// From the SPS's VUI; `nil` when it does not say.
    package var frameRate: Double?
    /// `profile_idc`, `constraint flags`, `level_idc`: the three bytes of an `avc1.PPCCLL` codec string.
    package var profile: UInt8
    package var constraints: UInt8
    package var level: UInt8
    /// 4:2:0 is 1 (`chroma_format_idc`).
    package var chromaFormat: Int
    package var bitDepth: Int

    package init(
        codec: Codec = .h264, configuration: [UInt8], parameterSets: [[UInt8]], width: Int, height: Int,
        frameRate: Double?, profile: UInt8, constraints: UInt8, level: UInt8, chromaFormat: Int = 1, bitDepth: Int = 8
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
    }
}

package struct AudioFormat: Sendable, Hashable {
    package enum Codec: String, Sendable, Hashable { case aac }

    package var codec: Codec
    /// AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
    package var configuration: [UInt8]
    /// AAC-LC is 2.
    package var objectType: Int
    /// Samples per second of the coded frames, in hertz: 7,350…96,000.
    package var sampleRate: Int
    /// 1…8.
    package var channels: Int
    /// 1,024 for AAC-LC; 960 when `frameLengthFlag` is set.
    package var samplesPerFrame: Int

    package init(
        codec: Codec = .aac, configuration: [UInt8], objectType: Int = 2, sampleRate: Int, channels: Int,
        samplesPerFrame: Int = 1024
    ) {
        self.codec = codec
        self.configuration = configuration
        self.objectType = objectType
        self.sampleRate = sampleRate
        self.channels = channels
        self.samplesPerFrame = samplesPerFrame
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
