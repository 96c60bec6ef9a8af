import Domain
import TestKit
import Testing

@testable import WebServer

/// Targets by the API: for admins, and no secret comes back.
@Suite(.timeLimit(.minutes(1))) struct TargetTests {
    private static let path = "/api/v1/targets"

    @Test func anAdminMakesListsTestsParksReplaysAndRemovesTargets() async throws {
        try await TestSite.run { site async throws in
            let token = try await site.tokens.make(.admin)
            let headers = [("Authorization", "Bearer \(token)"), ("Content-Type", "application/json")]
            let made = try await site.send(
                "POST", Self.path, headers: headers,
                body: #"{"name":"studio","kind":"webhook","url":"https://example.org/TOP-SECRET","kinds":["queue.*"],"#
                    + #""headers":{"X-A":"TOP-SECRET"},"batch":5}"#)
            #expect(made.status == 201 && made.body.contains(#""secret":"made-for-you-once""#))
            #expect(!made.body.contains("TOP-SECRET") && made.body.contains(#""headers":["X-A"]"#))
            let draft = try #require(site.targets.drafts.first)
            #expect(draft.url == Secret("https://example.org/TOP-SECRET") && draft.batch == 5)
            #expect(draft.kinds == ["queue.*"])
            #expect(draft.headers == [TargetHeader(name: "X-A", value: Secret("TOP-SECRET"))])

            let id = try await site.targets.target(named: "studio").target.id
            let list = try await site.call("GET", Self.path, token: token)
            #expect(list.status == 200 && list.body.contains("\(id)") && !list.body.contains("made-for-you"))
            #expect(list.body.contains(#""state":"fine""#))
            func act(_ name: String, _ body: String? = nil) async throws -> RawAnswer {
                try await site.send("POST", "\(Self.path)/\(id)/\(name)", headers: headers, body: body)
            }
            #expect(try await act("test").body.contains(#""delivered":true"#))
            #expect(try await act("park", #"{"reason":"quiet"}"#).status == 200)
            #expect(try await act("resume", #"{"skip":true}"#).status == 200)
            #expect(try await act("resume").status == 200)
            let replay = try await act("replay", #"{"from":"3-1","through":"3-9"}"#)
            #expect(replay.status == 202 && replay.body == #"{"events":2}"#)
            #expect(try await act("replay", #"{"event":"x"}"#).status == 422)
            #expect(
                site.targets.acts.dropFirst().map { $0.split(separator: " by ")[0] } == [
                    "park quiet", "resume skipping true", "resume skipping false", "replay main 3-1 3-9",
                ])
            let failures = try await site.call("GET", "\(Self.path)/\(id)/failures", token: token)
            #expect(failures.body.contains(#""event":"1-2""#))
            #expect(try await site.send("DELETE", "\(Self.path)/\(id)", headers: headers).status == 204)
            #expect(try await site.call("GET", "\(Self.path)/\(id)", token: token).status == 404)
        }
    }

    @Test func whatIsWrongIsToldByItsField() async throws {
        try await TestSite.run { site async throws in
            let headers = [
                ("Authorization", "Bearer \(try await site.tokens.make(.admin))"), ("Content-Type", "application/json"),
            ]
            for (body, field) in [
                (#"{"name":"x","kind":"pigeon"}"#, "kind"),
                (#"{"name":"x","kind":"discord","topics":["weather"]}"#, "topics"),
            ] {
                let answer = try await site.send("POST", Self.path, headers: headers, body: body)
                #expect(answer.status == 422 && answer.body.contains(#""field":"\#(field)""#))
            }
            site.targets.failure = .nameTaken
            let taken = try await site.send("POST", Self.path, headers: headers, body: #"{"name":"x","kind":"file"}"#)
            #expect(taken.status == 409 || taken.status == 422)
            site.targets.failure = .unavailable("words of the database")
            let away = try await site.send("GET", Self.path, headers: headers)
            #expect(away.status == 503 && !away.body.contains("words of"))
        }
    }

    @Test func aPersonLinksTheirOwnDiscordAccount() async throws {
        try await TestSite.run { site async throws in
            let session = try await site.session("mira", role: .dj)
            let path = "/api/v1/account/discord"
            #expect(try await site.read(path, as: session).body == #"{"id":null}"#)
            let linked = try await site.write("PUT", path, as: session, #"{"id":"12345678901"}"#)
            #expect(linked.status == 200)
            #expect(try await site.read(path, as: session).body == #"{"id":"12345678901"}"#)
            #expect(try await site.write("PUT", path, as: session, #"{"id":"@everyone"}"#).status == 422)
            #expect(
                try await site.write("PUT", path, as: session, "{}").status == 422,
                "nothing is unlinked by what is absent")
            #expect(try await site.write("PUT", path, as: session, #"{"id":null}"#).status == 200)
            #expect(try await site.read(path, as: session).body == #"{"id":null}"#)
        }
    }
}
