/// What a link that was sent stands for.
package struct StoredLink: Sendable, Equatable {
    package enum Kind: String, Sendable { case reset, verify }

    package var user: UserID
    package var kind: Kind
    /// Where it was sent.
    package var email: String
    package var createdAt: WallTime
    package var expiresAt: WallTime

    package init(user: UserID, kind: Kind, email: String, createdAt: WallTime, expiresAt: WallTime) {
        self.user = user
        self.kind = kind
        self.email = email
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// Stores what belongs to an account beyond its log-in; implemented by `PostgresStore`. Throws `AccountStoreError` for what the
/// caller can answer, anything else for a database that is away. Each call is one transaction.
package protocol ProfileStore: Sendable {
    func change(_ user: UserID, name: String?, timeZone: String?) async throws -> Account?
    /// - Parameter isVerified: the address was shown to be theirs.
    func setEmail(of user: UserID, _ email: String, isVerified: Bool, at: WallTime) async throws
    func setPicture(of user: UserID, _ picture: AccountPicture?) async throws -> Account?
    func picture(of user: UserID) async throws -> AccountPicture?
    /// Sets the password, ends all sessions and takes out all links and the request for one.
    func setPassword(of user: UserID, _ hash: Secret) async throws
    /// Empties the account: keys revoked, sessions and links gone, name and address replaced, past entries unnamed.
    func erase(_ user: UserID, at: WallTime, audit: AuditRecord) async throws
    func export(_ user: UserID) async throws -> AccountExport?

    func sessions(of user: UserID, currentDigest: [UInt8]?) async throws -> [SessionInfo]
    /// - Returns: `false` when there is no such session of this person.
    func endSession(_ id: WebSessionID, of user: UserID) async throws -> Bool
    func endSessions(of user: UserID, but digest: [UInt8]?, audit: AuditRecord?) async throws

    /// Replaces an earlier link of the same kind.
    func insertLink(_ link: StoredLink, digest: [UInt8]) async throws
    func link(digest: [UInt8], kind: StoredLink.Kind) async throws -> StoredLink?
    /// - Returns: `nil` when it is not there, any more.
    func takeLink(digest: [UInt8], kind: StoredLink.Kind) async throws -> StoredLink?
    func noteResetRequest(of user: UserID, at: WallTime) async throws

    /// Not in force before `confirmSecondFactor`; replaces an earlier one that is not.
    func setSecondFactor(of user: UserID, sealed: [UInt8]) async throws
    /// The sealed seed, in force or not.
    func secondFactor(of user: UserID) async throws -> [UInt8]?
    func confirmSecondFactor(of user: UserID, at: WallTime) async throws -> Account?
    func removeSecondFactor(of user: UserID, audit: AuditRecord) async throws -> Account?

    func approve(_ user: UserID, at: WallTime, audit: AuditRecord) async throws -> Account?
    func setRole(_ user: UserID, _ role: Role, audit: AuditRecord) async throws -> Account?
    func appendAudit(_ record: AuditRecord) async throws

    func insertInvitation(_ invitation: Invitation, digest: [UInt8], audit: AuditRecord) async throws
    func invitations() async throws -> [Invitation]
    func deleteInvitation(_ id: InvitationID, audit: AuditRecord) async throws -> Bool
}
