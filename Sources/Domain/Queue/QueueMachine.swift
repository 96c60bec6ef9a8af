/// Whose turn it is (design §4): an event and the time go in, the new state and a list of actions come out.
///
/// A pure value. It never sees a socket, a clock or a database; `Queueing` owns one per channel, calls it and carries its
/// actions out. Times must not run backwards; `Queueing` sees to it.
///
///     waiting ──(first ready, nobody on air)──▶ onAir ──▶ ended(reason)
///        ▲└───────────────(stops, removed, grace over)──────▲
///        └──(dropped and covered, or never shown)──┘
///
/// Beside the state: `connected(session)` or `grace(until)`, and ready or what is missing. What the *output* shows is told by
/// `programmeReported`; the slot clock follows that, not the decision. A slot has begun with its first picture: who is lost
/// before that goes back among those who wait.
///
/// By topic: `+Handovers`, `+Events` what happens, `+Acts` what operators do, `+Rules` what follows, `+Clock`, `+Bars`, `+View`.
package struct QueueMachine: Sendable {
    package enum Action: Sendable, Equatable {
        /// The programme is to work towards this.
        case direct(ProgrammeOrder)
        /// Send this session away; `reason` is for its encoder.
        case close(PublishSessionID, reason: String)
        /// Send whatever this person publishes away, in the queue or not.
        case closePublisher(UserID, reason: String)
        /// Write this move; order matters.
        case store(QueueTransition)
        /// Keep the slot's used time; may be lost.
        case heartbeat(EntryID, usedOnAir: Duration)
    }

    /// What the output shows, by the programme's last report.
    enum Showing: Sendable, Equatable {
        case slate
        case dj(PublishSessionID, entry: EntryID, name: String)
    }

    /// A session whose entry has ended, kept until the programme shows something else (design §5, Joins: planned).
    struct Leaving: Sendable, Equatable {
        var session: PublishSessionID
        var user: UserID
        var reason: String
        var closeAt: WallTime
    }

    /// One person's recent replacements (rule 4).
    struct Replacements: Sendable {
        var times: [WallTime] = []
        var refusedUntil: WallTime?
    }

    /// What the running event has changed: the move to come.
    struct Draft: Sendable {
        var changed: [EntryID: QueueEntry] = [:]
        var settingsChanged = false
        var blocked: [QueueBlock.Key: QueueBlock] = [:]
        var unblocked: Set<QueueBlock.Key> = []
        var banned: [UserID: QueueBan] = [:]
        var unbanned: Set<UserID> = []
        var userSlots: [UserID: UserSlot] = [:]
        var events: [DomainEvent] = []
        var audit: [AuditRecord] = []
        var handovers: [HandoverEntry] = []
        /// Sessions of those who are banned now; the next order tells the programme.
        var discarded: Set<PublishSessionID> = []
        /// Closings that cannot wait for the programme.
        var closings: [Action] = []

        var isEmpty: Bool {
            changed.isEmpty && !settingsChanged && blocked.isEmpty && unblocked.isEmpty && banned.isEmpty
                && unbanned.isEmpty && userSlots.isEmpty && events.isEmpty
        }
    }

    package let channel: ChannelName
    package internal(set) var version: Int64
    /// The owner's; all moves carry it.
    package let epoch: Int64
    /// The last event's number.
    var eventSequence: Int64
    package internal(set) var settings: QueueSettings
    /// Live entries, head first: the one on air, then those waiting in order.
    package internal(set) var entries: [QueueEntry]
    package internal(set) var blocks: [QueueBlock.Key: QueueBlock]
    package internal(set) var bans: [UserID: QueueBan]
    /// The DJs' own slot lengths, in seconds.
    package internal(set) var userSlots: [UserID: Int]

    var showing: Showing = .slate
    /// Until then those who were here before the start and have not come back yet are waited for: who reconnects faster
    /// shall not overtake (rule 2 otherwise takes the first who is ready).
    var returnsUntil: WallTime?
    /// Since when the output shows the entry on air; `nil` while it does not.
    var clockStartedAt: WallTime?
    var lastHeartbeat: WallTime?
    var leaving: [Leaving] = []
    var pastSessions: [PastSession] = []
    var replacements: [UserID: Replacements] = [:]
    /// When those were last heard of whose block waits for their encoder's quiet.
    var lastHeard: [UserID: WallTime] = [:]
    /// Only of those who are connected, and only while something is missing.
    var health: [PublishSessionID: MediaHealth] = [:]
    /// `deadAfter`: when the slot on air ends unless its media comes back, once the DJ was told so.
    var endsUnhealthyAt: WallTime?
    /// Since when the entry whose slot has begun is connected again but can be shown neither now nor soon.
    var unreadySince: WallTime?
    var order = ProgrammeOrder(version: 0, onAir: nil, standby: [])
    var draft = Draft()
    /// Up to then every rule has been applied; a later time is still to come.
    var settledAt: WallTime

    /// How long a session whose slot is over may stay when the programme does not move on.
    static let longestLeave: Duration = .seconds(15)
    /// Rule 4: more replacements than this within the window are refused for `replacementPenalty`.
    static let replacementLimit = 3
    static let replacementWindow: Duration = .seconds(10)
    static let replacementPenalty: Duration = .seconds(30)
    /// So often the slot's used time is stored while its clock runs: a crash costs at most this and one write (issue: ± 1 s).
    static let heartbeatInterval: Duration = .milliseconds(500)
    /// How long after a start the order waits for its own: an encoder's retry (OBS: 2 s), then a key frame and the delay.
    static let returnWindow: Duration = .seconds(10)
    /// How long "put on air" waits for a DJ who is not ready; nobody else is taken meanwhile.
    package static let callPatience: Duration = .seconds(30)
    /// `rejoin: afterQuiet`: the encoder must not have been heard of for this long.
    package static let quietSpan: Duration = .seconds(60)
    /// `deadAfter`: on air, this long without a picture or with silence ends the slot.
    package static let longestWithoutVideo: Duration = .seconds(10)
    package static let longestSilence: Duration = .seconds(20)
    /// How long before that the DJ is told.
    static let warningWithoutVideo: Duration = .seconds(5)
    static let warningOfSilence: Duration = .seconds(10)

    static let silent = "Connected, but no media comes from the encoder."
    static let notConnected = "The encoder is not connected."
    static let justConnected = "The encoder has just connected; its media is being looked at."

    /// Takes up a stored queue. Nobody is connected after a start: every live entry gets its full grace from `now`. A slot
    /// that had not begun goes back among those who wait.
    package init(channel: ChannelName, record: QueueRecord, now: WallTime) {
        self.channel = channel
        self.version = record.version
        self.epoch = record.epoch
        self.eventSequence = record.eventSequence
        self.settings = record.settings
        self.entries = record.entries.filter(\.state.isLive).sorted { $0.position < $1.position }
        self.blocks = Dictionary(record.blocks.map { ($0.key, $0) }) { _, last in last }
        self.bans = Dictionary(record.bans.map { ($0.user, $0) }) { _, last in last }
        self.userSlots = Dictionary(record.userSlots.compactMap { slot in slot.seconds.map { (slot.user, $0) } }) {
            $1
        }
        // What falls due at `now` is still to be done.
        self.settledAt = now - .milliseconds(1)
        for index in entries.indices {
            if entries[index].onAirSince == nil { entries[index].state = .waiting }
            let grace = entries[index].state == .onAir ? settings.graceOnAirSeconds : settings.graceWaitingSeconds
            entries[index].presence = .grace(until: now + .seconds(grace))
            entries[index].silentUntil = nil
            entries[index].readiness = .notReady([Self.notConnected])
            markChanged(index)
        }
        for key in blocks.keys where key.kind == .encoderQuiet { lastHeard[key.user] = now }
        if !entries.isEmpty { returnsUntil = now + Self.returnWindow }
        sortEntries()
    }

    // MARK: Small things

    var onAirIndex: Int? { entries.firstIndex { $0.state == .onAir } }

    func index(of session: PublishSessionID) -> Int? {
        entries.firstIndex { $0.session == session }
    }

    mutating func markChanged(_ index: Int) {
        draft.changed[entries[index].id] = entries[index]
    }

    /// Whether the output shows this very connection.
    func isShown(_ session: PublishSessionID?) -> Bool {
        guard let session, case .dj(session, _, _) = showing else { return false }
        return true
    }

    /// On air first, then by position.
    mutating func sortEntries() {
        func rank(_ entry: QueueEntry) -> (Int, Int64) { (entry.state == .onAir ? 0 : 1, entry.position) }
        // Nearly always sorted already, and asked at each event.
        guard zip(entries, entries.dropFirst()).contains(where: { rank($0) > rank($1) }) else { return }
        entries.sort { rank($0) < rank($1) }
    }
}
