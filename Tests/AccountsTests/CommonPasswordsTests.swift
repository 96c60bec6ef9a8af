import Domain
import Testing

@testable import Accounts

@Suite struct CommonPasswordsTests {
    private let common = CommonPasswords(list: "#!comment: none\nTrustno1\ncorrecthorse\n")

    @Test(arguments: [
        "password", "Password1", "P@ssw0rd!", "PASSWORD2026", "12345678", "87654321", "qwertyuiop", "qwerty123",
        "aaaaaaaa",
        "abcabcabc", "passwordpassword", "1q2w3e4r", "trustno1", "Correcthorse99", "letmein!!", "11111111", "19051987",
        "DJ Mira!", "mira2026", "mira@example.org", "********",
    ])
    func refusesWhatGuessersTryFirst(password: String) {
        #expect(common.contains(password, own: ["DJ Mira", "mira@example.org"]))
    }

    @Test(arguments: [
        "swordfish", "correct horse battery staple", "kaffee-und-kuchen-um-vier", "x7#kQ2!vbn", "8273645091823",
        "pw-0f3a9d77b2", "Öl auf Wasser 7", "miraculous-night",
    ])
    func takesTheOthers(password: String) {
        #expect(!common.contains(password, own: ["DJ Mira", "mira@example.org"]))
    }

    @Test func commentsOfAListAreNoPasswords() {
        #expect(!common.contains("#!comment: none", own: []))
        #expect(common.count > 150)
    }

    @Test func nothingTrapsIt() {
        for text in ["", " ", "é", "🎧🎧🎧🎧🎧🎧🎧🎧", String(repeating: "ab", count: 64), "\u{0}\u{0}"] {
            _ = common.contains(text, own: ["", "@", "🎧"])
        }
    }
}
