/// What the store holds of a channel's queue.
package struct QueueRecord: Sendable, Equatable {
    package var version: Int64
    /// The owner's epoch under which it was read; its moves carry it. 0 before there was an owner.
    package var epoch: Int64
    /// The last event's number in that epoch; 0 when it has none yet.
    package var eventSequence: Int64
    package var settings: QueueSettings
    /// Live entries in queue order.
    package var entries: [QueueEntry]
    package var blocks: [QueueBlock]
    package var bans: [QueueBan]
    package var userSlots: [UserSlot]

    package init(
        version: Int64, epoch: Int64 = 0, eventSequence: Int64 = 0, settings: QueueSettings, entries: [QueueEntry],
        blocks: [QueueBlock] = [], bans: [QueueBan] = [], userSlots: [UserSlot] = []
    ) {
        self.version = version
        self.epoch = epoch
        self.eventSequence = eventSequence
        self.settings = settings
        self.entries = entries
        self.blocks = blocks
        self.bans = bans
        self.userSlots = userSlots
    }
}

/// One move of the queue: what one transaction writes (design §4, Persistence).
package struct QueueTransition: Sendable, Equatable {
    package var channel: ChannelName
    /// The writer's epoch; the transaction is conditional on there being no higher one.
    package var epoch: Int64
    /// The channel's version before the move; the transaction is conditional on it.
    package var fromVersion: Int64
    /// Above `fromVersion`; by one, but for moves that were merged while the database was away for very long.
    package var version: Int64
    /// Entries that are new or changed, ended ones with their reason.
    package var changed: [QueueEntry]
    /// Set when settings changed.
    package var settings: QueueSettings?
    /// New or changed; one for each `QueueBlock.Key`.
    package var blocked: [QueueBlock]
    package var unblocked: [QueueBlock.Key]
    /// New or changed; one a user.
    package var banned: [QueueBan]
    package var unbanned: [UserID]
    /// Changed ones; `nil` seconds: no longer.
    package var userSlots: [UserSlot]
    package var events: [DomainEvent]
    /// The number of the first event in `epoch`; the others follow it without a gap.
    package var firstEventSequence: Int64
    /// The lines of the audit log for the operators' acts that made this move: one, but for merged moves.
    package var audit: [AuditRecord]
    /// What the programme measured since the move before.
    package var handovers: [HandoverEntry]
    package var at: WallTime

    package init(
        channel: ChannelName, epoch: Int64 = 0, fromVersion: Int64, version: Int64, changed: [QueueEntry] = [],
        settings: QueueSettings? = nil, blocked: [QueueBlock] = [], unblocked: [QueueBlock.Key] = [],
        banned: [QueueBan] = [], unbanned: [UserID] = [], userSlots: [UserSlot] = [], events: [DomainEvent] = [],
        firstEventSequence: Int64 = 1, audit: [AuditRecord] = [], handovers: [HandoverEntry] = [], at: WallTime
    ) {
        self.channel = channel
        self.epoch = epoch
        self.fromVersion = fromVersion
        self.version = version
        self.changed = changed
        self.settings = settings
        self.blocked = blocked
        self.unblocked = unblocked
        self.banned = banned
        self.unbanned = unbanned
        self.userSlots = userSlots
        self.events = events
        self.firstEventSequence = firstEventSequence
        self.audit = audit
        self.handovers = handovers
        self.at = at
    }

    /// The events as readers get them.
    package var eventRecords: [EventRecord] {
        events.enumerated().map { index, event in
            EventRecord(
                id: EventID(epoch: epoch, sequence: firstEventSequence + Int64(index)), channel: channel,
                kind: event.kind, version: version, at: at, payload: event.payload.json)
        }
    }
}

package enum QueueStoreError: Error, Sendable, Equatable {
    /// The row's version is neither `fromVersion` nor the written one: somebody else moved this queue.
    case versionConflict(found: Int64)
    /// Another owner took the channel in this higher epoch: who wrote must step down.
    case epochLost(present: Int64)
    /// There is no such channel.
    case unknownChannel
}

/// Stores queues; implemented by `PostgresStore`.
package protocol QueueStore: Sendable {
    /// The queue with the present owner's epoch: an owner reads it after it acquired the lease.
    func load(_ channel: ChannelName) async throws -> QueueRecord
    /// Writes the whole move in one transaction. Writing a transition again that was already committed (its answer was lost)
    /// succeeds and changes nothing.
    /// - Throws: `QueueStoreError` when it can never be written; anything else may be tried again.
    func commit(_ transition: QueueTransition) async throws
    /// The on-air slot's used time, twice a second: no version, no event. Never less than what is stored.
    /// - Throws: `QueueStoreError.epochLost` when another owner took the channel.
    func heartbeat(
        _ entry: EntryID, usedOnAir: Duration, in channel: ChannelName, epoch: Int64
    ) async throws
    /// Whether moves could be written now: returns when the store answers.
    func ping() async throws
}
