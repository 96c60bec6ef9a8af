package import Domain
private import Logging
private import Metrics
import Synchronization

extension AccountService {
    package func signUp(_ form: SignUpForm, from client: ClientIdentity) async throws(AccountError) -> SignedIn {
        let invitation = try admission(of: form)
        let form = try AccountRules.check(form, common: common)
        try admit { limits, now in limits.signUps.attempt(PeerAddress.key(client.address), now: now) }
        // Who was invited was let through with it.
        let isApproved = signUpMode != .approval || invitation != nil
        let account = try await insert(form, role: .dj, isApproved: isApproved, invitation: invitation)
        return try await openSession(for: account, client: client)
    }

    /// - Returns: the digest of the invitation to use up, where there is one.
    private func admission(of form: SignUpForm) throws(AccountError) -> [UInt8]? {
        if signUpMode == .closed {
            throw .signUpClosed("Nobody can sign up here by themselves: ask an admin for an account.")
        }
        if let invitation = form.invitation {
            guard let digest = tokenDigest(invitation) else {
                throw .signUpClosed("This invitation is used up or has expired: ask for another one.")
            }
            return digest
        }
        guard signUpMode != .invite else {
            throw .signUpClosed("Signing up takes an invitation: ask an admin for a link.")
        }
        return nil
    }

    /// An unknown address and a wrong password cost the same time and get the same answer: both check one hash.
    package func logIn(
        email: String, password: Secret, code: Secret?, from client: ClientIdentity
    ) async throws(AccountError) -> SignedIn {
        let stored = try await prove(AccountRules.normalizedEmail(email), password, code, from: client.address)
        if passwords.isOutdated(stored.passwordHash) { await renewHash(of: stored.account, password) }
        guard !stored.account.isDisabled else { throw .disabled }
        return try await openSession(for: stored.account, client: client)
    }

    /// Whose password this is. Counts the attempt.
    /// - Parameter email: normalized.
    func prove(
        _ email: String, _ password: Secret, _ code: Secret?, from address: String, needsCode: Bool = true
    ) async throws(AccountError) -> StoredAccount {
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
        guard matches, let stored else { throw refused() }
        if needsCode, let seed = stored.sealedSeed {
            guard let code else { throw .codeNeeded }
            guard try await accepts(code, of: stored.account.id, sealed: seed) else { throw refused() }
        }
        attempts.withLock { $0.logInSucceeded(from: addressKey, to: email) }
        return stored
    }

    private func refused() -> AccountError {
        Counter(label: "lineup_log_ins_refused_total").increment()
        return .wrongCredentials
    }

    /// The password is at hand only now. That it fails changes nothing: the next log-in tries again.
    private func renewHash(of account: Account, _ password: Secret) async {
        do {
            let hash = try await passwords.hash(password)
            try await store.replacePasswordHash(of: account.id, with: hash)
        } catch {
            logger.debug("a password's hash was not renewed", metadata: ["cause": "\(error)"])
        }
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

    func openSession(for account: Account, client: ClientIdentity) async throws(AccountError) -> SignedIn {
        let token = Secret(Base32.text(random.bytes(AccountLimits.tokenBytes)))
        let now = clock.now()
        let expiresAt = now + AccountLimits.sessionLife
        let digest = digest.sha256(Array(token.exposed.utf8))
        try await storing {
            try await self.store.insertSession(
                digest: digest, user: account.id, client: client, createdAt: now, expiresAt: expiresAt)
        }
        return SignedIn(account: account, token: token, csrfToken: csrfToken(for: token), expiresAt: expiresAt)
    }

    /// Follows from the session's token, so that it is stored nowhere; tells nothing about it, and is not its stored digest.
    private func csrfToken(for token: Secret) -> Secret {
        Secret(Base32.text(digest.sha256(Array("csrf:\(token.exposed)".utf8))))
    }

    /// `nil` for what cannot be one of our tokens, so that a long cookie costs neither a digest nor a query.
    func tokenDigest(_ token: Secret) -> [UInt8]? {
        let bytes = Array(token.exposed.utf8)
        guard bytes.count == Base32.length(ofBytes: AccountLimits.tokenBytes) else { return nil }
        return digest.sha256(bytes)
    }

    func admit(_ attempt: (inout AttemptLimits, WallTime) -> Duration?) throws(AccountError) {
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
