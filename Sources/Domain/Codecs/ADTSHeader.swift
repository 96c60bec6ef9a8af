package import NIOCore

/// The header that makes a raw AAC frame readable by itself (ISO/IEC 14496-3 §1.A.2.2, ADTS), without a checksum.
///
///     syncword 12 │ ID 1 │ layer 2 │ protection_absent 1 │ profile 2 │ sampling_frequency_index 4 │ private 1 │
///     channel_configuration 3 │ original 1 │ home 1 │ copyright 2 │ aac_frame_length 13 │ buffer_fullness 11 │ blocks − 1: 2
///
/// Each frame says what it is, so a stream goes on when the configuration changes. HE-AAC is signalled as its AAC-LC core, which
/// every decoder of it finds out.
package struct ADTSHeader: Sendable, Hashable {
    package static let length = 7
    /// Of a frame with its header: `aac_frame_length` has 13 bits.
    package static let maximumFrameBytes = 8191

    private static let sampleRates = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ]

    private let profile: UInt64
    private let rateIndex: UInt64
    private let layout: UInt64

    /// `nil` for what ADTS cannot say: another codec, an odd rate, 7 channels, an object type beyond 4.
    package init?(_ format: AudioFormat) {
        let core = format.objectType == 5 || format.objectType == 29 ? 2 : format.objectType
        guard format.codec == .aac, (1...4).contains(core),
            let rateIndex = Self.sampleRates.firstIndex(of: format.sampleRate)
        else { return nil }
        switch format.channels {
        case 1...6: layout = UInt64(format.channels)
        case 8: layout = 7
        default: return nil
        }
        self.profile = UInt64(core - 1)
        self.rateIndex = UInt64(rateIndex)
    }

    /// Writes the header of a frame of `payloadBytes`; `false`, and nothing written, when the frame is too long for ADTS.
    package func write(payloadBytes: Int, into buffer: inout ByteBuffer) -> Bool {
        let length = payloadBytes + Self.length
        guard payloadBytes >= 0, length <= Self.maximumFrameBytes else { return false }
        // 0x7FF: the rate varies.
        var bits: UInt64 = 0xFFF << 4 | 0b0001
        bits = bits << 2 | profile
        bits = bits << 4 | rateIndex
        bits = bits << 1
        bits = bits << 3 | layout
        bits = bits << 4
        bits = bits << 13 | UInt64(length)
        bits = bits << 11 | 0x7FF
        bits = bits << 2
        for shift in stride(from: 48, through: 0, by: -8) {
            buffer.writeInteger(UInt8(truncatingIfNeeded: bits >> shift))
        }
        return true
    }
}
