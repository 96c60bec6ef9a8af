package enum TargetTag {}
/// A target's row.
package typealias TargetID = ID<TargetTag>

/// Which events a target gets. An empty list stands for all.
package struct EventFilter: Sendable, Equatable {
    /// Kinds as the catalogue has them; `queue.*` stands for all that begin with `queue.`, `*` for all.
    package var kinds: [String]
    package var channels: [ChannelName]

    package init(kinds: [String] = [], channels: [ChannelName] = []) {
        self.kinds = kinds
        self.channels = channels
    }

    package func matches(kind: String, channel: ChannelName) -> Bool {
        guard channels.isEmpty || channels.contains(channel) else { return false }
        return kinds.isEmpty || kinds.contains { Self.matches(pattern: $0, kind: kind) }
    }

    /// Whether `pattern` is a kind, or the beginning of kinds with `.*` behind it, or `*`.
    package static func isPattern(_ pattern: String) -> Bool {
        if pattern == "*" { return true }
        let name = pattern.hasSuffix(".*") ? pattern.dropLast(2) : pattern[...]
        return (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: ".")
            }
    }

    private static func matches(pattern: String, kind: String) -> Bool {
        pattern == "*" || pattern == kind || (pattern.hasSuffix(".*") && kind.hasPrefix(pattern.dropLast()))
    }
}

/// Where events go (design §8): a webhook, a Discord channel, or a file of JSON lines. Holds nothing secret.
package struct Target: Sendable, Equatable {
    package enum Kind: String, Sendable, Codable, CaseIterable { case webhook, discord, file }

    package var id: TargetID
    /// Unique, 1…40 characters.
    package var name: String
    package var kind: Kind
    /// What may be seen of where it sends: scheme, host and port of a URL; the file's name.
    package var place: String
    package var filter: EventFilter
    /// Events a request, 1…100. With 1 the body is one event, with more it is always an array.
    package var batch: Int
    package var isEnabled: Bool
    /// Made by `DISCORD_WEBHOOK_URL`; the next start sets it as the environment says.
    package var isFromEnvironment: Bool
    /// The names of its own headers; their values are secret.
    package var headerNames: [String]
    package var discord: DiscordOptions
    package var createdAt: WallTime
    /// Rises with each change by a person, and with parking; guards what the delivery writes against overtaking one.
    package var version: Int64

    package init(
        id: TargetID, name: String, kind: Kind, place: String, filter: EventFilter = EventFilter(), batch: Int = 1,
        isEnabled: Bool = true, isFromEnvironment: Bool = false, headerNames: [String] = [],
        discord: DiscordOptions = DiscordOptions(), createdAt: WallTime, version: Int64 = 1
    ) {
        self.id = id
        self.name = name
        self.kind = kind
        self.place = place
        self.filter = filter
        self.batch = batch
        self.isEnabled = isEnabled
        self.isFromEnvironment = isFromEnvironment
        self.headerNames = headerNames
        self.discord = discord
        self.createdAt = createdAt
        self.version = version
    }

    /// What the URL, the signing secret and the headers are sealed for (`SecretSealing`).
    package var sealingPurpose: String { "target:\(id)" }
}

/// What a Discord target tells, and in which words.
package struct DiscordOptions: Sendable, Equatable, Codable {
    package enum Topic: String, Sendable, Codable, CaseIterable {
        /// The message of each slot.
        case slots
        /// A word to the next DJ before their turn.
        case headsUp
        /// What is wrong with the picture or sound on air.
        case health
        /// Whether the queue takes DJs.
        case queue
    }

    /// Those that are told.
    package var topics: [Topic]
    /// Sentences that replace the standard ones, by the name of each (docs/discord.md).
    package var templates: [String: String]

    package init(topics: [Topic] = Topic.allCases, templates: [String: String] = [:]) {
        self.topics = topics
        self.templates = templates
    }
}

/// How deliveries to a target go; kept beside it in the database.
package struct TargetProgress: Sendable, Equatable {
    /// Failed tries in a row.
    package var attempts: Int
    /// When the first of them began, or since when it refuses every event.
    package var failingSince: WallTime?
    package var nextTry: WallTime?
    /// Never holds a secret or a URL.
    package var lastError: String?
    package var lastDeliveredAt: WallTime?
    /// Events the target took, those it refused for good; since it was made.
    package var delivered: Int64
    package var refused: Int64
    /// Set when deliveries were given up until a person resumes them.
    package var parkedAt: WallTime?
    package var parkedReason: String?
    /// What a Discord target remembers of its messages, as JSON.
    package var memory: String?

    package init(
        attempts: Int = 0, failingSince: WallTime? = nil, nextTry: WallTime? = nil, lastError: String? = nil,
        lastDeliveredAt: WallTime? = nil, delivered: Int64 = 0, refused: Int64 = 0, parkedAt: WallTime? = nil,
        parkedReason: String? = nil, memory: String? = nil
    ) {
        self.attempts = attempts
        self.failingSince = failingSince
        self.nextTry = nextTry
        self.lastError = lastError
        self.lastDeliveredAt = lastDeliveredAt
        self.delivered = delivered
        self.refused = refused
        self.parkedAt = parkedAt
        self.parkedReason = parkedReason
        self.memory = memory
    }
}

/// A target with its progress, as people see it.
package struct TargetStatus: Sendable, Equatable {
    package var target: Target
    package var progress: TargetProgress
    /// Events that wait, of every kind; counted up to `TargetLimits.countedBacklog`.
    package var waiting: Int
    /// Events it refused that are still listed.
    package var failures: Int

    package init(target: Target, progress: TargetProgress, waiting: Int, failures: Int) {
        self.target = target
        self.progress = progress
        self.waiting = waiting
        self.failures = failures
    }
}

package enum TargetLimits {
    /// Targets of one installation.
    package static let maximumTargets = 50
    package static let maximumBatch = 100
    /// Events of one replay.
    package static let maximumReplay = 1000
    /// Refused events that stay listed a target; the oldest go first.
    package static let keptFailures = 200
    package static let countedBacklog = 10_000
}

/// What a target is made of or changed to. `nil` leaves a field as it is, or as it is by default.
package struct TargetDraft: Sendable {
    package var name: String?
    /// Only when it is made.
    package var kind: Target.Kind?
    /// Of a webhook or Discord.
    package var url: Secret?
    /// Of a file: its name in the folder of event files.
    package var file: String?
    /// What bodies are signed with, 16…200 characters; made at random when a webhook has none.
    package var secret: Secret?
    /// All of them: replaces those there were.
    package var headers: [TargetHeader]?
    package var kinds: [String]?
    package var channels: [String]?
    package var batch: Int?
    package var isEnabled: Bool?
    package var discord: DiscordOptions?

    package init() {}
}

/// A header of a webhook's own; its value is a secret.
package struct TargetHeader: Sendable, Equatable {
    package var name: String
    package var value: Secret

    package init(name: String, value: Secret) {
        self.name = name
        self.value = value
    }
}

/// A target at the one moment its signing secret can be seen.
package struct MadeTarget: Sendable {
    package var status: TargetStatus
    /// Set when the server made it.
    package var secret: Secret?

    package init(status: TargetStatus, secret: Secret?) {
        self.status = status
        self.secret = secret
    }
}

/// An event that a target refused, or that is to be sent again.
package struct FailedDelivery: Sendable, Equatable {
    package var channel: ChannelName
    package var id: EventID
    package var kind: String
    package var at: WallTime
    /// Never holds a secret or a URL.
    package var error: String

    package init(channel: ChannelName, id: EventID, kind: String, at: WallTime, error: String) {
        self.channel = channel
        self.id = id
        self.kind = kind
        self.at = at
        self.error = error
    }
}

/// What came of a test.
package struct TargetTest: Sendable, Equatable {
    package var isDelivered: Bool
    /// One sentence.
    package var outcome: String
    package var milliseconds: Int64

    package init(isDelivered: Bool, outcome: String, milliseconds: Int64) {
        self.isDelivered = isDelivered
        self.outcome = outcome
        self.milliseconds = milliseconds
    }
}

package enum TargetError: Error, Sendable, Equatable {
    /// A field that is not as it must be, with the rule. Never holds the value.
    case invalid(field: String, reason: String)
    case nameTaken
    case unknown
    case tooMany
    /// It cannot be done with this target, or now; one sentence.
    case refused(String)
    case unavailable(String)
}

/// Targets as the API and the command line use them; implemented by `Announcements`.
package protocol TargetDesk: Sendable {
    func targets() async throws(TargetError) -> [TargetStatus]
    func target(_ id: TargetID) async throws(TargetError) -> TargetStatus
    /// By its id or its name.
    func target(named name: String) async throws(TargetError) -> TargetStatus
    /// Begins with what happens from now on.
    func create(_ draft: TargetDraft, by actor: Actor) async throws(TargetError) -> MadeTarget
    func change(_ id: TargetID, _ draft: TargetDraft, by actor: Actor) async throws(TargetError) -> TargetStatus
    func remove(_ id: TargetID, by actor: Actor) async throws(TargetError)
    /// Sends one event of the kind `target.test` now, past the queue, and waits for the answer.
    func test(_ id: TargetID, by actor: Actor) async throws(TargetError) -> TargetTest
    func park(_ id: TargetID, reason: String, by actor: Actor) async throws(TargetError) -> TargetStatus
    /// - Parameter skipping: leaves out what has waited.
    func resume(_ id: TargetID, skipping: Bool, by actor: Actor) async throws(TargetError) -> TargetStatus
    /// Sends the events from `first` to `last` again, at most `TargetLimits.maximumReplay`, those its filter lets through.
    /// - Returns: how many will be sent.
    func replay(
        _ id: TargetID, channel: ChannelName, from first: EventID, through last: EventID, by actor: Actor
    ) async throws(TargetError) -> Int
    /// Newest first.
    func failures(of id: TargetID) async throws(TargetError) -> [FailedDelivery]
}

extension TargetStatus {
    /// In one word: `off`, `parked`, `failing` or `fine`.
    package var state: String {
        if !target.isEnabled { return "off" }
        if progress.parkedAt != nil { return "parked" }
        return progress.failingSince == nil ? "fine" : "failing"
    }
}

/// Who is who on Discord: a person's own doing, so that nobody else decides whom a message mentions. Implemented by
/// `PostgresStore`.
package protocol DiscordLinks: Sendable {
    func discordID(of user: UserID) async throws -> String?
    /// - Parameter id: a Discord account's id, checked to be digits; `nil` unlinks.
    func linkDiscord(_ id: String?, to user: UserID, audit: AuditRecord) async throws
}
