import Accounts
import Cryptography
import Domain
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct TokenTests {
    private let operatorOne = Actor(kind: .user, id: "7", name: "Mira")

    @Test(arguments: Backend.allCases)
    func aTokenStandsForItsRoleUntilItIsRevoked(backend: Backend) async throws {
        let desk = try await Desk(backend)
        let issued = try await desk.service.createToken(name: "  bot  one ", role: .operator, by: operatorOne)
        #expect(issued.info.name == "bot one")
        #expect(issued.token.exposed.hasPrefix("lineup_"))
        // 256 bits in base32.
        #expect(issued.token.exposed.utf8.count == 7 + 52)
        let found = try #require(try await desk.service.token(issued.token))
        #expect(found.id == issued.info.id)
        #expect(found.role == .operator)
        try await desk.service.revokeToken(issued.info.id, by: operatorOne)
        #expect(try await desk.service.token(issued.token) == nil)
        await #expect(throws: AccountError.unknownToken) {
            try await desk.service.revokeToken(issued.info.id, by: operatorOne)
        }
        #expect(try await desk.service.tokens().map(\.revokedAt) == [desk.clock.now()])
    }

    @Test(arguments: Backend.allCases)
    func everyChangeOfATokenIsInTheAuditLogWithoutTheToken(backend: Backend) async throws {
        let desk = try await Desk(backend)
        let issued = try await desk.service.createToken(name: "bot", role: .admin, by: operatorOne)
        try await desk.service.revokeToken(issued.info.id, by: operatorOne)
        let lines = try await desk.store.records(before: nil, limit: 10, channel: nil).map(\.record)
        #expect(lines.map(\.action) == ["token.revoke", "token.create"])
        #expect(lines.allSatisfy { $0.actor == operatorOne && $0.subject == issued.info.id.description })
        #expect(lines.last?.after == #"{"name":"bot","role":"admin"}"#)
        #expect(lines.first?.before == #"{"name":"bot","role":"admin"}"#)
        #expect(!"\(lines)".contains(issued.token.exposed))
    }

    @Test(arguments: Backend.allCases)
    func notesTheLastUseOnceAMinute(backend: Backend) async throws {
        let desk = try await Desk(backend)
        let issued = try await desk.service.createToken(name: "bot", role: .dj, by: operatorOne)
        let first = desk.clock.now()
        for (step, expected) in [(Duration.zero, first), (.seconds(59), first), (.seconds(1), first + .seconds(60))] {
            desk.clock.advance(by: step)
            _ = try await desk.service.token(issued.token)
            #expect(try await desk.service.tokens().first?.lastUsedAt == expected)
        }
    }

    @Test(arguments: [
        "", "lineup_", "lineup_" + String(repeating: "a", count: 52), String(repeating: "x", count: 100_000),
    ])
    func whatIsNoTokenStandsForNobody(text: String) async throws {
        let desk = try await Desk(.fake)
        _ = try await desk.service.createToken(name: "bot", role: .dj, by: operatorOne)
        #expect(try await desk.service.token(Secret(text)) == nil)
    }

    @Test(arguments: ["", " ", "two\nlines", String(repeating: "n", count: 61)])
    func refusesANameThatCannotBeShown(name: String) async throws {
        let desk = try await Desk(.fake)
        await #expect(throws: AccountError.self) {
            try await desk.service.createToken(name: name, role: .dj, by: operatorOne)
        }
    }

    @Test func saysThatTheDatabaseIsAway() async throws {
        let store = FakeAccountStore()
        let desk = Desk(store: store)
        let issued = try await desk.service.createToken(name: "bot", role: .dj, by: operatorOne)
        store.isAway = true
        await #expect(throws: AccountError.unavailable("The database cannot be reached just now.")) {
            try await desk.service.token(issued.token)
        }
    }

    @Test(arguments: Backend.allCases)
    func disablingEndsSessionsAndStandsInTheAuditLogOnce(backend: Backend) async throws {
        let desk = try await Desk(backend)
        let signedIn = try await desk.signUp("Mira")
        for _ in 0..<2 {
            let account = try await desk.service.setDisabled(signedIn.account.id, true, by: operatorOne)
            #expect(account.isDisabled)
        }
        #expect(try await desk.service.session(signedIn.token) == nil)
        #expect(try await !desk.service.setDisabled(signedIn.account.id, false, by: operatorOne).isDisabled)
        let lines = try await desk.store.records(before: nil, limit: 10, channel: nil).map(\.record)
        #expect(lines.map(\.action) == ["user.enable", "user.disable"])
        #expect(lines.last?.before == #"{"disabled":false}"#)
        #expect(lines.last?.after == #"{"disabled":true}"#)
        await #expect(throws: AccountError.unknownUser) {
            try await desk.service.setDisabled(.random(), true, by: operatorOne)
        }
    }

    @Test(arguments: Backend.allCases)
    func theLastAdminCannotBeDisabled(backend: Backend) async throws {
        let desk = try await Desk(backend)
        let (admin, _) = try #require(try await desk.service.ensureFirstAdmin())
        await #expect(throws: AccountError.self) {
            try await desk.service.setDisabled(admin.id, true, by: operatorOne)
        }
        let form = SignUpForm(email: "two@example.org", name: "Two", password: Secret("swordfish"))
        let other = try await desk.service.create(form, role: .admin)
        let oneself = Actor(kind: .user, id: admin.id.description, name: "admin")
        await #expect(throws: AccountError.self) {
            try await desk.service.setDisabled(admin.id, true, by: oneself)
        }
        _ = try await desk.service.setDisabled(admin.id, true, by: operatorOne)
        await #expect(throws: AccountError.self) {
            try await desk.service.setDisabled(other.id, true, by: operatorOne)
        }
    }
}
