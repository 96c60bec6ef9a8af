package enum TokenTag {}
/// A bearer token's row; not the token itself.
package typealias TokenID = ID<TokenTag>

/// A machine's credential (design §6): a bearer token with a role. Only its SHA-256 is stored.
package struct APIToken: Sendable, Equatable {
    package var id: TokenID
    package var name: String
    package var role: Role
    package var createdAt: WallTime
    package var lastUsedAt: WallTime?
    package var revokedAt: WallTime?

    package init(
        id: TokenID, name: String, role: Role, createdAt: WallTime, lastUsedAt: WallTime? = nil,
        revokedAt: WallTime? = nil
    ) {
        self.id = id
        self.name = name
        self.role = role
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.revokedAt = revokedAt
    }
}

/// A token at the one moment it can be seen.
package struct IssuedToken: Sendable {
    package var info: APIToken
    package var token: Secret

    package init(info: APIToken, token: Secret) {
        self.info = info
        self.token = token
    }
}

/// Tokens as the API and the command line use them; implemented by `Accounts`.
package protocol TokenDesk: Sendable {
    func createToken(name: String, role: Role, by actor: Actor) async throws(AccountError) -> IssuedToken
    func tokens() async throws(AccountError) -> [APIToken]
    func revokeToken(_ id: TokenID, by actor: Actor) async throws(AccountError)
    /// Whom a presented token stands for; `nil` when it is unknown or revoked.
    func token(_ secret: Secret) async throws(AccountError) -> APIToken?
}

/// Stores tokens; implemented by `PostgresStore`.
package protocol TokenStore: Sendable {
    /// Writes the token and its audit line in one transaction.
    func insertToken(_ token: APIToken, digest: [UInt8], audit: AuditRecord) async throws
    func tokens() async throws -> [APIToken]
    func token(digest: [UInt8]) async throws -> APIToken?
    /// - Returns: `false` when there is no such live token.
    func revokeToken(_ id: TokenID, at: WallTime, audit: AuditRecord) async throws -> Bool
    /// For the list only, so a failure is harmless.
    func noteUse(ofToken id: TokenID, at: WallTime) async throws
}
