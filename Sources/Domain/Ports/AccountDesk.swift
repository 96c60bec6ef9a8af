/// A person with an account.
package struct Account: Sendable, Equatable {
    package var id: UserID
    /// Lower-cased and trimmed.
    package var email: String
    /// The DJ name: public, unique without regard to case.
    package var name: String
    package var role: Role
    package var isDisabled: Bool
    package var createdAt: WallTime
    /// An IANA name, `Europe/Berlin`; `nil`: whatever the browser says.
    package var timeZone: String?
    /// The address was shown to be this person's.
    package var isEmailVerified = false
    /// `false`: their entries are held until an operator lets one through.
    package var isApproved = true
    /// Changes with the picture; `nil`: there is none.
    package var pictureVersion: Int64?
    /// A log-in takes a one-time code too.
    package var hasSecondFactor = false
    /// They asked for a reset while no mail could be sent.
    package var resetRequestedAt: WallTime?

    package init(
        id: UserID, email: String, name: String, role: Role, isDisabled: Bool, createdAt: WallTime,
        timeZone: String? = nil, isApproved: Bool = true
    ) {
        self.timeZone = timeZone
        self.isApproved = isApproved
        self.id = id
        self.email = email
        self.name = name
        self.role = role
        self.isDisabled = isDisabled
        self.createdAt = createdAt
    }
}

package struct SignUpForm: Sendable {
    package var email: String
    package var name: String
    package var password: Secret
    /// An IANA name; `nil`: none.
    package var timeZone: String?
    /// From an invitation's link, where sign-up takes one.
    package var invitation: Secret?

    package init(
        email: String, name: String, password: Secret, timeZone: String? = nil, invitation: Secret? = nil
    ) {
        self.email = email
        self.name = name
        self.password = password
        self.timeZone = timeZone
        self.invitation = invitation
    }
}

/// A fresh web session: the token goes into the cookie and nowhere else.
package struct SignedIn: Sendable {
    package var account: Account
    package var token: Secret
    /// Sent back by pages in `X-CSRF-Token` on each write.
    package var csrfToken: Secret
    package var expiresAt: WallTime

    package init(account: Account, token: Secret, csrfToken: Secret, expiresAt: WallTime) {
        self.account = account
        self.token = token
        self.csrfToken = csrfToken
        self.expiresAt = expiresAt
    }
}

package struct StreamKeyInfo: Sendable, Equatable {
    package var id: KeyID
    package var label: String
    package var createdAt: WallTime
    package var lastUsedAt: WallTime?
    package var revokedAt: WallTime?

    package init(id: KeyID, label: String, createdAt: WallTime, lastUsedAt: WallTime?, revokedAt: WallTime?) {
        self.id = id
        self.label = label
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.revokedAt = revokedAt
    }
}

/// A key at the one moment it can be seen.
package struct IssuedKey: Sendable {
    package var info: StreamKeyInfo
    package var key: Secret

    package init(info: StreamKeyInfo, key: Secret) {
        self.info = info
        self.key = key
    }
}

package enum AccountError: Error, Sendable, Equatable {
    /// A form's field and what is wrong with it, in words for the person.
    case invalid(field: String, reason: String)
    case emailTaken
    case nameTaken
    /// Same for an unknown address and a wrong password.
    case wrongCredentials
    case disabled
    /// The password was right; the account also takes a one-time code.
    case codeNeeded
    /// Sign-up is closed, or by invitation and this one is none.
    case signUpClosed(String)
    /// A link that was used, replaced or has expired.
    case unknownLink
    case unknownInvitation
    /// The session is not there, or not one's own.
    case unknownSession
    /// No mail can be sent from here.
    case noMail
    case unknownUser
    case unknownKey
    /// There is no such live token.
    case unknownToken
    case tooManyKeys(maximum: Int)
    case slowDown(retryAfter: Duration)
    /// The database is away; what was asked may be tried again.
    case unavailable(String)
}

/// Who is at the other end of a log-in: for rate limits, and for the list of one's own sessions.
package struct ClientIdentity: Sendable, Equatable, ExpressibleByStringLiteral {
    /// An IP address without its port.
    package var address: String
    /// As the browser names itself; at most 200 characters are kept.
    package var agent: String?

    package init(address: String, agent: String? = nil) {
        self.address = address
        self.agent = agent
    }

    package init(stringLiteral value: String) { self.init(address: value) }
}

/// Accounts as pages and the command line use them; implemented by `Accounts`.
package protocol AccountDesk: Sendable {
    /// Makes a DJ's account and signs it in. `address` is the peer's, for rate limits.
    func signUp(_ form: SignUpForm, from client: ClientIdentity) async throws(AccountError) -> SignedIn
    /// - Parameter code: the one-time code, for an account that takes one.
    /// - Throws: `codeNeeded` after a right password; a wrong code is `wrongCredentials`.
    func logIn(
        email: String, password: Secret, code: Secret?, from client: ClientIdentity
    ) async throws(AccountError) -> SignedIn
    /// Who holds this session, with its CSRF token; `nil` when it is unknown, expired or ended.
    func session(_ token: Secret) async throws(AccountError) -> SignedIn?
    func logOut(_ token: Secret) async throws(AccountError)
    func keys(of user: UserID) async throws(AccountError) -> [StreamKeyInfo]
    func createKey(for user: UserID, label: String) async throws(AccountError) -> IssuedKey
    /// Revokes all of the user's live keys with this id's label and issues a new one; a live connection with the old one ends.
    func rotateKey(_ key: KeyID, of user: UserID) async throws(AccountError) -> IssuedKey
    /// `user` restricts it to one's own keys; `nil` is the operator's right.
    func revokeKey(_ key: KeyID, of user: UserID?) async throws(AccountError)
    /// Makes an account of any role: the command line and the first admin.
    func create(_ form: SignUpForm, role: Role) async throws(AccountError) -> Account
    func accounts() async throws(AccountError) -> [Account]
    /// Disables the account or enables it again; doing it twice is harmless. Disabling ends its web sessions at once and
    /// its live connections within 1 s (I10).
    /// - Throws: `unknownUser`; `invalid` for oneself and for the last admin who can log in.
    func setDisabled(_ user: UserID, _ isDisabled: Bool, by actor: Actor) async throws(AccountError) -> Account
    /// By e-mail, DJ name or id.
    func account(matching text: String) async throws(AccountError) -> Account?
}
