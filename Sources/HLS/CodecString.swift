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
        case .hevc: hevc(record: format.configuration) ?? "hvc1"
        // No channel packages the others: the shortest name that is true.
        case .av1: "av01"
        case .vp9: "vp09"
        }
    }

    /// What `hvcC` begins with behind its version, as ISO/IEC 14496-15 §E.3 writes it: the profile with its space's letter; the
    /// compatibility flags, the first of them lowest, in hexadecimal; the tier's letter and the level; the constraint bytes up to the
    /// last that is not 0.
    /// - Returns: `nil` for a record cut short.
    static func hevc(record: [UInt8]) -> String? {
        guard record.count >= 13 else { return nil }
        let space = ["", "A", "B", "C"][Int(record[1] >> 6)]
        let flags = record[2..<6].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32(reversingBits($1)) }
        let constraints = record[6..<12].reversed().drop { $0 == 0 }.reversed()
        let name = [
            "hvc1", "\(space)\(record[1] & 0x1F)", String(flags, radix: 16, uppercase: true),
            (record[1] & 0x20 == 0 ? "L" : "H") + "\(record[12])",
        ]
        return (name + constraints.map { String($0, radix: 16, uppercase: true) }).joined(separator: ".")
    }

    private static func reversingBits(_ byte: UInt8) -> UInt8 {
        (0..<8).reduce(0) { $0 | (byte >> UInt8($1) & 1) << UInt8(7 - $1) }
    }

    /// HEVC's Main profile, progressive and frame by frame, as every encoder says of itself.
    package static func hevcMain(level: UInt8) -> String { "hvc1.1.6.L\(level).B0" }

    /// The lowest `general_level_idc` whose picture size and sample rate hold such a picture (ITU-T H.265, tables A.8 and A.9).
    ///
    /// Levels 3 to 6.2; what exceeds the last is given the last.
    package static func hevcLevel(width: Int, height: Int, frameRate: Double) -> UInt8 {
        let samples = max(width, 1) * max(height, 1)
        let perSecond = Double(samples) * frameRate
        for level in hevcLevels where samples <= level.samples && perSecond <= level.samplesPerSecond {
            return level.code
        }
        return 186
    }

    private static let hevcLevels: [(code: UInt8, samples: Int, samplesPerSecond: Double)] = [
        (90, 552_960, 16_588_800), (93, 983_040, 33_177_600), (120, 2_228_224, 66_846_720),
        (123, 2_228_224, 133_693_440), (150, 8_912_896, 267_386_880), (153, 8_912_896, 534_773_760),
        (156, 8_912_896, 1_069_547_520), (180, 35_651_584, 1_069_547_520), (183, 35_651_584, 2_139_095_040),
        (186, 35_651_584, 4_278_190_080),
    ]

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
