package import Domain
package import Logging
private import Metrics
import ServiceLifecycle
import Synchronization

/// Accounts, sessions and stream keys: who may come in, and with what.
///
/// Owned by the assembly; usable from any task. Holds no account itself: every answer comes from the store. What it keeps
/// are the counts of failed attempts, in bounded tables. `run` only removes expired sessions; the command line works
/// without it.
package final class AccountService: AccountDesk, TokenDesk, Service {
    let store: any AccountStore & TokenStore
    /// How somebody new gets an account.
    package let signUpMode: SignUpMode
    let common: CommonPasswords
    /// `nil` for the command line, which logs nobody in.
    let sealing: (any SecretSealing)?
    let codes: any OneTimeCodes
    let passwords: any PasswordHashing
    let digest: any Digesting
    let random: any RandomBytes
    let clock: any WallClock
    let timer: any Clock<Duration>
    let logger: Logger
    let attempts = Mutex(AttemptLimits())
    let dummyHash = Mutex<Secret?>(nil)

    /// - Parameter timer: paces `run`.
    package init(
        store: any AccountStore & TokenStore, passwords: any PasswordHashing, digest: any Digesting,
        random: any RandomBytes, sealing: (any SecretSealing)?, codes: any OneTimeCodes, signUpMode: SignUpMode = .open,
        common: CommonPasswords = CommonPasswords(), clock: any WallClock,
        timer: any Clock<Duration> = ContinuousClock(), logger: Logger
    ) {
        self.store = store
        self.passwords = passwords
        self.digest = digest
        self.random = random
        self.sealing = sealing
        self.codes = codes
        self.signUpMode = signUpMode
        self.common = common
        self.clock = clock
        self.timer = timer
        self.logger = logger
    }

    /// Removes expired sessions, at once and then hourly, until shutdown.
    package func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                await removeExpiredSessions()
                // The session clean-up timer; cancelled by shutdown, which the loop's condition sees.
                try? await timer.sleep(for: AccountLimits.cleanUpInterval)
            }
        }
    }

    private func removeExpiredSessions() async {
        do {
            let count = try await store.deleteExpiredSessions(now: clock.now())
            if count > 0 { logger.debug("expired sessions are removed", metadata: ["count": "\(count)"]) }
        } catch {
            // They are refused whether they are removed or not; the next hour tries again.
            logger.warning("expired sessions could not be removed", metadata: ["cause": "\(error)"])
        }
    }

    // MARK: Accounts

    /// Made by an operator, so let through.
    package func create(_ form: SignUpForm, role: Role) async throws(AccountError) -> Account {
        try await insert(try AccountRules.check(form, common: common), role: role, isApproved: true, invitation: nil)
    }

    /// - Parameter form: checked.
    func insert(
        _ form: SignUpForm, role: Role, isApproved: Bool, invitation: [UInt8]?
    ) async throws(AccountError) -> Account {
        let hash = try await hashing { try await self.passwords.hash(form.password) }
        let account = Account(
            id: .random(), email: form.email, name: form.name, role: role, isDisabled: false, createdAt: clock.now(),
            timeZone: form.timeZone, isApproved: isApproved)
        try await storing {
            try await self.store.insert(
                StoredAccount(account: account, passwordHash: hash), invitation: invitation)
        }
        return account
    }

    package func accounts() async throws(AccountError) -> [Account] {
        try await storing { try await self.store.accounts() }
    }

    /// - Throws: `invalid` for oneself, and for the last admin who can log in: nobody could enable it again but the machine's owner.
    package func setDisabled(
        _ user: UserID, _ isDisabled: Bool, by actor: Actor
    ) async throws(AccountError) -> Account {
        if isDisabled {
            try refuseOneself(user, actor)
            try await refuseLastAdmin(user)
        }
        let now = clock.now()
        let audit = AuditRecord(
            at: now, actor: actor, action: isDisabled ? "user.disable" : "user.enable", channel: nil,
            subject: user.description, before: #"{"disabled":\#(!isDisabled)}"#, after: #"{"disabled":\#(isDisabled)}"#)
        let account = try await storing {
            try await self.store.setDisabled(user, isDisabled, at: now, audit: audit)
        }
        guard let account else { throw .unknownUser }
        return account
    }

    /// - Throws: `invalid` when nobody could run the channel without that account.
    func refuseLastAdmin(_ user: UserID) async throws(AccountError) {
        let admins = try await accounts().filter { $0.role == .admin && !$0.isDisabled }
        guard admins.contains(where: { $0.id != user }) || !admins.contains(where: { $0.id == user }) else {
            throw .invalid(field: "user", reason: "This is the last admin: make another one first.")
        }
    }

    /// No press of a button locks the one who presses it out.
    /// - Throws: `invalid` when somebody means their own account.
    func refuseOneself(_ user: UserID, _ actor: Actor) throws(AccountError) {
        guard actor.kind != .user || actor.id != user.description else {
            throw .invalid(field: "user", reason: "This is your own account: ask another admin.")
        }
    }

    /// By id, then e-mail, then DJ name: a name that looks like somebody's e-mail never stands for that person.
    package func account(matching text: String) async throws(AccountError) -> Account? {
        if let id = UserID(text), let account = try await storing({ try await self.store.account(id: id) }) {
            return account
        }
        let email = AccountRules.normalizedEmail(text)
        if let stored = try await storing({ try await self.store.account(email: email) }) { return stored.account }
        return try await storing { try await self.store.account(name: AccountRules.normalizedName(text)) }
    }

    /// Makes the first admin, `admin` with the e-mail `admin@localhost` and a random password of 120 bits, when there is no
    /// admin who could log in.
    /// - Returns: the account and its password, to be shown once; `nil` when there is an admin.
    /// - Throws: `.nameTaken` when somebody else has that name: an admin is then made with `lineup user create`.
    package func ensureFirstAdmin() async throws(AccountError) -> (Account, Secret)? {
        let all = try await accounts()
        guard !all.contains(where: { $0.role == .admin && !$0.isDisabled }) else { return nil }
        let password = Secret(Base32.grouped(random.bytes(15), groupLength: 6))
        let form = SignUpForm(email: "admin@localhost", name: "admin", password: password)
        do {
            return (try await create(form, role: .admin), password)
        } catch {
            // Two first starts at once: the other one showed its password.
            if error == .emailTaken { return nil }
            throw error
        }
    }

    // MARK: Errors

    /// Runs a call of the store and says what its failure means to a person. The cause is logged here, once.
    func storing<Value: Sendable>(
        _ call: @Sendable () async throws -> Value
    ) async throws(AccountError) -> Value {
        do {
            return try await call()
        } catch let error as AccountStoreError {
            switch error {
            case .emailTaken: throw .emailTaken
            case .nameTaken: throw .nameTaken
            case .noInvitation: throw .signUpClosed("This invitation is used up or has expired: ask for another one.")
            }
        } catch {
            logger.warning("the account store failed", metadata: ["cause": "\(error)"])
            throw .unavailable("The database cannot be reached just now.")
        }
    }

    func hashing<Value: Sendable>(
        _ call: @Sendable () async throws -> Value
    ) async throws(AccountError) -> Value {
        do {
            return try await call()
        } catch PasswordHashingError.busy {
            Counter(label: "lineup_password_checks_refused_total").increment()
            throw .slowDown(retryAfter: AccountLimits.busyRetry)
        } catch {
            logger.error("a password could not be checked", metadata: ["cause": "\(error)"])
            throw .unavailable("The password cannot be checked just now.")
        }
    }
}
