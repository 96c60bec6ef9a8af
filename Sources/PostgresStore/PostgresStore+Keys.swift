package import Domain

extension PostgresStore {
    package func insertKey(_ info: StreamKeyInfo, digest: [UInt8], user: UserID) async throws {
        try await accountLane.perform { link in try Self.insertKey(info, digest: digest, user: user, link) }
    }

    package func keys(of user: UserID) async throws -> [StreamKeyInfo] {
        let sql = """
            SELECT id, label, \(epochMilliseconds("created_at")), \(epochMilliseconds("last_used_at")),
                \(epochMilliseconds("revoked_at"))
            FROM stream_keys WHERE user_id = $1 ORDER BY created_at, id
            """
        return try await accountLane.perform { link in
            try link.query(sql, [.id(user)]).map { row in
                StreamKeyInfo(
                    id: try row.id(0), label: try row.text(1), createdAt: try row.time(2),
                    lastUsedAt: try row.optionalTime(3), revokedAt: try row.optionalTime(4))
            }
        }
    }

    /// A key that was revoked before is left as it is: `true` without a successor, `false` with one, so that two clicks on
    /// "rotate" never issue two keys.
    package func revokeKey(
        _ key: KeyID, of user: UserID?, at: WallTime, successor: (info: StreamKeyInfo, digest: [UInt8])?
    ) async throws -> Bool {
        let owner: PostgresValue = user.map { .id($0) } ?? .null
        return try await accountLane.perform { link in
            try link.transaction {
                // The row's lock makes the second of two rotations wait, and then find the key revoked.
                let found = try link.query(
                    """
                    SELECT user_id, revoked_at IS NOT NULL FROM stream_keys
                    WHERE id = $1 AND ($2::uuid IS NULL OR user_id = $2) FOR UPDATE
                    """, [.id(key), owner])
                guard let row = found.first else { return false }
                if try row.boolean(1) { return successor == nil }
                try link.query("UPDATE stream_keys SET revoked_at = $2 WHERE id = $1", [.id(key), .time(at)])
                if let successor {
                    try Self.insertKey(successor.info, digest: successor.digest, user: try row.id(0), link)
                }
                return true
            }
        }
    }

    private static func insertKey(
        _ info: StreamKeyInfo, digest: [UInt8], user: UserID, _ link: PostgresLink
    ) throws {
        try link.query(
            """
            INSERT INTO stream_keys (id, user_id, digest, label, created_at, last_used_at, revoked_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            [
                .id(info.id), .id(user), .bytes(digest), .text(info.label), .time(info.createdAt),
                .time(info.lastUsedAt), .time(info.revokedAt),
            ])
    }
}

extension PostgresStore: KeyDirectory {
    package func owner(ofKeyDigest digest: [UInt8]) async throws -> KeyOwner? {
        let sql = """
            SELECT k.id, u.id, u.name, k.revoked_at IS NOT NULL, u.disabled_at IS NOT NULL,
                u.approved_at IS NOT NULL
            FROM stream_keys k JOIN users u ON u.id = k.user_id WHERE k.digest = $1
            """
        return try await keyLane.perform { link in
            guard let row = try link.query(sql, [.bytes(digest)]).first else { return nil }
            return KeyOwner(
                key: try row.id(0), user: try row.id(1), name: try row.text(2), isRevoked: try row.boolean(3),
                isDisabled: try row.boolean(4), isApproved: try row.boolean(5))
        }
    }

    package func noteUse(of key: KeyID) async throws {
        try await keyLane.perform { link in
            _ = try link.query("UPDATE stream_keys SET last_used_at = now() WHERE id = $1", [.id(key)])
        }
    }
}
