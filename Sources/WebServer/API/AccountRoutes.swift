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

    private static let schema = Schema.named(
        "Me",
        .object(
            .required(
                "account",
                .nullable(
                    .object(
                        .required("id", .id), .required("email", .string), .required("name", .string),
                        .required("role", .role)))),
            .required("csrfToken", .note(.nullable(.secret), "Sent back in `X-CSRF-Token` with each write."))))

    var routes: [Route] {
        [
            Route(
                .post, "/api/v1/signup", .anybodyKnown,
                Operation(
                    "Makes an account and logs in", .accounts,
                    body: .object(
                        .required("email", .text(3...254)), .required("name", .text(1...40)),
                        .required("password", .secret)),
                    answers: [.created(Self.schema, "The session's cookie is set.")],
                    problems: [(.conflict, "The address or the name is taken.")])
            ) { try await signUp($0) },
            Route(
                .post, "/api/v1/login", .anybodyKnown,
                Operation(
                    "Logs in", .accounts,
                    body: .object(.required("email", .string), .required("password", .secret)),
                    answers: [.ok(Self.schema, "The session's cookie is set.")],
                    problems: [
                        (.unauthorized, "No account has this address and password."),
                        (.forbidden, "The account is disabled, or the request came from another site."),
                    ])
            ) { try await logIn($0) },
            Route(
                .post, "/api/v1/logout", .anybodyKnown,
                Operation("Logs out", .accounts, answers: [.noContent("The session has ended.")])
            ) { try await logOut($0) },
            Route(
                .get, "/api/v1/me", .anybodyKnown,
                Operation("Tells who one is", .accounts, answers: [.ok(Self.schema)])
            ) { JSONAnswer.response(Me(session: $0.session)) },
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
