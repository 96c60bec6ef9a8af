package import Domain

extension PostgresStore: AccountStore {
    private static let accountColumns =
        "u.id, u.email, u.name, u.role, u.disabled_at IS NOT NULL, " + epochMilliseconds("u.created_at")

    package func insert(_ stored: StoredAccount) async throws {
        let account = stored.account
        let parameters: [PostgresValue] = [
            .id(account.id), .text(account.email), .text(account.name), .text(AccountName.key(account.name)),
            .text(stored.passwordHash.exposed), .text(account.role.rawValue), .time(account.createdAt),
            .boolean(account.isDisabled),
        ]
        do {
            try await accountLane.perform { link in
                try link.query(
                    """
                    INSERT INTO users (id, email, name, name_key, password_hash, role, created_at, disabled_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $8::boolean THEN now() END)
                    """, parameters)
            }
        } catch let error as PostgresError where error.constraint == "users_email_key" {
            throw AccountStoreError.emailTaken
        } catch let error as PostgresError where error.constraint == "users_name_key" {
            throw AccountStoreError.nameTaken
        }
    }

    package func account(email: String) async throws -> StoredAccount? {
        try await accountLane.perform { link in
            let sql = "SELECT \(Self.accountColumns), u.password_hash FROM users u WHERE u.email = $1"
            guard let row = try link.query(sql, [.text(email)]).first else { return nil }
            return StoredAccount(account: try Self.account(row), passwordHash: Secret(try row.text(6)))
        }
    }

    package func account(id: UserID) async throws -> Account? {
        try await oneAccount(where: "u.id = $1", .id(id))
    }

    package func account(name: String) async throws -> Account? {
        try await oneAccount(where: "u.name_key = $1", .text(AccountName.key(name)))
    }

    package func accounts() async throws -> [Account] {
        try await accountLane.perform { link in
            try link.query("SELECT \(Self.accountColumns) FROM users u ORDER BY u.created_at, u.id").map(Self.account)
        }
    }

    package func replacePasswordHash(of user: UserID, with hash: Secret) async throws {
        try await accountLane.perform { link in
            _ = try link.query(
                "UPDATE users SET password_hash = $2 WHERE id = $1", [.id(user), .text(hash.exposed)])
        }
    }

    package func setDisabled(
        _ user: UserID, _ isDisabled: Bool, at: WallTime, audit: AuditRecord
    ) async throws -> Account? {
        try await accountLane.perform { link in
            try link.transaction {
                let changed = try link.query(
                    """
                    UPDATE users SET disabled_at = CASE WHEN $2::boolean THEN $3::timestamptz END
                    WHERE id = $1 AND (disabled_at IS NOT NULL) <> $2::boolean RETURNING 1
                    """, [.id(user), .boolean(isDisabled), .time(at)])
                if !changed.isEmpty { try StoredAudit.insert(audit, link) }
                return try link.query("SELECT \(Self.accountColumns) FROM users u WHERE u.id = $1", [.id(user)]).first
                    .map(Self.account)
            }
        }
    }

    private func oneAccount(where condition: String, _ value: PostgresValue) async throws -> Account? {
        try await accountLane.perform { link in
            try link.query("SELECT \(Self.accountColumns) FROM users u WHERE \(condition)", [value]).first
                .map(Self.account)
        }
    }

    /// Reads `accountColumns` from a row's first six columns.
    private static func account(_ row: PostgresRow) throws(PostgresError) -> Account {
        guard let role = Role(rawValue: try row.text(3)) else { throw PostgresError(.shape, "an account has no role") }
        return Account(
            id: try row.id(0), email: try row.text(1), name: try row.text(2), role: role,
            isDisabled: try row.boolean(4), createdAt: try row.time(5))
    }

    // MARK: Sessions

    package func insertSession(
        digest: [UInt8], user: UserID, createdAt: WallTime, expiresAt: WallTime
    ) async throws {
        let parameters: [PostgresValue] = [
            .bytes(digest), .id(user), .time(createdAt), .time(expiresAt),
        ]
        try await accountLane.perform { link in
            _ = try link.query(
                """
                INSERT INTO sessions (digest, user_id, created_at, last_seen_at, expires_at)
                VALUES ($1, $2, $3, $3, $4)
                """, parameters)
        }
    }

    package func session(digest: [UInt8]) async throws -> StoredSession? {
        let sql = """
            SELECT \(Self.accountColumns), \(epochMilliseconds("s.created_at")),
                \(epochMilliseconds("s.last_seen_at")), \(epochMilliseconds("s.expires_at"))
            FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.digest = $1
            """
        return try await accountLane.perform { link in
            guard let row = try link.query(sql, [.bytes(digest)]).first else { return nil }
            return StoredSession(
                account: try Self.account(row), createdAt: try row.time(6),
                lastSeenAt: try row.time(7), expiresAt: try row.time(8))
        }
    }

    package func touchSession(digest: [UInt8], at: WallTime) async throws {
        try await accountLane.perform { link in
            _ = try link.query(
                "UPDATE sessions SET last_seen_at = $2 WHERE digest = $1", [.bytes(digest), .time(at)])
        }
    }

    package func deleteSession(digest: [UInt8]) async throws {
        try await accountLane.perform { link in
            _ = try link.query("DELETE FROM sessions WHERE digest = $1", [.bytes(digest)])
        }
    }

    package func deleteExpiredSessions(now: WallTime) async throws -> Int {
        try await accountLane.perform { link in
            try link.query("DELETE FROM sessions WHERE expires_at < $1 RETURNING 1", [.time(now)]).count
        }
    }
}
