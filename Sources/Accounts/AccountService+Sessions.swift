package import Domain
private import Metrics
import Synchronization

extension AccountService {
    package func signUp(_ form: SignUpForm, from address: String) async throws(AccountError) -> SignedIn {
        let form = try AccountRules.check(form)
        try admit { limits, now in limits.signUps.attempt(PeerAddress.key(address), now: now) }
        let account = try await create(form, role: .dj)
        return try await openSession(for: account)
    }

    /// An unknown address and a wrong password cost the same time and get the same answer: both check one hash.
    package func logIn(
        email: String, password: Secret, from address: String
    ) async throws(AccountError) -> SignedIn {
        let email = AccountRules.normalizedEmail(email)
        let addressKey = PeerAddress.key(address)
        try admit { limits, now in limits.logIns(from: addressKey, to: email, now: now) }
        // Longer than any password can be: not worth a hash. Nothing is given away, since it depends on the input alone.
        guard password.exposed.utf8.count <= AccountLimits.maximumPasswordBytes else { throw .wrongCredentials }
        let dummy = try await makeDummyHash()
        let stored =
            email.utf8.count > AccountLimits.maximumEmailBytes
            ? nil : try await storing { try await self.store.account(email: email) }
        let matches = try await hashing {
            try await self.passwords.verify(password, against: stored?.passwordHash ?? dummy)
        }
        guard matches, let account = stored?.account else {
            Counter(label: "lineup_log_ins_refused_total").increment()
            throw .wrongCredentials
        }
        attempts.withLock { $0.logInSucceeded(from: addressKey, to: email) }
        guard !account.isDisabled else { throw .disabled }
        return try await openSession(for: account)
    }

    package func session(_ token: Secret) async throws(AccountError) -> SignedIn? {
        guard let digest = tokenDigest(token),
            let stored = try await storing({ try await self.store.session(digest: digest) })
        else { return nil }
        let now = clock.now()
        let isIdle = now - stored.lastSeenAt > AccountLimits.sessionIdle
        guard now < stored.expiresAt, !isIdle, !stored.account.isDisabled else {
            try await storing { try await self.store.deleteSession(digest: digest) }
            return nil
        }
        if now - stored.lastSeenAt > AccountLimits.sessionTouch {
            try await storing { try await self.store.touchSession(digest: digest, at: now) }
        }
        return SignedIn(
            account: stored.account, token: token, csrfToken: csrfToken(for: token), expiresAt: stored.expiresAt)
    }

    package func logOut(_ token: Secret) async throws(AccountError) {
        guard let digest = tokenDigest(token) else { return }
        try await storing { try await self.store.deleteSession(digest: digest) }
    }

    private func openSession(for account: Account) async throws(AccountError) -> SignedIn {
        let token = Secret(Base32.text(random.bytes(AccountLimits.tokenBytes)))
        let now = clock.now()
        let expiresAt = now + AccountLimits.sessionLife
        let digest = digest.sha256(Array(token.exposed.utf8))
        try await storing {
            try await self.store.insertSession(
                digest: digest, user: account.id, createdAt: now, expiresAt: expiresAt)
        }
        return SignedIn(account: account, token: token, csrfToken: csrfToken(for: token), expiresAt: expiresAt)
    }

    /// Follows from the session's token, so that it is stored nowhere; tells nothing about it, and is not its stored digest.
    private func csrfToken(for token: Secret) -> Secret {
        Secret(Base32.text(digest.sha256(Array("csrf:\(token.exposed)".utf8))))
    }

    /// `nil` for what cannot be one of our tokens, so that a long cookie costs neither a digest nor a query.
    private func tokenDigest(_ token: Secret) -> [UInt8]? {
        let bytes = Array(token.exposed.utf8)
        guard bytes.count == Base32.length(ofBytes: AccountLimits.tokenBytes) else { return nil }
        return digest.sha256(bytes)
    }

    private func admit(_ attempt: (inout AttemptLimits, WallTime) -> Duration?) throws(AccountError) {
        let now = clock.now()
        guard let wait = attempts.withLock({ attempt(&$0, now) }) else { return }
        throw .slowDown(retryAfter: wait)
    }

    /// A hash that no password matches, of the same cost as the others; made at the first log-in, whoever it is for.
    private func makeDummyHash() async throws(AccountError) -> Secret {
        if let hash = dummyHash.withLock({ $0 }) { return hash }
        let nobody = Secret(Base32.text(random.bytes(AccountLimits.tokenBytes)))
        let hash = try await hashing { try await self.passwords.hash(nobody) }
        dummyHash.withLock { $0 = hash }
        return hash
    }
}
