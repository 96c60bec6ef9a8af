import Domain
import Testing

@testable import Accounts

@Suite struct AccountRulesTests {
    @Test(arguments: [
        ("  A.b+c@Example.ORG ", "a.b+c@example.org"), ("admin@localhost", "admin@localhost"),
        ("用户@例子.example", "用户@例子.example"),
    ])
    func takesAnEmail(text: String, stored: String) throws {
        #expect(try AccountRules.checkEmail(text) == stored)
    }

    @Test(arguments: [
        "", "@", "a@", "@b", "a b@c.d", "a@b@c", "a@.b", "a@b.", "a@b..c", "a\u{0}@b.c", "a\n@b.c", "a\u{200B}@b.c",
        String(repeating: "a", count: 65) + "@b.c", "a@" + String(repeating: "b", count: 260),
    ])
    func refusesWhatIsNoEmail(text: String) {
        #expect(throws: AccountError.self) { try AccountRules.checkEmail(text) }
    }

    @Test(arguments: [
        ("  DJ   Mira ", "DJ Mira"), ("Ŝ", "Ŝ"), ("👩‍🚀 ❤️ 🏴󠁧󠁢󠁳󠁣󠁴󠁿", "👩‍🚀 ❤️ 🏴󠁧󠁢󠁳󠁣󠁴󠁿"), ("नमस्ते", "नमस्ते"),
        (String(repeating: "x", count: 40), String(repeating: "x", count: 40)), ("<b>&amp;", "<b>&amp;"),
    ])
    func takesADJName(text: String, stored: String) throws {
        #expect(try AccountRules.checkName(text) == stored)
    }

    @Test(arguments: [
        "", "   ", String(repeating: "x", count: 41), "a\nb", "a\u{7}b", "a\u{202E}b", "a\u{200B}b", "a\u{200D}b",
        "\u{3164}",
        "a\u{2028}b", "\u{301}", "a" + String(repeating: "\u{301}", count: 200), "\u{E000}", "1\u{200D}2",
    ])
    func refusesADJNameThatCannotBeSeen(text: String) {
        #expect(throws: AccountError.self) { try AccountRules.checkName(text) }
    }

    /// Nothing that anybody would try; each character is two bytes.
    private static func password(_ length: Int) -> Secret {
        let letters = Array("éöüñxq")
        return Secret(String((0..<length).map { letters[($0 * $0 + $0 / 3) % letters.count] }))
    }

    @Test(arguments: [7, 129]) func refusesAPasswordOfTheWrongLength(length: Int) {
        #expect(throws: AccountError.self) {
            try AccountRules.checkPassword(Self.password(length), common: CommonPasswords(), own: [])
        }
    }

    @Test(arguments: [8, 128]) func takesAPasswordAtTheLimits(length: Int) throws {
        _ = try AccountRules.checkPassword(Self.password(length), common: CommonPasswords(), own: [])
    }

    /// RFC 4648 §10, in lower case and without padding.
    @Test(arguments: [
        ("", ""), ("f", "my"), ("fo", "mzxq"), ("foo", "mzxw6"), ("foob", "mzxw6yq"), ("fooba", "mzxw6ytb"),
        ("foobar", "mzxw6ytboi"),
    ])
    func writesBase32(text: String, encoded: String) {
        #expect(Base32.text(Array(text.utf8)) == encoded)
        #expect(Base32.length(ofBytes: text.utf8.count) == encoded.count)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:DB8::1", "2001:db8:0:0::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("fe80::1%eth0", "fe80:0:0:0::/64"), ("not:an", "not:an"),
        ("1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:9"),
    ])
    func groupsIPv6AddressesByNetwork(address: String, key: String) {
        #expect(PeerAddress.key(address) == key)
    }
}

@Suite struct AttemptLimiterTests {
    private let start = WallTime(milliseconds: 1_000_000)

    private func limiter(maximumKeys: Int = 100) -> AttemptLimiter {
        AttemptLimiter(
            .init(
                free: 2, firstWait: .seconds(1), longestWait: .seconds(10), memory: .seconds(60),
                maximumKeys: maximumKeys))
    }

    @Test func doublesTheWaitAfterTheFreeAttempts() {
        var limiter = limiter()
        var now = start
        var waits: [Duration] = []
        for _ in 0..<8 {
            if let wait = limiter.wait("a", now: now) {
                waits.append(wait)
                now = now + wait
            }
            #expect(limiter.attempt("a", now: now) == nil)
        }
        #expect(waits == [1, 2, 4, 8, 10, 10].map { .seconds($0) })
    }

    @Test func countsNoRefusedAttempt() {
        var limiter = limiter()
        _ = limiter.attempt("a", now: start)
        _ = limiter.attempt("a", now: start)
        for _ in 0..<50 { #expect(limiter.attempt("a", now: start) == .seconds(1)) }
        #expect(limiter.attempt("b", now: start) == nil)
    }

    @Test func forgetsAQuietKey() {
        var limiter = limiter()
        for _ in 0..<2 { _ = limiter.attempt("a", now: start) }
        let later = start + .seconds(60)
        #expect(limiter.attempt("a", now: later) == nil)
        #expect(limiter.attempt("a", now: later) == nil)
        #expect(limiter.attempt("a", now: later) == .seconds(1))
    }

    @Test func staysWithinItsBoundAndKeepsTheNewest() {
        var limiter = limiter(maximumKeys: 10)
        for number in 0..<1000 {
            let now = start + .milliseconds(number)
            for _ in 0..<2 { _ = limiter.attempt("key \(number)", now: now) }
            #expect(limiter.count <= 10)
        }
        #expect(limiter.wait("key 999", now: start + .milliseconds(1000)) != nil)
        #expect(limiter.wait("key 1", now: start + .milliseconds(1000)) == nil)
    }

    @Test func survivesAClockThatGoesBack() {
        var limiter = limiter()
        for _ in 0..<2 { _ = limiter.attempt("a", now: start) }
        #expect(limiter.attempt("a", now: start - .seconds(3600)) != nil)
    }
}
