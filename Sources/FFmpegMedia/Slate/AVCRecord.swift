/// The AVCDecoderConfigurationRecord that the slate worker writes (ISO/IEC 14496-15 §5.3.3.1). `AVCConfiguration` in
/// Domain reads it back, like a publisher's.
///
///     [1][profile][constraints][level][0b111111 11][0b111 sps count]{[length u16][SPS]}[pps count]{[length u16][PPS]}
///     High profile and above: [0b111111 chroma][0b11111 luma depth − 8][0b11111 chroma depth − 8][0]
struct AVCRecord: Equatable {
    var profile: UInt8
    var constraints: UInt8
    var level: UInt8
    var sequenceSets: [[UInt8]]
    var pictureSets: [[UInt8]]

    /// From the SPS and PPS of 8-bit 4:2:0 video; `nil` without one of each, or for one longer than 65,535 bytes.
    init?(sequenceSets: [[UInt8]], pictureSets: [[UInt8]]) {
        guard let first = sequenceSets.first, first.count >= 4, !pictureSets.isEmpty, sequenceSets.count < 32,
            pictureSets.count < 256, (sequenceSets + pictureSets).allSatisfy({ $0.count <= 65_535 })
        else { return nil }
        self.profile = first[1]
        self.constraints = first[2]
        self.level = first[3]
        self.sequenceSets = sequenceSets
        self.pictureSets = pictureSets
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = [
            1, profile, constraints, level, 0xFF, 0xE0 | UInt8(truncatingIfNeeded: sequenceSets.count),
        ]
        func write(_ set: [UInt8]) {
            bytes += [UInt8(truncatingIfNeeded: set.count >> 8), UInt8(truncatingIfNeeded: set.count)] + set
        }
        for set in sequenceSets { write(set) }
        bytes.append(UInt8(truncatingIfNeeded: pictureSets.count))
        for set in pictureSets { write(set) }
        if [100, 110, 122, 144].contains(profile) { bytes += [0xFC | 1, 0xF8, 0xF8, 0] }
        return bytes
    }
}

/// NAL units between start codes (ITU-T H.264, annex B), as x264 gives them.
enum AnnexB {
    /// The NAL units, without start codes and without the zeros that pad them.
    static func split(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var units: [ArraySlice<UInt8>] = []
        var start: Int?
        var index = 0
        while index + 2 < bytes.count {
            if bytes[index] == 0, bytes[index + 1] == 0, bytes[index + 2] == 1 {
                if let start { units.append(trimmed(bytes[start..<index])) }
                start = index + 3
                index += 3
            } else {
                index += 1
            }
        }
        if let start { units.append(trimmed(bytes[start...])) }
        return units.filter { !$0.isEmpty }
    }

    private static func trimmed(_ unit: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var unit = unit
        while unit.last == 0 { unit.removeLast() }
        return unit
    }
}
