import Domain

/// A target as admins see it: everything but its secrets.
struct TargetAnswer: Encodable {
    private var id: TargetID
    private var name: String
    private var kind: Target.Kind
    private var place: String
    private var kinds: [String]
    private var channels: [ChannelName]
    private var batch: Int
    private var headers: [String]
    private var topics: [DiscordOptions.Topic]?
    private var templates: [String: String]?
    private var enabled: Bool
    private var fromEnvironment: Bool
    private var createdAt: WallTime
    private var state: String
    private var attempts: Int
    private var failingSince: WallTime?
    private var nextTryAt: WallTime?
    private var lastError: String?
    private var lastDeliveredAt: WallTime?
    private var delivered: Int64
    private var refused: Int64
    private var waiting: Int
    private var failures: Int
    private var parkedAt: WallTime?
    private var parkedReason: String?
    private var secret: String?

    init(_ status: TargetStatus, secret: Secret? = nil) {
        let (target, progress) = (status.target, status.progress)
        id = target.id
        name = target.name
        kind = target.kind
        place = target.place
        kinds = target.filter.kinds
        channels = target.filter.channels
        batch = target.batch
        headers = target.headerNames
        topics = target.kind == .discord ? target.discord.topics : nil
        templates = target.kind == .discord ? target.discord.templates : nil
        enabled = target.isEnabled
        fromEnvironment = target.isFromEnvironment
        createdAt = target.createdAt
        state = status.state
        attempts = progress.attempts
        failingSince = progress.failingSince
        nextTryAt = progress.nextTry
        lastError = progress.lastError
        lastDeliveredAt = progress.lastDeliveredAt
        delivered = progress.delivered
        refused = progress.refused
        waiting = status.waiting
        failures = status.failures
        parkedAt = progress.parkedAt
        parkedReason = progress.parkedReason
        self.secret = secret?.exposed
    }

    struct Failure: Encodable {
        private var event: String
        private var channel: ChannelName
        private var kind: String
        private var at: WallTime
        private var error: String

        init(_ failure: FailedDelivery) {
            event = failure.id.description
            channel = failure.channel
            kind = failure.kind
            at = failure.at
            error = failure.error
        }
    }

    struct Test: Encodable {
        private var delivered: Bool
        private var outcome: String
        private var milliseconds: Int64

        init(_ test: TargetTest) {
            delivered = test.isDelivered
            outcome = test.outcome
            milliseconds = test.milliseconds
        }
    }

    private static let topicsSchema = Schema.array(.choice(DiscordOptions.Topic.allCases.map(\.rawValue)))

    static let schema = Schema.named(
        "Target",
        .object(
            .required("id", .id), .required("name", .string), .required("kind", .choice("webhook", "discord", "file")),
            .required("place", .note(.string, "Scheme and host of its URL, or its file's name.")),
            .required("kinds", .note(.array(.string), "Empty: all.")),
            .required("channels", .note(.array(.channelName), "Empty: all.")),
            .required("batch", .integer(1...100)), .required("headers", .note(.array(.string), "Their names.")),
            .optional("topics", topicsSchema),
            .optional("templates", .map(.string)), .required("enabled", .bool), .required("fromEnvironment", .bool),
            .required("createdAt", .time), .required("state", .choice("fine", "failing", "parked", "off")),
            .required("attempts", .integer), .optional("failingSince", .time), .optional("nextTryAt", .time),
            .optional("lastError", .string), .optional("lastDeliveredAt", .time), .required("delivered", .integer),
            .required("refused", .integer), .required("waiting", .integer), .required("failures", .integer),
            .optional("parkedAt", .time), .optional("parkedReason", .string),
            .optional("secret", .note(.secret, "In the answer that made it, when the server chose it."))))

    static let changeSchema = Schema.object(
        .optional("name", .text(1...40)), .optional("url", .secret), .optional("file", .text(1...64)),
        .optional("secret", .secret), .optional("headers", .map(.string)), .optional("kinds", .array(.string)),
        .optional("channels", .array(.channelName)), .optional("batch", .integer(1...100)),
        .optional("enabled", .bool), .optional("topics", topicsSchema), .optional("templates", .map(.string)))

    static let draftSchema = Schema.object(
        .required("name", .text(1...40)), .required("kind", .choice("webhook", "discord", "file")),
        .optional("url", .secret), .optional("file", .text(1...64)), .optional("secret", .secret),
        .optional("headers", .map(.string)), .optional("kinds", .array(.string)),
        .optional("channels", .array(.channelName)), .optional("batch", .integer(1...100)),
        .optional("enabled", .bool), .optional("topics", topicsSchema), .optional("templates", .map(.string)))

    static let failureSchema = Schema.object(
        .required("event", .string), .required("channel", .channelName), .required("kind", .string),
        .required("at", .time), .required("error", .string))

    static let testSchema = Schema.object(
        .required("delivered", .bool), .required("outcome", .string), .required("milliseconds", .integer))
}
