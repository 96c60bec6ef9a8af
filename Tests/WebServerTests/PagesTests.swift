import Testing
import WebServer

@Suite(.timeLimit(.minutes(1))) struct PagesTests {
    @Test(arguments: ["/", "/watch/main", "/dj", "/admin"])
    func servesPageWithStrictPolicy(path: String) async throws {
        try await TestSite.run { site async throws in
            let answer = try await site.send("GET", path)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "text/html; charset=utf-8")
            #expect(answer.headers["cache-control"] == "no-cache")
            #expect(answer.headers["x-content-type-options"] == "nosniff")
            #expect(answer.headers["referrer-policy"] == "same-origin")
            let policy = try #require(answer.headers["content-security-policy"])
            #expect(policy.hasPrefix("default-src 'self'; media-src 'self' blob:;"))
            #expect(policy.contains("frame-ancestors 'none'"))
            #expect(answer.body.hasPrefix("<!doctype html>"))
        }
    }

    @Test func anySiteMayFrameThePlayerOnly() async throws {
        try await TestSite.run { site async throws in
            let embed = try await site.send("GET", "/embed/main")
            #expect(embed.status == 200)
            #expect(embed.headers["content-security-policy"]?.contains("frame-ancestors *") == true)
            #expect(embed.headers["content-security-policy"]?.contains("form-action 'none'") == true)
            #expect(try await site.send("GET", "/embed/other").status == 404)
        }
    }

    @Test(arguments: ["queue", "timer", "now", "next"])
    func overlaysTakeTheStyleOfTheOperator(kind: String) async throws {
        try await TestSite.run { site async throws in
            let answer = try await site.send("GET", "/overlay/" + kind)
            #expect(answer.status == 200)
            #expect(answer.headers["content-security-policy"]?.contains("style-src 'self' 'unsafe-inline'") == true)
            #expect(try await site.send("GET", "/overlay/" + kind + "x").status == 404)
        }
    }

    @Test func knownEntityTagIsAnsweredWithoutTheBody() async throws {
        try await TestSite.run { site async throws in
            let first = try await site.send("GET", "/style.css")
            let tag = try #require(first.headers["etag"])
            let second = try await site.send("GET", "/style.css", headers: [("If-None-Match", "\"x\", W/\(tag)")])
            #expect(second.status == 304)
            #expect(second.body.isEmpty)
            #expect(second.headers["etag"] == tag)
            let third = try await site.send("GET", "/style.css", headers: [("If-None-Match", "\"x\"")])
            #expect(third.status == 200)
        }
    }

    @Test func headTellsTheLengthAndSendsNothing() async throws {
        try await TestSite.run { site async throws in
            let full = try await site.send("GET", "/js/api.js")
            let head = try await site.send("HEAD", "/js/api.js")
            #expect(head.status == 200)
            #expect(head.headers["content-length"] == String(full.body.utf8.count))
            #expect(head.headers["content-type"] == "text/javascript; charset=utf-8")
            #expect(head.body.isEmpty)
        }
    }

    @Test(arguments: [
        "/tests/queue-model.test.js", "/package.json", "/../Package.swift", "/%2e%2e/Package.swift", "/js",
    ])
    func servesNothingElseOfTheRepository(path: String) async throws {
        try await TestSite.run { site async throws in
            #expect(try await site.send("GET", path).status == 404)
        }
    }

    @Test func peopleGetAPageAndProgramsAProblemWhenNothingIsThere() async throws {
        try await TestSite.run { site async throws in
            let page = try await site.send("GET", "/nowhere", headers: [("Accept", "text/html,*/*")])
            #expect(page.status == 404)
            #expect(page.body.hasPrefix("<!doctype html>"))
            let problem = try await site.send("GET", "/nowhere")
            #expect(problem.status == 404)
            #expect(problem.headers["content-type"] == "application/problem+json")
            #expect(problem.body.contains("\"type\":\"/problems/not-found\""))
            #expect(try await site.send("GET", "/watch/other").status == 404)
        }
    }

    @Test(arguments: [("/watch/nope", "none"), ("/embed/nope", "*"), ("/watch/NO%20PE", "none")])
    func peopleGetAPageForAChannelThatIsNot(path: String, framedBy: String) async throws {
        try await TestSite.run { site async throws in
            let page = try await site.send("GET", path, headers: [("Accept", "text/html,*/*")])
            #expect(page.status == 404 && page.body.hasPrefix("<!doctype html>"))
            let quoted = framedBy == "none" ? "'none'" : framedBy
            #expect(page.headers["content-security-policy"]?.contains("frame-ancestors \(quoted)") == true)
            let problem = try await site.send("GET", path)
            #expect(problem.status == 404 && problem.body.contains("There is no such channel."))
        }
    }

    /// A sandboxed frame loads module scripts as a page of another site.
    @Test func whatAPageIsMadeOfMayBeLoadedByAnySite() async throws {
        try await TestSite.run { site async throws in
            for path in ["/js/watch.js", "/style.css", "/icon.svg"] {
                let answer = try await site.send("GET", path, headers: [("Origin", "null")])
                #expect(answer.headers["access-control-allow-origin"] == "*", "\(path)")
                #expect(answer.headers["access-control-allow-credentials"] == nil)
                let tag = try #require(answer.headers["etag"])
                let again = try await site.send(
                    "GET", path, headers: [("Origin", "null"), ("If-None-Match", tag)])
                #expect(again.status == 304 && again.headers["access-control-allow-origin"] == "*")
            }
            for path in ["/embed/main", "/watch/main", "/admin.html"] {
                #expect(try await site.send("GET", path).headers["access-control-allow-origin"] == nil)
            }
        }
    }

    @Test func wrongMethodNamesTheRightOnes() async throws {
        try await TestSite.run { site async throws in
            let answer = try await site.write("PUT", "/api/v1/keys")
            #expect(answer.status == 405)
            #expect(answer.headers["allow"] == "GET, HEAD, POST")
            #expect(try await site.write("POST", "/style.css").headers["allow"] == "GET, HEAD")
        }
    }

    @Test func targetBeyondTheLimitIsRefused() async throws {
        try await TestSite.run { site async throws in
            let answer = try await site.send("GET", "/" + String(repeating: "a", count: 4_096))
            #expect(answer.status == 414)
        }
    }

    @Test func headersBeyondTheLimitAreRefused() async throws {
        try await TestSite.run { site async throws in
            let huge = (0..<20).map { ("X-Filler-\($0)", String(repeating: "a", count: 4_000)) }
            #expect(try await site.send("GET", "/", headers: huge).status == 400)
        }
    }
}
