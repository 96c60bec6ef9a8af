import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird

/// What operators do to a queue (design §4, rule 7), each under its name. The answer is the queue afterwards.
///
/// With `If-Match: "VERSION"` or `version` in the body the act is done only while the queue has that version; else the answer
/// is 409 with the present queue in `queue`, and nothing was done.
struct QueueActRoutes: Sendable {
    var queue: any QueueDesk
    var accounts: any AccountDesk
    var clock: any WallClock

    /// The fields of all acts; each takes its own.
    struct Body: Decodable {
        private enum CodingKeys: String, CodingKey {
            case version, entry, user, position, seconds, resetRunning, until, reason, enabled, includingOnAir, state
        }

        var version: Int64?
        /// An entry's id, or its DJ's name.
        var entry: String?
        /// A user's id, e-mail address or DJ name.
        var user: String?
        var position: Int?
        /// Outer `nil`: absent. Inner `nil`: `null`, no limit.
        var seconds: Int??
        var resetRunning: Bool?
        var until: String?
        var reason: String?
        var enabled: Bool?
        var includingOnAir: Bool?
        /// `slate`, `mute` or `off`.
        var state: String?

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            version = try container.decodeIfPresent(Int64.self, forKey: .version)
            entry = try container.decodeIfPresent(String.self, forKey: .entry)
            user = try container.decodeIfPresent(String.self, forKey: .user)
            position = try container.decodeIfPresent(Int.self, forKey: .position)
            if container.contains(.seconds) {
                seconds = .some(try container.decodeIfPresent(Int.self, forKey: .seconds))
            }
            resetRunning = try container.decodeIfPresent(Bool.self, forKey: .resetRunning)
            until = try container.decodeIfPresent(String.self, forKey: .until)
            reason = try container.decodeIfPresent(String.self, forKey: .reason)
            enabled = try container.decodeIfPresent(Bool.self, forKey: .enabled)
            includingOnAir = try container.decodeIfPresent(Bool.self, forKey: .includingOnAir)
            state = try container.decodeIfPresent(String.self, forKey: .state)
        }
    }

    /// A request with what it names looked up in the present queue.
    private struct Asked {
        var body: Body
        var present: QueueView

        func entry() throws -> EntryID {
            guard let name = body.entry else { throw Problem.missing("entry") }
            return try present.entry(named: name).id
        }

        func entryIfNamed() throws -> EntryID? { body.entry == nil ? nil : try entry() }

        func seconds(_ range: ClosedRange<Int>) throws(Problem) -> Int {
            guard let seconds = body.seconds ?? nil else { throw .missing("seconds") }
            return try checked(seconds, range)
        }

        /// `null` is a value: no limit.
        func secondsOrNone() throws(Problem) -> Int? {
            guard let seconds = body.seconds else { throw .missing("seconds") }
            return try seconds.map { seconds throws(Problem) in try checked(seconds, 1...86_400) }
        }

        private func checked(_ seconds: Int, _ range: ClosedRange<Int>) throws(Problem) -> Int {
            guard range.contains(seconds) else {
                throw .invalid(
                    field: "seconds", "This must be between \(range.lowerBound) and \(range.upperBound) seconds.")
            }
            return seconds
        }
    }

    static let day = 86_400
    static let longestBan = 10 * 366 * day
    static let maximumReasonCharacters = 200

    private static let entryName = Schema.note(.string, "An entry's id, or its DJ's name.")
    private static let userName = Schema.note(
        .string, "A user's id, e-mail address or DJ name. This, or `entry` for whoever holds it.")
    private static let limit = Schema.note(.nullable(.integer(1...day)), "`null`: no limit.")
    private static let versionSchema = Schema.note(.integer, "As `If-Match`.")
    private static let ifMatch = Operation.Parameter.header(
        "If-Match", .pattern(#"^(\*|(W/)?"[0-9]{1,18}")$"#),
        "The queue's version in quotes: nothing is done when it has moved since.")
    private static let settingValue = Schema.nullable(
        .oneOf([.string, .integer, .bool, .array(.oneOf([.string, .integer]))]))
    private static let emergencySummary = "The slate at once, silence instead of the sound, or as the queue orders"
    private static let emergencySchema = Schema.choice(ProgrammeEmergency.allCases.map(\.rawValue))
    private static let conflict = (
        HTTPResponse.Status.conflict, "Not possible in the present queue, which is in `queue`."
    )

    var routes: [Route] {
        [
            act("skip", "Ends the slot on air", [.optional("entry", Self.entryName)]) { .skip(try $0.entryIfNamed()) },
            act("remove", "Takes an entry out", [.required("entry", Self.entryName)]) { .remove(try $0.entry()) },
            act(
                "move", "Moves an entry",
                [.required("entry", Self.entryName), .required("position", .integer(1...100_000))]
            ) { asked in
                guard let position = asked.body.position else { throw Problem.missing("position") }
                guard (1...100_000).contains(position) else {
                    throw Problem.invalid(field: "position", "1 is the first of those who wait.")
                }
                return .move(try asked.entry(), to: position - 1)
            },
            act("put-on-air", "Puts an entry on air now", [.required("entry", Self.entryName)]) {
                .putOnAir(try $0.entry())
            },
            act("hold", "Passes an entry over until it is released", [.required("entry", Self.entryName)]) {
                .hold(try $0.entry())
            },
            act("release", "Lets a held entry play again", [.required("entry", Self.entryName)]) {
                .release(try $0.entry())
            },
            act(
                "extend", "Lengthens or shortens a slot",
                [.optional("entry", Self.entryName), .required("seconds", .integer(-Self.day...Self.day))]
            ) { .extend(try $0.entryIfNamed(), seconds: try $0.seconds(-Self.day...Self.day)) },
            act(
                "remaining", "Sets what is left of a slot",
                [.optional("entry", Self.entryName), .required("seconds", .integer(0...Self.day))]
            ) { .setRemaining(try $0.entryIfNamed(), seconds: try $0.seconds(0...Self.day)) },
            act(
                "slot-length", "Sets the length of slots",
                [.required("seconds", Self.limit), .optional("resetRunning", .bool)]
            ) {
                .setSlotLength(seconds: try $0.secondsOrNone(), resetRunning: $0.body.resetRunning ?? false)
            },
            act(
                "ban", "Bans a DJ",
                [
                    .optional("user", Self.userName), .optional("entry", Self.entryName), .optional("until", .time),
                    .optional("seconds", .integer(1...Self.longestBan)),
                    .optional("reason", .text(0...Self.maximumReasonCharacters)),
                ]
            ) { try await ban($0) },
            act("unban", "Lifts a ban", [.optional("user", Self.userName), .optional("entry", Self.entryName)]) {
                .unban(try await user($0))
            },
            act(
                "unblock", "Lifts the block after a turn",
                [.optional("user", Self.userName), .optional("entry", Self.entryName)]
            ) { .unblock(try await user($0)) },
            act(
                "user-slot", "Sets one DJ's slot length",
                [
                    .optional("user", Self.userName), .optional("entry", Self.entryName),
                    .required("seconds", Self.limit),
                ]
            ) { .setUserSlot(try await user($0), seconds: try $0.secondsOrNone()) },
            act("open", "Lets DJs join") { _ in .setOpen(true) },
            act("close", "Lets nobody join") { _ in .setOpen(false) },
            act("auto-advance", "Lets the next DJ follow by itself, or not", [.required("enabled", .bool)]) { asked in
                guard let enabled = asked.body.enabled else { throw Problem.missing("enabled") }
                return .setAutoAdvance(enabled)
            },
            act("clear", "Empties the queue", [.optional("includingOnAir", .bool)]) {
                .clear(includingOnAir: $0.body.includingOnAir ?? false)
            },
            // The same under two names: beside the queue's acts, and as the channel's own.
            act("emergency", Self.emergencySummary, [.required("state", Self.emergencySchema)]) { try emergency($0) },
            act(
                "emergency", at: "/api/v1/channels/{channel}/", Self.emergencySummary,
                [.required("state", Self.emergencySchema)]
            ) { try emergency($0) },
        ] + settingsRoutes
    }

    // MARK: One act

    private func act(
        _ name: String, at path: String = "/api/v1/channels/{channel}/queue/", _ summary: String,
        _ fields: [Schema.Field] = [],
        _ make: @escaping @Sendable (Asked) async throws -> QueueAct
    ) -> Route {
        Route(
            .post, path + name, .atLeast(.operator),
            Operation(
                summary, .queue, parameters: [Self.ifMatch],
                body: .fields(fields + [.optional("version", Self.versionSchema)]),
                isBodyOptional: !fields.contains(where: \.isRequired),
                answers: [.ok(QueueAnswer.schema, "The queue afterwards.")], problems: [Self.conflict])
        ) { request in
            let (channel, body) = (try request.channel(), try request.optionalJSON(Body.self))
            let version = try request.expectedVersion(body.version)
            return try await tellingPresent(channel) {
                let present = try await queue.view(of: channel)
                // First, since a name may well mean somebody else in the queue as it is now.
                if let version, version != present.version {
                    throw QueueCommandError.versionConflict(present: present)
                }
                let act = try await make(Asked(body: body, present: present))
                let view = try await queue.perform(
                    QueueCommand(act: act, actor: try request.actor(), expectedVersion: version), on: channel)
                return QueueAnswer.response(view, for: .operators)
            }
        }
    }

    /// Puts the present queue into every refusal, so that whoever asked can show it and decide anew.
    private func tellingPresent(_ channel: ChannelName, _ body: () async throws -> Response) async throws -> Response {
        do {
            return try await body()
        } catch let error as QueueCommandError {
            var problem = Problem(error)
            if problem.status == .conflict, problem.queue == nil {
                // Without it the refusal still says what was wrong.
                problem.queue = (try? await queue.view(of: channel)).map { QueueAnswer($0, for: .operators) }
            }
            throw problem
        }
    }

    private func ban(_ asked: Asked) async throws -> QueueAct {
        let user = try await user(asked)
        if let reason = asked.body.reason, reason.count > Self.maximumReasonCharacters {
            throw Problem.invalid(field: "reason", "At most \(Self.maximumReasonCharacters) characters.")
        }
        let now = clock.now()
        var until: WallTime?
        if (asked.body.seconds ?? nil) != nil {
            until = now + .seconds(try asked.seconds(1...Self.longestBan))
        } else if let text = asked.body.until {
            guard let moment = WallTime(rfc3339: text), moment > now else {
                throw Problem.invalid(field: "until", "A moment to come, like 2030-01-31T20:00:00Z.")
            }
            until = moment
        }
        return .ban(user, until: until, reason: asked.body.reason)
    }

    private func emergency(_ asked: Asked) throws -> QueueAct {
        guard let text = asked.body.state else { throw Problem.missing("state") }
        guard let state = ProgrammeEmergency(rawValue: text) else {
            throw Problem.invalid(field: "state", "This is slate, mute or off.")
        }
        return .emergency(state)
    }

    /// The person an act is about: an account, or whoever holds the entry that was named.
    private func user(_ asked: Asked) async throws -> UserID {
        if let text = asked.body.user {
            guard let account = try await accounts.account(matching: text) else { throw AccountError.unknownUser }
            return account.id
        }
        guard let name = asked.body.entry else { throw Problem.missing("user") }
        return try asked.present.entry(named: name).user
    }

    // MARK: Settings

    private var settingsRoutes: [Route] {
        ["/api/v1/channels/{channel}/settings", "/api/v1/channels/{channel}/queue/settings"].flatMap { path in
            [
                Route(
                    .get, path, .atLeast(.operator),
                    Operation("Shows the queue's settings", .queue, answers: [.ok(SettingsAnswer.schema)])
                ) { request in
                    let channel = try request.channel()
                    let version = try await queue.view(of: channel).version
                    return SettingsAnswer.response(try await queue.settings(of: channel), version: version)
                },
                Route(
                    .patch, path, .atLeast(.operator),
                    Operation(
                        "Changes settings of the queue", .queue,
                        details:
                            "A field that is absent stays. Numbers are seconds, `null` is no limit; the names and texts of "
                            + "`lineup queue set` are understood.",
                        parameters: [Self.ifMatch], body: .map(Self.settingValue),
                        answers: [.ok(SettingsAnswer.schema)],
                        problems: [Self.conflict])
                ) { try await change($0) },
            ]
        }
    }

    private func change(_ request: WebRequest) async throws -> Response {
        let channel = try request.channel()
        let patch = try SettingsPatch(request.json([String: JSONValue].self))
        let version = try request.expectedVersion(patch.version)
        return try await tellingPresent(channel) {
            var view = try await queue.view(of: channel)
            if !patch.texts.isEmpty || version != nil {
                view = try await queue.perform(
                    QueueCommand(act: .set(patch.texts), actor: try request.actor(), expectedVersion: version),
                    on: channel)
            }
            return SettingsAnswer.response(try await queue.settings(of: channel), version: view.version)
        }
    }
}

extension WebRequest {
    /// The version of the queue that the act is conditional on: `If-Match` (RFC 9110 §13.1.1), else the body's.
    /// - Throws: 400 when the header is no version.
    func expectedVersion(_ inBody: Int64?) throws(Problem) -> Int64? {
        guard let header = head.headerFields[.ifMatch], header != "*" else { return inBody }
        var tag = header[...]
        // A proxy that compresses makes a strong tag weak.
        if tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
        guard tag.count > 2, tag.first == "\"", tag.last == "\"", let version = Int64(tag.dropFirst().dropLast()) else {
            throw .badRequest(field: "If-Match", "This takes the queue's version in quotes: \"12\".")
        }
        return version
    }
}

extension WallTime {
    /// Reads RFC 3339, with or without a fraction of a second; `nil` for anything else.
    init?(rfc3339 text: String) {
        guard text.utf8.count <= 40 else { return nil }
        let style = Date.ISO8601FormatStyle()
        let date =
            (try? Date(text, strategy: style))
            ?? (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        guard let seconds = date?.timeIntervalSince1970, (0..<253_402_300_800).contains(seconds) else { return nil }
        self.init(milliseconds: Int64(seconds * 1000))
    }
}
