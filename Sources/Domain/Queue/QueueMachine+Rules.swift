/// What follows from the state and the time. Each event ends in `finish`, which applies every rule once, in this order.
extension QueueMachine {
    mutating func finish(now: WallTime) -> [Action] {
        liftDueBars(now: now)
        endGraces(now: now)
        endSlotIfDead(now: now)
        answerCall(now: now)
        endSlotIfDue(now: now)
        passOnSlotThatCannotBeShown(now: now)
        takeNextIfFree(now: now)
        warnIfDue(now: now)
        warnIfUnhealthy(now: now)
        sortEntries()
        closeOverdueLeavers(now: now)
        forgetReplacements(now: now)
        settledAt = max(settledAt, now)
        var actions = draft.closings
        draft.closings.removeAll()
        actions += heartbeatIfDue(now: now)
        if let action = newOrder() { actions.append(action) }
        if let action = transition(now: now) { actions.append(action) }
        return actions
    }

    /// When `deadlinePassed` is due next.
    package var nextDeadline: WallTime? {
        var next: WallTime?
        // What was due already has been looked at and waits for an event, not for a time.
        func consider(_ time: WallTime?) {
            if let time, time > settledAt { next = min(next ?? time, time) }
        }
        for leaver in leaving { consider(leaver.closeAt) }
        consider(returnsUntil)
        for entry in entries {
            if case .grace(let until) = entry.presence { consider(until) }
            consider(entry.calledUntil)
            consider(entry.silentUntil)
        }
        for time in barDeadlines { consider(time) }
        guard let index = onAirIndex else { return next }
        consider(unreadySince.map { $0 + patienceOnAir })
        let dying = dying(entries[index])
        consider(dying?.endsAt)
        if endsUnhealthyAt == nil { consider(dying?.warnsAt) }
        if clockStartedAt != nil {
            if let left = remaining(of: entries[index], now: settledAt) {
                consider(settledAt + left)
                consider(nextWarning(entries[index], left: left))
            }
            consider((lastHeartbeat ?? settledAt) + Self.heartbeatInterval)
        }
        return next
    }

    // MARK: Ends

    /// - Parameter farewell: why the connection is closed, for its encoder; `nil` when it is gone or closed elsewhere.
    mutating func end(_ index: Int, reason: QueueEntry.EndReason, now: WallTime, farewell: String? = nil) {
        if entries[index].state == .onAir { stopClock(now: now) }
        var entry = entries.remove(at: index)
        if let session = entry.session {
            health[session] = nil
            remember(session, of: entry, cause: HandoverEntry.Cause(reason))
            if let farewell {
                // Only whom the output shows is needed until it shows something else.
                leaving.append(
                    Leaving(
                        session: session, user: entry.user, reason: farewell,
                        closeAt: isShown(session) ? now + Self.longestLeave : now))
            }
        }
        entry.state = .ended(reason)
        entry.endedAt = now
        entry.calledUntil = nil
        draft.changed[entry.id] = entry
        draft.events.append(.queueLeft(entry: entry.id, name: entry.name, reason: reason))
        blockAfterTurn(entry, reason: reason, now: now)
    }

    private mutating func endGraces(now: WallTime) {
        while let index = entries.firstIndex(where: { $0.isGraceOver(now) }) {
            // One who is connected and silent is told.
            end(index, reason: .dropped, now: now, farewell: "No media came for too long. You may queue again.")
        }
    }

    /// Rule 5: by its clock if someone who may be taken waits; else the DJ stays, when `overtimeWhenAlone`.
    private mutating func endSlotIfDue(now: WallTime) {
        guard let index = onAirIndex, let left = remaining(of: entries[index], now: now), left <= .zero,
            calledIndex == nil, nextToTake(now: now) != nil || !settings.overtimeWhenAlone
        else { return }
        end(index, reason: .slotOver, now: now, farewell: "Your slot is over. Thank you! You may queue again.")
    }

    /// `deadAfter`, for whom the output shows.
    private mutating func endSlotIfDead(now: WallTime) {
        guard let index = onAirIndex, let dying = dying(entries[index]), dying.endsAt <= now else { return }
        end(
            index, reason: .unhealthy, now: now,
            farewell: "Your slot was ended: no picture or no sound came. Check your encoder, then queue again.")
    }

    // MARK: Who is next

    var calledIndex: Int? { entries.firstIndex { $0.calledUntil != nil } }

    /// Whom rule 2 takes without anybody's word; `nil` also where nobody may be taken so.
    private func nextToTake(now: WallTime) -> Int? {
        guard settings.autoAdvance, calledIndex == nil else { return nil }
        if let returnsUntil, now < returnsUntil {
            let first = entries.firstIndex { $0.state == .waiting && !$0.isHeld }
            return first.flatMap { entries[$0].couldGoOnAir ? $0 : nil }
        }
        return entries.firstIndex { $0.state == .waiting && $0.couldGoOnAir }
    }

    /// Rule 2: the first ready entry goes on air when nobody is (I1).
    private mutating func takeNextIfFree(now: WallTime) {
        if let until = returnsUntil, until <= now { returnsUntil = nil }
        guard onAirIndex == nil, let index = nextToTake(now: now) else { return }
        take(index)
    }

    mutating func take(_ index: Int) {
        entries[index].state = .onAir
        entries[index].calledUntil = nil
        unreadySince = nil
        markChanged(index)
        draft.events.append(.handoverPlanned(entry: entries[index].id, name: entries[index].name))
    }

    /// "Put on air" for one who was not ready: as soon as they are, else the ordinary order goes on.
    private mutating func answerCall(now: WallTime) {
        guard let index = calledIndex, let until = entries[index].calledUntil else { return }
        if entries[index].couldGoOnAir {
            let called = entries[index].id
            if let present = onAirIndex {
                end(present, reason: .skipped, now: now, farewell: Self.skippedFarewell)
            }
            if let index = entries.firstIndex(where: { $0.id == called }) { take(index) }
        } else if until <= now {
            entries[index].calledUntil = nil
            markChanged(index)
            draft.events.append(.queueNoShow(entry: entries[index].id, name: entries[index].name))
        }
    }

    static let skippedFarewell = "An admin ended your slot. You may queue again."

    // MARK: A slot without a picture

    /// How long a DJ who is back may take to be ready while others wait.
    var patienceOnAir: Duration { max(.seconds(settings.graceOnAirSeconds), Self.returnWindow) }

    /// Others need not wait for whoever has the slot and cannot be shown:
    /// - a slot that has not begun is given on at once;
    /// - a dropped DJ is covered by the next (`coverDrop: next`) and comes next after that, with the time that was left;
    /// - one who is back but does not become ready comes next after `patienceOnAir`.
    private mutating func passOnSlotThatCannotBeShown(now: WallTime) {
        // An admin's slate is nobody's absence.
        guard settings.output.emergency != .slate, let index = onAirIndex, !isShown(entries[index].session),
            !entries[index].couldGoOnAir
        else {
            unreadySince = nil
            return
        }
        let entry = entries[index]
        let isBackUnready = entry.session != nil && entry.silentUntil == nil && entry.onAirSince != nil
        if !isBackUnready { unreadySince = nil } else if unreadySince == nil { unreadySince = now }
        guard nextToTake(now: now) != nil else { return }
        if entry.onAirSince == nil {
            sendBack(index, asNext: false, now: now)
        } else if let since = unreadySince {
            guard since + patienceOnAir <= now else { return }
            draft.events.append(.queueNoShow(entry: entry.id, name: entry.name))
            sendBack(index, asNext: true, now: now)
        } else if settings.coverDrop == .next, returnsUntil == nil {
            sendBack(index, asNext: true, now: now)
        }
    }

    /// Among those who wait: to the old place, or before all others.
    private mutating func sendBack(_ index: Int, asNext: Bool, now: WallTime) {
        stopClock(now: now)
        unreadySince = nil
        entries[index].state = .waiting
        if asNext, let first = entries.map(\.position).min(), entries[index].position != first {
            entries[index].position = first - 1
            draft.events.append(.queueMoved(entry: entries[index].id, name: entries[index].name, place: 0))
        }
        markChanged(index)
        // The others' order must be right before one of them is taken.
        let back = entries.remove(at: index)
        entries.insert(back, at: entries.firstIndex { $0.position > back.position } ?? entries.endIndex)
    }

    // MARK: What goes out

    private mutating func closeOverdueLeavers(now: WallTime) {
        for leaver in leaving where leaver.closeAt <= now { close(leaver, now: now) }
        leaving.removeAll { $0.closeAt <= now }
    }

    mutating func close(_ leaver: Leaving, now: WallTime) {
        noteHeard(leaver.user, now: now)
        draft.closings.append(.close(leaver.session, reason: leaver.reason))
    }

    /// Keeps the table as small as the last half minute.
    private mutating func forgetReplacements(now: WallTime) {
        guard !replacements.isEmpty else { return }
        replacements = replacements.filter { _, record in
            if let until = record.refusedUntil { return now < until }
            return record.times.contains { now - $0 < Self.replacementWindow }
        }
    }

    private mutating func newOrder() -> Action? {
        let onAir = onAirIndex.flatMap { index -> PublishSessionID? in
            // Whoever is shown or called stays, whatever is missing by now, unless nothing comes from them; who comes back is taken once
            // ready again.
            let session = entries[index].session
            let isCalled = session != nil && session == order.onAir && entries[index].silentUntil == nil
            return isShown(session) || isCalled || entries[index].readiness.isReady ? session : nil
        }
        var standby: [PublishSessionID] = []
        for entry in entries where entry.state == .waiting && entry.couldGoOnAir && standby.count < 2 {
            if let session = entry.session { standby.append(session) }
        }
        // Of who is neither shown nor about to be, the line holds nothing that could be.
        let discarded = draft.discarded.filter { isShown($0) || $0 == order.onAir }
        guard
            onAir != order.onAir || standby != order.standby || !discarded.isEmpty
                || settings.output != order.output
        else { return nil }
        order = ProgrammeOrder(
            version: order.version + 1, onAir: onAir, standby: standby, discarded: discarded, output: settings.output)
        return .direct(order)
    }

    private mutating func transition(now: WallTime) -> Action? {
        guard !draft.isEmpty else { return nil }
        defer {
            version += 1
            eventSequence += Int64(draft.events.count)
            draft = Draft()
        }
        return .store(
            QueueTransition(
                channel: channel, epoch: epoch, fromVersion: version, version: version + 1,
                changed: draft.changed.values.map { toStore($0, now: now) }
                    .sorted { ($0.position, $0.id) < ($1.position, $1.id) },
                settings: draft.settingsChanged ? settings : nil,
                blocked: draft.blocked.values.sorted {
                    ($0.user, $0.rule.kind.rawValue) < ($1.user, $1.rule.kind.rawValue)
                },
                unblocked: draft.unblocked.sorted { ($0.user, $0.kind.rawValue) < ($1.user, $1.kind.rawValue) },
                banned: draft.banned.values.sorted { $0.user < $1.user }, unbanned: draft.unbanned.sorted(),
                userSlots: draft.userSlots.values.sorted { $0.user < $1.user }, events: draft.events,
                firstEventSequence: eventSequence + 1, audit: draft.audit, handovers: draft.handovers, at: now))
    }

    /// With the running interval in its used time: what a heartbeat has stored since never goes back by a move.
    private func toStore(_ entry: QueueEntry, now: WallTime) -> QueueEntry {
        var entry = entry
        entry.usedOnAir = used(by: entry, now: now)
        return entry
    }
}

extension QueueEntry {
    fileprivate func isGraceOver(_ now: WallTime) -> Bool {
        switch presence {
        case .grace(let until): until <= now
        case .connected: silentUntil.map { $0 <= now } ?? false
        }
    }
}
