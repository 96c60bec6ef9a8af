import Cryptography
import Domain
import Testing

@Suite struct TimeBasedCodesTests {
    /// RFC 6238, appendix B, SHA-1: the last six of its eight digits.
    @Test(arguments: [
        (59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"),
        (2_000_000_000, "279037"), (20_000_000_000, "353130"),
    ])
    func givesThePublishedCodes(seconds: Int64, code: String) {
        #expect(TimeBasedCodes().code(seed: Array("12345678901234567890".utf8), step: seconds / 30) == code)
    }

    @Test func seesHashesOfALowerCost() async throws {
        let cheap = Argon2Passwords(random: SystemRandomBytes(), cost: .init(memoryKibibytes: 64, passes: 1))
        let hash = try await cheap.hash(Secret("x"))
        #expect(!cheap.isOutdated(hash))
        #expect(Argon2Passwords(random: SystemRandomBytes()).isOutdated(hash))
        #expect(cheap.isOutdated(Secret("nonsense")))
    }
}
