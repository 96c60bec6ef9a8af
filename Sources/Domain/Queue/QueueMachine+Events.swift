/// What happens to a queue from outside. An event of a session that is nobody's any more is a harmless race: nothing.
extension QueueMachine {
    /// A publisher with a valid key asks for a place (rules 1 and 4).
    package mutating func joinRequested(
        _ publisher: PublisherIdentity, newEntry: EntryID, now: WallTime
    ) -> (Result<EntryID, PublishRefusal>, [Action]) {
        liftDueBars(now: now)
        if let refusal = refusalByBan(of: publisher.user) { return (.failure(refusal), finish(now: now)) }
        if let index = entries.firstIndex(where: { $0.user == publisher.user }) {
            return retake(index, by: publisher, now: now)
        }
        if let refusal = refusalByBlock(of: publisher.user, now: now) { return (.failure(refusal), finish(now: now)) }
        guard settings.isOpen else { return (.failure(.queueClosed), finish(now: now)) }
        if let maximum = settings.maximumLength, entries.count >= maximum {
            return (.failure(.queueFull(maximum: maximum)), finish(now: now))
        }
        var entry = QueueEntry(
            id: newEntry, user: publisher.user, name: publisher.name, state: .waiting,
            presence: .connected(publisher.session), readiness: .notReady([Self.justConnected]),
            position: (entries.map(\.position).max() ?? 0) + 1, joinedAt: now)
        entry.isHeld = publisher.isNew
        entries.append(entry)
        draft.changed[entry.id] = entry
        draft.events.append(.queueJoined(entry: entry.id, name: entry.name))
        if entry.isHeld { draft.events.append(.queueHeld(entry: entry.id, name: entry.name)) }
        return (.success(entry.id), finish(now: now))
    }

    /// The same key publishes again: the newer connection takes the place at once (rule 4), or a dropped DJ is back (rule 3).
    private mutating func retake(
        _ index: Int, by publisher: PublisherIdentity, now: WallTime
    ) -> (Result<EntryID, PublishRefusal>, [Action]) {
        switch entries[index].presence {
        case .connected(let old):
            if let wait = refuseReplacement(of: publisher.user, now: now) {
                return (.failure(.tooManyReplacements(retryAfter: wait)), finish(now: now))
            }
            draft.closings.append(.close(old, reason: "A newer connection with your key has taken over."))
            health[old] = nil
            remember(old, of: entries[index], cause: .replaced)
            if entries[index].silentUntil != nil {
                entries[index].silentUntil = nil
                draft.events.append(.djReturned(entry: entries[index].id, name: entries[index].name))
            }
        case .grace:
            draft.events.append(.djReturned(entry: entries[index].id, name: entries[index].name))
        }
        entries[index].presence = .connected(publisher.session)
        entries[index].readiness = .notReady([Self.justConnected])
        entries[index].health = nil
        markChanged(index)
        let id = entries[index].id
        return (.success(id), finish(now: now))
    }

    /// Counts a replacement; how long the newer one is refused, or `nil` when it may take over.
    private mutating func refuseReplacement(of user: UserID, now: WallTime) -> Duration? {
        var record = replacements[user] ?? Replacements()
        defer { replacements[user] = record }
        if let until = record.refusedUntil {
            if now < until { return until - now }
            record = Replacements()
        }
        record.times.removeAll { now - $0 >= Self.replacementWindow }
        if record.times.count >= Self.replacementLimit {
            record.refusedUntil = now + Self.replacementPenalty
            return Self.replacementPenalty
        }
        record.times.append(now)
        return nil
    }

    package mutating func readinessChanged(
        _ session: PublishSessionID, to readiness: Readiness, now: WallTime
    ) -> [Action] {
        guard let index = index(of: session), entries[index].readiness != readiness else { return [] }
        let wasReady = entries[index].readiness.isReady
        entries[index].readiness = readiness
        let (entry, name) = (entries[index].id, entries[index].name)
        switch readiness {
        case .ready: draft.events.append(.queueReady(entry: entry, name: name))
        case .notReady(let missing):
            if wasReady { draft.events.append(.queueUnready(entry: entry, name: name, missing: missing)) }
        }
        return finish(now: now)
    }

    /// No media came from a connected publisher for 1.5 s, or it comes again (design §5, Stalls): grace runs as for a dropped
    /// one, but whoever is on air stays ordered, for the delay line may carry them over it.
    package mutating func silenceChanged(
        _ session: PublishSessionID, isSilent: Bool, now: WallTime
    ) -> [Action] {
        guard let index = index(of: session), (entries[index].silentUntil != nil) != isSilent else { return [] }
        let (entry, name) = (entries[index].id, entries[index].name)
        if isSilent {
            let until = graceEnd(entries[index], now: now)
            entries[index].silentUntil = until
            draft.events.append(.djDropped(entry: entry, name: name, until: until))
        } else {
            entries[index].silentUntil = nil
            draft.events.append(.djReturned(entry: entry, name: name))
        }
        markChanged(index)
        return finish(now: now)
    }

    private func graceEnd(_ entry: QueueEntry, now: WallTime) -> WallTime {
        now + .seconds(entry.state == .onAir ? settings.graceOnAirSeconds : settings.graceWaitingSeconds)
    }

    /// What a publisher's media lacks has changed (`deadAfter`).
    package mutating func mediaHealthChanged(
        _ session: PublishSessionID, to health: MediaHealth, now: WallTime
    ) -> [Action] {
        guard index(of: session) != nil else { return [] }
        self.health[session] = health == MediaHealth() ? nil : health
        return finish(now: now)
    }

    /// What is wrong with a publisher's stream has changed.
    package mutating func streamHealthChanged(
        _ session: PublishSessionID, to health: HealthSummary, now: WallTime
    ) -> [Action] {
        guard let index = index(of: session), entries[index].health != health else { return [] }
        entries[index].health = health
        draft.events.append(.healthChanged(entry: entries[index].id, name: entries[index].name, health))
        return finish(now: now)
    }

    /// An OBS has something to tell.
    package mutating func studioReported(_ news: StudioNews, now: WallTime) -> [Action] {
        draft.events.append(.studio(news))
        return finish(now: now)
    }

    /// A session's connection is gone. One that was replaced before is nobody's session any more.
    package mutating func sessionEnded(_ session: PublishSessionID, how: PublisherEnd, now: WallTime) -> [Action] {
        if let leaver = leaving.firstIndex(where: { $0.session == session }) {
            noteHeard(leaving.remove(at: leaver).user, now: now)
        }
        health[session] = nil
        guard let index = index(of: session) else { return [] }
        switch how {
        case .finished: end(index, reason: .finished, now: now)
        case .dropped, .closedByServer: drop(index, now: now)
        }
        return finish(now: now)
    }

    /// Rule 3. Who is lost before the slot's first picture has not begun it: the place is kept among those who wait.
    private mutating func drop(_ index: Int, now: WallTime) {
        if entries[index].state == .onAir, entries[index].onAirSince == nil { entries[index].state = .waiting }
        // Grace began with the silence, if there was one.
        let wasSilent = entries[index].silentUntil
        let until = wasSilent ?? graceEnd(entries[index], now: now)
        if let session = entries[index].session { remember(session, of: entries[index], cause: .connectionLost) }
        entries[index].health = nil
        entries[index].silentUntil = nil
        entries[index].presence = .grace(until: until)
        entries[index].readiness = .notReady([Self.notConnected])
        markChanged(index)
        if wasSilent == nil {
            draft.events.append(.djDropped(entry: entries[index].id, name: entries[index].name, until: until))
        }
    }

    /// The programme's output changed (I1: one input at a time).
    package mutating func programmeReported(_ report: ProgrammeReport, now: WallTime) -> [Action] {
        let before = showing
        switch report {
        case .slate:
            showing = .slate
        case .onAir(let session):
            // A session that was replaced since its picture left has no entry; whoever was shown goes on being shown.
            guard let index = index(of: session) else { return [] }
            showing = .dj(session, entry: entries[index].id, name: entries[index].name)
            let user = entries[index].user
            liftBlocks { $0.kind == .someoneElsePlayed && $0.user != user }
        }
        guard showing != before else { return [] }
        stopClock(now: now)
        noteOutput(from: before, to: showing)
        startClock(now: now)
        let staying = leaving.filter { isShown($0.session) }
        for leaver in leaving where !isShown(leaver.session) { close(leaver, now: now) }
        leaving = staying
        return finish(now: now)
    }

    private mutating func noteOutput(from before: Showing, to after: Showing) {
        switch before {
        case .slate: draft.events.append(.slateEnded)
        case .dj(_, let entry, let name): draft.events.append(.onAirEnded(entry: entry, name: name))
        }
        switch after {
        case .slate: draft.events.append(.slateStarted)
        case .dj(_, let entry, let name): draft.events.append(.onAirStarted(entry: entry, name: name))
        }
    }

    /// The moment `nextDeadline` named has come (or passed; or not quite: then nothing happens).
    package mutating func deadlinePassed(now: WallTime) -> [Action] {
        finish(now: now)
    }

    /// The last `count` events of the last move were given up before anybody saw them: their numbers are free again.
    package mutating func takeBack(events count: Int) { eventSequence -= Int64(count) }

    /// Somebody else owns the channel: everybody is sent away, the slate shows, nothing is stored any more.
    package mutating func stepDown() -> [Action] {
        let sessions = entries.compactMap(\.session) + leaving.map(\.session)
        leaving = []
        order = ProgrammeOrder(version: order.version + 1, onAir: nil, standby: [], output: order.output)
        let reason = "Another server has taken this channel over: connect again."
        return [.direct(order)] + sessions.map { .close($0, reason: reason) }
    }
}
