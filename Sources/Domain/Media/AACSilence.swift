package import NIOCore

/// One AAC frame of silence in any layout, written bit by bit (ISO/IEC 14496-3 §4.4.2.1, `raw_data_block`): each element one long
/// window with no scale factor band, so without a coefficient. It holds for every sample rate and frame length of the object
/// types whose frames begin alike (1…4, and 5 and 29 around them); no encoder is needed, so none can be late.
///
///     single channel, LFE:  [id 3][tag 4][gain 8][ics 11][pulse 1][tns 1][gain control 1]
///     channel pair:         [id 3][tag 4][common window 1][ics 11][ms mask 2] twice {[gain 8][pulse 1][tns 1][gain control 1]}
///     ics:                  [reserved 1][sequence 2][shape 1][max_sfb 6][predictor 1]
///     end:                  [id 7: 3], then zeros up to the byte
package enum AACSilence {
    private enum Element: UInt32 {
        case single = 0
        case pair = 1
        case lowFrequency = 3
        case end = 7
    }

    /// - Returns: `nil` for a layout that the configuration spells out element by element, or one that is not known.
    package static func frame(for format: AudioFormat) -> ByteBuffer? {
        guard format.codec == .aac, let layout = layout(of: format.configuration), let elements = elements(of: layout)
        else { return nil }
        var bits = BitWriter()
        var tags: [Element: UInt32] = [:]
        for element in elements {
            let tag = tags[element, default: 0]
            tags[element] = tag + 1
            bits.write(element.rawValue, 3)
            bits.write(tag, 4)
            if element == .pair {
                bits.write(1, 1)
                bits.write(0, 11 + 2)
                bits.write(0, 11 * 2)
            } else {
                bits.write(0, 8 + 11 + 3)
            }
        }
        bits.write(Element.end.rawValue, 3)
        return bits.finished()
    }

    /// Elements in their order for `channelConfiguration` 1…7 (§1.6.3.5).
    private static func elements(of layout: Int) -> [Element]? {
        switch layout {
        case 1: [.single]
        case 2: [.pair]
        case 3: [.single, .pair]
        case 4: [.single, .pair, .single]
        case 5: [.single, .pair, .pair]
        case 6: [.single, .pair, .pair, .lowFrequency]
        case 7: [.single, .pair, .pair, .pair, .lowFrequency]
        default: nil
        }
    }

    /// `channelConfiguration` of an AudioSpecificConfig.
    private static func layout(of configuration: [UInt8]) -> Int? {
        var reader = BitReader(configuration, what: "AAC configuration")
        do throws(CodecError) {
            if try reader.int(5) == 31 { try reader.skip(6) }
            if try reader.int(4) == 15 { try reader.skip(24) }
            return try reader.int(4)
        } catch {
            // Cut short: nothing is known of it.
            return nil
        }
    }
}

/// Bits, the most significant first.
private struct BitWriter {
    private var bytes: [UInt8] = []
    private var used = 0

    /// The lowest `count` bits of `value`.
    mutating func write(_ value: UInt32, _ count: Int) {
        for shift in stride(from: count - 1, through: 0, by: -1) {
            if used % 8 == 0 { bytes.append(0) }
            let bit = UInt8(truncatingIfNeeded: shift < 32 ? (value >> UInt32(shift)) & 1 : 0)
            bytes[bytes.count - 1] |= bit << UInt8(7 - used % 8)
            used += 1
        }
    }

    func finished() -> ByteBuffer { ByteBuffer(bytes: bytes) }
}
