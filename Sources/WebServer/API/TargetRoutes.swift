import Domain
import HTTPTypes
import Hummingbird

/// Where events go beside the pages: webhooks, Discord, files (issue's targets). For admins: a target's URL is a secret, and it
/// makes the server send requests.
struct TargetRoutes: Sendable {
    var targets: any TargetDesk

    struct Body: Decodable {
        var name: String?
        var kind: String?
        var url: String?
        var file: String?
        var secret: String?
        var headers: [String: String]?
        var kinds: [String]?
        var channels: [String]?
        var batch: Int?
        var enabled: Bool?
        var topics: [String]?
        var templates: [String: String]?

        /// - Parameter present: what a change leaves as it is.
        func draft(changing present: DiscordOptions = DiscordOptions()) throws(Problem) -> TargetDraft {
            var draft = TargetDraft()
            draft.name = name
            if let kind {
                guard let known = Target.Kind(rawValue: kind) else {
                    throw .invalid(field: "kind", "A kind is one of webhook, discord, file.")
                }
                draft.kind = known
            }
            draft.url = url.map { Secret($0) }
            draft.file = file
            draft.secret = secret.map { Secret($0) }
            draft.headers = headers?.sorted { $0.key < $1.key }.map {
                TargetHeader(name: $0.key, value: Secret($0.value))
            }
            draft.kinds = kinds
            draft.channels = channels
            draft.batch = batch
            draft.isEnabled = enabled
            if topics != nil || templates != nil {
                var options = present
                if let topics {
                    options.topics = topics.compactMap { DiscordOptions.Topic(rawValue: $0) }
                    guard options.topics.count == topics.count else {
                        let known = DiscordOptions.Topic.allCases.map(\.rawValue).joined(separator: ", ")
                        throw .invalid(field: "topics", "A topic is one of \(known).")
                    }
                }
                if let templates { options.templates = templates }
                draft.discord = options
            }
            return draft
        }
    }

    private struct ReplayBody: Decodable {
        var channel: String?
        /// One event; or `from` and `through`.
        var event: String?
        var from: String?
        var through: String?
    }

    private struct ResumeBody: Decodable { var skip: Bool? }
    private struct ParkBody: Decodable { var reason: String? }

    var routes: [Route] { reading + writing + acting }

    private static let path = "/api/v1/targets"
    private static let eventID = Schema.pattern("^[0-9]{1,18}-[0-9]{1,18}$")

    private var reading: [Route] {
        [
            Route(
                .get, Self.path, .atLeast(.admin),
                Operation(
                    "Lists targets and how their deliveries go", .announcements,
                    answers: [.ok(.object(.required("targets", .array(TargetAnswer.schema))))])
            ) { _ in
                JSONAnswer.response([
                    "targets": try await asked { try await targets.targets() }.map { TargetAnswer($0) }
                ])
            },
            Route(
                .get, Self.path + "/{id}", .atLeast(.admin),
                Operation("Shows a target", .announcements, answers: [.ok(TargetAnswer.schema)])
            ) { request in
                JSONAnswer.response(TargetAnswer(try await asked { try await targets.target(try request.target()) }))
            },
            Route(
                .get, Self.path + "/{id}/failures", .atLeast(.admin),
                Operation(
                    "Lists events that a target refused", .announcements,
                    answers: [.ok(.object(.required("failures", .array(TargetAnswer.failureSchema))))])
            ) { request in
                let failures = try await asked { try await targets.failures(of: try request.target()) }
                return JSONAnswer.response(["failures": failures.map(TargetAnswer.Failure.init)])
            },
        ]
    }

    private var writing: [Route] {
        [
            Route(
                .post, Self.path, .atLeast(.admin),
                Operation(
                    "Makes a target", .announcements, body: TargetAnswer.draftSchema,
                    answers: [.created(TargetAnswer.schema)])
            ) { request in
                let draft = try request.json(Body.self).draft()
                let actor = try request.actor()
                let made = try await asked { try await targets.create(draft, by: actor) }
                return JSONAnswer.response(TargetAnswer(made.status, secret: made.secret), status: .created)
            },
            Route(
                .patch, Self.path + "/{id}", .atLeast(.admin),
                Operation(
                    "Changes a target", .announcements, body: TargetAnswer.changeSchema,
                    answers: [.ok(TargetAnswer.schema)])
            ) { request in
                let id = try request.target()
                let present = try await asked { try await targets.target(id) }
                let draft = try request.json(Body.self).draft(changing: present.target.discord)
                let actor = try request.actor()
                return JSONAnswer.response(
                    TargetAnswer(try await asked { try await targets.change(id, draft, by: actor) }))
            },
            Route(
                .delete, Self.path + "/{id}", .atLeast(.admin),
                Operation("Removes a target", .announcements, answers: [.noContent("Nothing is sent there any more.")])
            ) { request in
                let (id, actor) = (try request.target(), try request.actor())
                try await asked { try await targets.remove(id, by: actor) }
                return JSONAnswer.noContent()
            },
        ]
    }

    private var acting: [Route] {
        [
            Route(
                .post, Self.path + "/{id}/test", .atLeast(.admin),
                Operation(
                    "Sends a test to a target now", .announcements,
                    answers: [.ok(TargetAnswer.testSchema, "What came of it; after 10 s at most.")])
            ) { request in
                let (id, actor) = (try request.target(), try request.actor())
                return JSONAnswer.response(
                    TargetAnswer.Test(try await asked { try await targets.test(id, by: actor) }))
            },
            Route(
                .post, Self.path + "/{id}/park", .atLeast(.admin),
                Operation(
                    "Stops deliveries to a target until they are resumed", .announcements,
                    body: .object(.optional("reason", .text(1...200))), isBodyOptional: true,
                    answers: [.ok(TargetAnswer.schema)])
            ) { request in
                let (id, actor) = (try request.target(), try request.actor())
                let reason = try request.optionalJSON(ParkBody.self).reason ?? "parked by an admin"
                return JSONAnswer.response(
                    TargetAnswer(try await asked { try await targets.park(id, reason: reason, by: actor) }))
            },
            Route(
                .post, Self.path + "/{id}/resume", .atLeast(.admin),
                Operation(
                    "Resumes deliveries to a parked target", .announcements,
                    body: .object(.optional("skip", .note(.bool, "Leaves out what has waited."))), isBodyOptional: true,
                    answers: [.ok(TargetAnswer.schema)])
            ) { request in
                let (id, actor) = (try request.target(), try request.actor())
                let isSkipping = try request.optionalJSON(ResumeBody.self).skip ?? false
                return JSONAnswer.response(
                    TargetAnswer(try await asked { try await targets.resume(id, skipping: isSkipping, by: actor) }))
            },
            Route(
                .post, Self.path + "/{id}/replay", .atLeast(.admin),
                Operation(
                    "Sends events to a target again", .announcements,
                    body: .object(
                        .optional("channel", .channelName), .optional("event", .note(Self.eventID, "One event's id.")),
                        .optional("from", .note(Self.eventID, "The first event's id.")),
                        .optional("through", .note(Self.eventID, "The last event's id."))),
                    answers: [.accepted(.object(.required("events", .integer)), "So many will be sent.")])
            ) { request in
                let (id, actor) = (try request.target(), try request.actor())
                let body = try request.json(ReplayBody.self)
                guard let channel = ChannelName(body.channel ?? ChannelName.main.text) else {
                    throw Problem.invalid(field: "channel", "There is no such channel.")
                }
                let first = try Self.event(body.event ?? body.from, "from")
                let last = try Self.event(body.event ?? body.through, "through")
                let count = try await asked {
                    try await targets.replay(id, channel: channel, from: first, through: last, by: actor)
                }
                return JSONAnswer.response(["events": count], status: .accepted)
            },
        ]
    }

    private static func event(_ text: String?, _ field: String) throws(Problem) -> EventID {
        guard let id = text.flatMap({ EventID($0) }) else {
            throw .invalid(field: field, "This is an event's id, as 3-17.")
        }
        return id
    }

    private func asked<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch let error as TargetError { throw Problem(error) }
    }
}

extension WebRequest {
    fileprivate func target() throws(Problem) -> TargetID {
        guard let id = parameters["id"].flatMap({ TargetID($0) }) else { throw Problem(TargetError.unknown) }
        return id
    }
}

extension Problem {
    init(_ error: TargetError) {
        switch error {
        case .invalid(let field, let reason): self = .invalid(field: field, reason)
        case .nameTaken: self = .taken(field: "name", "Another target has this name.")
        case .unknown: self = .notFound("There is no such target.")
        case .tooMany:
            self = Self(
                status: .conflict, slug: "too-many-targets", title: "Too many targets",
                detail: "There may be \(TargetLimits.maximumTargets) targets: remove one first.")
        case .refused(let reason):
            self = Self(status: .conflict, slug: "target-refused", title: "Not with this target", detail: reason)
        case .unavailable:
            // The associated text is the database's, for the operator's log only.
            self = .unavailable("The database is away for a moment; the broadcast goes on.", retryAfterSeconds: 3)
        }
    }
}
