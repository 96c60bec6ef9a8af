package import Domain
private import Synchronization

/// Accounts in memory. Passes the same suite as the real store (`AccountStoreTests`).
package final class FakeAccountStore: AccountStore, KeyDirectory {
    private struct Key {
        var info: StreamKeyInfo
        var digest: [UInt8]
        var user: UserID
    }

    private struct State {
        var accounts: [UserID: StoredAccount] = [:]
        var sessions: [[UInt8]: (user: UserID, session: StoredSession)] = [:]
        var keys: [KeyID: Key] = [:]
        var isAway = false
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

    package func insert(_ account: StoredAccount) async throws {
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

    package func insertSession(
        digest: [UInt8], user: UserID, createdAt: WallTime, expiresAt: WallTime
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
                isDisabled: account.isDisabled)
        }
    }

    package func noteUse(of key: KeyID) async throws {
        try access { state in
            let createdAt = state.keys[key]?.info.createdAt
            state.keys[key]?.info.lastUsedAt = createdAt
        }
    }
}
