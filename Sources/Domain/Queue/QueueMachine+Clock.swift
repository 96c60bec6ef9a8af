/// The slot clock: it counts on-air time by what the output shows (design §5, Emergency), and the warnings that hang on it.
extension QueueMachine {
    /// On-air time used, with the running interval.
    func used(by entry: QueueEntry, now: WallTime) -> Duration {
        guard entry.state == .onAir, let start = clockStartedAt else { return entry.usedOnAir }
        return entry.usedOnAir + max(.zero, now - start)
    }

    /// The whole slot; `nil`: unlimited.
    func slot(of entry: QueueEntry) -> Duration? {
        let length = entry.slotOverride ?? (userSlots[entry.user] ?? settings.slotSeconds).map { .seconds($0) }
        return length.map { $0 + entry.extraTime }
    }

    /// `nil`: unlimited. May be negative in overtime.
    func remaining(of entry: QueueEntry, now: WallTime) -> Duration? {
        slot(of: entry).map { $0 - used(by: entry, now: now) }
    }

    mutating func stopClock(now: WallTime) {
        guard let start = clockStartedAt else { return }
        clockStartedAt = nil
        lastHeartbeat = nil
        guard let index = onAirIndex else { return }
        entries[index].usedOnAir += max(.zero, now - start)
        markChanged(index)
    }

    /// Runs only while the output shows the entry that is on air.
    mutating func startClock(now: WallTime) {
        guard case .dj(_, let entry, _) = showing,
            let index = entries.firstIndex(where: { $0.id == entry && $0.state == .onAir })
        else { return }
        clockStartedAt = now
        lastHeartbeat = now
        if entries[index].onAirSince == nil { entries[index].onAirSince = now }
        if entries[index].warnedAt == nil, let left = remaining(of: entries[index], now: now) {
            // A slot of four minutes begins without a warning that five are left.
            entries[index].warnedAt = Self.wholeSeconds(left)
        }
        markChanged(index)
    }

    mutating func heartbeatIfDue(now: WallTime) -> [Action] {
        guard clockStartedAt != nil, let index = onAirIndex else { return [] }
        guard let last = lastHeartbeat else {
            lastHeartbeat = now
            return []
        }
        guard now - last >= Self.heartbeatInterval else { return [] }
        lastHeartbeat = now
        return [.heartbeat(entries[index].id, usedOnAir: used(by: entries[index], now: now))]
    }

    // MARK: Warnings

    /// Warns once at each of the set times. Where several are passed at one moment (an operator shortened the slot) only the
    /// last is told: the others would be wrong.
    mutating func warnIfDue(now: WallTime) {
        guard clockStartedAt != nil, let index = onAirIndex, let warnedAt = entries[index].warnedAt,
            let left = remaining(of: entries[index], now: now),
            let passed = settings.warningSeconds.last(where: { $0 < warnedAt && left <= .seconds($0) })
        else { return }
        entries[index].warnedAt = passed
        markChanged(index)
        guard left > .zero else { return }
        draft.events.append(
            .onAirWarning(entry: entries[index].id, name: entries[index].name, seconds: passed))
    }

    /// When the next warning falls due while the clock runs.
    func nextWarning(_ entry: QueueEntry, left: Duration) -> WallTime? {
        guard let warnedAt = entry.warnedAt, let next = settings.warningSeconds.first(where: { $0 < warnedAt }) else {
            return nil
        }
        return settledAt + (left - .seconds(next))
    }

    /// An operator changed how much time is left: what was added is warned of again, what was taken away at once.
    mutating func rearmWarnings(leftBefore: Duration?, now: WallTime) {
        guard let index = onAirIndex, entries[index].onAirSince != nil else { return }
        let left = remaining(of: entries[index], now: now)
        guard left != leftBefore else { return }
        let new: Int?
        if let left {
            let isLonger = leftBefore.map { left > $0 } ?? true
            new = isLonger ? Self.wholeSeconds(left) : entries[index].warnedAt
        } else {
            new = nil
        }
        guard new != entries[index].warnedAt else { return }
        entries[index].warnedAt = new
        markChanged(index)
    }

    /// A warning that was set just now for a time that has passed is not given late.
    mutating func passOverNewWarnings(now: WallTime) {
        guard let index = onAirIndex, let warnedAt = entries[index].warnedAt,
            let left = remaining(of: entries[index], now: now), Self.wholeSeconds(left) < warnedAt
        else { return }
        entries[index].warnedAt = Self.wholeSeconds(left)
        markChanged(index)
    }

    /// Rounded up, at least 0.
    static func wholeSeconds(_ span: Duration) -> Int {
        Int(max(0, (span.wholeMilliseconds + 999) / 1000))
    }
}
