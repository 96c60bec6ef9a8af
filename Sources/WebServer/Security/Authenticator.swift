import Domain
import HTTPTypes

/// Finds out who sends a request. Looks sessions and tokens up at each request, so that an ended one is out at once.
struct Authenticator: Sendable {
    var accounts: any AccountDesk
    var tokens: any TokenDesk
    var cookie: SessionCookie
    var wrongTokens: WrongTokenLimiter
    var clock: any WallClock

    /// Longer ones are no token of ours.
    private static let maximumTokenBytes = 256

    /// A bearer token goes before the cookie; another scheme (a proxy's `Basic`) is not ours and says nothing.
    /// - Throws: 401 for a bearer token that cannot be one.
    func credentials(in headers: HTTPFields, isSecure: Bool) throws(Problem) -> Credentials {
        if let authorization = headers[.authorization] {
            let parts = authorization.split(separator: " ", maxSplits: 1)
            if parts.first?.lowercased() == "bearer" {
                let token = parts.count == 2 ? String(parts[1].drop { $0 == " " }) : ""
                guard (1...Self.maximumTokenBytes).contains(token.utf8.count),
                    token.utf8.allSatisfy(Self.isTokenByte)
                else { throw .wrongToken }
                return .bearer(Secret(token))
            }
        }
        guard let token = cookie.secured(isSecure).token(in: headers[values: .cookie]) else { return .none }
        return .cookie(token)
    }

    /// - Parameter address: the peer's, for the limit of wrong tokens.
    /// - Throws: 401 for a token that is unknown or revoked, 429 after too many of them; `AccountError.unavailable`.
    func caller(_ credentials: Credentials, from address: String) async throws -> Caller? {
        switch credentials {
        case .none: return nil
        case .cookie(let token): return try await accounts.session(token).map(Caller.person)
        case .bearer(let token):
            if let wait = wrongTokens.wait(address, token: token, now: clock.now()) {
                throw Problem(AccountError.slowDown(retryAfter: wait))
            }
            guard let known = try await tokens.token(token) else {
                wrongTokens.wrong(from: address, now: clock.now())
                throw Problem.wrongToken
            }
            wrongTokens.right(token)
            return .machine(known)
        }
    }

    /// RFC 6750 §2.1, `b64token`.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}
