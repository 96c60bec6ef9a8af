import Domain
import TestKit
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct TrustedProxiesTests {
    @Test(arguments: [
        ("", "192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        ("127.0.0.1", "192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        ("127.0.0.1", "127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        // What the client said of itself stands to the left.
        ("127.0.0.1", "127.0.0.1", ["10.9.9.9, 198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1,10.0.0.0/8", "127.0.0.1", ["1.1.1.1, 198.51.100.7, 10.2.3.4"], "198.51.100.7"),
        ("127.0.0.1", "127.0.0.1", ["1.1.1.1", "198.51.100.7:4711"], "198.51.100.7"),
        ("::1", "::1", ["[2001:db8::7]:99"], "2001:db8::7"),
        ("127.0.0.1", "::ffff:127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", "127.0.0.1", ["nonsense"], "127.0.0.1"), ("127.0.0.1", "127.0.0.1", [], "127.0.0.1"),
        ("10.0.0.0/9", "10.128.0.1", ["1.1.1.1"], "10.128.0.1"), ("0.0.0.0/0", "9.9.9.9", ["1.1.1.1"], "1.1.1.1"),
    ])
    func takesTheRightmostStranger(trusted: String, peer: String, forwarded: [String], client: String) throws {
        #expect(try #require(TrustedProxies(trusted)).client(peer: peer, forwarded: forwarded) == client)
    }

    @Test(arguments: ["nonsense", "10.0.0.0/33", "10.0.0.0/", "::1/129", "1.2.3", "1.2.3.4/-1", "a/b/c"])
    func refusesNonsense(text: String) {
        #expect(TrustedProxies(text) == nil)
    }

    @Test func aTrustedProxysSchemeSecuresTheCookie() async throws {
        let trusted = try #require(TrustedProxies("127.0.0.1"))
        let body = #"{"email":"ada@example.org","name":"Ada","password":"a long password"}"#
        let headers = [
            ("Content-Type", "application/json"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "198.51.100.7"),
        ]
        try await TestSite.run(adjust: { $0.trustedProxies = trusted }) { site async throws in
            let answer = try await site.send("POST", "/api/v1/signup", headers: headers, body: body)
            #expect(answer.headers["set-cookie"]?.hasPrefix("__Host-lineup=") == true)
            #expect(site.accounts.addresses == ["198.51.100.7"])
            let me = try await site.send(
                "GET", "/api/v1/me", headers: [("Cookie", "__Host-lineup=session-1"), ("X-Forwarded-Proto", "https")])
            #expect(me.body.contains("ada@example.org"))
        }
        // The same from a stranger changes nothing.
        try await TestSite.run { site async throws in
            let answer = try await site.send("POST", "/api/v1/signup", headers: headers, body: body)
            #expect(answer.headers["set-cookie"]?.hasPrefix("lineup=") == true)
            #expect(site.accounts.addresses == ["127.0.0.1"])
        }
    }
}
