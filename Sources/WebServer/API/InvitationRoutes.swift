import Domain
import HTTPTypes
import Hummingbird

/// Links that let people sign up where that takes one.
struct InvitationRoutes: Sendable {
    var profiles: any ProfileDesk

    private struct InviteBody: Decodable {
        var note: String?
        var uses: Int?
        var days: Int?
    }

    private struct Body: Encodable {
        var id: InvitationID
        var note: String
        var usesLeft: Int
        var createdAt: WallTime
        var expiresAt: WallTime
        var link: String?

        init(_ invitation: Invitation, token: Secret? = nil) {
            id = invitation.id
            note = invitation.note
            usesLeft = invitation.usesLeft
            createdAt = invitation.createdAt
            expiresAt = invitation.expiresAt
            link = token.map { "/account#invitation=" + $0.exposed }
        }
    }

    private struct List: Encodable {
        var invitations: [Body]
    }

    private static let schema = Schema.named(
        "Invitation",
        .object(
            .required("id", .id), .required("note", .string), .required("usesLeft", .integer),
            .required("createdAt", .time), .required("expiresAt", .time),
            .optional("link", .note(.secret, "Behind this server's address; in the answer that made it only."))))

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/invitations", .atLeast(.admin),
                Operation(
                    "Lists invitations", .users,
                    answers: [.ok(.object(.required("invitations", .array(Self.schema))))])
            ) { _ in
                JSONAnswer.response(List(invitations: try await profiles.invitations().map { Body($0) }))
            },
            Route(
                .post, "/api/v1/invitations", .atLeast(.admin),
                Operation(
                    "Makes an invitation", .users,
                    body: .object(
                        .optional("note", .text(0...60)), .optional("uses", .integer(1...1_000)),
                        .optional("days", .integer(1...366))), isBodyOptional: true,
                    answers: [.created(Self.schema)])
            ) { request in
                let body = try request.optionalJSON(InviteBody.self)
                let (invitation, token) = try await profiles.invite(
                    note: body.note ?? "", uses: body.uses ?? 1, days: body.days ?? 7, by: try request.actor())
                return JSONAnswer.response(Body(invitation, token: token), status: .created)
            },
            Route(
                .delete, "/api/v1/invitations/{id}", .atLeast(.admin),
                Operation("Withdraws an invitation", .users, answers: [.noContent("It lets nobody in any more.")])
            ) { request in
                try await profiles.withdraw(try request.id(), by: try request.actor())
                return JSONAnswer.noContent()
            },
        ]
    }
}
