import Domain
import TestKit
import Testing
import WebServer

@Suite(.timeLimit(.minutes(1))) struct AccountTests {
    private static let form = #"{"email":"ada@example.org","name":"Ada","password":"a long password"}"#

    @Test func signUpOpensASessionThatMeTellsOf() async throws {
        try await TestSite.run { site async throws in
            let answer = try await site.write("POST", "/api/v1/signup", Self.form)
            #expect(answer.status == 201)
            #expect(
                answer.body.hasPrefix(
                    #"{"account":{"approved":true,"email":"ada@example.org","emailVerified":false,"id":""#))
            #expect(answer.body.hasSuffix(#""name":"Ada","role":"dj","secondFactor":false},"csrfToken":"csrf-1"}"#))
            #expect(site.accounts.addresses == ["127.0.0.1"])
            let me = try await site.send("GET", "/api/v1/me", headers: [("Cookie", "a=b; lineup=session-1; c=d")])
            #expect(me.body == answer.body)
            #expect(me.headers["cache-control"] == "no-store")
        }
    }

    @Test func nobodyIsNobody() async throws {
        try await TestSite.run { site async throws in
            let answer = try await site.send("GET", "/api/v1/me")
            #expect(answer.status == 200)
            #expect(answer.body == #"{"account":null,"csrfToken":null}"#)
        }
    }

    @Test func logInRefusesAWrongPasswordAndNeverRepeatsIt() async throws {
        try await TestSite.run { site async throws in
            _ = try await site.session("ada")
            let body = #"{"email":"ada@example.org","password":"hunter-the-second"}"#
            let answer = try await site.write("POST", "/api/v1/login", body)
            #expect(answer.status == 401)
            #expect(answer.body.contains("/problems/wrong-credentials"))
            #expect(!answer.body.contains("hunter"))
            #expect(answer.headers["set-cookie"] == nil)
        }
    }

    @Test func logInAgainEndsTheOlderSession() async throws {
        try await TestSite.run { site async throws in
            let session = try await site.session("ada")
            let body = #"{"email":"ada@example.org","password":"a long password"}"#
            #expect(try await site.write("POST", "/api/v1/login", as: session, body).status == 200)
            #expect(try await site.accounts.session(session.token) == nil)
        }
    }

    @Test func logOutEndsTheSessionAndClearsTheCookie() async throws {
        try await TestSite.run { site async throws in
            let session = try await site.session("ada")
            let answer = try await site.write("POST", "/api/v1/logout", as: session)
            #expect(answer.status == 204)
            #expect(answer.headers["set-cookie"] == "lineup=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
            #expect(try await site.accounts.session(session.token) == nil)
        }
    }

    /// What a form gets wrong, and what it is told: body, status, problem, field.
    @Test(
        arguments: [
            (#"{"email":"nonsense","name":"Ada","password":"a long password"}"#, 422, "invalid-field", "email"),
            (#"{"email":"a@example.org","name":"Ada","password":"short"}"#, 422, "invalid-field", "password"),
            (#"{"email":"a@example.org","password":"a long password"}"#, 422, "invalid-field", "name"),
            (#"{"email":7,"name":"Ada","password":"a long password"}"#, 422, "invalid-field", "email"),
            (#"{"email":null,"name":"Ada","password":"a long password"}"#, 422, "invalid-field", "email"),
            (#"{"email":"bob@example.org","name":"Ada","password":"a long password"}"#, 409, "already-taken", "email"),
            (#"{"email":"a@example.org","name":"bob","password":"a long password"}"#, 409, "already-taken", "name"),
            ("", 400, "malformed-body", nil), ("{", 400, "malformed-body", nil), ("[]", 400, "malformed-body", nil),
        ] as [(String, Int, String, String?)])
    func tellsWhichFieldIsWrong(body: String, status: Int, problem: String, field: String?) async throws {
        try await TestSite.run { site async throws in
            _ = try await site.session("bob")
            let answer = try await site.write("POST", "/api/v1/signup", body)
            #expect(answer.status == status)
            #expect(answer.headers["content-type"] == "application/problem+json")
            #expect(answer.body.contains("\"type\":\"/problems/\(problem)\""))
            if let field { #expect(answer.body.contains("\"field\":\"\(field)\"")) }
        }
    }

    @Test func tellsHowLongToWait() async throws {
        try await TestSite.run { site async throws in
            site.accounts.failure = .slowDown(retryAfter: .milliseconds(2_500))
            let answer = try await site.write("POST", "/api/v1/login", #"{"email":"a@b.c","password":"x"}"#)
            #expect(answer.status == 429)
            #expect(answer.headers["retry-after"] == "3")
        }
    }

    @Test func databaseAwayIsSaidWithoutItsWords() async throws {
        try await TestSite.run { site async throws in
            let session = try await site.session("ada")
            site.accounts.failure = .unavailable("connection to socket /run/secret failed")
            let answer = try await site.read("/api/v1/keys", as: session)
            #expect(answer.status == 503)
            #expect(answer.headers["retry-after"] != nil)
            #expect(!answer.body.contains("/run/secret"))
        }
    }

    @Test func aKeyIsShownOnceAndOnlyToItsOwner() async throws {
        try await TestSite.run { site async throws in
            let ada = try await site.session("ada")
            let made = try await site.write("POST", "/api/v1/keys", as: ada, #"{"label":"Laptop"}"#)
            #expect(made.status == 201)
            #expect(made.headers["cache-control"] == "no-store")
            #expect(made.body.contains("\"key\":\"lineup-key-"))
            let list = try await site.read("/api/v1/keys", as: ada)
            #expect(list.body.contains("\"label\":\"Laptop\""))
            #expect(!list.body.contains("lineup-key-"))
            let bob = try await site.session("bob")
            #expect(try await site.read("/api/v1/keys", as: bob).body == #"{"keys":[]}"#)
        }
    }

    @Test func rotateAndRevokeWorkOnOnesOwnKeysOnly() async throws {
        try await TestSite.run { site async throws in
            let ada = try await site.session("ada")
            let bob = try await site.session("bob")
            let key = try await site.accounts.createKey(for: ada.account.id, label: "Laptop").info.id
            let path = "/api/v1/keys/\(key)"
            #expect(try await site.write("POST", path + "/rotate", as: bob).status == 404)
            #expect(try await site.write("DELETE", path, as: bob).status == 404)
            let rotated = try await site.write("POST", path + "/rotate", as: ada)
            #expect(rotated.status == 201)
            #expect(rotated.body.contains("\"key\":\"lineup-key-"))
            #expect(try await site.write("DELETE", path, as: ada).status == 204)
            #expect(try await site.write("DELETE", "/api/v1/keys/nonsense", as: ada).status == 404)
        }
    }

    @Test func keysNeedASession() async throws {
        try await TestSite.run { site async throws in
            let answer = try await site.send("GET", "/api/v1/keys")
            #expect(answer.status == 401)
            #expect(answer.body.contains("/problems/sign-in-first"))
        }
    }
}
