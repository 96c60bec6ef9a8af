import Domain
import HTTPTypes
import Hummingbird

/// What links in mails are for: a new password, a confirmed address. The token stands behind `#` of a page's address, which no
/// browser sends, and comes in a body.
struct LinkRoutes: Sendable {
    var profiles: any ProfileDesk

    private struct RequestBody: Decodable {
        var email: String
    }

    private struct ResetBody: Decodable {
        var token: String
        var password: String
    }

    private struct VerifyBody: Decodable {
        var token: String
    }

    private struct Accepted: Encodable {
        var sendsMail: Bool
    }

    private static let acceptedSchema = Schema.object(
        .required("sendsMail", .note(.bool, "`false`: an admin hands the link on.")))

    private static let gone = (HTTPResponse.Status.gone, "The link was used, replaced, or has expired.")

    var routes: [Route] {
        [
            Route(
                .post, "/api/v1/password-reset/request", .anybodyKnown,
                Operation(
                    "Asks for a link for a new password", .accounts,
                    details: "The answer is the same whether there is such an account or not.",
                    body: .object(.required("email", .string)),
                    answers: [.accepted(Self.acceptedSchema, "If there is such an account, the link is on its way.")])
            ) { request in
                try await profiles.requestReset(
                    email: try request.json(RequestBody.self).email, from: request.client)
                return JSONAnswer.response(Accepted(sendsMail: profiles.canSendMail), status: .accepted)
            },
            Route(
                .post, "/api/v1/password-reset", .anybodyKnown,
                Operation(
                    "Sets a new password by a link", .accounts,
                    details: "The link works once, for 30 minutes. Every session of the account ends.",
                    body: .object(.required("token", .secret), .required("password", .secret)),
                    answers: [.noContent("Log in with the new password.")], problems: [Self.gone])
            ) { request in
                let body = try request.json(ResetBody.self)
                try await profiles.reset(
                    Secret(body.token), password: Secret(body.password), from: request.client)
                return JSONAnswer.noContent()
            },
            Route(
                .post, "/api/v1/account/verification", .signedIn,
                Operation(
                    "Asks for another mail to confirm one's address", .accounts,
                    answers: [.accepted(Self.acceptedSchema, "It is on its way, unless it is confirmed already.")],
                    problems: [(.conflict, "This server sends no mail.")])
            ) { request in
                try await profiles.requestVerification(of: try request.account().id)
                return JSONAnswer.response(Accepted(sendsMail: true), status: .accepted)
            },
            Route(
                .post, "/api/v1/email-verification", .anybodyKnown,
                Operation(
                    "Confirms an address by a link", .accounts, body: .object(.required("token", .secret)),
                    answers: [.noContent("It is the account's address now.")],
                    problems: [Self.gone, (.conflict, "Another account has this address by now.")])
            ) { request in
                try await profiles.verify(
                    Secret(try request.json(VerifyBody.self).token), from: request.client)
                return JSONAnswer.noContent()
            },
        ]
    }
}
