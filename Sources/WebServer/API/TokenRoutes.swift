import Domain
import HTTPTypes
import Hummingbird

/// Bearer tokens for machines, made and revoked by admins. A token itself is in one answer only, the one that made it.
struct TokenRoutes: Sendable {
    var tokens: any TokenDesk

    private struct CreateBody: Decodable {
        var name: String
        var role: String
    }

    private struct TokenBody: Encodable {
        var id: TokenID
        var name: String
        var role: Role
        var createdAt: WallTime
        var lastUsedAt: WallTime?
        var revokedAt: WallTime?
        /// Set in the answer that made it.
        var token: String?

        init(_ info: APIToken, token: Secret? = nil) {
            id = info.id
            name = info.name
            role = info.role
            createdAt = info.createdAt
            lastUsedAt = info.lastUsedAt
            revokedAt = info.revokedAt
            self.token = token?.exposed
        }
    }

    private static let schema = Schema.named(
        "Token",
        .object(
            .required("id", .id), .required("name", .string), .required("role", .role), .required("createdAt", .time),
            .optional("lastUsedAt", .time), .optional("revokedAt", .time),
            .optional("token", .note(.secret, "In the answer that made it, and never again."))))

    private struct TokenList: Encodable {
        var tokens: [TokenBody]
    }

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/tokens", .atLeast(.admin),
                Operation(
                    "Lists bearer tokens", .tokens, answers: [.ok(.object(.required("tokens", .array(Self.schema))))])
            ) { _ in
                JSONAnswer.response(TokenList(tokens: try await tokens.tokens().map { TokenBody($0) }))
            },
            Route(
                .post, "/api/v1/tokens", .atLeast(.admin),
                Operation(
                    "Makes a bearer token", .tokens,
                    body: .object(.required("name", .text(1...60)), .required("role", .role)),
                    answers: [.created(Self.schema)])
            ) { request in
                let body = try request.json(CreateBody.self)
                guard let role = Role(rawValue: body.role) else {
                    throw Problem.invalid(field: "role", "A role is one of \(Role.list).")
                }
                let issued = try await tokens.createToken(name: body.name, role: role, by: try request.actor())
                return JSONAnswer.response(TokenBody(issued.info, token: issued.token), status: .created)
            },
            Route(
                .delete, "/api/v1/tokens/{id}", .atLeast(.admin),
                Operation("Revokes a bearer token", .tokens, answers: [.noContent("It is refused from now on.")])
            ) { request in
                guard let id = request.parameters["id"].flatMap({ TokenID($0) }) else {
                    throw AccountError.unknownToken
                }
                try await tokens.revokeToken(id, by: try request.actor())
                return JSONAnswer.noContent()
            },
        ]
    }
}

extension Role {
    fileprivate static var list: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
