package import Domain
import Synchronization

/// Accounts in memory, for tests of whoever asks an `AccountDesk`. Passwords are compared as text; nothing expires.
package final class FakeAccountDesk: AccountDesk {
    private struct State {
        var accounts: [UserID: Account] = [:]
        var passwords: [UserID: Secret] = [:]
        var sessions: [String: SignedIn] = [:]
        var keys: [UserID: [StreamKeyInfo]] = [:]
        var serial = 0
        var failure: AccountError?
        var addresses: [String] = []
    }

    private let state = Mutex(State())
    private let now: WallTime

    package init(now: WallTime = WallTime(milliseconds: 1_800_000_000_000)) {
        self.now = now
    }

    /// Every call throws it until it is `nil` again.
    package var failure: AccountError? {
        get { state.withLock { $0.failure } }
        set { state.withLock { $0.failure = newValue } }
    }

    /// The peers' addresses of sign-ups and log-ins, in order.
    package var addresses: [String] { state.withLock { $0.addresses } }

    package func signUp(_ form: SignUpForm, from client: ClientIdentity) async throws(AccountError) -> SignedIn {
        state.withLock { $0.addresses.append(client.address) }
        return signIn(try await create(form, role: .dj))
    }

    package func logIn(
        email: String, password: Secret, code: Secret?, from client: ClientIdentity
    ) async throws(AccountError) -> SignedIn {
        try check()
        let account = state.withLock { state -> Account? in
            state.addresses.append(client.address)
            return state.accounts.values.first { $0.email == email && state.passwords[$0.id] == password }
        }
        guard let account else { throw .wrongCredentials }
        return signIn(account)
    }

    package func session(_ token: Secret) async throws(AccountError) -> SignedIn? {
        try check()
        return state.withLock { $0.sessions[token.exposed] }
    }

    package func logOut(_ token: Secret) async throws(AccountError) {
        try check()
        state.withLock { $0.sessions[token.exposed] = nil }
    }

    package func keys(of user: UserID) async throws(AccountError) -> [StreamKeyInfo] {
        try check()
        return state.withLock { $0.keys[user] ?? [] }
    }

    package func createKey(for user: UserID, label: String) async throws(AccountError) -> IssuedKey {
        try check()
        return issue(label: label, to: user)
    }

    package func rotateKey(_ key: KeyID, of user: UserID) async throws(AccountError) -> IssuedKey {
        try await revokeKey(key, of: user)
        let label = state.withLock { $0.keys[user]?.first { $0.id == key }?.label } ?? ""
        return issue(label: label, to: user)
    }

    package func revokeKey(_ key: KeyID, of user: UserID?) async throws(AccountError) {
        try check()
        let isKnown = state.withLock { state -> Bool in
            for (owner, keys) in state.keys where user == nil || user == owner {
                guard let index = keys.firstIndex(where: { $0.id == key }) else { continue }
                state.keys[owner]?[index].revokedAt = now
                return true
            }
            return false
        }
        guard isKnown else { throw .unknownKey }
    }

    package func create(_ form: SignUpForm, role: Role) async throws(AccountError) -> Account {
        try check()
        guard form.email.contains("@") else { throw .invalid(field: "email", reason: "This is no e-mail address.") }
        guard form.password.exposed.count >= 8 else {
            throw .invalid(field: "password", reason: "A password has at least 8 characters.")
        }
        let result: Result<Account, AccountError> = state.withLock { state in
            if state.accounts.values.contains(where: { $0.email == form.email }) { return .failure(.emailTaken) }
            if state.accounts.values.contains(where: { $0.name == form.name }) { return .failure(.nameTaken) }
            let account = Account(
                id: .random(), email: form.email, name: form.name, role: role, isDisabled: false, createdAt: now)
            state.accounts[account.id] = account
            state.passwords[account.id] = form.password
            return .success(account)
        }
        return try result.get()
    }

    package func accounts() async throws(AccountError) -> [Account] {
        try check()
        return state.withLock { Array($0.accounts.values) }
    }

    package func setDisabled(
        _ user: UserID, _ isDisabled: Bool, by actor: Actor
    ) async throws(AccountError) -> Account {
        try check()
        let account = state.withLock { state in
            state.accounts[user]?.isDisabled = isDisabled
            return state.accounts[user]
        }
        guard let account else { throw .unknownUser }
        return account
    }

    package func account(matching text: String) async throws(AccountError) -> Account? {
        try check()
        return state.withLock { state in
            state.accounts.values.first { $0.email == text || $0.name == text || $0.id.description == text }
        }
    }

    /// A session for an account, without a password.
    package func signIn(_ account: Account) -> SignedIn {
        state.withLock { state in
            state.serial += 1
            let session = SignedIn(
                account: account, token: Secret("session-\(state.serial)"), csrfToken: Secret("csrf-\(state.serial)"),
                expiresAt: now + .seconds(3_600))
            state.sessions[session.token.exposed] = session
            return session
        }
    }

    private func issue(label: String, to user: UserID) -> IssuedKey {
        state.withLock { state in
            state.serial += 1
            let info = StreamKeyInfo(id: .random(), label: label, createdAt: now, lastUsedAt: nil, revokedAt: nil)
            state.keys[user, default: []].append(info)
            return IssuedKey(info: info, key: Secret("lineup-key-\(state.serial)"))
        }
    }

    private func check() throws(AccountError) {
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }
}
