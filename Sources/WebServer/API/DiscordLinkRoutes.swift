import Domain
import HTTPTypes
import Hummingbird

/// One's own Discord account, for being mentioned there when one is next. Only its owner sets it.
struct DiscordLinkRoutes: Sendable {
    var links: any DiscordLinks
    var clock: any WallClock

    private struct Body: Codable {
        private enum CodingKeys: String, CodingKey { case id }

        var id: String?

        init(id: String?) { self.id = id }

        init(from decoder: any Decoder) throws {
            // Its absence does not unlink: `null` does.
            id = try decoder.container(keyedBy: CodingKeys.self).decode(String?.self, forKey: .id)
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(id, forKey: .id)
        }
    }

    private static let schema = Schema.object(
        .required(
            "id",
            .note(.nullable(.pattern("^[0-9]{5,20}$")), "A Discord account's id, 5 to 20 digits; null: not linked.")))
    private static let path = "/api/v1/account/discord"

    var routes: [Route] {
        [
            Route(
                .get, Self.path, .signedIn,
                Operation("Shows one's linked Discord account", .accounts, answers: [.ok(Self.schema)])
            ) { request in
                let user = try request.account().id
                return JSONAnswer.response(Body(id: try await stored { try await links.discordID(of: user) }))
            },
            Route(
                .put, Self.path, .signedIn,
                Operation(
                    "Links one's Discord account, or unlinks it", .accounts, body: Self.schema,
                    answers: [.ok(Self.schema)])
            ) { request in
                let (user, actor) = (try request.account().id, try request.actor())
                let body = try request.json(Body.self)
                let isID = body.id.map { id in
                    (5...20).contains(id.utf8.count) && id.utf8.allSatisfy { (48...57).contains($0) }
                }
                guard isID ?? true else {
                    throw Problem.invalid(
                        field: "id",
                        "This is a Discord account's id: 5 to 20 digits, as Discord's “Copy User ID” gives it.")
                }
                let line = AuditRecord(
                    at: clock.now(), actor: actor, action: body.id == nil ? "user.unlinkDiscord" : "user.linkDiscord",
                    channel: nil, subject: user.description, before: nil, after: nil)
                try await stored { try await links.linkDiscord(body.id, to: user, audit: line) }
                return JSONAnswer.response(body)
            },
        ]
    }
}
