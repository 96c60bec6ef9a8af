import Domain
import HTTPTypes
import Hummingbird

/// Accounts as admins run them. A disabled account's sessions and live connections end within a second (I10).
struct UserRoutes: Sendable {
    var accounts: any AccountDesk

    private struct User: Encodable {
        var id: UserID
        var email: String
        var name: String
        var role: Role
        var disabled: Bool
        var createdAt: WallTime

        init(_ account: Account) {
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
            .required("disabled", .bool), .required("createdAt", .time)))

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
        ]
    }

    private func set(_ request: WebRequest, disabled: Bool) async throws -> Response {
        guard let id = request.parameters["id"].flatMap({ UserID($0) }) else { throw AccountError.unknownUser }
        return JSONAnswer.response(
            User(try await accounts.setDisabled(id, disabled, by: try request.actor())))
    }
}
