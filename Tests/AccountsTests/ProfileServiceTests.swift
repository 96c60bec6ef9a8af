import Cryptography
import Domain
import Logging
import PostgresStore
import PostgresTestKit
import Synchronization
import TestKit
import Testing

@testable import Accounts

/// Mails in memory; `next` waits for one.
private final class FakeMailer: MailSending {
    let (mails, sent) = AsyncStream.makeStream(of: Mail.self)

    func send(_ mail: Mail) async throws { sent.yield(mail) }

    func next() async -> Mail? {
        for await mail in mails { return mail }
        return nil
    }
}

private struct FakePictures: PictureMaking {
    func makePicture(_ bytes: [UInt8]) async throws -> [UInt8] {
        guard bytes.first == 1 else { throw PictureError.notAPicture }
        return [0xFF, 0xD8, 0xFF]
    }
}

/// Profiles on a real PostgreSQL of their own, with a clock that stands still.
private struct ProfileBench {
    let desk: Desk
    let store: PostgresStore
    let profiles: ProfileService
    let mailer = FakeMailer()

    init(_ mode: SignUpMode = .open, sendsMail: Bool = true) async throws {
        store = PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        desk = Desk(store: store, signUpMode: mode)
        profiles = ProfileService(
            accounts: desk.service, store: store, pictures: FakePictures(), mailer: sendsMail ? mailer : nil,
            address: "https://live.example.org", logger: TestDatabase.logger)
    }

    /// Runs the mail queue for the time of `body`.
    func running(_ body: (Self) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await profiles.run() }
            try await body(self)
            group.cancelAll()
        }
    }

    func token(in mail: Mail?, _ kind: String) throws -> Secret {
        let text = try #require(mail).text.exposed
        let match = try #require(text.firstMatch(of: try Regex("/account#\(kind)=([a-z2-7]{52})\n")))
        return Secret(String(try #require(match.output[1].substring)))
    }
}

@Suite(.timeLimit(.minutes(2))) struct ProfileServiceTests {
    private let admin = Actor(kind: .commandLine, id: nil, name: "test")

    @Test func aResetLinkWorksOnceAndEndsEverySession() async throws {
        try await ProfileBench().running { bench in
            let session = try await bench.desk.signUp("Mira")
            try await bench.profiles.requestReset(email: " MIRA@example.org", from: "a")
            let mail = await bench.mailer.next()
            #expect(mail?.to == "mira@example.org")
            let link = try bench.token(in: mail, "reset")
            // A password that is none leaves the link good.
            await #expect(throws: AccountError.self) {
                try await bench.profiles.reset(link, password: Secret("password"), from: "a")
            }
            try await bench.profiles.reset(link, password: Secret("a new long one"), from: "a")
            #expect(try await bench.desk.service.session(session.token) == nil)
            await #expect(throws: AccountError.unknownLink) {
                try await bench.profiles.reset(link, password: Secret("another long one"), from: "a")
            }
            let again = try await bench.desk.service.logIn(
                email: "mira@example.org", password: Secret("a new long one"), code: nil, from: "a")
            // The mail came to the address.
            #expect(again.account.isEmailVerified)
            #expect(await bench.mailer.next()?.subject == "Your password was changed")
        }
    }

    @Test func aResetLinkEndsAfterThirtyMinutesAndWithANewerOne() async throws {
        try await ProfileBench().running { bench in
            _ = try await bench.desk.signUp("Mira")
            try await bench.profiles.requestReset(email: "mira@example.org", from: "a")
            let first = try bench.token(in: await bench.mailer.next(), "reset")
            try await bench.profiles.requestReset(email: "mira@example.org", from: "a")
            let second = try bench.token(in: await bench.mailer.next(), "reset")
            await #expect(throws: AccountError.unknownLink) {
                try await bench.profiles.reset(first, password: Secret("a new long one"), from: "a")
            }
            bench.desk.clock.advance(by: .seconds(30 * 60))
            await #expect(throws: AccountError.unknownLink) {
                try await bench.profiles.reset(second, password: Secret("a new long one"), from: "a")
            }
        }
    }

    @Test func anUnknownAddressIsToldNothingAndGetsNothing() async throws {
        try await ProfileBench().running { bench in
            _ = try await bench.desk.signUp("Mira")
            try await bench.profiles.requestReset(email: "nobody@example.org", from: "a")
            try await bench.profiles.requestReset(email: "mira@example.org", from: "a")
            // In order: had the first brought a mail, it would be here.
            #expect(await bench.mailer.next()?.to == "mira@example.org")
            try await bench.profiles.requestReset(email: "nobody@example.org", from: "a")
            await #expect(throws: AccountError.slowDown(retryAfter: .seconds(60))) {
                try await bench.profiles.requestReset(email: "nobody@example.org", from: "b")
            }
        }
    }

    @Test func withoutMailARequestIsShownToAdminsWhoMakeTheLink() async throws {
        try await ProfileBench(sendsMail: false).running { bench in
            let user = try await bench.desk.signUp("Mira").account.id
            try await bench.profiles.requestReset(email: "mira@example.org", from: "a")
            var asked: WallTime?
            while asked == nil { asked = try await bench.store.account(id: user)?.resetRequestedAt }
            let link = try await bench.profiles.makeResetLink(for: user, by: admin)
            try await bench.profiles.reset(link, password: Secret("a new long one"), from: "a")
            let account = try #require(try await bench.store.account(id: user))
            #expect(account.resetRequestedAt == nil)
            // Whoever got the link may be anybody: it proves no address.
            #expect(!account.isEmailVerified)
        }
    }

    @Test func aNewAddressHoldsOnceItsLinkIsFollowed() async throws {
        try await ProfileBench().running { bench in
            let user = try await bench.desk.signUp("Mira").account.id
            await #expect(throws: AccountError.wrongCredentials) {
                try await bench.profiles.changeEmail(
                    of: user, to: "new@example.org", password: Secret("wrong password"), from: "a")
            }
            let changed = try await bench.profiles.changeEmail(
                of: user, to: "new@example.org", password: Secret("swordfish"), from: "a")
            #expect(!changed)
            #expect(try await bench.store.account(id: user)?.email == "mira@example.org")
            let mail = await bench.mailer.next()
            #expect(mail?.to == "new@example.org")
            try await bench.profiles.verify(try bench.token(in: mail, "verify"), from: "a")
            let account = try #require(try await bench.store.account(id: user))
            #expect(account.email == "new@example.org" && account.isEmailVerified)
        }
    }

    @Test func aNewPasswordNeedsTheOldOneAndReplacesTheSession() async throws {
        let bench = try await ProfileBench(sendsMail: false)
        let old = try await bench.desk.signUp("Mira")
        await #expect(throws: AccountError.wrongCredentials) {
            try await bench.profiles.changePassword(
                of: old.account.id, from: Secret("wrong password"), to: Secret("a new long one"), client: "a")
        }
        let new = try await bench.profiles.changePassword(
            of: old.account.id, from: Secret("swordfish"), to: Secret("a new long one"), client: "a")
        #expect(new.token != old.token)
        #expect(try await bench.desk.service.session(old.token) == nil)
        #expect(try await bench.desk.service.session(new.token)?.account.id == old.account.id)
    }

    @Test func oneTimeCodesAreAskedForOnceConfirmedAndTakenOnce() async throws {
        let bench = try await ProfileBench(sendsMail: false)
        let user = try await bench.desk.signUp("Mira").account.id
        func logIn(_ code: Secret?) async throws -> SignedIn {
            try await bench.desk.service.logIn(
                email: "mira@example.org", password: Secret("swordfish"), code: code, from: "a")
        }
        let setup = try await bench.profiles.beginSecondFactor(of: user, password: Secret("swordfish"), from: "a")
        #expect(setup.address.exposed.contains("secret=\(setup.seed.exposed)&issuer=Lineup"))
        _ = try await logIn(nil)
        let seed = try #require(Base32.bytes(setup.seed.exposed))
        func code() -> Secret {
            Secret(TimeBasedCodes().code(seed: seed, step: bench.desk.clock.now().milliseconds / 30_000))
        }
        await #expect(throws: AccountError.self) {
            try await bench.profiles.confirmSecondFactor(of: user, code: Secret("000000x"), from: "a")
        }
        let account = try await bench.profiles.confirmSecondFactor(of: user, code: code(), from: "a")
        #expect(account.hasSecondFactor)
        await #expect(throws: AccountError.codeNeeded) { try await logIn(nil) }
        // The one that confirmed is used up.
        await #expect(throws: AccountError.wrongCredentials) { try await logIn(code()) }
        bench.desk.clock.advance(by: .seconds(30))
        _ = try await logIn(code())
        await #expect(throws: AccountError.wrongCredentials) { try await logIn(code()) }
        bench.desk.clock.advance(by: .seconds(30))
        await #expect(throws: AccountError.wrongCredentials) { try await logIn(Secret("12345")) }
        _ = try await bench.profiles.removeSecondFactor(of: user, by: admin)
        bench.desk.clock.advance(by: .seconds(60))
        _ = try await logIn(nil)
    }

    @Test func aNewDJIsLetThroughByAnOperatorsRelease() async throws {
        let bench = try await ProfileBench(.approval, sendsMail: false)
        let account = try await bench.desk.signUp("Mira").account
        #expect(!account.isApproved)
        let key = try await bench.desk.service.createKey(for: account.id, label: "OBS").key
        let digest = SHA256Digest().sha256(Array(key.exposed.utf8))
        #expect(try await bench.store.owner(ofKeyDigest: digest)?.isApproved == false)
        _ = try await bench.profiles.approve(account.id, by: admin)
        #expect(try await bench.store.owner(ofKeyDigest: digest)?.isApproved == true)
    }

    @Test func anInvitationLetsAsManyInAsItSays() async throws {
        let bench = try await ProfileBench(.invite, sendsMail: false)
        let (invitation, link) = try await bench.profiles.invite(note: "", uses: 1, days: 1, by: admin)
        func signUp(_ name: String, _ link: Secret?) async throws -> SignedIn {
            try await bench.desk.service.signUp(
                SignUpForm(
                    email: "\(name)@example.org", name: name, password: Secret("swordfish"), invitation: link),
                from: "a")
        }
        await #expect(throws: AccountError.self) { try await signUp("Noah", nil) }
        await #expect(throws: AccountError.self) { try await signUp("Noah", Secret(String(repeating: "a", count: 52))) }
        #expect(try await signUp("Mira", link).account.isApproved)
        await #expect(throws: AccountError.self) { try await signUp("Noah", link) }
        #expect(try await bench.profiles.invitations().map(\.usesLeft) == [0])
        try await bench.profiles.withdraw(invitation.id, by: admin)
        #expect(try await bench.profiles.invitations().isEmpty)
    }

    @Test func closedMeansClosed() async throws {
        let bench = try await ProfileBench(.closed, sendsMail: false)
        await #expect(throws: AccountError.self) { try await bench.desk.signUp("Mira") }
    }

    @Test func listsAndEndsSessions() async throws {
        let bench = try await ProfileBench(sendsMail: false)
        let first = try await bench.desk.signUp("Mira", from: ClientIdentity(address: "192.0.2.7", agent: "Firefox"))
        let user = first.account.id
        let second = try await bench.desk.service.logIn(
            email: "mira@example.org", password: Secret("swordfish"), code: nil, from: "192.0.2.8")
        let list = try await bench.profiles.sessions(of: user, current: second.token)
        #expect(list.count == 2)
        #expect(list.filter(\.isCurrent).map(\.address) == ["192.0.2.8"])
        #expect(Set(list.map(\.agent)) == ["Firefox", nil])
        let other = try #require(list.first { !$0.isCurrent })
        await #expect(throws: AccountError.unknownSession) {
            try await bench.profiles.endSession(other.id, of: .random())
        }
        try await bench.profiles.endSession(other.id, of: user)
        #expect(try await bench.desk.service.session(first.token) == nil)
        try await bench.profiles.endOtherSessions(of: user, current: second.token)
        #expect(try await bench.desk.service.session(second.token) != nil)
    }

    @Test func aDeletedAccountLeavesNothingPersonal() async throws {
        let bench = try await ProfileBench(sendsMail: false)
        let session = try await bench.desk.signUp("Mira")
        let user = session.account.id
        let key = try await bench.desk.service.createKey(for: user, label: "OBS").key
        _ = try await bench.profiles.setPicture(of: user, [1])
        await #expect(throws: AccountError.wrongCredentials) {
            try await bench.profiles.delete(user, password: Secret("wrong password"), from: "a")
        }
        let export = try await bench.profiles.export(user)
        #expect(export.account.email == "mira@example.org" && export.keys.count == 1 && export.sessions.count == 1)
        try await bench.profiles.delete(user, password: Secret("swordfish"), from: "a")
        #expect(try await bench.desk.service.session(session.token) == nil)
        #expect(try await bench.store.owner(ofKeyDigest: SHA256Digest().sha256(Array(key.exposed.utf8))) == nil)
        #expect(try await bench.desk.service.accounts().isEmpty)
        #expect(try await bench.profiles.picture(of: user) == nil)
        await #expect(throws: AccountError.unknownUser) { try await bench.profiles.export(user) }
        // Address and name are free again.
        _ = try await bench.desk.signUp("Mira")
    }

    @Test func theLastAdminStays() async throws {
        let bench = try await ProfileBench(sendsMail: false)
        let form = SignUpForm(email: "root@example.org", name: "boss", password: Secret("swordfish"))
        let boss = try await bench.desk.service.create(form, role: .admin)
        await #expect(throws: AccountError.self) {
            try await bench.profiles.delete(boss.id, password: Secret("swordfish"), from: "a")
        }
        await #expect(throws: AccountError.self) { try await bench.profiles.setRole(boss.id, .dj, by: admin) }
        let mira = try await bench.desk.signUp("Mira").account
        #expect(try await bench.profiles.setRole(mira.id, .admin, by: admin).role == .admin)
        let oneself = Actor(kind: .user, id: boss.id.description, name: "boss")
        await #expect(throws: AccountError.self) { try await bench.profiles.setRole(boss.id, .dj, by: oneself) }
        #expect(try await bench.profiles.setRole(boss.id, .admin, by: oneself).role == .admin)
        #expect(try await bench.profiles.setRole(boss.id, .dj, by: admin).role == .dj)
    }

    @Test func changesNameZoneAndPicture() async throws {
        let bench = try await ProfileBench(sendsMail: false)
        let user = try await bench.desk.signUp("Mira").account.id
        _ = try await bench.desk.signUp("Noah")
        await #expect(throws: AccountError.nameTaken) {
            try await bench.profiles.change(user, ProfileChange(name: " nOAH"))
        }
        var account = try await bench.profiles.change(user, ProfileChange(name: "Mira K", timeZone: "Europe/Berlin"))
        #expect(account.name == "Mira K" && account.timeZone == "Europe/Berlin")
        account = try await bench.profiles.change(user, ProfileChange(timeZone: ""))
        #expect(account.name == "Mira K" && account.timeZone == nil)
        await #expect(throws: AccountError.self) {
            try await bench.profiles.change(user, ProfileChange(timeZone: "<script>"))
        }
        await #expect(throws: AccountError.self) { try await bench.profiles.setPicture(of: user, [0]) }
        #expect(try await bench.profiles.setPicture(of: user, [1]).pictureVersion != nil)
        #expect(try await bench.profiles.removePicture(of: user).pictureVersion == nil)
    }

    @Test func anOlderHashIsMadeAnewAtTheNextLogIn() async throws {
        let bench = try await ProfileBench(sendsMail: false)
        let user = try await bench.desk.signUp("Mira").account.id
        try await bench.store.replacePasswordHash(of: user, with: Secret("old:swordfish"))
        _ = try await bench.desk.service.logIn(
            email: "mira@example.org", password: Secret("swordfish"), code: nil, from: "a")
        #expect(try await bench.store.storedAccount(id: user)?.passwordHash == Secret("fake:swordfish"))
    }
}
