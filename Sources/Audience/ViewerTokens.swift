package import Domain

/// Makes and reads the tokens on viewers' URLs. A value; any thread.
///
///     viewer:  v.ID.CODE            tells one viewer from another; anybody gets one with the multivariant playlist
///     play:    p.EXPIRY.ID.CODE     lets in to one channel until EXPIRY (seconds since 1970)
///
/// ID is 12 random bytes, CODE the first 16 of an HMAC-SHA256 over everything before it and the channel's name; both in base64url.
/// A token of one channel fails on another.
package struct ViewerTokens: Sendable {
    package enum Kind: Equatable, Sendable {
        case viewer
        case play(expires: Int64)
    }

    /// How far the clock of whoever made a token may be ahead of ours.
    package static let skew: Int64 = 60
    /// Nothing longer is looked at.
    private static let maximumBytes = 96

    private let key: [UInt8]
    private let authentication: any MessageAuthenticating
    private let random: any RandomBytes

    /// - Parameter secret: the server's; what it is used for here is told apart from its other uses.
    package init(secret: Secret, authentication: any MessageAuthenticating, random: any RandomBytes) {
        self.key = authentication.hmacSHA256(key: Array(secret.exposed.utf8), message: Array("lineup viewers".utf8))
        self.authentication = authentication
        self.random = random
    }

    package func viewer(of channel: ChannelName) -> String { signed("v." + identifier(), channel) }

    package func play(_ channel: ChannelName, expires: WallTime) -> String {
        signed("p.\(expires.milliseconds / 1000)." + identifier(), channel)
    }

    /// What `token` is; `nil` when it is none of ours, of another channel, or over.
    package func read(_ token: String, of channel: ChannelName, now: WallTime) -> Kind? {
        guard token.utf8.count <= Self.maximumBytes, let dot = token.lastIndex(of: "."),
            isEqual(token, signed(String(token[..<dot]), channel))
        else { return nil }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        switch (parts.first, parts.count) {
        case ("v", 3): return .viewer
        case ("p", 4):
            guard let expires = Int64(parts[1]), now.milliseconds / 1000 <= expires + Self.skew else { return nil }
            return .play(expires: expires)
        default: return nil
        }
    }

    /// With a key of their own, that nobody else has and nothing keeps.
    func pseudonyms() -> Pseudonyms { Pseudonyms(key: random.bytes(32), authentication: authentication) }

    private func identifier() -> String { Self.base64URL(random.bytes(12)) }

    private func signed(_ text: String, _ channel: ChannelName) -> String {
        let code = authentication.hmacSHA256(key: key, message: Array("\(channel.text)|\(text)".utf8))
        return text + "." + Self.base64URL(Array(code.prefix(16)))
    }

    /// In time that does not tell how much of it was right.
    private func isEqual(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    /// RFC 4648 §5, without padding.
    static func base64URL(_ bytes: [UInt8]) -> String {
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for place in 0...group.count { text.append(digits[Int(bits >> UInt32(18 - 6 * place)) & 63]) }
        }
        return text
    }
}
