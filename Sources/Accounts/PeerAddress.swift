/// Who stands behind an address, for rate limits: an IPv4 address, or an IPv6 network of 64 bits, since one customer has
/// all addresses in it.
enum PeerAddress {
    /// - Parameter address: an IP address without the port; anything else is a key as it is, cut to 64 characters.
    static func key(_ address: String) -> String {
        let text = address.prefix(64).lowercased()
        guard text.contains(":") else { return text }
        if text.hasPrefix("::ffff:"), text.contains(".") { return String(text.dropFirst(7)) }
        guard let groups = expandedGroups(text) else { return text }
        return groups.prefix(4).joined(separator: ":")
    }

    /// The eight groups of an address (RFC 4291 §2.2), zeros written out; `nil` for what is none.
    private static func expandedGroups(_ text: String) -> [String]? {
        let address = text.prefix { $0 != "%" }
        let parts = address.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard (3...9).contains(parts.count) else { return nil }
        guard let gap = address.firstRange(of: "::") else { return parts.count == 8 ? parts : nil }
        let head = address[..<gap.lowerBound].split(separator: ":").map(String.init)
        let tail = address[gap.upperBound...].split(separator: ":").map(String.init)
        guard head.count + tail.count <= 7 else { return nil }
        return head + Array(repeating: "0", count: 8 - head.count - tail.count) + tail
    }
}
