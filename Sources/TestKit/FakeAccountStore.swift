package import Domain
private import Synchronization

/// Accounts in memory. Passes the same suite as the real store (`AccountStoreTests`).
package final class FakeAccountStore: AccountStore, KeyDirectory, TokenStore, AuditLog {
    private struct Key {
        var info: StreamKeyInfo
        var digest: [UInt8]
        var user: UserID
    }

    private struct State {
        var accounts: [UserID: StoredAccount] = [:]
        var sessions: [[UInt8]: (user: UserID, session: StoredSession)] = [:]
        var keys: [KeyID: Key] = [:]
        var tokens: [TokenID: (token: APIToken, digest: [UInt8])] = [:]
        var audit: [StoredAuditRecord] = []
        var codeSteps: [UserID: Int64] = [:]
        var isAway = false

        mutating func append(_ record: AuditRecord) {
            audit.append(StoredAuditRecord(id: Int64(audit.count + 1), record: record))
        }
    }

    /// What a call throws while the fake is away.
    package struct Away: Error {}

    private let state = Mutex(State())

    package init() {}

    /// While set, every call throws `Away`, like a database that cannot be reached.
    package var isAway: Bool {
        get { state.withLock { $0.isAway } }
        set { state.withLock { $0.isAway = newValue } }
    }

    package func disable(_ user: UserID) {
        state.withLock { $0.accounts[user]?.account.isDisabled = true }
    }

    private func access<Value: Sendable>(_ body: (inout State) throws -> Value) throws -> Value {
        try state.withLock { state in
            guard !state.isAway else { throw Away() }
            return try body(&state)
        }
    }

    package func insert(_ account: StoredAccount, invitation: [UInt8]?) async throws {
        try access { state in
            for other in state.accounts.values.map(\.account) {
                if other.email == account.account.email { throw AccountStoreError.emailTaken }
                if other.name.lowercased() == account.account.name.lowercased() { throw AccountStoreError.nameTaken }
            }
            state.accounts[account.account.id] = account
        }
    }

    package func account(email: String) async throws -> StoredAccount? {
        try access { $0.accounts.values.first { $0.account.email == email } }
    }

    package func storedAccount(id: UserID) async throws -> StoredAccount? {
        try access { $0.accounts[id] }
    }

    package func takeCodeStep(of user: UserID, _ step: Int64) async throws -> Bool {
        try access { state in
            guard (state.codeSteps[user] ?? -1) < step else { return false }
            state.codeSteps[user] = step
            return true
        }
    }

    package func account(id: UserID) async throws -> Account? {
        try access { $0.accounts[id]?.account }
    }

    package func account(name: String) async throws -> Account? {
        try access { $0.accounts.values.map(\.account).first { $0.name.lowercased() == name.lowercased() } }
    }

    package func accounts() async throws -> [Account] {
        try access { state in
            state.accounts.values.map(\.account).sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
        }
    }

    package func replacePasswordHash(of user: UserID, with hash: Secret) async throws {
        try access { $0.accounts[user]?.passwordHash = hash }
    }

    package func setDisabled(
        _ user: UserID, _ isDisabled: Bool, at: WallTime, audit: AuditRecord
    ) async throws -> Account? {
        try access { state in
            guard let account = state.accounts[user]?.account else { return nil }
            guard account.isDisabled != isDisabled else { return account }
            state.accounts[user]?.account.isDisabled = isDisabled
            state.append(audit)
            return state.accounts[user]?.account
        }
    }

    package func insertSession(
        digest: [UInt8], user: UserID, client: ClientIdentity, createdAt: WallTime, expiresAt: WallTime
    ) async throws {
        try access { state in
            guard let account = state.accounts[user]?.account else { throw Away() }
            let session = StoredSession(
                account: account, createdAt: createdAt, lastSeenAt: createdAt,
                expiresAt: expiresAt)
            state.sessions[digest] = (user, session)
        }
    }

    package func session(digest: [UInt8]) async throws -> StoredSession? {
        try access { state in
            guard let (user, session) = state.sessions[digest], let account = state.accounts[user]?.account else {
                return nil
            }
            var current = session
            current.account = account
            return current
        }
    }

    package func touchSession(digest: [UInt8], at: WallTime) async throws {
        try access { $0.sessions[digest]?.session.lastSeenAt = at }
    }

    package func deleteSession(digest: [UInt8]) async throws {
        try access { $0.sessions[digest] = nil }
    }

    package func deleteExpiredSessions(now: WallTime) async throws -> Int {
        try access { state in
            let before = state.sessions.count
            state.sessions = state.sessions.filter { $0.value.session.expiresAt >= now }
            return before - state.sessions.count
        }
    }

    package func insertKey(_ info: StreamKeyInfo, digest: [UInt8], user: UserID) async throws {
        try access { $0.keys[info.id] = Key(info: info, digest: digest, user: user) }
    }

    package func keys(of user: UserID) async throws -> [StreamKeyInfo] {
        try access { state in
            state.keys.values.filter { $0.user == user }.map(\.info)
                .sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
        }
    }

    package func revokeKey(
        _ key: KeyID, of user: UserID?, at: WallTime, successor: (info: StreamKeyInfo, digest: [UInt8])?
    ) async throws -> Bool {
        try access { state in
            guard let found = state.keys[key], user == nil || found.user == user else { return false }
            if found.info.revokedAt != nil { return successor == nil }
            state.keys[key]?.info.revokedAt = at
            if let successor {
                state.keys[successor.info.id] = Key(
                    info: successor.info, digest: successor.digest, user: found.user)
            }
            return true
        }
    }

    package func owner(ofKeyDigest digest: [UInt8]) async throws -> KeyOwner? {
        try access { state in
            guard let key = state.keys.values.first(where: { $0.digest == digest }),
                let account = state.accounts[key.user]?.account
            else { return nil }
            return KeyOwner(
                key: key.info.id, user: account.id, name: account.name, isRevoked: key.info.revokedAt != nil,
                isDisabled: account.isDisabled, isApproved: account.isApproved)
        }
    }

    package func noteUse(of key: KeyID) async throws {
        try access { state in
            let createdAt = state.keys[key]?.info.createdAt
            state.keys[key]?.info.lastUsedAt = createdAt
        }
    }

    // MARK: Tokens and the audit log

    package func insertToken(_ token: APIToken, digest: [UInt8], audit: AuditRecord) async throws {
        try access { state in
            state.tokens[token.id] = (token, digest)
            state.append(audit)
        }
    }

    package func tokens() async throws -> [APIToken] {
        try access { state in
            state.tokens.values.map(\.token).sorted {
                ($0.revokedAt == nil ? 0 : 1, $0.createdAt, $0.id) < ($1.revokedAt == nil ? 0 : 1, $1.createdAt, $1.id)
            }
        }
    }

    package func token(digest: [UInt8]) async throws -> APIToken? {
        try access { $0.tokens.values.first { $0.digest == digest }?.token }
    }

    package func revokeToken(_ id: TokenID, at: WallTime, audit: AuditRecord) async throws -> Bool {
        try access { state in
            guard let found = state.tokens[id]?.token, found.revokedAt == nil else { return false }
            state.tokens[id]?.token.revokedAt = at
            state.append(audit)
            return true
        }
    }

    package func noteUse(ofToken id: TokenID, at: WallTime) async throws {
        try access { state in
            guard let used = state.tokens[id]?.token.lastUsedAt, used > at else {
                state.tokens[id]?.token.lastUsedAt = at
                return
            }
        }
    }

    package func append(_ record: AuditRecord) async throws { try access { $0.append(record) } }

    package func records(before: Int64?, limit: Int, channel: ChannelName?) async throws -> [StoredAuditRecord] {
        try access { state in
            Array(
                state.audit.reversed().lazy
                    .filter { $0.id < before ?? .max && (channel == nil || $0.record.channel == channel) }
                    .prefix(min(max(limit, 1), 500)))
        }
    }
}
