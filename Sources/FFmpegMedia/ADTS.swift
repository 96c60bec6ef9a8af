package import Domain
package import NIOCore

/// Audio Data Transport Stream (ISO/IEC 14496-3 §1.A.3.2).
package enum ADTS {
    /// The frame behind a header of 7 bytes:
    ///
    ///     sync 12 | MPEG-4 0, layer 00, no CRC 1 | profile 2 | rate index 4 | private 1 | channels 3 | 4 flags
    ///     | frame length 13 | fullness 11 (0x7FF: variable rate) | blocks 2 (0: one)
    ///
    /// `nil` for what it cannot say: another object type than 1…4, a rate without an index, more than 7 channels' layout, a
    /// frame of 8 KB and more.
    package static func frame(_ payload: ByteBuffer, format: AudioFormat) -> ByteBuffer? {
        let length = payload.readableBytes + 7
        guard format.codec == .aac, (1...4).contains(format.objectType), length < 1 << 13, length > 7,
            let rate = rates.firstIndex(of: format.sampleRate),
            let channels = format.channels == 8 ? 7 : (1...6).contains(format.channels) ? format.channels : nil
        else { return nil }
        let profile = UInt8(format.objectType - 1)
        var frame = ByteBuffer()
        frame.reserveCapacity(length)
        frame.writeInteger(0xFFF1, as: UInt16.self)
        frame.writeInteger(profile << 6 | UInt8(rate) << 2 | UInt8(channels >> 2))
        frame.writeInteger(UInt8(channels & 3) << 6 | UInt8(length >> 11))
        frame.writeInteger(UInt8(length >> 3 & 0xFF))
        frame.writeInteger(UInt8(length & 7) << 5 | 0x1F)
        frame.writeInteger(0xFC, as: UInt8.self)
        frame.writeImmutableBuffer(payload)
        return frame
    }

    /// By their index (table 1.18).
    private static let rates = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ]
}
