import Domain
import TestKit
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct TrustedProxiesTests {
    @Test(arguments: [
        ("", "192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("127.0.0.1", "192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("127.0.0.1", "127.0.0.1", "198.51.100.7", "198.51.100.7"),
        // What the client said of itself stands to the left.
        ("127.0.0.1", "127.0.0.1", "10.9.9.9, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1,10.0.0.0/8", "127.0.0.1", "1.1.1.1, 198.51.100.7, 10.2.3.4", "198.51.100.7"),
        ("127.0.0.1", "127.0.0.1", "1.1.1.1,198.51.100.7:4711", "198.51.100.7"),
        ("::1", "::1", "[2001:db8::7]:99", "2001:db8::7"),
        ("127.0.0.1", "::ffff:127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "127.0.0.1", "nonsense", "127.0.0.1"), ("127.0.0.1", "127.0.0.1", nil, "127.0.0.1"),
        ("10.0.0.0/9", "10.128.0.1", "1.1.1.1", "10.128.0.1"), ("0.0.0.0/0", "9.9.9.9", "1.1.1.1", "1.1.1.1"),
    ])
    func takesTheRightmostStranger(trusted: String, peer: String, forwarded: String?, client: String) throws {
        #expect(try #require(TrustedProxies(trusted)).client(peer: peer, forwarded: forwarded) == client)
    }

    /// Anybody may write the header: a stranger who does is itself, and bars nobody else when it is sent away.
    @Test(
        arguments: [
            ("", "192.0.2.1", nil, "192.0.2.1", true, nil), ("", "192.0.2.1", "1.1.1.1", "192.0.2.1", true, nil),
            ("", "2001:db8::1", "1.1.1.1", "2001:db8::1", true, nil),
            ("10.0.0.0/8", "192.0.2.1", "1.1.1.1", "192.0.2.1", true, nil),
            // It may be a proxy that nobody declared.
            ("", "127.0.0.1", nil, "127.0.0.1", true, nil), ("", "127.0.0.1", "1.1.1.1", "127.0.0.1", false, "1.1.1.1"),
            ("", "172.31.0.9", "1.1.1.1", "172.31.0.9", false, "1.1.1.1"),
            ("", "172.32.0.9", "1.1.1.1", "172.32.0.9", true, nil),
            ("", "fd00::9", "1.1.1.1", "fd00::9", false, "1.1.1.1"),
            ("10.0.0.0/8", "10.0.0.1", "1.1.1.1, 198.51.100.7", "198.51.100.7", true, "198.51.100.7"),
            // Of the proxy alone nothing is known of who is behind it.
            ("10.0.0.0/8", "10.0.0.1", nil, "10.0.0.1", false, nil),
            ("10.0.0.0/8", "10.0.0.1", "unknown", "10.0.0.1", false, "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.1", "10.0.0.2", "10.0.0.2", false, "10.0.0.2"),
        ] as [(String, String, String?, String, Bool, String?)])
    func aViewersPlaceIsCertainWhereNobodyElseHasIt(
        trusted: String, peer: String, forwarded: String?, address: String, isCertain: Bool, through: String?
    ) throws {
        let place = try #require(TrustedProxies(trusted)).viewer(peer: peer, forwarded: forwarded)
        #expect(place == ViewerPlace(address: address, isCertain: isCertain, forwardedFor: through))
    }

    @Test(arguments: [
        ([("X-Forwarded-Host", "tv.example"), ("X-Forwarded-Proto", "https")], "https://tv.example/"),
        ([("X-Forwarded-Host", "tv.example, inner"), ("X-Forwarded-Port", "8443")], "http://tv.example:8443/"),
        ([("X-Forwarded-Port", "443"), ("X-Forwarded-Proto", "https")], "https://asked.example/"),
        ([("X-Forwarded-Host", "tv.example:81"), ("X-Forwarded-Port", "8443")], "http://tv.example:81/"),
        ([("X-Forwarded-Port", "0")], "http://asked.example/"),
        ([("Forwarded", "for=192.0.2.1;host=tv.example;proto=https, for=10.0.0.1")], "https://tv.example/"),
        ([("Forwarded", "host=\"tv.example:8443\"; proto=https")], "https://tv.example:8443/"),
        // Beside the other it may be the client's own.
        ([("Forwarded", "host=evil.example"), ("X-Forwarded-For", "192.0.2.1")], "http://asked.example/"),
    ])
    func listsNameTheAddressThatATrustedProxyWasAskedFor(headers: [(String, String)], origin: String) async throws {
        let trusted = try #require(TrustedProxies("127.0.0.1"))
        let all = headers + [("Host", "asked.example")]
        try await TestSite.run(adjust: { $0.trustedProxies = trusted }) { site async throws in
            let list = try await site.send("GET", "/playlist.m3u", headers: all)
            #expect(list.body.contains("\n\(origin)hls/main/index.m3u8"), "\(list.body)")
        }
        try await TestSite.run { site async throws in
            let list = try await site.send("GET", "/playlist.m3u", headers: all)
            #expect(list.body.contains("\nhttp://asked.example/hls/main/index.m3u8"))
        }
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
