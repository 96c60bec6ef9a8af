import Accounts
import Cryptography
import Domain
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct AccountServiceTests {
    @Test(arguments: Backend.allCases)
    func signsUpLogsInAndOut(backend: Backend) async throws {
        let desk = try await Desk(backend)
        let signedUp = try await desk.signUp("Mira")
        #expect(signedUp.account.email == "mira@example.org")
        #expect(signedUp.account.role == .dj)
        let signedIn = try await desk.service.logIn(
            email: " MIRA@example.ORG ", password: Secret("swordfish"), code: nil, from: "192.0.2.1")
        #expect(signedIn.account == signedUp.account)
        #expect(signedIn.token != signedUp.token)
        #expect(signedIn.csrfToken != signedUp.csrfToken)
        let found = try await desk.service.session(signedIn.token)
        #expect(found?.account == signedIn.account)
        #expect(found?.csrfToken == signedIn.csrfToken)
        #expect(signedIn.csrfToken != signedIn.token)
        try await desk.service.logOut(signedIn.token)
        #expect(try await desk.service.session(signedIn.token) == nil)
        #expect(try await desk.service.session(signedUp.token) != nil)
    }

    @Test(arguments: Backend.allCases)
    func refusesATakenEmailOrNameWithoutRegardToCase(backend: Backend) async throws {
        let desk = try await Desk(backend)
        _ = try await desk.signUp("Ärger")
        await #expect(throws: AccountError.nameTaken) {
            try await desk.service.signUp(
                SignUpForm(email: "other@example.org", name: " äRGER ", password: Secret("swordfish")), from: "a")
        }
        await #expect(throws: AccountError.emailTaken) {
            try await desk.service.signUp(
                SignUpForm(email: "ÄRGER@Example.org", name: "Other", password: Secret("swordfish")), from: "a")
        }
    }

    @Test(arguments: Backend.allCases)
    func findsAnAccountByIdEmailOrName(backend: Backend) async throws {
        let desk = try await Desk(backend)
        let account = try await desk.signUp("Mira").account
        for text in [account.id.description, "Mira@Example.org", " mira "] {
            #expect(try await desk.service.account(matching: text) == account)
        }
        #expect(try await desk.service.account(matching: "nobody") == nil)
        #expect(try await desk.service.accounts() == [account])
    }

    @Test func answersUnknownEmailAndWrongPasswordAlikeAndAtTheSameCost() async throws {
        let desk = try await Desk(.fake)
        _ = try await desk.signUp("Mira")
        for email in ["mira@example.org", "nobody@example.org"] {
            let before = desk.passwords.verified
            await #expect(throws: AccountError.wrongCredentials) {
                try await desk.service.logIn(email: email, password: Secret("wrong password"), code: nil, from: "a")
            }
            #expect(desk.passwords.verified == before + 1)
        }
    }

    @Test func tellsADisabledAccountSoOnlyWithTheRightPassword() async throws {
        let store = FakeAccountStore()
        let desk = Desk(store: store)
        let signedIn = try await desk.signUp("Mira")
        store.disable(signedIn.account.id)
        await #expect(throws: AccountError.wrongCredentials) {
            try await desk.service.logIn(
                email: "mira@example.org", password: Secret("wrong password"), code: nil, from: "a")
        }
        await #expect(throws: AccountError.disabled) {
            try await desk.service.logIn(email: "mira@example.org", password: Secret("swordfish"), code: nil, from: "a")
        }
        #expect(try await desk.service.session(signedIn.token) == nil)
    }

    @Test func slowsDownWhoGuessesAnAccountsPassword() async throws {
        let desk = try await Desk(.fake)
        _ = try await desk.signUp("Mira")
        func guess(_ password: String = "wrong password", from address: String) async -> AccountError? {
            do {
                _ = try await desk.service.logIn(
                    email: "mira@example.org", password: Secret(password), code: nil,
                    from: ClientIdentity(address: address))
                return nil
            } catch { return error }
        }
        for attempt in 0..<5 { #expect(await guess(from: "192.0.2.\(attempt)") == .wrongCredentials) }
        #expect(await guess(from: "192.0.2.9") == .slowDown(retryAfter: .seconds(1)))
        // Whoever waits as told gets in, and is then trusted again.
        desk.clock.advance(by: .seconds(1))
        #expect(await guess(from: "192.0.2.9") == .wrongCredentials)
        #expect(await guess("swordfish", from: "192.0.2.9") == .slowDown(retryAfter: .seconds(2)))
        desk.clock.advance(by: .seconds(2))
        #expect(await guess("swordfish", from: "192.0.2.9") == nil)
        #expect(await guess(from: "192.0.2.9") == .wrongCredentials)
    }

    @Test func slowsDownWhoTriesManyAccountsFromOneAddress() async throws {
        let desk = try await Desk(.fake)
        func guess(_ number: Int, from address: String) async -> AccountError? {
            do {
                _ = try await desk.service.logIn(
                    email: "dj\(number)@example.org", password: Secret("wrong password"), code: nil,
                    from: ClientIdentity(address: address))
                return nil
            } catch { return error }
        }
        for number in 0..<20 { #expect(await guess(number, from: "2001:db8::\(number)") == .wrongCredentials) }
        #expect(await guess(20, from: "2001:db8::ffff") == .slowDown(retryAfter: .seconds(1)))
        #expect(await guess(20, from: "2001:db8:1::1") == .wrongCredentials)
    }

    @Test func slowsDownWhoMakesManyAccounts() async throws {
        let desk = try await Desk(.fake)
        for number in 0..<10 { _ = try await desk.signUp("dj\(number)") }
        await #expect(throws: AccountError.slowDown(retryAfter: .seconds(10))) { try await desk.signUp("eleventh") }
        _ = try await desk.signUp("other", from: "192.0.2.2")
    }

    @Test(arguments: Backend.allCases)
    func endsASessionThatIsIdleOrOld(backend: Backend) async throws {
        let desk = try await Desk(backend)
        let idle = try await desk.signUp("Idle").token
        let used = try await desk.signUp("Used").token
        for _ in 0..<5 {
            desk.clock.advance(by: .seconds(5 * 86_400))
            #expect(try await desk.service.session(used) != nil)
        }
        #expect(try await desk.service.session(idle) == nil)
        desk.clock.advance(by: .seconds(5 * 86_400))
        #expect(try await desk.service.session(used) == nil)
    }

    @Test(arguments: ["", "x", String(repeating: "a", count: 52), String(repeating: "a", count: 100_000)])
    func knowsNoSessionForAForeignToken(token: String) async throws {
        let desk = try await Desk(.fake)
        #expect(try await desk.service.session(Secret(token)) == nil)
        try await desk.service.logOut(Secret(token))
    }

    @Test(arguments: Backend.allCases)
    func storesNeitherTokenNorKey(backend: Backend) async throws {
        let desk = try await Desk(backend)
        let signedIn = try await desk.signUp("Mira")
        #expect(try await desk.store.session(digest: Array(signedIn.token.exposed.utf8)) == nil)
        let digest = SHA256Digest().sha256(Array(signedIn.token.exposed.utf8))
        #expect(try await desk.store.session(digest: digest)?.account == signedIn.account)
    }

    @Test(arguments: Backend.allCases)
    func issuesKeysThatOpenTheirOwnersStream(backend: Backend) async throws {
        let desk = try await Desk(backend)
        let account = try await desk.signUp("Mira").account
        let issued = try await desk.service.createKey(for: account.id, label: " OBS at  home ")
        #expect(issued.info.label == "OBS at home")
        #expect(issued.key.exposed.hasPrefix("lk_"))
        #expect(issued.key.exposed.count == 35)
        #expect(try await desk.service.keys(of: account.id) == [issued.info])
        let owner = try await desk.store.owner(ofKeyDigest: SHA256Digest().sha256(Array(issued.key.exposed.utf8)))
        #expect(
            owner == KeyOwner(key: issued.info.id, user: account.id, name: "Mira", isRevoked: false, isDisabled: false))
    }

    @Test(arguments: Backend.allCases)
    func rotatesAKeyOnce(backend: Backend) async throws {
        let desk = try await Desk(backend)
        let account = try await desk.signUp("Mira").account
        let first = try await desk.service.createKey(for: account.id, label: "OBS")
        let second = try await desk.service.createKey(for: account.id, label: "OBS")
        let other = try await desk.service.createKey(for: account.id, label: "Phone")
        let rotated = try await desk.service.rotateKey(first.info.id, of: account.id)
        #expect(rotated.info.label == "OBS")
        let live = try await desk.service.keys(of: account.id).filter { $0.revokedAt == nil }
        #expect(Set(live.map(\.id)) == [rotated.info.id, other.info.id])
        for old in [first, second] {
            let owner = try await desk.store.owner(ofKeyDigest: SHA256Digest().sha256(Array(old.key.exposed.utf8)))
            #expect(owner?.isRevoked == true)
        }
        await #expect(throws: AccountError.unknownKey) {
            try await desk.service.rotateKey(first.info.id, of: account.id)
        }
    }

    @Test(arguments: Backend.allCases)
    func revokesOnlyOnesOwnKeysUnlessOperator(backend: Backend) async throws {
        let desk = try await Desk(backend)
        let mira = try await desk.signUp("Mira").account
        let noah = try await desk.signUp("Noah").account
        let key = try await desk.service.createKey(for: mira.id, label: "OBS").info.id
        await #expect(throws: AccountError.unknownKey) { try await desk.service.revokeKey(key, of: noah.id) }
        await #expect(throws: AccountError.unknownKey) { try await desk.service.rotateKey(key, of: noah.id) }
        try await desk.service.revokeKey(key, of: nil)
        // A second click says nothing new.
        try await desk.service.revokeKey(key, of: mira.id)
        #expect(try await desk.service.keys(of: mira.id).first?.revokedAt == desk.clock.now())
        await #expect(throws: AccountError.unknownKey) { try await desk.service.revokeKey(.random(), of: nil) }
    }

    @Test(arguments: Backend.allCases)
    func givesAtMostTenLiveKeys(backend: Backend) async throws {
        let desk = try await Desk(backend)
        let account = try await desk.signUp("Mira").account
        var last: KeyID?
        for number in 0..<10 {
            last = try await desk.service.createKey(for: account.id, label: "key \(number)").info.id
        }
        await #expect(throws: AccountError.tooManyKeys(maximum: 10)) {
            try await desk.service.createKey(for: account.id, label: "one more")
        }
        try await desk.service.revokeKey(try #require(last), of: account.id)
        _ = try await desk.service.createKey(for: account.id, label: "one more")
        await #expect(throws: AccountError.unknownUser) {
            try await desk.service.createKey(for: .random(), label: "nobody's")
        }
    }

    @Test(arguments: Backend.allCases)
    func makesTheFirstAdminOnce(backend: Backend) async throws {
        let desk = try await Desk(backend)
        let (admin, password) = try #require(try await desk.service.ensureFirstAdmin())
        #expect(admin.role == .admin)
        #expect(admin.name == "admin")
        // 24 base32 digits are 120 bits.
        #expect(password.exposed.filter { $0 != "-" }.count == 24)
        let signedIn = try await desk.service.logIn(email: "admin@localhost", password: password, code: nil, from: "a")
        #expect(signedIn.account == admin)
        #expect(try await desk.service.ensureFirstAdmin() == nil)
    }

    @Test func saysUnavailableWhileTheDatabaseIsAway() async throws {
        let store = FakeAccountStore()
        let desk = Desk(store: store)
        let signedIn = try await desk.signUp("Mira")
        store.isAway = true
        await #expect(throws: AccountError.unavailable("The database cannot be reached just now.")) {
            try await desk.service.session(signedIn.token)
        }
        store.isAway = false
        #expect(try await desk.service.session(signedIn.token) != nil)
    }

    @Test func asksToWaitWhenNoThreadIsFreeForAPassword() async throws {
        let desk = try await Desk(.fake)
        desk.passwords.isBusy = true
        await #expect(throws: AccountError.slowDown(retryAfter: .seconds(2))) { try await desk.signUp("Mira") }
    }
}
