import Domain
import HTTPTypes
import Hummingbird

/// Accounts as admins run them. A disabled account's sessions and live connections end within a second (I10).
struct UserRoutes: Sendable {
    var accounts: any AccountDesk
    var profiles: any ProfileDesk

    private struct User: Encodable {
        var id: UserID
        var email: String
        var name: String
        var role: Role
        var disabled: Bool
        var createdAt: WallTime
        var emailVerified: Bool
        var approved: Bool
        var secondFactor: Bool
        var picture: String?
        var resetRequestedAt: WallTime?

        init(_ account: Account) {
            emailVerified = account.isEmailVerified
            approved = account.isApproved
            secondFactor = account.hasSecondFactor
            picture = account.pictureAddress
            resetRequestedAt = account.resetRequestedAt
            id = account.id
            email = account.email
            name = account.name
            role = account.role
            disabled = account.isDisabled
            createdAt = account.createdAt
        }
    }

    private static let schema = Schema.named(
        "User",
        .object(
            .required("id", .id), .required("email", .string), .required("name", .string), .required("role", .role),
            .required("disabled", .bool), .required("createdAt", .time),
            .required("emailVerified", .bool), .required("approved", .bool), .required("secondFactor", .bool),
            .optional("picture", .string),
            .optional("resetRequestedAt", .note(.time, "A reset link was asked for, and no mail can be sent."))))

    private struct RoleBody: Decodable {
        var role: String
    }

    private struct LinkAnswer: Encodable {
        var link: String
    }

    private struct UserList: Encodable {
        var users: [User]
    }

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/users", .atLeast(.admin),
                Operation("Lists accounts", .users, answers: [.ok(.object(.required("users", .array(Self.schema))))])
            ) { _ in
                JSONAnswer.response(UserList(users: try await accounts.accounts().map(User.init)))
            },
            Route(
                .post, "/api/v1/users/{id}/disable", .atLeast(.admin),
                Operation(
                    "Disables an account", .users,
                    details: "Its sessions end at once, its live connections within a second.",
                    answers: [.ok(Self.schema)])
            ) { try await set($0, disabled: true) },
            Route(
                .post, "/api/v1/users/{id}/enable", .atLeast(.admin),
                Operation("Enables an account again", .users, answers: [.ok(Self.schema)])
            ) { try await set($0, disabled: false) },
        ] + profileRoutes
    }

    private var profileRoutes: [Route] {
        [
            Route(
                .post, "/api/v1/users/{id}/approve", .atLeast(.admin),
                Operation(
                    "Lets a new DJ through", .users,
                    details: "Entries from now on are not held; release the present one.",
                    answers: [.ok(Self.schema)])
            ) { request in
                JSONAnswer.response(
                    User(try await profiles.approve(try request.id(), by: try request.actor())))
            },
            Route(
                .put, "/api/v1/users/{id}/role", .atLeast(.admin),
                Operation(
                    "Gives an account a role", .users, body: .object(.required("role", .role)),
                    answers: [.ok(Self.schema)])
            ) { request in
                guard let role = Role(rawValue: try request.json(RoleBody.self).role) else {
                    throw Problem.invalid(field: "role", "A role is viewer, dj, operator or admin.")
                }
                return JSONAnswer.response(
                    User(try await profiles.setRole(try request.id(), role, by: try request.actor())))
            },
            Route(
                .post, "/api/v1/users/{id}/reset-link", .atLeast(.admin),
                Operation(
                    "Makes a link for a new password", .users,
                    details: "To be handed on; works once, for 30 minutes.",
                    answers: [.created(.object(.required("link", .note(.secret, "Behind this server's address."))))])
            ) { request in
                let token = try await profiles.makeResetLink(for: try request.id(), by: try request.actor())
                return JSONAnswer.response(LinkAnswer(link: "/account#reset=" + token.exposed), status: .created)
            },
            Route(
                .post, "/api/v1/users/{id}/log-out", .atLeast(.admin),
                Operation("Ends all sessions of an account", .users, answers: [.noContent("They have ended.")])
            ) { request in
                try await profiles.endSessions(of: try request.id(), by: try request.actor())
                return JSONAnswer.noContent()
            },
            Route(
                .delete, "/api/v1/users/{id}/second-factor", .atLeast(.admin),
                Operation(
                    "Takes the one-time codes off an account", .users, details: "For whoever lost their device.",
                    answers: [.ok(Self.schema)])
            ) { request in
                JSONAnswer.response(
                    User(try await profiles.removeSecondFactor(of: try request.id(), by: try request.actor())))
            },
            Route(
                .get, "/api/v1/users/{id}/keys", .atLeast(.admin),
                Operation(
                    "Lists somebody's stream keys", .users,
                    answers: [.ok(.object(.required("keys", .array(KeyRoutes.schema))))])
            ) { request in
                KeyRoutes.list(try await accounts.keys(of: try request.id()))
            },
            Route(
                .delete, "/api/v1/users/{user}/keys/{key}", .atLeast(.admin),
                Operation(
                    "Revokes somebody's stream key", .users,
                    answers: [.noContent("It is refused; a stream that uses it ends.")])
            ) { request in
                try await accounts.revokeKey(try request.id("key"), of: try request.id("user"))
                return JSONAnswer.noContent()
            },
        ]
    }

    private func set(_ request: WebRequest, disabled: Bool) async throws -> Response {
        guard let id = request.parameters["id"].flatMap({ UserID($0) }) else { throw AccountError.unknownUser }
        return JSONAnswer.response(
            User(try await accounts.setDisabled(id, disabled, by: try request.actor())))
    }
}
