import Domain
import NIOCore
import TestKit
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct SecurityTests {
    @Test func writeWithEverythingIsTaken() async throws {
        try await TestSite.run { site async throws in
            let session = try await site.session("ada")
            #expect(try await site.write("POST", "/api/v1/keys", as: session, #"{"label":"x"}"#).status == 201)
        }
    }

    /// One row per missing or wrong piece of a write (design §6, CSRF).
    @Test(arguments: [
        (["Origin: https://evil.example"], 403, "cross-site"),
        (["Origin: null"], 403, "cross-site"),
        (["Origin: http://127.0.0.1:1"], 403, "cross-site"),
        (["Sec-Fetch-Site: cross-site"], 403, "cross-site"),
        (["Sec-Fetch-Site: same-site"], 403, "cross-site"),
        (["Sec-Fetch-Site: none"], 403, "cross-site"),
        (["Content-Type: text/plain"], 415, "unsupported-media-type"),
        (["Content-Type: application/x-www-form-urlencoded"], 415, "unsupported-media-type"),
        (["Content-Type: application/jsonp"], 415, "unsupported-media-type"),
        (["Content-Type:"], 415, "unsupported-media-type"),
        (["X-CSRF-Token: wrong"], 403, "csrf-token"),
        (["X-CSRF-Token:"], 403, "csrf-token"),
        (["Cookie:"], 401, "sign-in-first"),
        (["Cookie: lineup=unknown"], 401, "sign-in-first"),
        (["Cookie: __Host-lineup=session-1"], 401, "sign-in-first"),
    ])
    func writeWithAPieceMissingIsRefused(changes: [String], status: Int, problem: String) async throws {
        try await TestSite.run { site async throws in
            let session = try await site.session("ada")
            var headers = [
                ("Origin", "http://127.0.0.1:\(site.port)"), ("Sec-Fetch-Site", "same-origin"),
                ("Content-Type", "application/json"), ("Cookie", "lineup=\(session.token.exposed)"),
                ("X-CSRF-Token", session.csrfToken.exposed),
            ]
            for change in changes {
                let parts = change.split(separator: ":", maxSplits: 1)
                let value = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
                headers.removeAll { $0.0 == parts[0] }
                if !value.isEmpty { headers.append((String(parts[0]), value)) }
            }
            let answer = try await site.send("POST", "/api/v1/keys", headers: headers, body: "{}")
            #expect(answer.status == status)
            #expect(answer.body.contains("\"type\":\"/problems/\(problem)\""))
            #expect(try await site.accounts.keys(of: session.account.id).isEmpty)
        }
    }

    /// The verdict itself: fetch site, origin, host, public origin.
    @Test(
        arguments: [
            (nil, nil, "a.example", nil, true),
            ("same-origin", "https://a.example", "a.example", nil, true),
            (nil, "http://a.example:8080", "a.example:8080", nil, true),
            (nil, "http://A.Example", "a.example", nil, true),
            (nil, "http://a.example", "a.example:8080", nil, false),
            (nil, "https://a.example", "a.example:443", nil, true),
            (nil, "https://a.example", "10.0.0.1:8080", "https://a.example", true),
            (nil, "https://a.example.evil.example", "a.example", nil, false),
            (nil, "http://[::1]:8080", "[::1]:8080", nil, true),
            (nil, "https://a.example, https://b.example", "a.example", nil, false),
            (nil, "", "a.example", nil, false),
            (nil, "http://a.example", nil, nil, false),
            ("cross-site", "https://a.example", "a.example", "https://a.example", false),
        ] as [(String?, String?, String?, String?, Bool)])
    func tellsOurPagesFromOtherSites(
        fetchSite: String?, origin: String?, host: String?, publicURL: String?, isOurs: Bool
    ) {
        let judge = CrossSiteGuard(publicOrigin: publicURL.flatMap { PublicOrigin($0) })
        #expect(judge.isSameSite(fetchSite: fetchSite, origin: origin, host: host) == isOurs)
    }

    @Test func plainCookieOverHTTPAndPrefixedOverHTTPS() async throws {
        let form = #"{"email":"ada@example.org","name":"Ada","password":"a long password"}"#
        try await TestSite.run { site async throws in
            let answer = try await site.write("POST", "/api/v1/signup", form)
            #expect(answer.status == 201)
            #expect(
                answer.headers["set-cookie"]
                    == "lineup=session-1; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax")
        }
        try await TestSite.run(publicURL: "https://lineup.example") { site async throws in
            let headers = [
                ("Host", "lineup.example"), ("Origin", "https://lineup.example"), ("Content-Type", "application/json"),
            ]
            let answer = try await site.send("POST", "/api/v1/signup", headers: headers, body: form)
            #expect(
                answer.headers["set-cookie"]
                    == "__Host-lineup=session-1; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure")
        }
    }

    @Test func bodyBeyondTheLimitIsRefusedBeforeItIsRead() async throws {
        try await TestSite.run { site async throws in
            let announced = try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                let head =
                    "POST /api/v1/login HTTP/1.1\r\nHost: 127.0.0.1:\(site.port)\r\n"
                    + "Content-Type: application/json\r\nContent-Length: 70000\r\n\r\n"
                try await writer.write(ByteBuffer(string: head))
                await reader.readToEnd()
                return reader.text
            }
            #expect(announced.hasPrefix("HTTP/1.1 413"))
            #expect(announced.contains("/problems/body-too-large"))
        }
    }

    @Test func chunkedBodyBeyondTheLimitIsRefused() async throws {
        try await TestSite.run { site async throws in
            let text = try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                let head =
                    "POST /api/v1/login HTTP/1.1\r\nHost: 127.0.0.1:\(site.port)\r\n"
                    + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                try await writer.write(ByteBuffer(string: head))
                let chunk = ByteBuffer(string: "4000\r\n" + String(repeating: " ", count: 0x4000) + "\r\n")
                for _ in 0..<5 { try await writer.write(chunk) }
                await reader.readToEnd()
                return reader.text
            }
            #expect(text.hasPrefix("HTTP/1.1 413"))
        }
    }

    @Test func nonsenseOnThePortHarmsNobody() async throws {
        try await TestSite.run { site async throws in
            let text = try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                try await writer.write(ByteBuffer(bytes: (0..<4_096).map { UInt8(truncatingIfNeeded: $0 &* 31) }))
                await reader.readToEnd()
                return reader.text
            }
            #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 400"))
            #expect(try await site.send("GET", "/healthz").status == 200)
        }
    }

    @Test func comparisonFindsEveryDifference() {
        #expect(isEqualInConstantTime("abc", "abc"))
        #expect(!isEqualInConstantTime("abc", "abd"))
        #expect(!isEqualInConstantTime("abc", "ab"))
        #expect(!isEqualInConstantTime("", "a"))
    }
}
