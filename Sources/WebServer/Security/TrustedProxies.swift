import Domain
import Glibc

/// The reverse proxies whose word about a client is taken (`LINEUP_TRUSTED_PROXIES`): addresses and networks, IPv4 and IPv6.
///
/// Of `X-Forwarded-For` the rightmost address that is no trusted proxy is the client: those to its left are what somebody said of
/// themselves. The scheme counts from a trusted peer only. Without any, these headers change nothing, but for how viewers are
/// counted (`viewer`). What `Forwarded` says counts the same (`ForwardedWords`).
package struct TrustedProxies: Sendable, Equatable {
    private struct Network: Sendable, Equatable {
        /// 4 or 16 bytes.
        var bytes: [UInt8]
        var bits: Int

        func contains(_ address: [UInt8]) -> Bool {
            guard address.count == bytes.count else { return false }
            for index in 0..<bytes.count {
                let left = bits - index * 8
                guard left > 0 else { return true }
                let mask = left >= 8 ? 0xFF : ~UInt8(0xFF >> left)
                guard address[index] & mask == bytes[index] & mask else { return false }
            }
            return true
        }
    }

    private var networks: [Network] = []

    /// `127.0.0.1, 10.0.0.0/8, ::1`; empty: none. `nil` for anything else.
    package init?(_ text: String) {
        for part in text.split(whereSeparator: { $0 == "," || $0 == " " }) {
            let sides = part.split(separator: "/", omittingEmptySubsequences: false)
            guard sides.count <= 2, let bytes = Self.bytes(of: String(sides[0])) else { return nil }
            var bits = bytes.count * 8
            if sides.count == 2 {
                guard let number = Int(sides[1]), (0...bits).contains(number) else { return nil }
                bits = number
            }
            networks.append(Network(bytes: bytes, bits: bits))
        }
    }

    package static let none = TrustedProxies()

    private init() {}

    func contains(_ address: String) -> Bool {
        guard !networks.isEmpty, let bytes = Self.bytes(of: address) else { return false }
        return networks.contains { $0.contains(bytes) }
    }

    /// - Parameters:
    ///   - peer: the socket's address.
    ///   - forwarded: `ForwardedWords.addresses`.
    func client(peer: String, forwarded: String?) -> String {
        guard let forwarded, contains(peer) else { return peer }
        var client = peer
        for text in forwarded.split(separator: ",").reversed().prefix(16) {
            guard let address = Self.address(text) else { return client }
            client = address
            if !contains(address) { return client }
        }
        return client
    }

    /// Machines that stand before a server without being declared: its own, and those of its network (RFC 1918, 3927, 4193, 4291).
    private static let near =
        TrustedProxies("127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16,::1,fc00::/7,fe80::/10")
        ?? .none

    /// Whose a request for media is, and whether nobody else has that address.
    ///
    /// A trusted proxy's word counts. What a near machine forwards tells viewers apart and no more: it may be a proxy that nobody
    /// declared, or say what it likes. Anybody else is just itself, whatever it sends.
    /// - Parameter forwarded: `ForwardedWords.addresses`.
    func viewer(peer: String, forwarded: String?) -> ViewerPlace {
        guard contains(peer) else {
            guard let forwarded, Self.near.contains(peer) else { return ViewerPlace(address: peer) }
            return ViewerPlace(
                address: peer, isCertain: false, forwardedFor: ViewerPlace.bounded(forwarded))
        }
        guard let forwarded else { return ViewerPlace(address: peer, isCertain: false) }
        let client = client(peer: peer, forwarded: forwarded)
        return ViewerPlace(address: client, isCertain: !contains(client), forwardedFor: client)
    }

    /// Whether the client speaks TLS with the outermost proxy; `nil` when nobody trustworthy says.
    func isSecure(peer: String, forwardedProto: String?) -> Bool? {
        guard let forwardedProto, contains(peer) else { return nil }
        // Each proxy may add its own: the first is the outermost's.
        let first = ForwardedWords.first(forwardedProto)?.lowercased()
        return first == "https" || first == "wss"
    }

    /// `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]:443`; `nil` for what is no address.
    private static func address(_ text: Substring) -> String? {
        var text = text.filter { $0 != " " && $0 != "\"" }[...]
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            text = text[text.index(after: text.startIndex)..<end]
        } else if text.filter({ $0 == ":" }).count == 1, let colon = text.firstIndex(of: ":") {
            text = text[..<colon]
        }
        return bytes(of: String(text)) == nil ? nil : String(text)
    }

    /// An IPv4 address that IPv6 carries counts as itself.
    private static func bytes(of text: String) -> [UInt8]? {
        if let four = packed(text, AF_INET, count: 4) { return four }
        guard let bytes = packed(text, AF_INET6, count: 16) else { return nil }
        let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        return isMapped ? Array(bytes.suffix(4)) : bytes
    }

    private static func packed(_ text: String, _ family: CInt, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}
