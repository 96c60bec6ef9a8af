/// One DJ's place in a channel's queue, from joining to its end (design §4).
package struct QueueEntry: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        case waiting
        case onAir
        case ended(EndReason)

        package var isLive: Bool {
            switch self {
            case .waiting, .onAir: true
            case .ended: false
            }
        }
    }

    package enum Presence: Sendable, Equatable {
        case connected(PublishSessionID)
        /// The place is kept until then.
        case grace(until: WallTime)
    }

    package enum EndReason: String, Sendable, Equatable, Codable, CaseIterable {
        /// The DJ stopped.
        case finished
        case slotOver
        case skipped
        case removed
        /// Grace ran out.
        case dropped
        case unhealthy
        case banned
        case channelClosed
    }

    package var id: EntryID
    package var user: UserID
    /// The DJ's public name when they joined.
    package var name: String
    package var state: State
    package var presence: Presence
    package var readiness: Readiness
    /// Orders the queue; rises from head to tail, unique per channel.
    package var position: Int64
    package var joinedAt: WallTime
    /// When the slot's first picture left, first time.
    package var onAirSince: WallTime?
    /// On-air time used so far, without the running interval; counts only while the programme shows this DJ.
    package var usedOnAir: Duration
    package var endedAt: WallTime?

    package init(
        id: EntryID, user: UserID, name: String, state: State, presence: Presence, readiness: Readiness,
        position: Int64, joinedAt: WallTime, onAirSince: WallTime? = nil, usedOnAir: Duration = .zero,
        endedAt: WallTime? = nil
    ) {
        self.id = id
        self.user = user
        self.name = name
        self.state = state
        self.presence = presence
        self.readiness = readiness
        self.position = position
        self.joinedAt = joinedAt
        self.onAirSince = onAirSince
        self.usedOnAir = usedOnAir
        self.endedAt = endedAt
    }
}
