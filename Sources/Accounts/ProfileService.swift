package import Domain
package import Logging
private import Foundation
private import Metrics
import ServiceLifecycle

/// One's own account, and what admins do to others'. Owned by the assembly; usable from any task.
///
/// `run` sends the mails, one after the other, from a bounded queue: who asks for one never waits for a mail server, and
/// learns from the time of the answer neither whether there is such an account nor whether a mail went out.
package final class ProfileService: ProfileDesk, Service {
    /// What `run` does beside the requests.
    enum Task: Sendable {
        case reset(email: String)
        case verify(UserID, email: String)
        case notice(to: String, subject: String, text: String)
    }

    let accounts: AccountService
    let store: any ProfileStore
    let pictures: any PictureMaking
    let mailer: (any MailSending)?
    /// `https://live.example.org`, for links in mails.
    let address: String
    let logger: Logger
    private let tasks: (stream: AsyncStream<Task>, continuation: AsyncStream<Task>.Continuation)

    /// Mails that wait; more are dropped with a warning and a count: a mail server that is away for long is the operator's to mend.
    static let maximumTasks = 256
    /// A reset link's life, and how long one waits for another mail to the same account.
    static let resetLife: Duration = .seconds(30 * 60)
    static let verificationLife: Duration = .seconds(2 * 86_400)

    /// - Parameters:
    ///   - mailer: `nil` where no mail server is set; admins hand links on then.
    ///   - address: where people reach the pages; used for mails only.
    package init(
        accounts: AccountService, store: any ProfileStore, pictures: any PictureMaking, mailer: (any MailSending)?,
        address: String?, logger: Logger
    ) {
        self.accounts = accounts
        self.store = store
        self.pictures = pictures
        self.mailer = address == nil ? nil : mailer
        self.address = address ?? ""
        self.logger = logger
        tasks = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.maximumTasks))
    }

    package var signUpMode: SignUpMode { accounts.signUpMode }
    package var canSendMail: Bool { mailer != nil }

    /// Sends mails until shutdown; what waits then is not sent, and its person asks again.
    package func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            for await task in tasks.stream { await perform(task) }
        }
    }

    func later(_ task: Task) {
        guard case .dropped = tasks.continuation.yield(task) else { return }
        Counter(label: "lineup_mails_total", dimensions: [("result", "dropped")]).increment()
        logger.warning("too many mails wait: one was dropped; look at the mail server")
    }

    private func perform(_ task: Task) async {
        do {
            switch task {
            case .reset(let email): try await sendReset(email)
            case .verify(let user, let email): try await sendVerification(user, email)
            case .notice(let email, let subject, let text):
                try await send(Mail(to: email, subject: subject, text: Secret(text)))
            }
        } catch {
            Counter(label: "lineup_mails_total", dimensions: [("result", "failed")]).increment()
            // Neither address nor text: the person asks again, the operator mends the mail server.
            logger.warning("a mail was not sent", metadata: ["cause": "\(error)"])
        }
    }

    private func send(_ mail: Mail) async throws {
        guard let mailer else { return }
        try await mailer.send(mail)
        Counter(label: "lineup_mails_total", dimensions: [("result", "sent")]).increment()
    }

    private func sendReset(_ email: String) async throws {
        guard let stored = try await accounts.store.account(email: email), !stored.account.isDisabled else { return }
        let account = stored.account
        guard mailer != nil else { return try await store.noteResetRequest(of: account.id, at: accounts.clock.now()) }
        let token = try await makeLink(.reset, for: account.id, email: email, life: Self.resetLife)
        let text = """
            Hello \(account.name),

            somebody, we hope you, asked for a new password. Open this link within 30 minutes to choose one:

            \(address)/account#reset=\(token.exposed)

            It works once. If it was not you, do nothing: your password stays.

            """
        try await send(Mail(to: email, subject: "Choose a new password", text: Secret(text)))
    }

    private func sendVerification(_ user: UserID, _ email: String) async throws {
        let token = try await makeLink(.verify, for: user, email: email, life: Self.verificationLife)
        let text = """
            Hello,

            open this link within two days to confirm that this is your address:

            \(address)/account#verify=\(token.exposed)

            If you did not sign up, do nothing.

            """
        try await send(Mail(to: email, subject: "Confirm your address", text: Secret(text)))
    }

    /// - Returns: the token, which is stored nowhere.
    func makeLink(_ kind: StoredLink.Kind, for user: UserID, email: String, life: Duration) async throws -> Secret {
        let (token, digest) = makeToken()
        let now = accounts.clock.now()
        let link = StoredLink(user: user, kind: kind, email: email, createdAt: now, expiresAt: now + life)
        try await store.insertLink(link, digest: digest)
        return token
    }

    /// 256 bits and their digest.
    func makeToken() -> (Secret, digest: [UInt8]) {
        let token = Secret(Base32.text(accounts.random.bytes(AccountLimits.tokenBytes)))
        return (token, accounts.digest.sha256(Array(token.exposed.utf8)))
    }

    func known(_ account: Account?) throws(AccountError) -> Account {
        guard let account else { throw .unknownUser }
        return account
    }

    func stored(_ user: UserID) async throws(AccountError) -> StoredAccount {
        guard let stored = try await accounts.storing({ try await self.accounts.store.storedAccount(id: user) }) else {
            throw .unknownUser
        }
        return stored
    }

    /// The present password, for what a stolen session must not do.
    func prove(
        _ user: UserID, _ password: Secret, _ client: ClientIdentity
    ) async throws(AccountError) -> StoredAccount {
        let email = try await stored(user).account.email
        let proven = try await accounts.prove(email, password, nil, from: client.address, needsCode: false)
        guard proven.account.id == user else { throw .wrongCredentials }
        return proven
    }

    func audit(
        _ action: String, _ user: UserID, by actor: Actor, before: String? = nil, after: String? = nil
    ) -> AuditRecord {
        AuditRecord(
            at: accounts.clock.now(), actor: actor, action: action, channel: nil, subject: user.description,
            before: before, after: after)
    }

    func myself(_ account: Account) -> Actor {
        Actor(kind: .user, id: account.id.description, name: account.name)
    }
}
