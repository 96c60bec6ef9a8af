package import Domain

extension PostgresStore: ProfileStore {
    // MARK: The account

    package func change(_ user: UserID, name: String?, timeZone: String?) async throws -> Account? {
        let key: String? = name.map { AccountName.key($0) }
        do {
            return try await changed(
                """
                UPDATE users SET name = coalesce($2, name), name_key = coalesce($3, name_key),
                    time_zone = CASE WHEN $4::text IS NULL THEN time_zone ELSE nullif($4, '') END
                WHERE id = $1
                """, user, [.optional(name), .optional(key), .optional(timeZone)])
        } catch let error as PostgresError where error.constraint == "users_name_key" {
            throw AccountStoreError.nameTaken
        }
    }

    package func setEmail(of user: UserID, _ email: String, isVerified: Bool, at: WallTime) async throws {
        do {
            try await accountLane.perform { link in
                _ = try link.query(
                    """
                    UPDATE users SET email = $2, email_verified_at = CASE WHEN $3::boolean THEN $4::timestamptz END
                    WHERE id = $1 AND deleted_at IS NULL
                    """, [.id(user), .text(email), .boolean(isVerified), .time(at)])
            }
        } catch let error as PostgresError where error.constraint == "users_email_key" {
            throw AccountStoreError.emailTaken
        }
    }

    package func setPicture(of user: UserID, _ picture: AccountPicture?) async throws -> Account? {
        try await changed(
            "UPDATE users SET picture = $2, picture_version = $3 WHERE id = $1", user,
            [picture.map { .bytes($0.bytes) } ?? .null, .optional(picture?.version)])
    }

    package func picture(of user: UserID) async throws -> AccountPicture? {
        try await accountLane.perform { link in
            let sql = "SELECT picture, picture_version FROM users WHERE id = $1 AND picture IS NOT NULL"
            return try link.query(sql, [.id(user)]).first.map { row in
                AccountPicture(bytes: try row.bytes(0), version: try row.integer(1))
            }
        }
    }

    package func setPassword(of user: UserID, _ hash: Secret) async throws {
        try await accountLane.perform { link in
            try link.transaction {
                try link.query(
                    "UPDATE users SET password_hash = $2, reset_requested_at = NULL WHERE id = $1",
                    [.id(user), .text(hash.exposed)])
                try link.query("DELETE FROM sessions WHERE user_id = $1", [.id(user)])
                try link.query("DELETE FROM account_links WHERE user_id = $1 AND kind = 'reset'", [.id(user)])
            }
        }
    }

    package func erase(_ user: UserID, at: WallTime, audit: AuditRecord) async throws {
        try await accountLane.perform { link in
            try link.transaction {
                // Disabling tells whoever holds a live connection (I10).
                try link.query(
                    """
                    UPDATE users SET email = 'deleted+' || id || '@localhost', name = 'deleted ' || left(id::text, 8),
                        name_key = 'deleted ' || id, password_hash = '!', role = 'viewer', time_zone = NULL,
                        email_verified_at = NULL, reset_requested_at = NULL, picture = NULL, picture_version = NULL,
                        totp_sealed = NULL, totp_confirmed_at = NULL, totp_last_step = NULL,
                        disabled_at = coalesce(disabled_at, $2), deleted_at = $2
                    WHERE id = $1
                    """, [.id(user), .time(at)])
                for table in ["sessions", "account_links", "stream_keys"] {
                    try link.query("DELETE FROM \(table) WHERE user_id = $1", [.id(user)])
                }
                try link.query(
                    "UPDATE queue_entries SET name = 'deleted DJ' WHERE user_id = $1 AND state = 'ended'", [.id(user)])
                try link.query(
                    "UPDATE audit_log SET actor_name = 'deleted' WHERE actor_kind = 'user' AND actor_id = $1",
                    [.text(user.description)])
                try StoredAudit.insert(audit, link)
            }
        }
    }

    package func export(_ user: UserID) async throws -> AccountExport? {
        guard let account = try await account(id: user) else { return nil }
        let keys = try await keys(of: user)
        let sessions = try await sessions(of: user, currentDigest: nil)
        let (entries, audit) = try await accountLane.perform { link in
            let entries = try link.query(
                """
                SELECT id, user_id, name, end_reason, \(epochMilliseconds("joined_at")),
                    \(epochMilliseconds("on_air_since")), \(epochMilliseconds("ended_at")), used_on_air_ns
                FROM queue_entries WHERE user_id = $1 AND state = 'ended' ORDER BY ended_at DESC, id DESC
                """, [.id(user)]
            ).map(Self.pastEntry)
            let audit = try link.query(
                """
                SELECT id, \(epochMilliseconds("at")), actor_kind, actor_id, actor_name, action, channel, subject,
                    before, after
                FROM audit_log WHERE actor_id = $1 OR subject = $1 ORDER BY id DESC LIMIT 1000
                """, [.text(user.description)]
            ).map(StoredAudit.record)
            return (entries, audit)
        }
        return AccountExport(account: account, keys: keys, sessions: sessions, entries: entries, audit: audit)
    }

    // MARK: Sessions

    package func sessions(of user: UserID, currentDigest: [UInt8]?) async throws -> [SessionInfo] {
        let sql = """
            SELECT id, \(epochMilliseconds("created_at")), \(epochMilliseconds("last_seen_at")), address, agent,
                digest = $2
            FROM sessions WHERE user_id = $1 ORDER BY last_seen_at DESC, id
            """
        return try await accountLane.perform { link in
            try link.query(sql, [.id(user), .bytes(currentDigest ?? [])]).map { row in
                SessionInfo(
                    id: try row.id(0), createdAt: try row.time(1), lastSeenAt: try row.time(2),
                    address: try row.optionalText(3), agent: try row.optionalText(4), isCurrent: try row.boolean(5))
            }
        }
    }

    package func endSession(_ id: WebSessionID, of user: UserID) async throws -> Bool {
        try await accountLane.perform { link in
            try !link.query("DELETE FROM sessions WHERE id = $1 AND user_id = $2 RETURNING 1", [.id(id), .id(user)])
                .isEmpty
        }
    }

    package func endSessions(of user: UserID, but digest: [UInt8]?, audit: AuditRecord?) async throws {
        try await accountLane.perform { link in
            try link.transaction {
                try link.query(
                    "DELETE FROM sessions WHERE user_id = $1 AND digest <> $2", [.id(user), .bytes(digest ?? [])])
                if let audit { try StoredAudit.insert(audit, link) }
            }
        }
    }

    // MARK: Links

    package func insertLink(_ stored: StoredLink, digest: [UInt8]) async throws {
        let parameters: [PostgresValue] = [
            .bytes(digest), .id(stored.user), .text(stored.kind.rawValue), .text(stored.email),
            .time(stored.createdAt), .time(stored.expiresAt),
        ]
        try await accountLane.perform { link in
            try link.transaction {
                try link.query(
                    "DELETE FROM account_links WHERE user_id = $1 AND kind = $2",
                    [.id(stored.user), .text(stored.kind.rawValue)])
                try link.query(
                    """
                    INSERT INTO account_links (digest, user_id, kind, email, created_at, expires_at)
                    VALUES ($1, $2, $3, $4, $5, $6)
                    """, parameters)
            }
        }
    }

    package func link(digest: [UInt8], kind: StoredLink.Kind) async throws -> StoredLink? {
        try await link("SELECT \(Self.linkColumns) FROM account_links WHERE digest = $1 AND kind = $2", digest, kind)
    }

    package func takeLink(digest: [UInt8], kind: StoredLink.Kind) async throws -> StoredLink? {
        let sql = "DELETE FROM account_links WHERE digest = $1 AND kind = $2 RETURNING \(Self.linkColumns)"
        return try await link(sql, digest, kind)
    }

    private static let linkColumns =
        "user_id, email, \(epochMilliseconds("created_at")), \(epochMilliseconds("expires_at"))"

    private func link(_ sql: String, _ digest: [UInt8], _ kind: StoredLink.Kind) async throws -> StoredLink? {
        try await accountLane.perform { link in
            try link.query(sql, [.bytes(digest), .text(kind.rawValue)]).first.map { row in
                StoredLink(
                    user: try row.id(0), kind: kind, email: try row.text(1), createdAt: try row.time(2),
                    expiresAt: try row.time(3))
            }
        }
    }

    package func noteResetRequest(of user: UserID, at: WallTime) async throws {
        try await accountLane.perform { link in
            _ = try link.query("UPDATE users SET reset_requested_at = $2 WHERE id = $1", [.id(user), .time(at)])
        }
    }

    // MARK: The second factor

    package func setSecondFactor(of user: UserID, sealed: [UInt8]) async throws {
        try await accountLane.perform { link in
            _ = try link.query(
                """
                UPDATE users SET totp_sealed = $2, totp_last_step = NULL
                WHERE id = $1 AND totp_confirmed_at IS NULL
                """, [.id(user), .bytes(sealed)])
        }
    }

    package func secondFactor(of user: UserID) async throws -> [UInt8]? {
        try await accountLane.perform { link in
            try link.query("SELECT totp_sealed FROM users WHERE id = $1 AND totp_sealed IS NOT NULL", [.id(user)]).first
                .map { try $0.bytes(0) }
        }
    }

    package func confirmSecondFactor(of user: UserID, at: WallTime) async throws -> Account? {
        try await changed(
            "UPDATE users SET totp_confirmed_at = $2 WHERE id = $1 AND totp_sealed IS NOT NULL", user, [.time(at)])
    }

    package func removeSecondFactor(of user: UserID, audit: AuditRecord) async throws -> Account? {
        try await changed(
            "UPDATE users SET totp_sealed = NULL, totp_confirmed_at = NULL, totp_last_step = NULL WHERE id = $1", user,
            [], audit: audit)
    }

    // MARK: What admins do

    package func approve(_ user: UserID, at: WallTime, audit: AuditRecord) async throws -> Account? {
        try await changed(
            "UPDATE users SET approved_at = coalesce(approved_at, $2) WHERE id = $1", user, [.time(at)], audit: audit)
    }

    package func setRole(_ user: UserID, _ role: Role, audit: AuditRecord) async throws -> Account? {
        try await changed("UPDATE users SET role = $2 WHERE id = $1", user, [.text(role.rawValue)], audit: audit)
    }

    package func appendAudit(_ record: AuditRecord) async throws { try await append(record) }

    package func insertInvitation(_ invitation: Invitation, digest: [UInt8], audit: AuditRecord) async throws {
        let parameters: [PostgresValue] = [
            .id(invitation.id), .bytes(digest), .text(invitation.note), .integer(Int64(invitation.usesLeft)),
            .time(invitation.createdAt), .time(invitation.expiresAt),
        ]
        try await accountLane.perform { link in
            try link.transaction {
                try link.query(
                    """
                    INSERT INTO invitations (id, digest, note, uses_left, created_at, expires_at)
                    VALUES ($1, $2, $3, $4, $5, $6)
                    """, parameters)
                try StoredAudit.insert(audit, link)
            }
        }
    }

    package func invitations() async throws -> [Invitation] {
        let sql = """
            SELECT id, note, uses_left, \(epochMilliseconds("created_at")), \(epochMilliseconds("expires_at"))
            FROM invitations ORDER BY created_at DESC, id
            """
        return try await accountLane.perform { link in
            try link.query(sql, []).map { row in
                Invitation(
                    id: try row.id(0), note: try row.text(1), usesLeft: Int(clamping: try row.integer(2)),
                    createdAt: try row.time(3), expiresAt: try row.time(4))
            }
        }
    }

    package func deleteInvitation(_ id: InvitationID, audit: AuditRecord) async throws -> Bool {
        try await accountLane.perform { link in
            try link.transaction {
                let gone = try link.query("DELETE FROM invitations WHERE id = $1 RETURNING 1", [.id(id)])
                guard !gone.isEmpty else { return false }
                try StoredAudit.insert(audit, link)
                return true
            }
        }
    }

    /// Part of the transaction that makes the account.
    static func useUp(_ invitation: [UInt8], at: WallTime, _ link: PostgresLink) throws {
        let used = try link.query(
            """
            UPDATE invitations SET uses_left = uses_left - 1
            WHERE digest = $1 AND uses_left > 0 AND expires_at > $2 RETURNING 1
            """, [.bytes(invitation), .time(at)])
        guard !used.isEmpty else { throw AccountStoreError.noInvitation }
    }

    /// Runs an update of one account, whose id is `$1`, and reads it afterwards; `nil` when there is none.
    private func changed(
        _ sql: String, _ user: UserID, _ more: [PostgresValue], audit: AuditRecord? = nil
    ) async throws -> Account? {
        try await accountLane.perform { link in
            try link.transaction {
                let found = "SELECT \(Self.accountColumns) FROM users u WHERE u.id = $1 AND u.deleted_at IS NULL"
                guard try !link.query(found + " FOR UPDATE", [.id(user)]).isEmpty else { return nil }
                try link.query(sql, [.id(user)] + more)
                if let audit { try StoredAudit.insert(audit, link) }
                return try link.query(found, [.id(user)]).first.map(Self.account)
            }
        }
    }
}
