import Domain
import HTTPTypes
import Hummingbird

/// One-time codes beside the password (RFC 6238), for whoever wants them; advised for admins.
struct SecondFactorRoutes: Sendable {
    var profiles: any ProfileDesk

    private struct ProofBody: Decodable {
        var password: String
    }

    private struct CodeBody: Decodable {
        var code: String
    }

    private struct Setup: Encodable {
        var seed: String
        var address: String
    }

    private static let path = "/api/v1/account/second-factor"
    private static let password = Schema.object(.required("password", .note(.secret, "The present one.")))

    var routes: [Route] {
        [
            Route(
                .post, Self.path, .signedIn,
                Operation(
                    "Begins to set one-time codes up", .accounts, details: "They are asked for once one was confirmed.",
                    body: Self.password,
                    answers: [
                        .created(
                            .object(
                                .required("seed", .note(.secret, "Base32, for an authenticator. Shown this once.")),
                                .required("address", .note(.secret, "The same as `otpauth://`."))))
                    ])
            ) { request in
                let body = try request.json(ProofBody.self)
                let setup = try await profiles.beginSecondFactor(
                    of: try request.account().id, password: Secret(body.password), from: request.client)
                return JSONAnswer.response(
                    Setup(seed: setup.seed.exposed, address: setup.address.exposed), status: .created)
            },
            Route(
                .post, Self.path + "/confirm", .signedIn,
                Operation(
                    "Puts one-time codes in force", .accounts, body: .object(.required("code", .secret)),
                    answers: [.ok(OwnAccount.schema)])
            ) { request in
                let code = Secret(try request.json(CodeBody.self).code)
                return JSONAnswer.response(
                    OwnAccount(
                        try await profiles.confirmSecondFactor(
                            of: try request.account().id, code: code, from: request.client)))
            },
            Route(
                .post, Self.path + "/remove", .signedIn,
                Operation(
                    "Does without one-time codes again", .accounts, body: Self.password,
                    answers: [.ok(OwnAccount.schema)])
            ) { request in
                let body = try request.json(ProofBody.self)
                return JSONAnswer.response(
                    OwnAccount(
                        try await profiles.removeSecondFactor(
                            of: try request.account().id, password: Secret(body.password), from: request.client)))
            },
        ]
    }
}
