package import NIOCore

/// Which addresses may be connected to on somebody's word (features HK-16): those of the public internet, and the networks an
/// operator allows.
///
/// The special-purpose registries of IANA (RFC 6890) decide what is not public. An IPv6 address that carries an IPv4 one is
/// judged by that.
package struct AddressPolicy: Sendable {
    /// A network in CIDR form.
    package struct Network: Sendable, Equatable {
        fileprivate var bytes: [UInt8]
        fileprivate var prefix: Int

        /// `10.0.0.0/8`, `fd00::/8`, or one address; `nil` for anything else.
        package init?(_ text: some StringProtocol) {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard let address = parts.first, parts.count <= 2, let bytes = AddressPolicy.bytes(of: String(address))
            else { return nil }
            var prefix = bytes.count * 8
            if parts.count == 2 {
                guard parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(parts[1]),
                    number <= prefix
                else { return nil }
                prefix = number
            }
            self.bytes = bytes
            self.prefix = prefix
        }

        fileprivate func contains(_ address: [UInt8]) -> Bool {
            guard address.count == bytes.count else { return false }
            return (0..<prefix).allSatisfy { bit in
                let mask: UInt8 = 0x80 >> UInt8(bit % 8)
                return address[bit / 8] & mask == bytes[bit / 8] & mask
            }
        }
    }

    private let allowed: [Network]

    package init(allowing networks: [Network] = []) { allowed = networks }

    /// Whether this address may be connected to. What is neither IPv4 nor IPv6 may not.
    package func allows(_ address: SocketAddress) -> Bool {
        guard let bytes = Self.bytes(of: address) else { return false }
        return allows(bytes)
    }

    private func allows(_ bytes: [UInt8]) -> Bool {
        let plain = Self.carriedIPv4(bytes) ?? bytes
        if allowed.contains(where: { $0.contains(plain) || $0.contains(bytes) }) { return true }
        if plain.count == 4 { return !Self.special4.contains { $0.contains(plain) } }
        return Self.global6.contains { $0.contains(plain) } && !Self.special6.contains { $0.contains(plain) }
    }

    /// IPv4-mapped (RFC 4291 §2.5.5.2), NAT64's well-known prefix (RFC 6052), 6to4 (RFC 3056).
    private static func carriedIPv4(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count == 16 else { return nil }
        if bytes.prefix(10).allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF { return Array(bytes[12...]) }
        if Array(bytes.prefix(12)) == [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0] { return Array(bytes[12...]) }
        if bytes[0] == 0x20, bytes[1] == 0x02 { return Array(bytes[2..<6]) }
        return nil
    }

    private static let special4 = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/3",
    ].compactMap { Network($0) }
    private static let global6 = ["2000::/3"].compactMap { Network($0) }
    /// Teredo and other protocol assignments, documentation.
    private static let special6 = ["2001::/23", "2001:db8::/32", "3fff::/20"].compactMap { Network($0) }

    private static func bytes(of text: String) -> [UInt8]? {
        (try? SocketAddress(ipAddress: text, port: 0)).flatMap(bytes(of:))
    }

    /// `sockaddr_in` has its four bytes behind family and port, `sockaddr_in6` its sixteen behind those and the flow.
    private static func bytes(of address: SocketAddress) -> [UInt8]? {
        switch address {
        case .v4(let four): withUnsafeBytes(of: four.address) { Array($0[4..<8]) }
        case .v6(let six): withUnsafeBytes(of: six.address) { Array($0[8..<24]) }
        case .unixDomainSocket: nil
        }
    }
}
