package import Domain

/// The names that `CODECS` gives formats (RFC 6381 §3.3 and §3.4).
package enum CodecString {
    /// `avc1.PPCCLL`: `profile_idc`, the constraint flags and `level_idc`, two upper-case hexadecimal digits each.
    package static func h264(profile: UInt8, constraints: UInt8, level: UInt8) -> String {
        "avc1." + hexadecimal(profile) + hexadecimal(constraints) + hexadecimal(level)
    }

    package static func of(_ format: VideoFormat) -> String {
        switch format.codec {
        case .h264: h264(profile: format.profile, constraints: format.constraints, level: format.level)
        // No channel packages the others: the shortest name that is true.
        case .hevc: "hvc1"
        case .av1: "av01"
        case .vp9: "vp09"
        }
    }

    /// `mp4a.40.` and the audio object type: 2 for AAC-LC.
    package static func aac(objectType: Int) -> String { "mp4a.40.\(objectType)" }

    package static func of(_ format: AudioFormat) -> String {
        switch format.codec {
        case .aac: aac(objectType: format.objectType)
        case .opus: "opus"
        case .mp3: "mp4a.40.34"
        case .flac: "fLaC"
        case .ac3: "ac-3"
        case .eac3: "ec-3"
        }
    }

    /// The lowest `level_idc` whose picture size and macroblock rate hold such a picture (ITU-T H.264, table A-1).
    ///
    /// Levels 3.0 to 5.2; what exceeds the last is given the last.
    package static func h264Level(width: Int, height: Int, frameRate: Double) -> UInt8 {
        let macroblocks = ((max(width, 1) + 15) / 16) * ((max(height, 1) + 15) / 16)
        let perSecond = Double(macroblocks) * frameRate
        for level in levels where macroblocks <= level.macroblocks && perSecond <= level.macroblocksPerSecond {
            return level.code
        }
        return 52
    }

    private static let levels: [(code: UInt8, macroblocks: Int, macroblocksPerSecond: Double)] = [
        (30, 1620, 40_500), (31, 3600, 108_000), (32, 5120, 216_000), (40, 8192, 245_760), (42, 8704, 522_240),
        (50, 22_080, 589_824), (51, 36_864, 983_040), (52, 36_864, 2_073_600),
    ]

    private static func hexadecimal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return digits.count == 1 ? "0" + digits : digits
    }
}
