package import Domain
import Synchronization

/// Profiles without accounts: each call is noted by name, and answered with `account` or nothing.
package final class FakeProfileDesk: ProfileDesk {
    private struct State {
        var calls: [String] = []
        var picture: AccountPicture?
        var mode = SignUpMode.open
        var canSendMail = false
    }

    private let state = Mutex(State())
    private let now: WallTime

    package init(now: WallTime = WallTime(milliseconds: 1_800_000_000_000)) { self.now = now }

    package var calls: [String] { state.withLock { $0.calls } }

    package var signUpMode: SignUpMode {
        get { state.withLock { $0.mode } }
        set { state.withLock { $0.mode = newValue } }
    }

    package var canSendMail: Bool {
        get { state.withLock { $0.canSendMail } }
        set { state.withLock { $0.canSendMail = newValue } }
    }

    private func note(_ call: String = #function) { state.withLock { $0.calls.append(call) } }

    private func account(_ user: UserID, _ call: String = #function) -> Account {
        note(call)
        return Account(
            id: user, email: "a@example.org", name: "A", role: .dj, isDisabled: false, createdAt: now)
    }

    package func change(_ user: UserID, _ change: ProfileChange) async throws(AccountError) -> Account { account(user) }

    package func changeEmail(
        of user: UserID, to email: String, password: Secret, from client: ClientIdentity
    ) async throws(AccountError) -> Bool {
        note()
        return !canSendMail
    }

    package func changePassword(
        of user: UserID, from old: Secret, to new: Secret, client: ClientIdentity
    ) async throws(AccountError) -> SignedIn {
        SignedIn(
            account: account(user), token: Secret("session-new"), csrfToken: Secret("csrf-new"),
            expiresAt: now + .seconds(3_600))
    }

    package func setPicture(of user: UserID, _ bytes: [UInt8]) async throws(AccountError) -> Account {
        state.withLock { $0.picture = AccountPicture(bytes: bytes, version: 7) }
        return account(user)
    }

    package func removePicture(of user: UserID) async throws(AccountError) -> Account { account(user) }
    package func picture(of user: UserID) async throws(AccountError) -> AccountPicture? {
        state.withLock { $0.picture }
    }

    package func export(_ user: UserID) async throws(AccountError) -> AccountExport {
        AccountExport(account: account(user), keys: [], sessions: [], entries: [], audit: [])
    }

    package func delete(
        _ user: UserID, password: Secret, from client: ClientIdentity
    ) async throws(AccountError) { note() }
    package func sessions(of user: UserID, current: Secret?) async throws(AccountError) -> [SessionInfo] { [] }
    package func endSession(_ id: WebSessionID, of user: UserID) async throws(AccountError) { throw .unknownSession }
    package func endOtherSessions(of user: UserID, current: Secret) async throws(AccountError) { note() }
    package func requestReset(email: String, from client: ClientIdentity) async throws(AccountError) { note() }

    package func reset(
        _ link: Secret, password: Secret, from client: ClientIdentity
    ) async throws(AccountError) { throw .unknownLink }
    package func requestVerification(of user: UserID) async throws(AccountError) { throw .noMail }
    package func verify(_ link: Secret, from client: ClientIdentity) async throws(AccountError) { throw .unknownLink }

    package func beginSecondFactor(
        of user: UserID, password: Secret, from client: ClientIdentity
    ) async throws(AccountError) -> SecondFactorSetup {
        note()
        return SecondFactorSetup(seed: Secret("SEED"), address: Secret("otpauth://totp/x"))
    }

    package func confirmSecondFactor(
        of user: UserID, code: Secret, from client: ClientIdentity
    ) async throws(AccountError) -> Account { account(user) }

    package func removeSecondFactor(
        of user: UserID, password: Secret, from client: ClientIdentity
    ) async throws(AccountError) -> Account { account(user) }

    package func approve(_ user: UserID, by actor: Actor) async throws(AccountError) -> Account { account(user) }

    package func setRole(
        _ user: UserID, _ role: Role, by actor: Actor
    ) async throws(AccountError) -> Account { account(user) }

    package func makeResetLink(for user: UserID, by actor: Actor) async throws(AccountError) -> Secret {
        note()
        return Secret("link-token")
    }

    package func removeSecondFactor(of user: UserID, by actor: Actor) async throws(AccountError) -> Account {
        account(user)
    }

    package func endSessions(of user: UserID, by actor: Actor) async throws(AccountError) { note() }
    package func invitations() async throws(AccountError) -> [Invitation] { [] }

    package func invite(
        note: String, uses: Int, days: Int, by actor: Actor
    ) async throws(AccountError) -> (Invitation, Secret) {
        (
            Invitation(
                id: .random(), note: note, usesLeft: uses, createdAt: now, expiresAt: now + .seconds(days * 86_400)),
            Secret("invitation-token")
        )
    }

    package func withdraw(_ invitation: InvitationID, by actor: Actor) async throws(AccountError) {
        throw .unknownInvitation
    }
}
