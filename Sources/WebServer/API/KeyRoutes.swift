import Domain
import HTTPTypes
import Hummingbird

/// A DJ's own stream keys. A key itself is in one answer only, the one that made it.
struct KeyRoutes: Sendable {
    var accounts: any AccountDesk

    private struct CreateBody: Decodable {
        var label: String?
    }

    private struct KeyBody: Encodable {
        var id: KeyID
        var label: String
        var createdAt: WallTime
        var lastUsedAt: WallTime?
        var revokedAt: WallTime?

        init(_ info: StreamKeyInfo) {
            id = info.id
            label = info.label
            createdAt = info.createdAt
            lastUsedAt = info.lastUsedAt
            revokedAt = info.revokedAt
        }
    }

    static let schema = Schema.named(
        "StreamKey",
        .object(
            .required("id", .id), .required("label", .string), .required("createdAt", .time),
            .optional("lastUsedAt", .time), .optional("revokedAt", .time)))
    private static let newSchema = Schema.named(
        "NewStreamKey",
        .object(.required("info", schema), .required("key", .note(.secret, "Shown this once."))))

    private struct KeyList: Encodable {
        var keys: [KeyBody]
    }

    private struct NewKey: Encodable {
        var info: KeyBody
        var key: String
    }

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/keys", .signedIn,
                Operation(
                    "Lists one's own stream keys", .keys,
                    answers: [.ok(.object(.required("keys", .array(Self.schema))))])
            ) { request in
                let keys = try await accounts.keys(of: try request.account().id)
                return Self.list(keys)
            },
            Route(
                .post, "/api/v1/keys", .signedIn,
                Operation(
                    "Makes a stream key", .keys, body: .object(.required("label", .text(1...60))),
                    answers: [.created(Self.newSchema)], problems: [(.conflict, "There are too many live keys.")])
            ) { request in
                let label = try request.json(CreateBody.self).label ?? ""
                let issued = try await accounts.createKey(for: try request.account().id, label: label)
                return show(issued, status: .created)
            },
            Route(
                .post, "/api/v1/keys/{id}/rotate", .signedIn,
                Operation(
                    "Replaces a stream key", .keys,
                    details: "The old one is refused at once; a stream that uses it ends.",
                    answers: [.created(Self.newSchema)])
            ) { request in
                let issued = try await accounts.rotateKey(try key(of: request), of: try request.account().id)
                return show(issued, status: .created)
            },
            Route(
                .delete, "/api/v1/keys/{id}", .signedIn,
                Operation(
                    "Revokes a stream key", .keys, answers: [.noContent("It is refused; a stream that uses it ends.")])
            ) { request in
                try await accounts.revokeKey(try key(of: request), of: try request.account().id)
                return JSONAnswer.noContent()
            },
        ]
    }

    static func list(_ keys: [StreamKeyInfo]) -> Response { JSONAnswer.response(KeyList(keys: keys.map(KeyBody.init))) }

    private func key(of request: WebRequest) throws(Problem) -> KeyID {
        guard let key = request.parameters["id"].flatMap({ KeyID($0) }) else { throw Problem(.unknownKey) }
        return key
    }

    private func show(_ issued: IssuedKey, status: HTTPResponse.Status) -> Response {
        JSONAnswer.response(NewKey(info: KeyBody(issued.info), key: issued.key.exposed), status: status)
    }
}
