/// The queue as pages and the API see it: names, never keys. `missing` and ids are taken out by whoever shows it to others
/// than operators.
package struct QueueView: Sendable, Equatable, Encodable {
    package struct Entry: Sendable, Equatable, Encodable {
        package enum State: String, Sendable, Encodable { case onAir, waiting }

        package var id: EntryID
        package var user: UserID
        package var name: String
        package var state: State
        package var connected: Bool
        package var ready: Bool
        /// What is missing, in words; empty when ready.
        package var missing: [String]
        package var joinedAt: WallTime
        /// Set while the place of a dropped DJ is kept.
        package var graceUntil: WallTime?
        package var onAirSince: WallTime?
        /// Left of the slot as of `QueueView.at`; absent when waiting or unlimited. Never negative.
        package var remainingSeconds: Double?
        /// The slot clock runs: the output shows this DJ. While it does not, `remainingSeconds` stands still.
        package var clockRuns: Bool
        /// Passed over until released.
        package var held: Bool
        /// Set while an operator's "put on air" waits for this DJ to be ready.
        package var calledUntil: WallTime?
        /// When this DJ should go on air if everybody before uses up their slot; absent where nobody can know (an unlimited
        /// slot before, held, no automatic advance).
        package var estimatedStart: WallTime?
        /// What the slot to come has, for who waits; absent when on air or unlimited.
        package var slotSeconds: Double?
        /// On-air time used, in seconds.
        package var usedSeconds: Double
        /// What the connected encoder sends amiss; operators and the own entry only.
        package var health: HealthSummary?
        /// Set while the slot is about to end for want of picture or sound (`deadAfter`).
        package var unhealthy: Unhealthy?

        package init(
            id: EntryID, user: UserID, name: String, state: State, connected: Bool, ready: Bool, missing: [String],
            joinedAt: WallTime, graceUntil: WallTime?, onAirSince: WallTime?, remainingSeconds: Double?,
            clockRuns: Bool = false, held: Bool = false, calledUntil: WallTime? = nil,
            estimatedStart: WallTime? = nil, slotSeconds: Double? = nil, usedSeconds: Double = 0,
            unhealthy: Unhealthy? = nil, health: HealthSummary? = nil
        ) {
            self.id = id
            self.user = user
            self.name = name
            self.state = state
            self.connected = connected
            self.ready = ready
            self.missing = missing
            self.joinedAt = joinedAt
            self.graceUntil = graceUntil
            self.onAirSince = onAirSince
            self.remainingSeconds = remainingSeconds
            self.clockRuns = clockRuns
            self.held = held
            self.calledUntil = calledUntil
            self.estimatedStart = estimatedStart
            self.slotSeconds = slotSeconds
            self.usedSeconds = usedSeconds
            self.health = health
            self.unhealthy = unhealthy
        }

        /// Since when the entry is in its state: on air since its first picture, else since it joined.
        package var since: WallTime { state == .onAir ? onAirSince ?? joinedAt : joinedAt }
    }

    /// The slot on air ends for want of something.
    package struct Unhealthy: Sendable, Equatable, Encodable {
        /// `picture`, `sound`.
        package var missing: [String]
        /// Unless it comes back before.
        package var endsAt: WallTime

        package init(missing: [String], endsAt: WallTime) {
            self.missing = missing
            self.endsAt = endsAt
        }
    }

    /// The database does not take the queue's moves: what happens is kept in memory, and lost with the process.
    package struct Unwritten: Sendable, Equatable, Encodable {
        package var since: WallTime
        /// Moves that wait; also 0, when nothing moved yet or an answer is late.
        package var moves: Int

        package init(since: WallTime, moves: Int) {
            self.since = since
            self.moves = moves
        }
    }

    package struct Blocked: Sendable, Equatable, Encodable {
        package var user: UserID
        package var name: String
        package var rule: QueueBlock.Kind
        package var since: WallTime
        package var until: WallTime?

        package init(user: UserID, name: String, rule: QueueBlock.Kind, since: WallTime, until: WallTime?) {
            self.user = user
            self.name = name
            self.rule = rule
            self.since = since
            self.until = until
        }
    }

    package struct Banned: Sendable, Equatable, Encodable {
        package var user: UserID
        package var name: String?
        package var since: WallTime
        package var until: WallTime?
        package var reason: String?
    }

    /// What the programme's output shows now.
    package enum Showing: String, Sendable, Encodable { case dj, slate }

    /// What operators only may see is not written with the rest, whoever encodes a view: their routes add it.
    private enum CodingKeys: String, CodingKey {
        case channel, version, at, showing, isOpen, slotSeconds, entries, emergency, outputs
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(channel, forKey: .channel)
        try fields.encode(version, forKey: .version)
        try fields.encode(at, forKey: .at)
        try fields.encode(showing, forKey: .showing)
        try fields.encode(isOpen, forKey: .isOpen)
        try fields.encodeIfPresent(slotSeconds, forKey: .slotSeconds)
        try fields.encode(entries, forKey: .entries)
        try fields.encode(emergency, forKey: .emergency)
        try fields.encode(ViewerProtocol.names(settings.output.outputs), forKey: .outputs)
    }

    /// What an operator does to the output.
    package var emergency: ProgrammeEmergency { settings.output.emergency }

    package var channel: ChannelName
    package var version: Int64
    /// When this view was true; `remainingSeconds` counts from here.
    package var at: WallTime
    package var showing: Showing
    package var isOpen: Bool
    package var slotSeconds: Int?
    /// The entry on air first, then in order.
    package var entries: [Entry]
    /// Not in the JSON of a view; nor are the next three, which are for operators only.
    package var settings: QueueSettings
    package var blocked: [Blocked]
    package var banned: [Banned]
    /// `nil` while all is written. For operators only too.
    package var unwritten: Unwritten?

    package init(
        channel: ChannelName, version: Int64, at: WallTime, showing: Showing, isOpen: Bool, slotSeconds: Int?,
        entries: [Entry], settings: QueueSettings = QueueSettings(), blocked: [Blocked] = [], banned: [Banned] = [],
        unwritten: Unwritten? = nil
    ) {
        self.channel = channel
        self.version = version
        self.at = at
        self.showing = showing
        self.isOpen = isOpen
        self.slotSeconds = slotSeconds
        self.entries = entries
        self.settings = settings
        self.blocked = blocked
        self.banned = banned
        self.unwritten = unwritten
    }
}
