package import Domain

extension PostgresStore: TokenStore {
    private static let tokenColumns = """
        id, name, role, \(epochMilliseconds("created_at")), \(epochMilliseconds("last_used_at")),
            \(epochMilliseconds("revoked_at"))
        """
    /// What a list shows at most (I11); far beyond what an installation has.
    private static let maximumListed = 1000

    package func insertToken(_ token: APIToken, digest: [UInt8], audit: AuditRecord) async throws {
        let parameters: [PostgresValue] = [
            .id(token.id), .bytes(digest), .text(token.name), .text(token.role.rawValue), .time(token.createdAt),
            .time(token.lastUsedAt), .time(token.revokedAt),
        ]
        try await accountLane.perform { link in
            try link.transaction {
                try link.query(
                    """
                    INSERT INTO api_tokens (id, digest, name, role, created_at, last_used_at, revoked_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7)
                    """, parameters)
                try StoredAudit.insert(audit, link)
            }
        }
    }

    package func tokens() async throws -> [APIToken] {
        let sql = """
            SELECT \(Self.tokenColumns) FROM api_tokens
            ORDER BY revoked_at IS NOT NULL, created_at, id LIMIT \(Self.maximumListed)
            """
        return try await accountLane.perform { link in try link.query(sql).map(Self.token) }
    }

    package func token(digest: [UInt8]) async throws -> APIToken? {
        let sql = "SELECT \(Self.tokenColumns) FROM api_tokens WHERE digest = $1"
        return try await accountLane.perform { link in try link.query(sql, [.bytes(digest)]).first.map(Self.token) }
    }

    package func revokeToken(_ id: TokenID, at: WallTime, audit: AuditRecord) async throws -> Bool {
        try await accountLane.perform { link in
            try link.transaction {
                let revoked = try link.query(
                    "UPDATE api_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING 1",
                    [.id(id), .time(at)])
                guard !revoked.isEmpty else { return false }
                try StoredAudit.insert(audit, link)
                return true
            }
        }
    }

    package func noteUse(ofToken id: TokenID, at: WallTime) async throws {
        try await accountLane.perform { link in
            _ = try link.query(
                "UPDATE api_tokens SET last_used_at = greatest(last_used_at, $2) WHERE id = $1", [.id(id), .time(at)])
        }
    }

    /// Reads `tokenColumns`.
    private static func token(_ row: PostgresRow) throws(PostgresError) -> APIToken {
        guard let role = Role(rawValue: try row.text(2)) else { throw PostgresError(.shape, "a token has no role") }
        return APIToken(
            id: try row.id(0), name: try row.text(1), role: role, createdAt: try row.time(3),
            lastUsedAt: try row.optionalTime(4), revokedAt: try row.optionalTime(5))
    }
}
