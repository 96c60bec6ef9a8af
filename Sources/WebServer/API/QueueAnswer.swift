import Domain
import HTTPTypes
import Hummingbird

/// The queue as one audience sees it. Everybody: who plays, in what order, since when, for how long and when their turn should
/// come. Whom an entry belongs to, what it lacks and till when its place is kept: operators, and a DJ of the own entry. Who
/// is blocked or banned: operators, and a DJ of themselves. All settings: operators.
///
/// Fields are named one by one, so that one added to `QueueView` stays inside until somebody decides otherwise.
struct QueueAnswer: Encodable, Sendable {
    private struct Entry: Encodable {
        var id: EntryID
        var name: String
        var state: QueueView.Entry.State
        /// 0 on air, 1 the first of those who wait.
        var position: Int
        var since: WallTime
        var joinedAt: WallTime
        var onAirSince: WallTime?
        var remainingSeconds: Double?
        var clockRuns: Bool
        var estimatedStart: WallTime?
        var connected: Bool
        var ready: Bool
        // Of operators and of the own entry only.
        var user: UserID?
        var missing: [String]?
        var graceUntil: WallTime?
        var held: Bool?
        var calledUntil: WallTime?
        var usedSeconds: Double?
        var health: HealthSummary?
        var unhealthy: QueueView.Unhealthy?

        init(_ entry: QueueView.Entry, position: Int, isWhole: Bool) {
            id = entry.id
            name = entry.name
            state = entry.state
            self.position = position
            since = entry.since
            joinedAt = entry.joinedAt
            onAirSince = entry.onAirSince
            remainingSeconds = entry.remainingSeconds
            clockRuns = entry.clockRuns
            estimatedStart = entry.estimatedStart
            connected = entry.connected
            ready = entry.ready
            guard isWhole else { return }
            user = entry.user
            missing = entry.missing
            graceUntil = entry.graceUntil
            held = entry.held
            calledUntil = entry.calledUntil
            usedSeconds = entry.usedSeconds
            health = entry.health
            unhealthy = entry.unhealthy
        }
    }

    private static let entrySchema = Schema.named(
        "QueueEntry",
        .object(
            .required("id", .id), .required("name", .string), .required("state", .choice("onAir", "waiting")),
            .required("position", .note(.integer, "0 on air, 1 the first of those who wait.")),
            .required("since", .time), .required("joinedAt", .time), .optional("onAirSince", .time),
            .optional("remainingSeconds", .number), .required("clockRuns", .bool), .optional("estimatedStart", .time),
            .required("connected", .bool), .required("ready", .bool),
            .optional("user", .note(.id, "This and what follows: operators, and a DJ of the own entry.")),
            .optional("missing", .array(.string)), .optional("graceUntil", .time), .optional("held", .bool),
            .optional("calledUntil", .time), .optional("usedSeconds", .number),
            .optional("health", HealthRoutes.summarySchema)))

    static let schema = Schema.named(
        "Queue",
        .object(
            .required("channel", .channelName),
            .required("version", .note(.integer, "Rises with each move; also the `ETag`.")), .required("at", .time),
            .required("showing", .choice("dj", "slate")), .required("isOpen", .bool),
            .optional("slotSeconds", .integer), .required("entries", .array(entrySchema)),
            .optional("settings", .note(SettingsAnswer.schema, "Operators only, as what follows.")),
            .optional("emergency", .choice(ProgrammeEmergency.allCases.map(\.rawValue))),
            .optional(
                "blocked",
                .array(
                    .object(
                        .required("user", .id), .required("name", .string), .required("rule", .string),
                        .required("since", .time), .optional("until", .time)))),
            .optional(
                "banned",
                .array(
                    .object(
                        .required("user", .id), .optional("name", .string), .required("since", .time),
                        .optional("until", .time), .optional("reason", .string))))))

    private var channel: ChannelName
    private var version: Int64
    private var at: WallTime
    private var showing: QueueView.Showing
    private var isOpen: Bool
    private var slotSeconds: Int?
    private var entries: [Entry]
    private var settings: QueueSettings?
    /// What an operator does to the output: `slate`, `mute` or `off`.
    private var emergency: ProgrammeEmergency?
    private var blocked: [QueueView.Blocked]?
    private var banned: [QueueView.Banned]?
    /// Absent while all is written.
    private var unwritten: QueueView.Unwritten?

    init(_ view: QueueView, for audience: Audience) {
        channel = view.channel
        version = view.version
        at = view.at
        showing = view.showing
        isOpen = view.isOpen
        slotSeconds = view.slotSeconds
        var waiting = 0
        entries = view.entries.map { entry in
            if entry.state == .waiting { waiting += 1 }
            let isWhole =
                switch audience {
                case .operators: true
                case .dj(let user): entry.user == user
                case .everyone: false
                }
            return Entry(entry, position: entry.state == .waiting ? waiting : 0, isWhole: isWhole)
        }
        if case .dj(let user) = audience {
            // Why one cannot join, and until when.
            blocked = Self.own(view.blocked.filter { $0.user == user })
            banned = Self.own(view.banned.filter { $0.user == user })
        }
        guard audience == .operators else { return }
        settings = view.settings
        emergency = view.emergency
        blocked = view.blocked
        banned = view.banned
        unwritten = view.unwritten
    }

    private static func own<Item>(_ items: [Item]) -> [Item]? { items.isEmpty ? nil : items }

    /// With the version as entity tag, which `If-Match` of an act names.
    static func response(_ view: QueueView, for audience: Audience) -> Response {
        var response = JSONAnswer.response(QueueAnswer(view, for: audience))
        response.headers[.eTag] = "\"\(view.version)\""
        return response
    }
}

/// A queue's settings with the version they stand in.
enum SettingsAnswer {
    static let schema = Schema.named(
        "QueueSettings",
        .object(
            .required("slotSeconds", .nullable(.integer)), .required("overtimeWhenAlone", .bool),
            .required("rejoin", .choice(QueueSettings.Rejoin.allCases.map(\.rawValue))),
            .required("deadAfter", .bool),
            .required("coverDrop", .choice(QueueSettings.CoverDrop.allCases.map(\.rawValue))),
            .required("graceOnAirSeconds", .integer), .required("graceWaitingSeconds", .integer),
            .required("blockAfterTurn", .string), .required("autoAdvance", .bool),
            .required("maximumLength", .nullable(.integer)), .required("isOpen", .bool),
            .required("warningSeconds", .array(.integer)),
            .required("output", .note(.map(.string), "What the channel shows and takes, as texts."))))

    static func response(_ settings: QueueSettings, version: Int64) -> Response {
        var response = JSONAnswer.response(settings)
        response.headers[.eTag] = "\"\(version)\""
        return response
    }
}
