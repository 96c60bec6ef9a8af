import Domain

/// The cookie that holds a web session's token (RFC 6265bis).
///
/// With an `https` public URL it has the `__Host-` prefix, which browsers tie to this host, the whole path and TLS. Over plain
/// HTTP they would refuse that, so the name is plain and `WebServer` warns once.
struct SessionCookie {
    var isSecure: Bool

    /// Longer values are no token of ours.
    private static let maximumTokenBytes = 256

    var name: String { isSecure ? "__Host-lineup" : "lineup" }

    /// As it is for a client behind a proxy that speaks TLS for us.
    func secured(_ isSecure: Bool) -> SessionCookie { SessionCookie(isSecure: self.isSecure || isSecure) }

    /// The `Set-Cookie` value for a new session.
    func setting(_ token: Secret, expiresAt: WallTime, now: WallTime) -> String {
        let seconds = max(0, (expiresAt - now).components.seconds)
        return attributes(value: token.exposed, maximumAge: seconds)
    }

    /// The `Set-Cookie` value that makes the browser forget it.
    var clearing: String { attributes(value: "", maximumAge: 0) }

    /// The token in a request's `Cookie` values; `nil` when there is none that could be ours.
    func token(in values: [String]) -> Secret? {
        for value in values {
            for pair in value.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, parts[0].drop(while: { $0 == " " }) == name else { continue }
                let token = parts[1]
                guard !token.isEmpty, token.utf8.count <= Self.maximumTokenBytes else { return nil }
                return Secret(String(token))
            }
        }
        return nil
    }

    private func attributes(value: String, maximumAge: Int64) -> String {
        "\(name)=\(value); Path=/; Max-Age=\(maximumAge); HttpOnly; SameSite=Lax" + (isSecure ? "; Secure" : "")
    }
}
