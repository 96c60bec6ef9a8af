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
    /// Passed over until released.
    package var isHeld: Bool
    /// This slot's own length, set by an operator; outranks the DJ's own and the channel's.
    package var slotOverride: Duration?
    /// Added to the slot's length by operators; may be negative.
    package var extraTime: Duration
    /// The shortest time left, in whole seconds, that was warned of or passed by; shorter warnings are still to come. `nil`
    /// before the slot began.
    package var warnedAt: Int?
    /// Put on air by an operator while not ready: as soon as they are, at the latest then.
    package var calledUntil: WallTime?
    /// Connected, but no media has come for a while: the place is kept until then. Not stored: a start begins all graces anew.
    package var silentUntil: WallTime?
    /// Of the live connection, as its ingest tells; not stored.
    package var health: HealthSummary?

    package init(
        id: EntryID, user: UserID, name: String, state: State, presence: Presence, readiness: Readiness,
        position: Int64, joinedAt: WallTime, onAirSince: WallTime? = nil, usedOnAir: Duration = .zero,
        endedAt: WallTime? = nil, isHeld: Bool = false, slotOverride: Duration? = nil, extraTime: Duration = .zero,
        warnedAt: Int? = nil, calledUntil: WallTime? = nil, silentUntil: WallTime? = nil
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
        self.isHeld = isHeld
        self.slotOverride = slotOverride
        self.extraTime = extraTime
        self.warnedAt = warnedAt
        self.calledUntil = calledUntil
        self.silentUntil = silentUntil
    }
}

extension QueueEntry {
    /// The live connection behind this place.
    package var session: PublishSessionID? {
        switch presence {
        case .connected(let session): session
        case .grace: nil
        }
    }

    /// Ready, connected, sending and not held.
    package var couldGoOnAir: Bool { readiness.isReady && session != nil && silentUntil == nil && !isHeld }
}
