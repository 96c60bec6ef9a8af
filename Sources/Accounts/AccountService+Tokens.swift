package import Domain
private import Foundation
private import Logging

extension AccountService {
    package func createToken(
        name: String, role: Role, by actor: Actor
    ) async throws(AccountError) -> IssuedToken {
        let name = try AccountRules.checkTokenName(name)
        let secret = Secret(APITokenForm.prefix + Base32.text(random.bytes(AccountLimits.tokenBytes)))
        let token = APIToken(id: .random(), name: name, role: role, createdAt: clock.now())
        let audit = audit("token.create", token.id, by: actor, at: token.createdAt, before: nil, after: token)
        let digest = digest.sha256(Array(secret.exposed.utf8))
        try await storing { try await self.store.insertToken(token, digest: digest, audit: audit) }
        return IssuedToken(info: token, token: secret)
    }

    package func tokens() async throws(AccountError) -> [APIToken] {
        try await storing { try await self.store.tokens() }
    }

    package func revokeToken(_ id: TokenID, by actor: Actor) async throws(AccountError) {
        let now = clock.now()
        let before = try await tokens().first { $0.id == id }
        let audit = audit("token.revoke", id, by: actor, at: now, before: before, after: nil)
        let isRevoked = try await storing { try await self.store.revokeToken(id, at: now, audit: audit) }
        guard isRevoked else { throw .unknownToken }
    }

    /// Asks the store each time, so that a revoked token is refused from the next request on. What is compared is a SHA-256 in
    /// an index: how long that takes tells nothing about any token.
    package func token(_ secret: Secret) async throws(AccountError) -> APIToken? {
        let bytes = Array(secret.exposed.utf8)
        // What cannot be one of ours costs neither a digest nor a query.
        guard bytes.count == APITokenForm.length, secret.exposed.hasPrefix(APITokenForm.prefix) else { return nil }
        let digest = digest.sha256(bytes)
        guard let token = try await storing({ try await self.store.token(digest: digest) }), token.revokedAt == nil
        else { return nil }
        await noteUse(of: token)
        return token
    }

    private func noteUse(of token: APIToken) async {
        let now = clock.now()
        if let used = token.lastUsedAt, now - used < AccountLimits.tokenTouch { return }
        do {
            try await store.noteUse(ofToken: token.id, at: now)
        } catch {
            // The list shows an older time.
            logger.debug("a token's use was not noted", metadata: ["cause": "\(error)"])
        }
    }

    private func audit(
        _ action: String, _ id: TokenID, by actor: Actor, at: WallTime, before: APIToken?, after: APIToken?
    ) -> AuditRecord {
        AuditRecord(
            at: at, actor: actor, action: action, channel: nil, subject: id.description,
            before: before.map(Self.document), after: after.map(Self.document))
    }

    private struct TokenDocument: Encodable {
        var name: String
        var role: Role
    }

    private static func document(_ token: APIToken) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        guard let data = try? encoder.encode(TokenDocument(name: token.name, role: token.role)) else {
            preconditionFailure("two texts can be encoded")
        }
        return String(decoding: data, as: UTF8.self)
    }
}

/// The form of an API token: `lineup_` and 52 digits of lower-case base32, which secret scanners can look for.
enum APITokenForm {
    static let prefix = "lineup_"
    static var length: Int { prefix.utf8.count + Base32.length(ofBytes: AccountLimits.tokenBytes) }
}
