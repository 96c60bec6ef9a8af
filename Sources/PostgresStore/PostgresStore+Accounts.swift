package import Domain

extension PostgresStore: AccountStore {
    static let accountColumns =
        """
        u.id, u.email, u.name, u.role, u.disabled_at IS NOT NULL, \(epochMilliseconds("u.created_at")), u.time_zone,
            u.email_verified_at IS NOT NULL, u.approved_at IS NOT NULL, u.picture_version,
            u.totp_confirmed_at IS NOT NULL, \(epochMilliseconds("u.reset_requested_at"))
        """
    private static let accountColumnCount = 12

    package func insert(_ stored: StoredAccount, invitation: [UInt8]?) async throws {
        let account = stored.account
        let parameters: [PostgresValue] = [
            .id(account.id), .text(account.email), .text(account.name), .text(AccountName.key(account.name)),
            .text(stored.passwordHash.exposed), .text(account.role.rawValue), .time(account.createdAt),
            .boolean(account.isDisabled), .optional(account.timeZone), .boolean(account.isApproved),
        ]
        do {
            try await accountLane.perform { link in
                try link.transaction {
                    if let invitation { try Self.useUp(invitation, at: account.createdAt, link) }
                    try link.query(
                        """
                        INSERT INTO users (id, email, name, name_key, password_hash, role, created_at, disabled_at,
                            time_zone, approved_at)
                        VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $8::boolean THEN now() END, $9,
                            CASE WHEN $10::boolean THEN $7::timestamptz END)
                        """, parameters)
                }
            }
        } catch let error as PostgresError where error.constraint == "users_email_key" {
            throw AccountStoreError.emailTaken
        } catch let error as PostgresError where error.constraint == "users_name_key" {
            throw AccountStoreError.nameTaken
        }
    }

    package func account(email: String) async throws -> StoredAccount? {
        try await accountLane.perform { link in
            try Self.storedAccount(where: "u.email = $1", .text(email), link)
        }
    }

    package func storedAccount(id: UserID) async throws -> StoredAccount? {
        try await accountLane.perform { link in try Self.storedAccount(where: "u.id = $1", .id(id), link) }
    }

    private static func storedAccount(
        where condition: String, _ value: PostgresValue, _ link: PostgresLink
    ) throws -> StoredAccount? {
        let sql = """
            SELECT \(accountColumns), u.password_hash, CASE WHEN u.totp_confirmed_at IS NOT NULL THEN u.totp_sealed END
            FROM users u WHERE u.deleted_at IS NULL AND \(condition)
            """
        guard let row = try link.query(sql, [value]).first else { return nil }
        let seed = accountColumnCount + 1
        return StoredAccount(
            account: try account(row), passwordHash: Secret(try row.text(accountColumnCount)),
            sealedSeed: try row.optionalText(seed) == nil ? nil : row.bytes(seed))
    }

    package func takeCodeStep(of user: UserID, _ step: Int64) async throws -> Bool {
        try await accountLane.perform { link in
            try !link.query(
                """
                UPDATE users SET totp_last_step = $2 WHERE id = $1 AND coalesce(totp_last_step, -1) < $2 RETURNING 1
                """, [.id(user), .integer(step)]
            ).isEmpty
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
            try link.query(
                "SELECT \(Self.accountColumns) FROM users u WHERE u.deleted_at IS NULL ORDER BY u.created_at, u.id"
            ).map(Self.account)
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
            try link.query(
                "SELECT \(Self.accountColumns) FROM users u WHERE u.deleted_at IS NULL AND \(condition)", [value]
            ).first
                .map(Self.account)
        }
    }

    /// Reads `accountColumns` from a row's first columns.
    static func account(_ row: PostgresRow) throws(PostgresError) -> Account {
        guard let role = Role(rawValue: try row.text(3)) else { throw PostgresError(.shape, "an account has no role") }
        var account = Account(
            id: try row.id(0), email: try row.text(1), name: try row.text(2), role: role,
            isDisabled: try row.boolean(4), createdAt: try row.time(5), timeZone: try row.optionalText(6),
            isApproved: try row.boolean(8))
        account.isEmailVerified = try row.boolean(7)
        account.pictureVersion = try row.optionalInteger(9)
        account.hasSecondFactor = try row.boolean(10)
        account.resetRequestedAt = try row.optionalTime(11)
        return account
    }

    // MARK: Sessions

    package func insertSession(
        digest: [UInt8], user: UserID, client: ClientIdentity, createdAt: WallTime, expiresAt: WallTime
    ) async throws {
        let parameters: [PostgresValue] = [
            .bytes(digest), .id(user), .time(createdAt), .time(expiresAt), .text(client.address.withoutNUL),
            .optional((client.agent?.prefix(200)).map { String($0).withoutNUL }),
        ]
        try await accountLane.perform { link in
            _ = try link.query(
                """
                INSERT INTO sessions (digest, user_id, created_at, last_seen_at, expires_at, address, agent)
                VALUES ($1, $2, $3, $3, $4, $5, $6)
                """, parameters)
        }
    }

    package func session(digest: [UInt8]) async throws -> StoredSession? {
        let sql = """
            SELECT \(Self.accountColumns), \(epochMilliseconds("s.created_at")),
                \(epochMilliseconds("s.last_seen_at")), \(epochMilliseconds("s.expires_at"))
            FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.digest = $1 AND u.deleted_at IS NULL
            """
        return try await accountLane.perform { link in
            guard let row = try link.query(sql, [.bytes(digest)]).first else { return nil }
            return StoredSession(
                account: try Self.account(row), createdAt: try row.time(Self.accountColumnCount),
                lastSeenAt: try row.time(Self.accountColumnCount + 1),
                expiresAt: try row.time(Self.accountColumnCount + 2))
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
            // What has expired opens nothing any more; it goes with the sessions.
            try link.query("DELETE FROM account_links WHERE expires_at < $1", [.time(now)])
            try link.query("DELETE FROM invitations WHERE expires_at < $1", [.time(now)])
            return try link.query("DELETE FROM sessions WHERE expires_at < $1 RETURNING 1", [.time(now)]).count
        }
    }
}
