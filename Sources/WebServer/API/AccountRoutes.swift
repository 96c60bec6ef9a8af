import Domain
import HTTPTypes
import Hummingbird

/// Sign up, log in, log out, and who one is.
struct AccountRoutes: Sendable {
    var accounts: any AccountDesk
    var cookie: SessionCookie
    var clock: any WallClock

    private struct SignUpBody: Decodable {
        var email: String
        var name: String
        var password: String
    }

    private struct LogInBody: Decodable {
        var email: String
        var password: String
    }

    /// What a page knows of its session. Both are `null` for nobody.
    private struct Me: Encodable {
        struct Person: Encodable {
            var id: UserID
            var email: String
            var name: String
            var role: Role
        }

        private enum CodingKeys: String, CodingKey { case account, csrfToken }

        var session: SignedIn?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            let person = session.map { signedIn in
                let account = signedIn.account
                return Person(id: account.id, email: account.email, name: account.name, role: account.role)
            }
            try container.encode(person, forKey: .account)
            // To its owner: the page sends it back with each write.
            try container.encode(session?.csrfToken.exposed, forKey: .csrfToken)
        }
    }

    var routes: [Route] {
        [
            Route(.post, "/api/v1/signup", .anybodyKnown) { try await signUp($0) },
            Route(.post, "/api/v1/login", .anybodyKnown) { try await logIn($0) },
            Route(.post, "/api/v1/logout", .anybodyKnown) { try await logOut($0) },
            Route(.get, "/api/v1/me", .anybodyKnown) { JSONAnswer.response(Me(session: $0.session)) },
        ]
    }

    private func signUp(_ request: WebRequest) async throws -> Response {
        let body = try request.json(SignUpBody.self)
        let form = SignUpForm(email: body.email, name: body.name, password: Secret(body.password))
        let session = try await accounts.signUp(form, from: request.clientAddress)
        return try await begin(session, replacing: request.sessionToken, status: .created)
    }

    private func logIn(_ request: WebRequest) async throws -> Response {
        let body = try request.json(LogInBody.self)
        let session = try await accounts.logIn(
            email: body.email, password: Secret(body.password), from: request.clientAddress)
        return try await begin(session, replacing: request.sessionToken, status: .ok)
    }

    /// The browser had one session at most before, and has one after.
    private func begin(_ session: SignedIn, replacing old: Secret?, status: HTTPResponse.Status) async throws
        -> Response
    {
        if let old { try await accounts.logOut(old) }
        var response = JSONAnswer.response(Me(session: session), status: status)
        response.headers[.setCookie] = cookie.setting(session.token, expiresAt: session.expiresAt, now: clock.now())
        return response
    }

    private func logOut(_ request: WebRequest) async throws -> Response {
        if let token = request.sessionToken { try await accounts.logOut(token) }
        var response = JSONAnswer.noContent()
        response.headers[.setCookie] = cookie.clearing
        return response
    }
}
