/// A log-in's session as its owner sees it; opens nothing.
package typealias WebSessionID = ID<WebSessionTag>

package enum InvitationTag {}
package typealias InvitationID = ID<InvitationTag>

package struct SessionInfo: Sendable, Equatable {
    package var id: WebSessionID
    package var createdAt: WallTime
    package var lastSeenAt: WallTime
    package var address: String?
    /// The browser as it named itself at log-in.
    package var agent: String?
    /// The one that asks.
    package var isCurrent: Bool

    package init(
        id: WebSessionID, createdAt: WallTime, lastSeenAt: WallTime, address: String?, agent: String?, isCurrent: Bool
    ) {
        self.id = id
        self.createdAt = createdAt
        self.lastSeenAt = lastSeenAt
        self.address = address
        self.agent = agent
        self.isCurrent = isCurrent
    }
}

/// What somebody may change of their account without their password; `nil` stays as it is.
package struct ProfileChange: Sendable {
    package var name: String?
    /// An IANA name; empty: none.
    package var timeZone: String?

    package init(name: String? = nil, timeZone: String? = nil) {
        self.name = name
        self.timeZone = timeZone
    }
}

/// A JPEG with its version, which is its entity tag.
package struct AccountPicture: Sendable {
    package var bytes: [UInt8]
    package var version: Int64

    package init(bytes: [UInt8], version: Int64) {
        self.bytes = bytes
        self.version = version
    }
}

/// A one-time code's seed at the one moment it can be seen (RFC 6238; base32, as authenticators take it).
package struct SecondFactorSetup: Sendable {
    package var seed: Secret
    /// `otpauth://totp/…`, for a QR code or a tap on a phone.
    package var address: Secret

    package init(seed: Secret, address: Secret) {
        self.seed = seed
        self.address = address
    }
}

/// Somebody who may sign up where sign-up is by invitation.
package struct Invitation: Sendable, Equatable {
    package var id: InvitationID
    package var note: String
    package var usesLeft: Int
    package var createdAt: WallTime
    package var expiresAt: WallTime

    package init(id: InvitationID, note: String, usesLeft: Int, createdAt: WallTime, expiresAt: WallTime) {
        self.id = id
        self.note = note
        self.usesLeft = usesLeft
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// How somebody new gets an account.
package enum SignUpMode: String, Sendable, CaseIterable {
    /// Anybody.
    case open
    /// Anybody; the entries of a new DJ are held until an operator lets one through.
    case approval
    /// Whoever has an invitation's link; let through with it.
    case invite
    /// Nobody; admins and the command line make accounts.
    case closed
}

/// All that is kept of one person, for themselves.
package struct AccountExport: Sendable {
    package var account: Account
    package var keys: [StreamKeyInfo]
    package var sessions: [SessionInfo]
    package var entries: [PastEntry]
    /// Lines of the audit log that they wrote, or that are about them; the newest 1,000.
    package var audit: [StoredAuditRecord]

    package init(
        account: Account, keys: [StreamKeyInfo], sessions: [SessionInfo], entries: [PastEntry],
        audit: [StoredAuditRecord]
    ) {
        self.account = account
        self.keys = keys
        self.sessions = sessions
        self.entries = entries
        self.audit = audit
    }
}

/// One's own account, and what admins do to others', as the pages use them; implemented by `Accounts`.
///
/// Where a `password` is asked for it is the present one; a wrong one is `wrongCredentials` and counts as a failed log-in.
package protocol ProfileDesk: Sendable {
    var signUpMode: SignUpMode { get }
    /// Mails can be sent: reset and verification links go by mail. Else admins make and hand them on.
    var canSendMail: Bool { get }

    func change(_ user: UserID, _ change: ProfileChange) async throws(AccountError) -> Account
    /// With mail: a link goes to the new address, which becomes the account's when it is followed. Without: at once.
    /// - Returns: whether the address has changed already.
    func changeEmail(
        of user: UserID, to email: String, password: Secret, from client: ClientIdentity
    ) async throws(AccountError) -> Bool
    /// Ends all of the account's sessions and opens a new one.
    func changePassword(
        of user: UserID, from old: Secret, to new: Secret, client: ClientIdentity
    ) async throws(AccountError) -> SignedIn
    func setPicture(of user: UserID, _ bytes: [UInt8]) async throws(AccountError) -> Account
    func removePicture(of user: UserID) async throws(AccountError) -> Account
    func picture(of user: UserID) async throws(AccountError) -> AccountPicture?
    func export(_ user: UserID) async throws(AccountError) -> AccountExport
    /// Nothing personal is left; a live connection ends within 1 s.
    /// - Throws: `invalid` for the last admin.
    func delete(_ user: UserID, password: Secret, from client: ClientIdentity) async throws(AccountError)

    func sessions(of user: UserID, current: Secret?) async throws(AccountError) -> [SessionInfo]
    func endSession(_ id: WebSessionID, of user: UserID) async throws(AccountError)
    /// All but the one that asks.
    func endOtherSessions(of user: UserID, current: Secret) async throws(AccountError)

    /// Says nothing about whether there is such an account, neither in words nor in time.
    func requestReset(email: String, from client: ClientIdentity) async throws(AccountError)
    /// Uses the link up, and ends all sessions of the account.
    /// - Throws: `unknownLink`; `invalid` for a password that is none, and the link stays good.
    func reset(_ link: Secret, password: Secret, from client: ClientIdentity) async throws(AccountError)
    /// - Throws: `noMail`, `slowDown`.
    func requestVerification(of user: UserID) async throws(AccountError)
    func verify(_ link: Secret, from client: ClientIdentity) async throws(AccountError)

    /// A new seed, not in force before `confirmSecondFactor`.
    func beginSecondFactor(
        of user: UserID, password: Secret, from client: ClientIdentity
    ) async throws(AccountError) -> SecondFactorSetup
    func confirmSecondFactor(
        of user: UserID, code: Secret, from client: ClientIdentity
    ) async throws(AccountError) -> Account
    func removeSecondFactor(
        of user: UserID, password: Secret, from client: ClientIdentity
    ) async throws(AccountError) -> Account

    // For admins.
    func approve(_ user: UserID, by actor: Actor) async throws(AccountError) -> Account
    /// - Throws: `invalid` for the last admin.
    func setRole(_ user: UserID, _ role: Role, by actor: Actor) async throws(AccountError) -> Account
    /// A reset link's token, shown to the admin once, to be handed on.
    func makeResetLink(for user: UserID, by actor: Actor) async throws(AccountError) -> Secret
    /// For whoever lost their device.
    func removeSecondFactor(of user: UserID, by actor: Actor) async throws(AccountError) -> Account
    func endSessions(of user: UserID, by actor: Actor) async throws(AccountError)
    func invitations() async throws(AccountError) -> [Invitation]
    /// - Returns: the invitation and its token, shown once.
    func invite(
        note: String, uses: Int, days: Int, by actor: Actor
    ) async throws(AccountError) -> (Invitation, Secret)
    func withdraw(_ invitation: InvitationID, by actor: Actor) async throws(AccountError)
}
