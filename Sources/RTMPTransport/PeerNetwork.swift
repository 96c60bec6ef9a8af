package import NIOCore

/// Whom the limits of an address count together: one IPv4 address, or one IPv6 network of 64 bits, because a single customer
/// owns every address in it. An IPv4 peer of an IPv6 socket counts as the IPv4 address it is.
package struct PeerNetwork: Hashable, Sendable, CustomStringConvertible {
    /// The text of an IPv4 address or of a network's first address; never longer than an IPv6 address is.
    package let description: String

    package init(_ address: SocketAddress?) {
        switch address {
        // sockaddr_in has its four bytes behind family and port, sockaddr_in6 its sixteen behind those and the flow.
        case .v4(let four): description = Self.dotted(Self.bytes(of: four.address, in: 4..<8))
        case .v6(let six): description = Self.name(of: Self.bytes(of: six.address, in: 8..<24))
        case .unixDomainSocket, nil: description = "unknown"
        }
    }

    private static func bytes<Address>(of address: Address, in range: Range<Int>) -> [UInt8] {
        withUnsafeBytes(of: address) { Array($0[range]) }
    }

    /// RFC 4291 §2.5.5.2: ten zero bytes, two of ones, then the IPv4 address.
    private static func name(of bytes: [UInt8]) -> String {
        let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        if isMapped {
            return dotted(Array(bytes.suffix(4)))
        }
        let groups = (0..<4).map { String(UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]), radix: 16) }
        return groups.joined(separator: ":") + "::/64"
    }

    private static func dotted(_ bytes: [UInt8]) -> String { bytes.map(String.init).joined(separator: ".") }
}
