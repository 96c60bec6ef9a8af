import Domain
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct TokenTests {
    private static let tokens = "/api/v1/tokens"

    @Test func tokenOfTheRoleIsTakenWithoutCSRFDefence() async throws {
        try await TestSite.run { site async throws in
            let admin = try await site.tokens.make(.admin)
            // From anywhere: no browser sends this header by itself.
            let headers = [
                ("Authorization", "Bearer \(admin)"), ("Origin", "https://elsewhere.example"),
                ("Content-Type", "application/json"),
            ]
            let answer = try await site.send(
                "POST", Self.tokens, headers: headers, body: #"{"name":"deck","role":"operator"}"#)
            #expect(answer.status == 201)
            #expect(answer.body.contains(#""token":"token-operator-1""#))
            #expect(answer.headers["cache-control"] == "no-store")
            let list = try await site.send("GET", Self.tokens, headers: [("Authorization", "bearer \(admin)")])
            #expect(list.status == 200)
            #expect(list.body.contains(#""name":"deck""#))
            #expect(!list.body.contains("token-operator-1"))
        }
    }

    @Test(arguments: [Role.viewer, .dj, .operator]) func lowerRolesMakeNoTokens(role: Role) async throws {
        try await TestSite.run { site async throws in
            let answer = try await site.call("GET", Self.tokens, token: try await site.tokens.make(role))
            #expect(answer.status == 403)
            #expect(answer.body.contains("/problems/role-too-low"))
            let session = try await site.session("person", role: role)
            #expect(try await site.read(Self.tokens, as: session).status == 403)
        }
    }

    @Test(arguments: ["unknown", "two words", "", "späm", String(repeating: "a", count: 257)])
    func wrongTokenIsRefusedEverywhereInTheAPI(token: String) async throws {
        try await TestSite.run { site async throws in
            for path in [Self.tokens, "/api/v1/channels/main/queue", "/api/v1/server", "/api/v1/me"] {
                let answer = try await site.call("GET", path, token: token)
                #expect(answer.status == 401, "\(path)")
                #expect(
                    answer.headers["www-authenticate"] == #"Bearer realm="lineup", error="invalid_token""#, "\(path)")
                #expect(token.isEmpty || !answer.body.contains(token))
            }
        }
    }

    @Test func wrongTokenIsNotSavedByACookie() async throws {
        try await TestSite.run { site async throws in
            let session = try await site.session("boss", role: .admin)
            let headers = [("Authorization", "Bearer wrong"), ("Cookie", "lineup=\(session.token.exposed)")]
            #expect(try await site.send("GET", Self.tokens, headers: headers).status == 401)
        }
    }

    @Test func anotherSchemeIsNotOurs() async throws {
        try await TestSite.run { site async throws in
            let headers = [("Authorization", "Basic YTpi")]
            #expect(try await site.send("GET", "/api/v1/channels/main/queue", headers: headers).status == 200)
            let refused = try await site.send("GET", Self.tokens, headers: headers)
            #expect(refused.status == 401)
            #expect(refused.headers["www-authenticate"] == #"Bearer realm="lineup""#)
        }
    }

    @Test func revokedTokenIsOutAtOnce() async throws {
        try await TestSite.run { site async throws in
            let admin = try await site.tokens.make(.admin)
            let other = try await site.tokens.make(.admin, name: "other")
            let id = try #require(try await site.tokens.tokens().first { $0.name == "other" }).id
            #expect(try await site.call("DELETE", "\(Self.tokens)/\(id)", token: admin).status == 204)
            #expect(try await site.call("GET", Self.tokens, token: other).status == 401)
            #expect(try await site.call("DELETE", "\(Self.tokens)/\(id)", token: admin).status == 404)
            #expect(try await site.call("DELETE", "\(Self.tokens)/x", token: admin).status == 404)
        }
    }

    @Test func whatBelongsToAPersonIsNotForMachines() async throws {
        try await TestSite.run { site async throws in
            let answer = try await site.call("GET", "/api/v1/keys", token: try await site.tokens.make(.admin))
            #expect(answer.status == 403)
            #expect(answer.body.contains("/problems/needs-account"))
        }
    }

    @Test func nonsenseIsNamed() async throws {
        try await TestSite.run { site async throws in
            let admin = try await site.tokens.make(.admin)
            let role = try await site.call("POST", Self.tokens, token: admin, #"{"name":"x","role":"king"}"#)
            #expect(role.status == 422)
            #expect(role.body.contains(#""field":"role""#))
            let name = try await site.call("POST", Self.tokens, token: admin, "{}")
            #expect(name.status == 422)
            #expect(name.body.contains(#""field":"name""#))
        }
    }

    @Test func databaseThatIsAwayIsNotAWrongToken() async throws {
        try await TestSite.run { site async throws in
            let admin = try await site.tokens.make(.admin)
            site.tokens.fail(.unavailable("connection refused at /secret/socket"))
            let answer = try await site.call("GET", Self.tokens, token: admin)
            #expect(answer.status == 503)
            #expect(!answer.body.contains("/secret/socket"))
        }
    }

    @Test func manyWrongTokensFromOneAddressAreSlowedDownAndTheRightOneIsNot() async throws {
        try await TestSite.run { site async throws in
            let right = try await site.tokens.make(.admin)
            #expect(try await site.call("GET", Self.tokens, token: right).status == 200)
            for number in 0...WrongTokenLimiter.free {
                #expect(try await site.call("GET", Self.tokens, token: "wrong-\(number)").status == 401)
            }
            let lookups = site.tokens.lookups
            let slowed = try await site.call("GET", Self.tokens, token: "wrong-again")
            #expect(slowed.status == 429)
            #expect(slowed.headers["retry-after"] == "1")
            #expect(site.tokens.lookups == lookups)
            #expect(try await site.call("GET", Self.tokens, token: right).status == 200)
        }
    }

    @Test func waitGrowsToItsBoundAndIsForgotten() {
        let limiter = WrongTokenLimiter()
        let begin = WallTime(milliseconds: 1_800_000_000_000)
        for _ in 0..<WrongTokenLimiter.free { limiter.wrong(from: "a", now: begin) }
        #expect(limiter.wait("a", token: Secret("x"), now: begin) == nil)
        var waits: [Duration?] = []
        for _ in 0..<8 {
            limiter.wrong(from: "a", now: begin)
            waits.append(limiter.wait("a", token: Secret("x"), now: begin))
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
        #expect(limiter.wait("b", token: Secret("x"), now: begin) == nil)
        #expect(limiter.wait("a", token: Secret("x"), now: begin + .seconds(61)) == nil)
        limiter.wrong(from: "a", now: begin + .seconds(700))
        #expect(limiter.wait("a", token: Secret("x"), now: begin + .seconds(700)) == nil)
    }

    @Test func adminsDisableAndEnableAccounts() async throws {
        try await TestSite.run { site async throws in
            let dj = try await site.session("ada").account
            let admin = try await site.tokens.make(.admin)
            let disabled = try await site.call("POST", "/api/v1/users/\(dj.id)/disable", token: admin)
            #expect(disabled.status == 200)
            #expect(disabled.body.contains(#""disabled":true"#))
            #expect(try await site.call("GET", "/api/v1/users", token: admin).body.contains(#""disabled":true"#))
            let enabled = try await site.call("POST", "/api/v1/users/\(dj.id)/enable", token: admin)
            #expect(enabled.body.contains(#""disabled":false"#))
            #expect(try await site.call("POST", "/api/v1/users/nobody/disable", token: admin).status == 404)
            let op = try await site.tokens.make(.operator)
            #expect(try await site.call("POST", "/api/v1/users/\(dj.id)/disable", token: op).status == 403)
        }
    }
}
