import Domain
import HTTPTypes
import Hummingbird

/// Sign up, log in, log out, and who one is.
struct AccountRoutes: Sendable {
    var accounts: any AccountDesk
    var profiles: any ProfileDesk
    var cookie: SessionCookie
    var clock: any WallClock

    private struct SignUpBody: Decodable {
        var email: String
        var name: String
        var password: String
        var timeZone: String?
        var invitation: String?
    }

    private struct LogInBody: Decodable {
        var email: String
        var password: String
        var code: String?
    }

    /// What a page knows of its session. Both are `null` for nobody.
    struct Me: Encodable {
        private enum CodingKeys: String, CodingKey { case account, csrfToken }

        var session: SignedIn?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(session.map { OwnAccount($0.account) }, forKey: .account)
            // To its owner: the page sends it back with each write.
            try container.encode(session?.csrfToken.exposed, forKey: .csrfToken)
        }

        static let schema = Schema.named(
            "Me",
            .object(
                .required("account", .nullable(OwnAccount.schema)),
                .required("csrfToken", .note(.nullable(.secret), "Sent back in `X-CSRF-Token` with each write."))))
    }

    private struct SignUpFacts: Encodable {
        var mode: String
        var sendsMail: Bool
    }

    var routes: [Route] {
        [
            Route(
                .post, "/api/v1/signup", .anybodyKnown,
                Operation(
                    "Makes an account and logs in", .accounts,
                    body: .object(
                        .required("email", .text(3...254)), .required("name", .text(1...40)),
                        .required("password", .secret), .optional("timeZone", .text(0...64)),
                        .optional("invitation", .note(.secret, "From an invitation's link."))),
                    answers: [.created(Me.schema, "The session's cookie is set.")],
                    problems: [
                        (.conflict, "The address or the name is taken."),
                        (.forbidden, "Nobody, or nobody without an invitation, can sign up."),
                    ])
            ) { try await signUp($0) },
            Route(
                .post, "/api/v1/login", .anybodyKnown,
                Operation(
                    "Logs in", .accounts,
                    body: .object(
                        .required("email", .string), .required("password", .secret),
                        .optional(
                            "code", .note(.secret, "For an account with one-time codes: without it `code-needed`."))),
                    answers: [.ok(Me.schema, "The session's cookie is set.")],
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
                .get, "/api/v1/signup", .anybodyKnown,
                Operation(
                    "Tells who may sign up", .accounts,
                    answers: [
                        .ok(
                            .object(
                                .required("mode", .choice(SignUpMode.allCases.map(\.rawValue))),
                                .required(
                                    "sendsMail", .note(.bool, "Reset links go by mail, else admins hand them on."))
                            ))
                    ])
            ) { _ in
                JSONAnswer.response(
                    SignUpFacts(mode: profiles.signUpMode.rawValue, sendsMail: profiles.canSendMail))
            },
            Route(
                .get, "/api/v1/me", .anybodyKnown,
                Operation("Tells who one is", .accounts, answers: [.ok(Me.schema)])
            ) { JSONAnswer.response(Me(session: $0.session)) },
        ]
    }

    private func signUp(_ request: WebRequest) async throws -> Response {
        let body = try request.json(SignUpBody.self)
        let form = SignUpForm(
            email: body.email, name: body.name, password: Secret(body.password), timeZone: body.timeZone,
            invitation: body.invitation.map(Secret.init))
        let session = try await accounts.signUp(form, from: request.client)
        if profiles.canSendMail { try? await profiles.requestVerification(of: session.account.id) }
        return try await begin(session, for: request, status: .created)
    }

    private func logIn(_ request: WebRequest) async throws -> Response {
        let body = try request.json(LogInBody.self)
        let session = try await accounts.logIn(
            email: body.email, password: Secret(body.password), code: body.code.map(Secret.init),
            from: request.client)
        return try await begin(session, for: request, status: .ok)
    }

    /// The browser had one session at most before, and has one after.
    private func begin(
        _ session: SignedIn, for request: WebRequest, status: HTTPResponse.Status
    ) async throws -> Response {
        if let old = request.sessionToken { try await accounts.logOut(old) }
        return cookie.opening(session, for: request, now: clock.now(), status: status)
    }

    private func logOut(_ request: WebRequest) async throws -> Response {
        if let token = request.sessionToken { try await accounts.logOut(token) }
        var response = JSONAnswer.noContent()
        response.headers[.setCookie] = cookie.secured(request.isSecure).clearing
        return response
    }
}

extension SessionCookie {
    /// The answer that tells a page of its new session and sets the cookie.
    func opening(_ session: SignedIn, for request: WebRequest, now: WallTime, status: HTTPResponse.Status) -> Response {
        var response = JSONAnswer.response(AccountRoutes.Me(session: session), status: status)
        response.headers[.setCookie] = secured(request.isSecure).setting(
            session.token, expiresAt: session.expiresAt, now: now)
        return response
    }
}

/// An account as its owner sees it.
struct OwnAccount: Encodable {
    var id: UserID
    var email: String
    var name: String
    var role: Role
    var timeZone: String?
    var emailVerified: Bool
    var approved: Bool
    var picture: String?
    var secondFactor: Bool

    init(_ account: Account) {
        id = account.id
        email = account.email
        name = account.name
        role = account.role
        timeZone = account.timeZone
        emailVerified = account.isEmailVerified
        approved = account.isApproved
        picture = account.pictureAddress
        secondFactor = account.hasSecondFactor
    }

    static let schema = Schema.named(
        "Account",
        .object(
            .required("id", .id), .required("email", .string), .required("name", .string), .required("role", .role),
            .optional("timeZone", .note(.string, "An IANA name.")), .required("emailVerified", .bool),
            .required("approved", .note(.bool, "`false`: entries are held until an operator lets one through.")),
            .optional("picture", .note(.string, "The address of a JPEG.")),
            .required("secondFactor", .note(.bool, "A log-in takes a one-time code too."))))
}

extension Account {
    /// Changes with the picture, so that browsers may keep it.
    var pictureAddress: String? { pictureVersion.map { "/api/v1/users/\(id)/picture?v=\($0)" } }
}
