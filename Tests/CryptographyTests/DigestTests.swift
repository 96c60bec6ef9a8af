import Cryptography
import Testing

@Suite struct DigestTests {
    /// FIPS 180-4's examples, as published by NIST.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func matchesThePublishedExamples(text: String, digest: String) {
        let hex = SHA256Digest().sha256(Array(text.utf8)).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        #expect(hex.joined() == digest)
    }

    @Test func digestsABlockLongerThanOnePage() {
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        #expect(SHA256Digest().sha256(bytes).prefix(4) == [0xCD, 0xC7, 0x6E, 0x5C])
    }

    @Test func givesOtherBytesEachTime() {
        let random = SystemRandomBytes()
        let drawn = Set((0..<100).map { _ in random.bytes(20) })
        #expect(drawn.count == 100)
        #expect(drawn.allSatisfy { $0.count == 20 })
        #expect(random.bytes(0).isEmpty)
    }

    @Test func comparesWholeValues() {
        #expect(equalInConstantTime([1, 2, 3], [1, 2, 3]))
        #expect(!equalInConstantTime([1, 2, 3], [1, 2, 4]))
        #expect(!equalInConstantTime([1, 2, 3], [1, 2]))
        #expect(equalInConstantTime([], []))
    }
}
