/// An event's place in a channel's stream: (epoch, sequence), given by the channel's one owner, so readers never miss one
/// that became visible late (design §4, Persistence). Written `EPOCH-SEQUENCE`, as in `Last-Event-ID`.
package struct EventID: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var epoch: Int64
    /// From 1, rises by 1 within an epoch.
    package var sequence: Int64

    package init(epoch: Int64, sequence: Int64) {
        self.epoch = epoch
        self.sequence = sequence
    }

    /// Reads the written form; `nil` for anything else, signs and overflow included.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }),
            let epoch = Int64(parts[0]), let sequence = Int64(parts[1])
        else { return nil }
        self.init(epoch: epoch, sequence: sequence)
    }

    package var description: String { "\(epoch)-\(sequence)" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.epoch, left.sequence) < (right.epoch, right.sequence)
    }
}

/// One event of the outbox as readers get it.
package struct EventRecord: Sendable, Equatable {
    package var id: EventID
    package var channel: ChannelName
    package var kind: String
    /// The queue's version that the event made.
    package var version: Int64
    package var at: WallTime
    /// The payload's JSON object.
    package var payload: String

    package init(id: EventID, channel: ChannelName, kind: String, version: Int64, at: WallTime, payload: String) {
        self.id = id
        self.channel = channel
        self.kind = kind
        self.version = version
        self.at = at
        self.payload = payload
    }
}

/// Reads the stored events; implemented by `PostgresStore`.
package protocol EventLog: Sendable {
    /// Those after `id` in order, at most `limit` (1…1,000); from the oldest kept when `nil`.
    func events(of channel: ChannelName, after id: EventID?, limit: Int) async throws -> [EventRecord]
}

/// An entry that has ended, for the history (issue's CSV and page).
package struct PastEntry: Sendable, Equatable, Encodable {
    package var id: EntryID
    package var user: UserID
    package var name: String
    package var reason: QueueEntry.EndReason
    package var joinedAt: WallTime
    package var onAirSince: WallTime?
    package var endedAt: WallTime
    /// On-air time, in seconds.
    package var onAirSeconds: Double
    /// The most viewers at once while it was on air; `nil`, like the next two, when nobody counted.
    package var viewersPeak: Int?
    /// Over the time on air.
    package var viewersAverage: Double?
    /// Of all viewers together.
    package var viewerMinutes: Double?

    package init(
        id: EntryID, user: UserID, name: String, reason: QueueEntry.EndReason, joinedAt: WallTime,
        onAirSince: WallTime?, endedAt: WallTime, onAirSeconds: Double, viewersPeak: Int? = nil,
        viewersAverage: Double? = nil, viewerMinutes: Double? = nil
    ) {
        self.id = id
        self.user = user
        self.name = name
        self.reason = reason
        self.joinedAt = joinedAt
        self.onAirSince = onAirSince
        self.endedAt = endedAt
        self.onAirSeconds = onAirSeconds
        self.viewersPeak = viewersPeak
        self.viewersAverage = viewersAverage
        self.viewerMinutes = viewerMinutes
    }
}

/// Where in the history a page ends; the next begins after it.
package struct HistoryCursor: Sendable, Equatable {
    package var endedAt: WallTime
    package var id: EntryID

    package init(endedAt: WallTime, id: EntryID) {
        self.endedAt = endedAt
        self.id = id
    }
}

/// Reads past entries; implemented by `PostgresStore`.
package protocol QueueHistory: Sendable {
    /// Newest end first, those that ended before `cursor`; `limit` is 1…500. `user` restricts it to one DJ.
    func pastEntries(
        of channel: ChannelName, before cursor: HistoryCursor?, user: UserID?, limit: Int
    ) async throws -> [PastEntry]
}
