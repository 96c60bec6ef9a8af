/// A hand-over as it is kept: the programme's measurements with whom it was from and to, and what ended the old slot.
package struct HandoverEntry: Sendable, Equatable {
    package struct Side: Sendable, Equatable, Encodable {
        package var entry: EntryID
        package var user: UserID
        /// The DJ's public name.
        package var name: String

        package init(entry: EntryID, user: UserID, name: String) {
            self.entry = entry
            self.user = user
            self.name = name
        }
    }

    /// Why the outgoing DJ was left, by the queue.
    package enum Cause: String, Sendable, Hashable, Encodable, CaseIterable {
        // The entry ended; as `QueueEntry.EndReason`.
        case finished, slotOver, skipped, removed, dropped, unhealthy, banned, channelClosed
        /// The connection is gone; the place is kept.
        case connectionLost
        /// Connected, but nothing comes.
        case silent
        /// The same DJ publishes anew.
        case replaced

        package init(_ reason: QueueEntry.EndReason) {
            self =
                switch reason {
                case .finished: .finished
                case .slotOver: .slotOver
                case .skipped: .skipped
                case .removed: .removed
                case .dropped: .dropped
                case .unhealthy: .unhealthy
                case .banned: .banned
                case .channelClosed: .channelClosed
                }
        }
    }

    /// `nil`: the slate.
    package var from: Side?
    package var to: Side?
    package var reason: HandoverRecord.Reason
    /// `nil` where the queue had no part in it.
    package var cause: Cause?
    package var decidedAt: WallTime
    package var onAirAt: WallTime
    /// As `HandoverRecord`.
    package var videoGapFrames: Double
    package var audioGapMilliseconds: Double
    package var soundOffsetMilliseconds: Double

    package init(
        from: Side?, to: Side?, reason: HandoverRecord.Reason, cause: Cause?, decidedAt: WallTime, onAirAt: WallTime,
        videoGapFrames: Double, audioGapMilliseconds: Double, soundOffsetMilliseconds: Double
    ) {
        self.from = from
        self.to = to
        self.reason = reason
        self.cause = cause
        self.decidedAt = decidedAt
        self.onAirAt = onAirAt
        self.videoGapFrames = videoGapFrames
        self.audioGapMilliseconds = audioGapMilliseconds
        self.soundOffsetMilliseconds = soundOffsetMilliseconds
    }
}

/// A stored hand-over with its number, which rises.
package struct StoredHandover: Sendable, Equatable {
    package var id: Int64
    package var handover: HandoverEntry

    package init(id: Int64, handover: HandoverEntry) {
        self.id = id
        self.handover = handover
    }
}

/// Reads past hand-overs; implemented by `PostgresStore`.
package protocol HandoverLog: Sendable {
    /// Newest first, those with an id below `before`; `limit` is 1…500.
    func handovers(of channel: ChannelName, before: Int64?, limit: Int) async throws -> [StoredHandover]
}
