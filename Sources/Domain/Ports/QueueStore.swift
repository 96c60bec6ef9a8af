/// What the store holds of a channel's queue.
package struct QueueRecord: Sendable, Equatable {
    package var version: Int64
    package var settings: QueueSettings
    /// Live entries in queue order.
    package var entries: [QueueEntry]

    package init(version: Int64, settings: QueueSettings, entries: [QueueEntry]) {
        self.version = version
        self.settings = settings
        self.entries = entries
    }
}

/// One move of the queue: what one transaction writes (design §4, Persistence).
package struct QueueTransition: Sendable, Equatable {
    package var channel: ChannelName
    /// The channel's version before the move; the transaction is conditional on it.
    package var fromVersion: Int64
    /// `fromVersion + 1`.
    package var version: Int64
    /// Entries that are new or changed, ended ones with their reason.
    package var changed: [QueueEntry]
    /// Set when settings changed.
    package var settings: QueueSettings?
    package var events: [DomainEvent]
    package var at: WallTime

    package init(
        channel: ChannelName, fromVersion: Int64, version: Int64, changed: [QueueEntry], settings: QueueSettings?,
        events: [DomainEvent], at: WallTime
    ) {
        self.channel = channel
        self.fromVersion = fromVersion
        self.version = version
        self.changed = changed
        self.settings = settings
        self.events = events
        self.at = at
    }
}

package enum QueueStoreError: Error, Sendable, Equatable {
    /// The row's version is neither `fromVersion` nor the written one: somebody else moved this queue.
    case versionConflict(found: Int64)
    /// There is no such channel.
    case unknownChannel
}

/// Stores queues; implemented by `PostgresStore`.
package protocol QueueStore: Sendable {
    func load(_ channel: ChannelName) async throws -> QueueRecord
    /// Writes the entries, the events and the version in one transaction. Writing a transition again that was already
    /// committed (its answer was lost) succeeds and changes nothing.
    func commit(_ transition: QueueTransition) async throws
    /// The on-air slot's used time, each second: no version, no event.
    func heartbeat(_ entry: EntryID, usedOnAir: Duration) async throws
}
