/// Who stands behind an address, for limits and for keeping somebody out: one IPv4 address, or one IPv6 network of 64 bits,
/// because a single customer owns every address in it. An IPv4 address that IPv6 carries is itself (RFC 4291 §2.5.5.2).
/// However an address is spelled, it is the same value.
package enum PeerNetwork: Hashable, Sendable, CustomStringConvertible {
    case four(UInt32)
    /// The first 64 bits.
    case six(UInt64)
    /// What is no address of either kind.
    case unknown

    /// - Parameter text: an address without a port; a zone (`%eth0`) may follow and does not count.
    package init(_ text: String) {
        let address = text.utf8.prefix { $0 != UInt8(ascii: "%") }
        if let four = Self.four(address) {
            self = .four(four)
        } else if let groups = Self.groups(address) {
            self.init(groups: groups)
        } else {
            self = .unknown
        }
    }

    /// - Parameter bytes: 4 or 16 of an address, the highest first.
    package init(bytes: [UInt8]) {
        switch bytes.count {
        case 4: self = .four(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
            self.init(groups: groups)
        default: self = .unknown
        }
    }

    private init(groups: [UInt16]) {
        let isMapped = groups.prefix(5).allSatisfy { $0 == 0 } && groups[5] == 0xFFFF
        self =
            isMapped
            ? .four(UInt32(groups[6]) << 16 | UInt32(groups[7]))
            : .six(groups.prefix(4).reduce(0) { $0 << 16 | UInt64($1) })
    }

    /// The text of an IPv4 address or of a network's first address; never longer than an IPv6 address is.
    package var description: String {
        switch self {
        case .four(let bits): return [24, 16, 8, 0].map { String(bits >> $0 & 0xFF) }.joined(separator: ".")
        case .six(let bits):
            let groups = [48, 32, 16, 0].map { String(bits >> $0 & 0xFFFF, radix: 16) }
            return groups.joined(separator: ":") + "::/64"
        case .unknown: return "unknown"
        }
    }

    // MARK: Reading

    private typealias Text = Substring.UTF8View

    /// Four numbers with dots, none with a leading zero, which some would read as octal.
    private static func four(_ text: Text) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard let number = number(part, radix: 10, digits: 3), number <= 255,
                part.count == 1 || part.first != UInt8(ascii: "0")
            else { return nil }
            bits = bits << 8 | number
        }
        return bits
    }

    /// The eight groups of RFC 4291 §2.2: one run of zeros may be `::`, and the last two groups an IPv4 address.
    private static func groups(_ text: Text) -> [UInt16]? {
        var parts = text.split(separator: UInt8(ascii: ":"), maxSplits: 9, omittingEmptySubsequences: false)
        guard parts.count >= 3, parts.count <= 9 else { return nil }
        // A `::` at an end leaves two empty parts there, one in the middle a single one; a lone colon at an end is none.
        let opens = parts[0].isEmpty && parts[1].isEmpty
        let closes = parts[parts.count - 1].isEmpty && parts[parts.count - 2].isEmpty
        guard opens || !parts[0].isEmpty, closes || !parts[parts.count - 1].isEmpty else { return nil }
        if opens { parts.removeFirst() }
        if closes, parts.count > 1 { parts.removeLast() }
        var groups: [UInt16] = []
        var gap: Int?
        for (index, part) in parts.enumerated() {
            if part.isEmpty {
                guard gap == nil else { return nil }
                gap = groups.count
            } else if let number = number(part, radix: 16, digits: 4) {
                groups.append(UInt16(number))
            } else if index == parts.count - 1, let four = four(part) {
                groups += [UInt16(four >> 16), UInt16(four & 0xFFFF)]
            } else {
                return nil
            }
        }
        guard let gap else { return groups.count == 8 ? groups : nil }
        guard groups.count < 8 else { return nil }
        groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        return groups
    }

    /// `nil` for what is no number of 1 to `digits` digits.
    private static func number(_ text: Text, radix: UInt32, digits: Int) -> UInt32? {
        guard !text.isEmpty, text.count <= digits else { return nil }
        var value: UInt32 = 0
        for byte in text {
            let digit: UInt32
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt32(byte - UInt8(ascii: "a")) + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = UInt32(byte - UInt8(ascii: "A")) + 10
            default: return nil
            }
            guard digit < radix else { return nil }
            value = value * radix + digit
        }
        return value
    }
}
