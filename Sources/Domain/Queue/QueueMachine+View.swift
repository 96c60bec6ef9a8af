/// What others see of the queue.
extension QueueMachine {
    package func view(now: WallTime) -> QueueView {
        let starts = estimatedStarts(now: now)
        return QueueView(
            channel: channel, version: version, at: now, showing: showing == .slate ? .slate : .dj,
            isOpen: settings.isOpen, slotSeconds: settings.slotSeconds,
            entries: zip(entries, starts).map { viewEntry($0, start: $1, now: now) }, settings: settings,
            blocked: blocks.values.sorted { ($0.since, $0.user) < ($1.since, $1.user) }.map { block in
                QueueView.Blocked(
                    user: block.user, name: block.name, rule: block.rule.kind, since: block.since,
                    until: liftTime(of: block))
            },
            banned: bans.values.sorted { ($0.since, $0.user) < ($1.since, $1.user) }.map { ban in
                QueueView.Banned(
                    user: ban.user, name: ban.name, since: ban.since, until: ban.until, reason: ban.reason)
            })
    }

    private func viewEntry(_ entry: QueueEntry, start: WallTime?, now: WallTime) -> QueueView.Entry {
        var missing: [String] = []
        if case .notReady(let reasons) = entry.readiness { missing = reasons }
        if entry.silentUntil != nil { missing.append(Self.silent) }
        var graceUntil = entry.silentUntil
        if case .grace(let until) = entry.presence { graceUntil = until }
        let left = remaining(of: entry, now: now).map { Self.seconds(max(.zero, $0)) }
        let isOnAir = entry.state == .onAir
        return QueueView.Entry(
            id: entry.id, user: entry.user, name: entry.name, state: isOnAir ? .onAir : .waiting,
            connected: entry.session != nil, ready: missing.isEmpty, missing: missing,
            joinedAt: entry.joinedAt, graceUntil: graceUntil, onAirSince: entry.onAirSince,
            remainingSeconds: isOnAir ? left : nil, clockRuns: isOnAir && clockStartedAt != nil, held: entry.isHeld,
            calledUntil: entry.calledUntil, estimatedStart: start, slotSeconds: isOnAir ? nil : left,
            usedSeconds: Self.seconds(used(by: entry, now: now)), unhealthy: unhealthy(entry), health: entry.health)
    }

    private func unhealthy(_ entry: QueueEntry) -> QueueView.Unhealthy? {
        guard entry.state == .onAir, let endsUnhealthyAt, let dying = dying(entry) else { return nil }
        return QueueView.Unhealthy(missing: dying.missing, endsAt: endsUnhealthyAt)
    }

    /// For each entry, when it should go on air if all before it use up their slots; those who are not ready count as if
    /// they were, held ones are passed over.
    private func estimatedStarts(now: WallTime) -> [WallTime?] {
        var next: WallTime? = settings.autoAdvance ? now : nil
        return entries.map { entry in
            if entry.state == .waiting, entry.isHeld { return nil }
            let start = entry.state == .waiting ? next : nil
            let left = remaining(of: entry, now: now)
            next = next.flatMap { time in left.map { time + max(.zero, $0) } }
            return start
        }
    }

    private static func seconds(_ span: Duration) -> Double { Double(span.wholeMilliseconds) / 1000 }
}
