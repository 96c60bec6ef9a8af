/// Who may not join: bans by operators, blocks by rules (design §4, rules 1, 5 and 6).
extension QueueMachine {
    func refusalByBan(of user: UserID) -> PublishRefusal? {
        bans[user].map { .banned(until: $0.until, reason: $0.reason) }
    }

    /// The longest block first, so that nobody waits for one only to hear of the next.
    mutating func refusalByBlock(of user: UserID, now: WallTime) -> PublishRefusal? {
        // Tables are empty nearly always.
        guard !blocks.isEmpty else { return nil }
        if blocks[QueueBlock.Key(user: user, kind: .encoderQuiet)] != nil {
            noteHeard(user, now: now)
        }
        if blocks[QueueBlock.Key(user: user, kind: .someoneElsePlayed)] != nil { return .blockedUntilSomeoneElsePlayed }
        if case .until(let until)? = blocks[QueueBlock.Key(user: user, kind: .until)]?.rule {
            return .blocked(until: until, retryAfter: until - now)
        }
        return blocks[QueueBlock.Key(user: user, kind: .encoderQuiet)].map { _ in .notQuietSince(Self.quietSpan) }
    }

    /// The slot was ended for this DJ.
    mutating func blockAfterTurn(_ entry: QueueEntry, reason: QueueEntry.EndReason, now: WallTime) {
        switch reason {
        case .slotOver, .skipped:
            switch settings.blockAfterTurn {
            case .off: break
            case .untilSomeoneElsePlayed: block(entry, by: .someoneElsePlayed, now: now)
            case .minutes(let minutes): block(entry, by: .until(now + .seconds(minutes * 60)), now: now)
            }
        case .unhealthy: break
        case .finished, .removed, .dropped, .banned, .channelClosed: return
        }
        guard settings.rejoin == .afterQuiet else { return }
        block(entry, by: .encoderQuiet, now: now)
        lastHeard[entry.user] = now
    }

    private mutating func block(_ entry: QueueEntry, by rule: QueueBlock.Rule, now: WallTime) {
        let block = QueueBlock(user: entry.user, name: entry.name, since: now, rule: rule)
        blocks[block.key] = block
        draft.blocked[block.key] = block
        draft.unblocked.remove(block.key)
        draft.events.append(.djBlocked(user: entry.user, name: entry.name, rule: rule.kind, until: liftTime(of: block)))
    }

    mutating func liftBlocks(where isMeant: (QueueBlock.Key) -> Bool) {
        guard !blocks.isEmpty else { return }
        for key in blocks.keys.filter(isMeant).sorted(by: { ($0.user, $0.kind.rawValue) < ($1.user, $1.kind.rawValue) })
        {
            guard let block = blocks.removeValue(forKey: key) else { continue }
            if key.kind == .encoderQuiet { lastHeard[key.user] = nil }
            draft.unblocked.insert(key)
            draft.blocked[key] = nil
            draft.events.append(.djUnblocked(user: key.user, name: block.name, rule: key.kind))
        }
    }

    mutating func lift(_ ban: QueueBan) {
        bans[ban.user] = nil
        draft.unbanned.insert(ban.user)
        draft.banned[ban.user] = nil
        draft.events.append(.djUnbanned(user: ban.user, name: ban.name))
    }

    mutating func liftDueBars(now: WallTime) {
        if !blocks.isEmpty {
            let due = Set(blocks.values.filter { (liftTime(of: $0) ?? now + .seconds(1)) <= now }.map(\.key))
            liftBlocks { due.contains($0) }
        }
        for ban in bans.values.filter({ ($0.until ?? now + .seconds(1)) <= now }).sorted(by: { $0.user < $1.user }) {
            lift(ban)
        }
    }

    /// `nil`: by no clock.
    func liftTime(of block: QueueBlock) -> WallTime? {
        switch block.rule {
        case .until(let until): until
        case .someoneElsePlayed: nil
        case .encoderQuiet: (lastHeard[block.user] ?? block.since) + Self.quietSpan
        }
    }

    var barDeadlines: [WallTime] {
        blocks.values.compactMap { liftTime(of: $0) } + bans.values.compactMap(\.until)
    }

    mutating func noteHeard(_ user: UserID, now: WallTime) {
        if blocks[QueueBlock.Key(user: user, kind: .encoderQuiet)] != nil { lastHeard[user] = now }
    }
}
