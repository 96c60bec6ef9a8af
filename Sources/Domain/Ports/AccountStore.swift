package struct StoredAccount: Sendable {
    package var account: Account
    /// Argon2id's encoded form.
    package var passwordHash: Secret
    /// The one-time codes' seed, once it is in force.
    package var sealedSeed: [UInt8]?

    package init(account: Account, passwordHash: Secret, sealedSeed: [UInt8]? = nil) {
        self.account = account
        self.passwordHash = passwordHash
        self.sealedSeed = sealedSeed
    }
}

package struct StoredSession: Sendable {
    package var account: Account
    package var createdAt: WallTime
    package var lastSeenAt: WallTime
    package var expiresAt: WallTime

    package init(
        account: Account, createdAt: WallTime, lastSeenAt: WallTime, expiresAt: WallTime
    ) {
        self.account = account
        self.createdAt = createdAt
        self.lastSeenAt = lastSeenAt
        self.expiresAt = expiresAt
    }
}

/// Stores accounts, keys and web sessions; implemented by `PostgresStore`. Throws `AccountStoreError` for what the caller
/// can answer, anything else for a database that is away.
package protocol AccountStore: Sendable {
    /// - Parameter invitation: the digest of a link to use up with it; `AccountStoreError.noInvitation` when it is none.
    func insert(_ account: StoredAccount, invitation: [UInt8]?) async throws
    func account(email: String) async throws -> StoredAccount?
    func account(id: UserID) async throws -> Account?
    func account(name: String) async throws -> Account?
    func accounts() async throws -> [Account]
    func storedAccount(id: UserID) async throws -> StoredAccount?
    func replacePasswordHash(of user: UserID, with hash: Secret) async throws
    /// Takes a one-time code's time step, once.
    /// - Returns: `false` when it, or a later one, was taken before.
    func takeCodeStep(of user: UserID, _ step: Int64) async throws -> Bool
    /// Disables the account or enables it again, with its audit line in the same transaction. Who is live is told by NOTIFY.
    /// - Returns: the account as it is now, unchanged and without an audit line when it was so before; `nil` when unknown.
    func setDisabled(_ user: UserID, _ isDisabled: Bool, at: WallTime, audit: AuditRecord) async throws -> Account?

    func insertSession(
        digest: [UInt8], user: UserID, client: ClientIdentity, createdAt: WallTime, expiresAt: WallTime) async throws
    func session(digest: [UInt8]) async throws -> StoredSession?
    func touchSession(digest: [UInt8], at: WallTime) async throws
    func deleteSession(digest: [UInt8]) async throws
    /// Removes what expired before `now`; returns how many.
    func deleteExpiredSessions(now: WallTime) async throws -> Int

    func insertKey(_ info: StreamKeyInfo, digest: [UInt8], user: UserID) async throws
    func keys(of user: UserID) async throws -> [StreamKeyInfo]
    /// Revokes it and, in the same transaction, issues its successor when given. Live connections are told by NOTIFY.
    /// - Returns: `false` when there is no such key (of that user, when given).
    func revokeKey(
        _ key: KeyID, of user: UserID?, at: WallTime, successor: (info: StreamKeyInfo, digest: [UInt8])?
    ) async throws -> Bool
}

package enum AccountStoreError: Error, Sendable, Equatable {
    case emailTaken
    case nameTaken
    case noInvitation
}

extension AccountStore {
    /// Without an invitation.
    package func insert(_ account: StoredAccount) async throws { try await insert(account, invitation: nil) }
}

/// Hashes passwords on threads of its own, a bounded number at once.
package protocol PasswordHashing: Sendable {
    /// - Throws: `PasswordHashingError.busy` when too many wait already.
    func hash(_ password: Secret) async throws -> Secret
    func verify(_ password: Secret, against hash: Secret) async throws -> Bool
    /// Whether `hash` was made with less than what hashes are made with now.
    func isOutdated(_ hash: Secret) -> Bool
}

package enum PasswordHashingError: Error, Sendable, Equatable {
    case busy
    case failed(code: Int32)
}

/// Random bytes fit for keys and tokens.
package protocol RandomBytes: Sendable {
    func bytes(_ count: Int) -> [UInt8]
}

/// The time of day, injected so that tests have their own.
package protocol WallClock: Sendable {
    func now() -> WallTime
}
