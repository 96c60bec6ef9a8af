import Accounts
import Cryptography
import Domain
import Logging
import PostgresStore
import PostgresTestKit
import TestKit
import Testing

/// The two stores that every test of accounts runs on.
enum Backend: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case fake, postgres

    var testDescription: String { rawValue }

    func makeStore() async throws -> any AccountStore & KeyDirectory & TokenStore & AuditLog {
        switch self {
        case .fake: FakeAccountStore()
        case .postgres: PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        }
    }
}

/// An account service on a store of its own, with a clock that stands still.
struct Desk {
    let service: AccountService
    let store: any AccountStore & KeyDirectory & TokenStore & AuditLog
    let clock = FakeWallClock()
    let passwords = FakePasswords()

    init(_ backend: Backend, signUpMode: SignUpMode = .open) async throws {
        self.init(store: try await backend.makeStore(), signUpMode: signUpMode)
    }

    init(store: any AccountStore & KeyDirectory & TokenStore & AuditLog, signUpMode: SignUpMode = .open) {
        self.store = store
        self.service = AccountService(
            store: store, passwords: passwords, digest: SHA256Digest(), random: FakeRandomBytes(),
            sealing: SecretBox(secret: Secret("0123456789abcdef0123456789abcdef")), codes: TimeBasedCodes(),
            signUpMode: signUpMode, clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Signs up with a password of "swordfish".
    func signUp(_ name: String, from client: ClientIdentity = "192.0.2.1") async throws -> SignedIn {
        try await service.signUp(
            SignUpForm(email: "\(name)@example.org", name: name, password: Secret("swordfish")), from: client)
    }
}
