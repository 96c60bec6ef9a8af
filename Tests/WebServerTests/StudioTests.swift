import Domain
import TestKit
import Testing

@testable import WebServer

/// OBS connections by the API: operators look and try, admins change, and no password comes back.
@Suite(.timeLimit(.minutes(1))) struct StudioTests {
    private static let path = "/api/v1/obs"

    @Test func anAdminMakesTriesChangesAndRemovesConnections() async throws {
        try await TestSite.run { site async throws in
            let token = try await site.tokens.make(.admin)
            let made = try await site.call(
                "POST", Self.path, token: token,
                #"{"name":"studio","host":"10.0.0.5","password":"TOP-SECRET","presets":{"liveScene":"Live"},"#
                    + #""rules":[{"on":["queue.*"],"requests":[{"requestType":"StartStream"}]}]}"#)
            #expect(made.status == 201 && !made.body.contains("TOP-SECRET"), "\(made.body)")
            #expect(made.body.contains(#""password":true"#) && made.body.contains(#""liveScene":"Live""#))
            #expect(made.body.contains(#""rules":[{"#) && made.body.contains(#""state":"fine""#))
            let draft = try #require(site.studios.drafts.first)
            #expect(draft.password == Secret("TOP-SECRET") && draft.presets == ["liveScene": "Live"])
            #expect(draft.rules?.contains("StartStream") == true)
            let id = try await site.studios.studio(named: "studio").studio.id
            let place = "\(Self.path)/\(id)"
            let operatorToken = try await site.tokens.make(.operator)
            #expect(try await site.call("GET", Self.path, token: operatorToken).body.contains("\(id)"))
            #expect(
                try await site.call("POST", place + "/test", token: operatorToken).body.contains(#""connected":true"#))
            let batch = try await site.call(
                "POST", place + "/dry-run", token: operatorToken, #"{"kind":"onair.started"}"#)
            #expect(batch.status == 200 && batch.body.contains(#""requestType":"onair.started""#))
            let picture = try await site.call("GET", place + "/screenshot", token: operatorToken)
            #expect(picture.status == 200 && picture.headers["content-type"] == "image/jpeg")
            #expect(try await site.call("PATCH", place, token: operatorToken, #"{"port":1}"#).status == 403)
            #expect(try await site.call("PATCH", place, token: token, #"{"port":4466}"#).status == 200)
            #expect(site.studios.drafts.last?.port == 4466 && site.studios.drafts.last?.rules == nil)
            #expect(try await site.call("DELETE", place, token: token).status == 204)
            #expect(try await site.call("GET", place, token: token).status == 404)
            #expect(try await site.call("GET", Self.path + "/x", token: token).status == 404)
        }
    }

    @Test func whatIsWrongIsTold() async throws {
        try await TestSite.run { site async throws in
            let token = try await site.tokens.make(.admin)
            for (error, status): (StudioError, Int) in [
                (.invalid(field: "rules", reason: "Rule 1: no."), 422), (.nameTaken, 422), (.tooMany, 409),
                (.refused("OBS gave no picture."), 409), (.unavailable("words of the database"), 503),
            ] {
                site.studios.failure = error
                let answer = try await site.call("GET", Self.path, token: token)
                #expect(answer.status == status || (error == .nameTaken && answer.status == 409))
                #expect(!answer.body.contains("words of"))
            }
        }
    }
}
