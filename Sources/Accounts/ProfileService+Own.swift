package import Domain
private import Logging

/// What somebody does to their own account.
extension ProfileService {
    /// Bytes of a picture as it is sent.
    package static let maximumPictureBytes = 4 * 1024 * 1024

    package func change(_ user: UserID, _ change: ProfileChange) async throws(AccountError) -> Account {
        let name = try change.name.map { name throws(AccountError) in try AccountRules.checkName(name) }
        var zone: String?
        if let text = change.timeZone { zone = try AccountRules.checkTimeZone(text) ?? "" }
        let wanted = zone
        return try known(
            try await accounts.storing { try await self.store.change(user, name: name, timeZone: wanted) })
    }

    package func changeEmail(
        of user: UserID, to email: String, password: Secret, from client: ClientIdentity
    ) async throws(AccountError) -> Bool {
        let email = try AccountRules.checkEmail(email)
        let before = try await prove(user, password, client).account
        guard email != before.email else { return true }
        if canSendMail {
            // Whether somebody has this address is told to nobody: the link then leads nowhere.
            later(.verify(user, email: email))
            return false
        }
        let now = accounts.clock.now()
        try await accounts.storing {
            try await self.store.setEmail(of: user, email, isVerified: false, at: now)
        }
        return true
    }

    package func changePassword(
        of user: UserID, from old: Secret, to new: Secret, client: ClientIdentity
    ) async throws(AccountError) -> SignedIn {
        let account = try await stored(user).account
        let new = try AccountRules.checkPassword(new, common: accounts.common, own: [account.email, account.name])
        _ = try await prove(user, old, client)
        let hash = try await accounts.hashing { try await self.accounts.passwords.hash(new) }
        try await accounts.storing { try await self.store.setPassword(of: user, hash) }
        tellOfNewPassword(account)
        return try await accounts.openSession(for: account, client: client)
    }

    private func tellOfNewPassword(_ account: Account) {
        guard canSendMail else { return }
        let text = """
            Hello \(account.name),

            the password of your account was changed just now, and every browser that was logged in is logged out. If it was not
            you, choose a new password at \(address)/account and tell an admin.

            """
        later(.notice(to: account.email, subject: "Your password was changed", text: text))
    }

    package func setPicture(of user: UserID, _ bytes: [UInt8]) async throws(AccountError) -> Account {
        let wrong = AccountError.invalid(
            field: "picture", reason: "A picture is a PNG, JPEG or WebP file of at most 4 MiB and 30 megapixels.")
        guard (1...Self.maximumPictureBytes).contains(bytes.count) else { throw wrong }
        let made: [UInt8]
        do {
            made = try await pictures.makePicture(bytes)
        } catch PictureError.notAPicture {
            throw wrong
        } catch {
            logger.warning("a picture was not made", metadata: ["cause": "\(error)"])
            throw .slowDown(retryAfter: .seconds(5))
        }
        let picture = AccountPicture(bytes: made, version: accounts.clock.now().milliseconds)
        return try known(try await accounts.storing { try await self.store.setPicture(of: user, picture) })
    }

    package func removePicture(of user: UserID) async throws(AccountError) -> Account {
        try known(try await accounts.storing { try await self.store.setPicture(of: user, nil) })
    }

    package func picture(of user: UserID) async throws(AccountError) -> AccountPicture? {
        try await accounts.storing { try await self.store.picture(of: user) }
    }

    package func export(_ user: UserID) async throws(AccountError) -> AccountExport {
        guard let export = try await accounts.storing({ try await self.store.export(user) }) else { throw .unknownUser }
        return export
    }

    package func delete(
        _ user: UserID, password: Secret, from client: ClientIdentity
    ) async throws(AccountError) {
        let account = try await prove(user, password, client).account
        try await accounts.refuseLastAdmin(user)
        let now = accounts.clock.now()
        let audit = audit("user.delete", user, by: Actor(kind: .user, id: account.id.description, name: "deleted"))
        try await accounts.storing { try await self.store.erase(user, at: now, audit: audit) }
    }

    // MARK: Sessions

    package func sessions(of user: UserID, current: Secret?) async throws(AccountError) -> [SessionInfo] {
        let digest = current.flatMap(accounts.tokenDigest)
        return try await accounts.storing { try await self.store.sessions(of: user, currentDigest: digest) }
    }

    package func endSession(_ id: WebSessionID, of user: UserID) async throws(AccountError) {
        guard try await accounts.storing({ try await self.store.endSession(id, of: user) }) else {
            throw .unknownSession
        }
    }

    package func endOtherSessions(of user: UserID, current: Secret) async throws(AccountError) {
        let digest = accounts.tokenDigest(current)
        try await accounts.storing { try await self.store.endSessions(of: user, but: digest, audit: nil) }
    }

    // MARK: Links

    package func requestReset(email: String, from client: ClientIdentity) async throws(AccountError) {
        let email = AccountRules.normalizedEmail(email)
        try accounts.admit { limits, now in
            limits.resets(from: PeerAddress.key(client.address), for: email, now: now)
        }
        guard email.utf8.count <= AccountLimits.maximumEmailBytes else { return }
        later(.reset(email: email))
    }

    package func reset(_ link: Secret, password: Secret, from client: ClientIdentity) async throws(AccountError) {
        try accounts.admit { limits, now in limits.links.attempt(PeerAddress.key(client.address), now: now) }
        guard let digest = accounts.tokenDigest(link) else { throw .unknownLink }
        // Looked at first, so that a password that is none does not use the link up.
        let found = try await accounts.storing { try await self.store.link(digest: digest, kind: .reset) }
        guard let found, found.expiresAt > accounts.clock.now() else { throw .unknownLink }
        let account = try await stored(found.user).account
        let new = try AccountRules.checkPassword(
            password, common: accounts.common, own: [account.email, account.name])
        let hash = try await accounts.hashing { try await self.accounts.passwords.hash(new) }
        let taken = try await accounts.storing { try await self.store.takeLink(digest: digest, kind: .reset) }
        guard taken != nil else { throw .unknownLink }
        let now = accounts.clock.now()
        try await accounts.storing {
            try await self.store.setPassword(of: account.id, hash)
            // The link came to this address.
            if self.canSendMail, found.email == account.email {
                try await self.store.setEmail(of: account.id, account.email, isVerified: true, at: now)
            }
        }
        tellOfNewPassword(account)
    }

    package func requestVerification(of user: UserID) async throws(AccountError) {
        guard canSendMail else { throw .noMail }
        let account = try await stored(user).account
        guard !account.isEmailVerified else { return }
        try accounts.admit { limits, now in limits.resets(from: user.description, for: account.email, now: now) }
        later(.verify(user, email: account.email))
    }

    package func verify(_ link: Secret, from client: ClientIdentity) async throws(AccountError) {
        try accounts.admit { limits, now in limits.links.attempt(PeerAddress.key(client.address), now: now) }
        guard let digest = accounts.tokenDigest(link) else { throw .unknownLink }
        let taken = try await accounts.storing { try await self.store.takeLink(digest: digest, kind: .verify) }
        let now = accounts.clock.now()
        guard let taken, taken.expiresAt > now else { throw .unknownLink }
        // Should somebody else have the address by now, that is said: who follows the link owns it.
        try await accounts.storing {
            try await self.store.setEmail(of: taken.user, taken.email, isVerified: true, at: now)
        }
    }

    // MARK: The second factor

    package func beginSecondFactor(
        of user: UserID, password: Secret, from client: ClientIdentity
    ) async throws(AccountError) -> SecondFactorSetup {
        let account = try await prove(user, password, client).account
        guard !account.hasSecondFactor else {
            throw .invalid(field: "code", reason: "One-time codes are on already: switch them off first.")
        }
        // 160 bits, as long as the hash (RFC 4226 §4).
        let seed = Secret(Base32.text(accounts.random.bytes(20)).uppercased())
        guard let sealing = accounts.sealing else { throw .unavailable("There is no key for stored secrets.") }
        let sealed = sealing.seal(seed, for: AccountService.seedPurpose(user))
        try await accounts.storing { try await self.store.setSecondFactor(of: user, sealed: sealed) }
        let address = "otpauth://totp/Lineup:\(Self.percentEncoded(account.email))?secret=\(seed.exposed)&issuer=Lineup"
        return SecondFactorSetup(seed: seed, address: Secret(address))
    }

    package func confirmSecondFactor(
        of user: UserID, code: Secret, from client: ClientIdentity
    ) async throws(AccountError) -> Account {
        try accounts.admit { limits, now in limits.links.attempt(PeerAddress.key(client.address), now: now) }
        let sealed = try await accounts.storing { try await self.store.secondFactor(of: user) }
        guard let sealed else { throw .invalid(field: "code", reason: "Begin with a new code for your device.") }
        guard try await accounts.accepts(code, of: user, sealed: sealed) else {
            throw .invalid(field: "code", reason: "This code is not the present one: check your device's clock.")
        }
        let now = accounts.clock.now()
        return try known(
            try await accounts.storing { try await self.store.confirmSecondFactor(of: user, at: now) })
    }

    package func removeSecondFactor(
        of user: UserID, password: Secret, from client: ClientIdentity
    ) async throws(AccountError) -> Account {
        let account = try await prove(user, password, client).account
        let audit = audit("user.codes-off", user, by: myself(account))
        return try known(
            try await accounts.storing { try await self.store.removeSecondFactor(of: user, audit: audit) })
    }

    /// RFC 3986 §2.1: all but unreserved characters.
    private static func percentEncoded(_ text: String) -> String {
        text.utf8.map { byte in
            let scalar = Unicode.Scalar(byte)
            let isPlain = scalar.properties.isAlphabetic && scalar.isASCII || ("0"..."9").contains(Character(scalar))
            if isPlain || [0x2D, 0x2E, 0x5F, 0x7E].contains(byte) { return String(scalar) }
            return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }
}
