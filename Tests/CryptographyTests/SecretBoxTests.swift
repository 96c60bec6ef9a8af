import Cryptography
import Domain
import Testing

@Suite struct SecretBoxTests {
    private let box = SecretBox(secret: Secret("0123456789abcdef0123456789abcdef"))

    @Test(arguments: ["", "x", "https://hooks.example/päth?token=1", String(repeating: "🎧", count: 1000)])
    func opensWhatItSealed(text: String) throws {
        let sealed = box.seal(Secret(text), for: "webhook:1")
        #expect(sealed.count == text.utf8.count + 33)
        #expect(try box.open(sealed, for: "webhook:1") == Secret(text))
    }

    @Test func sealsTheSameTextDifferentlyEachTimeAndShowsNoneOfIt() {
        let text = "JBSWY3DPEHPK3PXP"
        let first = box.seal(Secret(text), for: "totp:1")
        #expect(first != box.seal(Secret(text), for: "totp:1"))
        #expect(!String(decoding: first, as: UTF8.self).contains("JBSW"))
    }

    @Test func opensNothingElsewhere() {
        let sealed = box.seal(Secret("seed"), for: "totp:1")
        #expect(throws: SecretSealingError.broken) { try box.open(sealed, for: "totp:2") }
        #expect(throws: SecretSealingError.otherKey) {
            try SecretBox(secret: Secret("another key, another key, another")).open(sealed, for: "totp:1")
        }
    }

    @Test func everyChangedBitAndEveryShorterFormIsRefused() {
        let sealed = box.seal(Secret("a seed of some length"), for: "totp:1")
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(throws: SecretSealingError.self) { try box.open(changed, for: "totp:1") }
        }
        for count in 0..<sealed.count {
            #expect(throws: SecretSealingError.self) { try box.open(Array(sealed.prefix(count)), for: "totp:1") }
        }
    }
}
