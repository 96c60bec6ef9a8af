package import Domain
private import Synchronization

/// Hashes without cost: `fake:` and the password. Counts its calls, so that a test sees whether two answers cost the same.
package final class FakePasswords: PasswordHashing {
    private let counts = Mutex((verified: 0, isBusy: false))

    package init() {}

    package var verified: Int { counts.withLock { $0.verified } }

    /// While set, every call throws `PasswordHashingError.busy`.
    package var isBusy: Bool {
        get { counts.withLock { $0.isBusy } }
        set { counts.withLock { $0.isBusy = newValue } }
    }

    /// Hashes that begin with `old:` are of a lower cost.
    package func isOutdated(_ hash: Secret) -> Bool { hash.exposed.hasPrefix("old:") }

    package func hash(_ password: Secret) async throws -> Secret {
        if isBusy { throw PasswordHashingError.busy }
        return Secret("fake:" + password.exposed)
    }

    package func verify(_ password: Secret, against hash: Secret) async throws -> Bool {
        if isBusy { throw PasswordHashingError.busy }
        counts.withLock { $0.verified += 1 }
        return hash.exposed == "fake:" + password.exposed || hash.exposed == "old:" + password.exposed
    }
}
