import Domain
import TestKit
import Testing

@testable import WebServer

/// Which sites' pages may read what everybody may see.
@Suite(.timeLimit(.minutes(1))) struct CrossOriginTests {
    private static let friend = "https://friend.example"
    private static let paths = [
        "/hls/main/index.m3u8", "/hls/main/none.m4s", "/dash/main/time", "/stream/nobody", "/ws/main", "/playlist.m3u",
        "/epg.xml",
    ]

    private func run(_ origins: String, _ body: @Sendable (TestSite) async throws -> Void) async throws {
        let policy = try #require(CrossOriginPolicy(origins))
        try await TestSite.run(adjust: { $0.crossOrigin = policy }) { site async throws in
            site.origin.set(
                "index.m3u8", body: Array("#EXTM3U\n".utf8), contentType: "application/vnd.apple.mpegurl",
                caching: .seconds(1))
            try await body(site)
        }
    }

    @Test(
        arguments: [
            ("*", CrossOriginPolicy.everybody), (" * ", .everybody), ("https://Friend.example/", .some([friend])),
            ("https://friend.example, http://other.example:8080", .some([friend, "http://other.example:8080"])),
            ("", nil), (",", nil), ("friend.example", nil), ("*,https://friend.example", nil), ("https://a/path", nil),
        ] as [(String, CrossOriginPolicy?)])
    func readsOrigins(text: String, policy: CrossOriginPolicy?) {
        #expect(CrossOriginPolicy(text) == policy)
    }

    @Test func everybodyIsToldSoWithoutLookingAtWhoAsks() async throws {
        try await run("*") { site async throws in
            for path in Self.paths {
                for method in ["GET", "OPTIONS"] {
                    let answer = try await site.send(method, path, headers: [("Origin", Self.friend)])
                    #expect(answer.headers["access-control-allow-origin"] == "*", "\(method) \(path)")
                    #expect(answer.headers["vary"]?.contains("Origin") != true)
                }
            }
        }
    }

    @Test func whoIsListedIsEchoedAndOthersGetNothing() async throws {
        try await run("\(Self.friend),https://other.example") { site async throws in
            for path in Self.paths {
                let asked = try await site.send("GET", path, headers: [("Origin", Self.friend)])
                #expect(asked.headers["access-control-allow-origin"] == Self.friend, "\(path)")
                let preflight = try await site.send("OPTIONS", path, headers: [("Origin", Self.friend)])
                #expect(preflight.status == 204)
                #expect(preflight.headers["access-control-allow-origin"] == Self.friend, "\(path)")
                #expect(preflight.headers["access-control-allow-methods"] == "GET, HEAD")
                #expect(preflight.headers["access-control-allow-headers"]?.contains("X-Region") == true, "\(path)")
                #expect(preflight.headers["access-control-max-age"] == "86400")
                for headers in [[("Origin", "https://foe.example")], [("Origin", "null")], []] {
                    for method in ["GET", "OPTIONS"] {
                        let answer = try await site.send(method, path, headers: headers)
                        let allowing = answer.headers.keys.filter { $0.hasPrefix("access-control-") }
                        #expect(allowing.isEmpty, "\(method) \(path)")
                    }
                }
                #expect(asked.headers["access-control-allow-credentials"] == nil)
            }
            let text = try await site.send("GET", "/hls/main/index.m3u8")
            #expect(text.status == 200 && text.body == "#EXTM3U\n" && text.headers["vary"]?.contains("Origin") == true)
        }
    }
}
