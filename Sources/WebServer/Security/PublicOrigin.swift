/// Where the server is reached from outside: scheme, host and port (RFC 6454).
package struct PublicOrigin: Sendable, Equatable, CustomStringConvertible {
    package var isSecure: Bool
    /// Lower case; an IPv6 address in its brackets.
    package var host: String
    /// `nil`: the scheme's own.
    package var port: Int?

    /// Reads `https://host`, `http://host:8080` with or without a closing slash; `nil` for anything else.
    package init?(_ text: String) {
        let lower = text.lowercased()
        let (isSecure, rest): (Bool, Substring)
        if lower.hasPrefix("https://") {
            (isSecure, rest) = (true, lower.dropFirst(8))
        } else if lower.hasPrefix("http://") {
            (isSecure, rest) = (false, lower.dropFirst(7))
        } else {
            return nil
        }
        guard let authority = Authority(rest.hasSuffix("/") ? rest.dropLast() : rest) else { return nil }
        self.init(isSecure: isSecure, authority)
    }

    init(isSecure: Bool, _ authority: Authority) {
        self.isSecure = isSecure
        host = authority.host
        port = authority.port == (isSecure ? 443 : 80) ? nil : authority.port
    }

    /// As browsers send it in `Origin`.
    package var description: String {
        (isSecure ? "https://" : "http://") + host + (port.map { ":\($0)" } ?? "")
    }
}

/// `host[:port]`, as in a `Host` header (RFC 9110 §7.2).
struct Authority: Equatable {
    /// Lower case; an IPv6 address in its brackets.
    var host: String
    var port: Int?

    /// `nil` for whatever is not a host: text from a client goes into pages only through here.
    init?(_ text: some StringProtocol) {
        var host = text.lowercased()
        var port: Int?
        if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
            guard let number = Int(host[host.index(after: colon)...]), (1...65_535).contains(number) else { return nil }
            port = number
            host = String(host[..<colon])
        }
        let inner = host.hasPrefix("[") && host.hasSuffix("]") ? host.dropFirst().dropLast() : host[...]
        let isAddress = inner.utf8.count != host.utf8.count
        guard (1...253).contains(inner.utf8.count), inner.utf8.allSatisfy({ Self.isHostByte($0, isAddress) }) else {
            return nil
        }
        self.host = host
        self.port = port
    }

    private static func isHostByte(_ byte: UInt8, _ isAddress: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        case UInt8(ascii: ":"): isAddress
        default: false
        }
    }
}
