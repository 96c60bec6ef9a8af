import Domain

/// The moves that wait for the database, oldest first. Bounded: past `maximum` a new move is merged into the newest.
struct QueueBacklog: Sendable {
    private var moves: [QueueTransition] = []
    /// Moves before it are written; given back in bulk.
    private var written = 0
    /// At least 2: the oldest may be on its way and must not change.
    private let maximum: Int
    private let maximumMergedEvents: Int

    init(maximum: Int, maximumMergedEvents: Int) {
        self.maximum = max(2, maximum)
        self.maximumMergedEvents = maximumMergedEvents
    }

    var count: Int { moves.count - written }
    var first: QueueTransition? { written < moves.count ? moves[written] : nil }

    /// What was given up of a move, because too much waits in the newest one already.
    struct Lost: Equatable, Sendable {
        var events = 0
        var handovers = 0
    }

    mutating func append(_ move: QueueTransition) -> Lost {
        guard count >= maximum else {
            moves.append(move)
            return Lost()
        }
        return moves[moves.count - 1].absorb(move, maximumEvents: maximumMergedEvents)
    }

    mutating func removeFirst() {
        guard written < moves.count else { return }
        written += 1
        if written == moves.count || written >= 256 {
            moves.removeFirst(written)
            written = 0
        }
    }

    mutating func removeAll() {
        moves.removeAll()
        written = 0
    }
}

extension QueueTransition {
    /// Makes one move of this and the next: what holds after both.
    fileprivate mutating func absorb(_ next: QueueTransition, maximumEvents: Int) -> QueueBacklog.Lost {
        version = next.version
        at = next.at
        settings = next.settings ?? settings
        // Emergencies are acted on even now: of very many their newest lines.
        audit = Array((audit + next.audit).suffix(maximumEvents))
        Self.replace(&changed, with: next.changed, by: \.id)
        Self.replace(&userSlots, with: next.userSlots, by: \.user)
        blocked.removeAll { next.unblocked.contains($0.key) }
        unblocked.removeAll { key in next.blocked.contains { $0.key == key } }
        Self.replace(&blocked, with: next.blocked, by: \.key)
        Self.replace(&unblocked, with: next.unblocked, by: \.self)
        banned.removeAll { next.unbanned.contains($0.user) }
        unbanned.removeAll { user in next.banned.contains { $0.user == user } }
        Self.replace(&banned, with: next.banned, by: \.user)
        Self.replace(&unbanned, with: next.unbanned, by: \.self)
        let kept = next.events.prefix(max(0, maximumEvents - events.count))
        events += kept
        let records = next.handovers.prefix(max(0, maximumEvents - handovers.count))
        handovers += records
        return QueueBacklog.Lost(
            events: next.events.count - kept.count, handovers: next.handovers.count - records.count)
    }

    private static func replace<Item, Key: Hashable>(
        _ items: inout [Item], with newer: [Item], by key: KeyPath<Item, Key>
    ) {
        guard !newer.isEmpty else { return }
        let replaced = Set(newer.map { $0[keyPath: key] })
        items.removeAll { replaced.contains($0[keyPath: key]) }
        items += newer
    }
}
