import Domain
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// OBS instances that follow the programme. Operators look and try; admins make and change: an address makes the server connect there.
struct StudioRoutes: Sendable {
    var studios: any StudioDesk

    private struct Body: Decodable {
        var name: String?
        var host: String?
        var port: Int?
        var password: String?
        var channel: String?
        var presets: [String: String]?
        var rules: JSONValue?
        var requestsPerSecond: Int?
        var enabled: Bool?

        func draft() throws(Problem) -> StudioDraft {
            var draft = StudioDraft()
            draft.name = name
            draft.host = host
            draft.port = port
            draft.password = password.map { Secret($0) }
            draft.channel = channel
            draft.presets = presets
            if let rules {
                guard let data = try? JSONEncoder().encode(rules) else {
                    throw .invalid(field: "rules", "This cannot be written as JSON.")
                }
                draft.rules = String(decoding: data, as: UTF8.self)
            }
            draft.requestsPerSecond = requestsPerSecond
            draft.isEnabled = enabled
            return draft
        }
    }

    private struct DryRunBody: Decodable { var kind: String }

    var routes: [Route] { reading + writing + trying }

    private static let path = "/api/v1/obs"

    private var reading: [Route] {
        [
            Route(
                .get, Self.path, .atLeast(.operator),
                Operation(
                    "Lists OBS connections and how they are", .stage,
                    answers: [.ok(.object(.required("connections", .array(StudioAnswer.schema))))])
            ) { _ in
                JSONAnswer.response([
                    "connections": try await asked { try await studios.studios() }.map { StudioAnswer($0) }
                ])
            },
            Route(
                .get, Self.path + "/{id}", .atLeast(.operator),
                Operation("Shows an OBS connection", .stage, answers: [.ok(StudioAnswer.schema)])
            ) { request in
                JSONAnswer.response(StudioAnswer(try await asked { try await studios.studio(try request.studio()) }))
            },
            Route(
                .get, Self.path + "/{id}/screenshot", .atLeast(.operator),
                Operation(
                    "Shows what an OBS has in its programme", .stage,
                    answers: [.bytes("image/jpeg", "640 pixels wide, at most 1 MiB.")],
                    problems: [(.conflict, "OBS gave no picture.")])
            ) { request in
                let bytes = try await asked { try await studios.screenshot(try request.studio()) }
                return Response(
                    status: .ok,
                    headers: [
                        .contentType: "image/jpeg", .cacheControl: "no-store",
                        .contentSecurityPolicy: "default-src 'none'; sandbox",
                    ], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
            },
        ]
    }

    private var writing: [Route] {
        [
            Route(
                .post, Self.path, .atLeast(.admin),
                Operation(
                    "Makes an OBS connection", .stage, body: StudioAnswer.draftSchema,
                    answers: [.created(StudioAnswer.schema)], problems: StudioAnswer.problems)
            ) { request in
                let draft = try request.json(Body.self).draft()
                let actor = try request.actor()
                return JSONAnswer.response(
                    StudioAnswer(try await asked { try await studios.create(draft, by: actor) }), status: .created)
            },
            Route(
                .patch, Self.path + "/{id}", .atLeast(.admin),
                Operation(
                    "Changes an OBS connection", .stage, details: "Presets that are not named stay as they are.",
                    body: StudioAnswer.changeSchema, answers: [.ok(StudioAnswer.schema)],
                    problems: StudioAnswer.problems)
            ) { request in
                let (id, draft) = (try request.studio(), try request.json(Body.self).draft())
                let actor = try request.actor()
                return JSONAnswer.response(
                    StudioAnswer(try await asked { try await studios.change(id, draft, by: actor) }))
            },
            Route(
                .delete, Self.path + "/{id}", .atLeast(.admin),
                Operation("Removes an OBS connection", .stage, answers: [.noContent("OBS stays as it is.")])
            ) { request in
                let (id, actor) = (try request.studio(), try request.actor())
                try await asked { try await studios.remove(id, by: actor) }
                return JSONAnswer.noContent()
            },
        ]
    }

    private var trying: [Route] {
        [
            Route(
                .post, Self.path + "/{id}/test", .atLeast(.operator),
                Operation(
                    "Connects to an OBS and asks what it has", .stage, details: "Changes nothing there.",
                    answers: [.ok(StudioAnswer.testSchema, "What came of it; after 10 s at most.")])
            ) { request in
                JSONAnswer.response(
                    StudioAnswer.Test(try await asked { try await studios.test(try request.studio()) }))
            },
            Route(
                .post, Self.path + "/{id}/dry-run", .atLeast(.operator),
                Operation(
                    "Shows the batch that an event would send now", .stage, details: "Sends nothing.",
                    body: .object(.required("kind", .note(.string, "As onair.started: docs/events.md."))),
                    answers: [.ok(.any, "The RequestBatch as obs-websocket gets it.")])
            ) { request in
                let id = try request.studio()
                let kind = try request.json(DryRunBody.self).kind
                let text = try await asked { try await studios.dryRun(id, kind: kind) }
                return JSONAnswer.response(try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)))
            },
        ]
    }

    private func asked<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch let error as StudioError { throw Problem(error) }
    }
}

extension WebRequest {
    fileprivate func studio() throws(Problem) -> StudioID {
        guard let id = parameters["id"].flatMap({ StudioID($0) }) else { throw Problem(StudioError.unknown) }
        return id
    }
}

extension Problem {
    init(_ error: StudioError) {
        switch error {
        case .invalid(let field, let reason): self = .invalid(field: field, reason)
        case .nameTaken: self = .taken(field: "name", "Another OBS connection has this name.")
        case .unknown: self = .notFound("There is no such OBS connection.")
        case .tooMany:
            self = Self(
                status: .conflict, slug: "too-many-obs-connections", title: "Too many OBS connections",
                detail: "There may be \(StudioLimits.maximumStudios): remove one first.")
        case .refused(let reason):
            self = Self(status: .conflict, slug: "obs-refused", title: "Not with this OBS now", detail: reason)
        case .unavailable:
            // The associated text is the database's, for the operator's log only.
            self = .unavailable("The database is away for a moment; the broadcast goes on.", retryAfterSeconds: 3)
        }
    }
}
