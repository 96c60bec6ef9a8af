import Domain
private import Foundation

/// An `http` or `https` URL, taken apart for a request.
struct WebAddress: Sendable {
    var isSecure: Bool
    var host: String
    var port: Int
    /// Path and query, as they stand in the request line.
    var target: String

    private static let longest = 4096

    /// - Throws: `.invalidURL`; also for one with a user name, whose password would be seen by whoever logs it.
    init(_ url: Secret) throws(OutboundError) {
        guard url.exposed.utf8.count <= Self.longest,
            url.exposed.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let parts = URLComponents(string: url.exposed), let scheme = parts.scheme?.lowercased(),
            scheme == "http" || scheme == "https", var host = parts.host, !host.isEmpty, parts.user == nil,
            parts.password == nil
        else { throw .invalidURL }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        isSecure = scheme == "https"
        self.host = host.lowercased()
        port = parts.port ?? (isSecure ? 443 : 80)
        guard (1...65_535).contains(port) else { throw .invalidURL }
        let path = parts.percentEncodedPath
        target = (path.isEmpty ? "/" : path) + (parts.percentEncodedQuery.map { "?" + $0 } ?? "")
    }

    private var bracketed: String { host.contains(":") ? "[\(host)]" : host }
    private var isUsualPort: Bool { port == (isSecure ? 443 : 80) }

    /// RFC 9110 §7.2.
    var authority: String { isUsualPort ? bracketed : "\(bracketed):\(port)" }
    var place: String { (isSecure ? "https://" : "http://") + authority }
}
