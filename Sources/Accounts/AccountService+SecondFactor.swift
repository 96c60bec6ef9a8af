import Domain
private import Logging

/// One-time codes beside the password (RFC 6238): 30 s a step, one step early or late is taken, none twice.
extension AccountService {
    static let codeStep: Int64 = 30_000

    /// What a seed is sealed for.
    static func seedPurpose(_ user: UserID) -> String { "totp:\(user)" }

    /// Whether `code` is the account's now; takes its step.
    func accepts(_ code: Secret, of user: UserID, sealed: [UInt8]) async throws(AccountError) -> Bool {
        let seed: [UInt8]
        do {
            guard let sealing, let bytes = Base32.bytes(try sealing.open(sealed, for: Self.seedPurpose(user)).exposed)
            else {
                throw SecretSealingError.broken
            }
            seed = bytes
        } catch {
            logger.error("a second factor cannot be checked", metadata: ["cause": "\(error)"])
            throw .unavailable("The second factor cannot be checked just now: an admin can remove it.")
        }
        let typed = code.exposed.filter { $0 != " " }
        let now = clock.now().milliseconds / Self.codeStep
        // All three are made, so that the time tells nothing.
        let steps = (now - 1...now + 1).map { (step: $0, code: codes.code(seed: seed, step: $0)) }
        guard let step = steps.last(where: { Self.isSame($0.code, typed) })?.step else { return false }
        return try await storing { try await self.store.takeCodeStep(of: user, step) }
    }

    private static func isSame(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
