/// Lower-case base32 without padding (RFC 4648 §6): no digit looks like another letter, and any encoder's form takes it.
enum Base32 {
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567")

    static func length(ofBytes count: Int) -> Int { (count * 8 + 4) / 5 }

    static func text(_ bytes: [UInt8]) -> String {
        var text = ""
        text.reserveCapacity(length(ofBytes: bytes.count))
        var buffer: UInt32 = 0
        var bits = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(alphabet[Int(buffer >> UInt32(bits) & 31)])
            }
            // At most four bits are left, so the buffer never overflows.
            buffer &= (1 << UInt32(bits)) - 1
        }
        if bits > 0 { text.append(alphabet[Int(buffer << UInt32(5 - bits) & 31)]) }
        return text
    }

    /// In groups with hyphens between them, for a person to type.
    static func grouped(_ bytes: [UInt8], groupLength: Int) -> String {
        var grouped = ""
        for (index, character) in text(bytes).enumerated() {
            if index > 0, index.isMultiple(of: groupLength) { grouped.append("-") }
            grouped.append(character)
        }
        return grouped
    }
}
