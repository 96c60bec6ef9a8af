/// Whose turn it is (design §4): an event and the time go in, the new state and a list of actions come out.
///
/// A pure value. It never sees a socket, a clock or a database; `Queueing` owns one per channel, calls it and carries its
/// actions out. Times must not run backwards; `Queueing` sees to it.
///
///     waiting ──(first ready, nobody on air)──▶ onAir ──▶ ended(reason)
///        └────────────────(stops, removed, grace over)──────▲
///
/// Beside the state: `connected(session)` or `grace(until)`, and ready or what is missing. What the *output* shows is told by
/// `programmeReported`; the slot clock follows that, not the decision.
package struct QueueMachine: Sendable {
    package enum Action: Sendable, Equatable {
        /// The programme is to work towards this.
        case direct(ProgrammeOrder)
        /// Send this session away; `reason` is for its encoder.
        case close(PublishSessionID, reason: String)
        /// Write this move; order matters.
        case store(QueueTransition)
        /// Keep the slot's used time; may be lost.
        case heartbeat(EntryID, usedOnAir: Duration)
    }

    /// What the output shows, by the programme's last report.
    private enum Showing: Sendable, Equatable {
        case slate
        case dj(PublishSessionID, entry: EntryID, name: String)
    }

    /// A session whose entry has ended, kept until the programme shows something else (design §5, Joins: planned).
    private struct Leaving: Sendable, Equatable {
        var session: PublishSessionID
        var reason: String
        var closeAt: WallTime
    }

    /// One person's recent replacements (rule 4).
    private struct Replacements: Sendable {
        var times: [WallTime] = []
        var refusedUntil: WallTime?
    }

    package let channel: ChannelName
    package private(set) var version: Int64
    /// The owner's; all moves carry it.
    package let epoch: Int64
    /// The last event's number.
    private var eventSequence: Int64
    package private(set) var settings: QueueSettings
    /// Live entries, head first: the one on air, then those waiting in order.
    package private(set) var entries: [QueueEntry]

    private var showing: Showing = .slate
    /// Until then those who were here before the start and have not come back yet are waited for: who reconnects faster
    /// shall not overtake (rule 2 otherwise takes the first who is ready).
    private var returnsUntil: WallTime?
    /// Since when the output shows the entry on air; `nil` while it does not.
    private var clockStartedAt: WallTime?
    private var lastHeartbeat: WallTime?
    private var leaving: [Leaving] = []
    private var replacements: [UserID: Replacements] = [:]
    private var order = ProgrammeOrder(version: 0, onAir: nil, standby: [])

    // What the running event has changed; emptied by `finish`.
    private var changed: [EntryID: QueueEntry] = [:]
    private var settingsChanged = false
    private var events: [DomainEvent] = []

    /// How long a session whose slot is over may stay when the programme does not move on.
    static let longestLeave: Duration = .seconds(15)
    /// Rule 4: more replacements than this within the window are refused for `replacementPenalty`.
    static let replacementLimit = 3
    static let replacementWindow: Duration = .seconds(10)
    static let replacementPenalty: Duration = .seconds(30)
    static let heartbeatInterval: Duration = .seconds(1)
    /// How long after a start the order waits for its own: an encoder's retry (OBS: 2 s), then a key frame and the delay.
    static let returnWindow: Duration = .seconds(10)

    /// Takes up a stored queue. Nobody is connected after a start: every live entry gets its full grace from `now`.
    package init(channel: ChannelName, record: QueueRecord, now: WallTime) {
        self.channel = channel
        self.version = record.version
        self.epoch = record.epoch
        self.eventSequence = record.eventSequence
        self.settings = record.settings
        self.entries = record.entries.filter(\.state.isLive).sorted { $0.position < $1.position }
        for index in entries.indices {
            let grace = entries[index].state == .onAir ? settings.graceOnAirSeconds : settings.graceWaitingSeconds
            entries[index].presence = .grace(until: now + .seconds(grace))
            entries[index].readiness = .notReady([Self.notConnected])
            changed[entries[index].id] = entries[index]
        }
        if !entries.isEmpty { returnsUntil = now + Self.returnWindow }
        sortEntries()
    }

    static let notConnected = "The encoder is not connected."
    static let justConnected = "The encoder has just connected; its media is being looked at."

    // MARK: Events

    /// A publisher with a valid key asks for a place (rules 1 and 4).
    package mutating func joinRequested(
        _ publisher: PublisherIdentity, newEntry: EntryID, now: WallTime
    ) -> (Result<EntryID, PublishRefusal>, [Action]) {
        if let index = entries.firstIndex(where: { $0.user == publisher.user }) {
            return retake(index, by: publisher, now: now)
        }
        guard settings.isOpen else { return (.failure(.queueClosed), []) }
        if let maximum = settings.maximumLength, entries.count >= maximum {
            return (.failure(.queueFull(maximum: maximum)), [])
        }
        let entry = QueueEntry(
            id: newEntry, user: publisher.user, name: publisher.name, state: .waiting,
            presence: .connected(publisher.session), readiness: .notReady([Self.justConnected]),
            position: (entries.map(\.position).max() ?? 0) + 1, joinedAt: now)
        entries.append(entry)
        changed[entry.id] = entry
        events.append(.queueJoined(entry: entry.id, name: entry.name))
        return (.success(entry.id), finish(now: now))
    }

    package mutating func readinessChanged(
        _ session: PublishSessionID, to readiness: Readiness, now: WallTime
    ) -> [Action] {
        guard let index = index(of: session), entries[index].readiness != readiness else { return [] }
        let wasReady = entries[index].readiness.isReady
        entries[index].readiness = readiness
        switch readiness {
        case .ready:
            events.append(.queueReady(entry: entries[index].id, name: entries[index].name))
        case .notReady(let missing):
            if wasReady {
                events.append(
                    .queueUnready(entry: entries[index].id, name: entries[index].name, missing: missing))
            }
        }
        return finish(now: now)
    }

    /// A session's connection is gone. One that was replaced before is nobody's session any more: a harmless race.
    package mutating func sessionEnded(_ session: PublishSessionID, how: PublisherEnd, now: WallTime) -> [Action] {
        leaving.removeAll { $0.session == session }
        guard let index = index(of: session) else { return [] }
        switch how {
        case .finished:
            end(index, reason: .finished, now: now)
        case .dropped, .closedByServer:
            let isOnAir = entries[index].state == .onAir
            let until = now + .seconds(isOnAir ? settings.graceOnAirSeconds : settings.graceWaitingSeconds)
            entries[index].presence = .grace(until: until)
            entries[index].readiness = .notReady([Self.notConnected])
            markChanged(index)
            events.append(.djDropped(entry: entries[index].id, name: entries[index].name, until: until))
        }
        return finish(now: now)
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
        }
        guard showing != before else { return [] }
        stopClock(now: now)
        noteOutput(from: before, to: showing)
        startClock(now: now)
        let gone = leaving.filter { leaver in
            if case .dj(leaver.session, _, _) = showing { false } else { true }
        }
        leaving.removeAll { gone.contains($0) }
        return gone.map { .close($0.session, reason: $0.reason) } + finish(now: now)
    }

    /// Ends the slot of whoever is on air; with `entry`, only if it is that one (a second click is harmless).
    private mutating func skip(entry: EntryID?, now: WallTime) throws(QueueCommandError) -> [Action] {
        guard let index = entries.firstIndex(where: { $0.state == .onAir }) ?? entries.indices.first else {
            throw entry == nil ? .nobodyOnAir : .unknownEntry
        }
        if let entry, entries[index].id != entry { throw .unknownEntry }
        end(index, reason: .skipped, now: now, farewell: "An admin ended your slot. You may queue again.")
        return finish(now: now)
    }

    package mutating func perform(_ command: QueueCommand, now: WallTime) throws(QueueCommandError) -> [Action] {
        if let expected = command.expectedVersion, expected != version {
            throw .versionConflict(present: view(now: now))
        }
        var new = settings
        switch command.act {
        case .skip(let entry): return try skip(entry: entry, now: now)
        case .setOpen(let isOpen): new.isOpen = isOpen
        case .setAutoAdvance(let advances): new.autoAdvance = advances
        case .setSlotLength(let seconds, _): new.slotSeconds = seconds
        case .set(let texts):
            for (name, text) in texts.sorted(by: { $0.key < $1.key }) { try new.set(name, to: text) }
        case .remove, .move, .putOnAir, .hold, .release, .extend, .setRemaining, .ban, .unban, .unblock, .setUserSlot,
            .clear:
            throw .refused("this act is still to be made")
        }
        if let problem = new.problem { throw .invalidSetting(problem) }
        guard new != settings else { return [] }
        settings = new
        settingsChanged = true
        events.append(.settingsChanged)
        return finish(now: now)
    }

    /// The moment `nextDeadline` named has come (or passed; or not quite: then nothing happens).
    package mutating func deadlinePassed(now: WallTime) -> [Action] {
        finish(now: now)
    }

    /// When `deadlinePassed` is due next.
    package func nextDeadline(now: WallTime) -> WallTime? {
        var deadlines: [WallTime] = leaving.map(\.closeAt)
        if let returnsUntil { deadlines.append(returnsUntil) }
        for entry in entries {
            if case .grace(let until) = entry.presence { deadlines.append(until) }
        }
        if let onAir = entries.first(where: { $0.state == .onAir }), clockStartedAt != nil {
            if let left = remaining(of: onAir, now: now), left > .zero { deadlines.append(now + left) }
            deadlines.append((lastHeartbeat ?? now) + Self.heartbeatInterval)
        }
        return deadlines.min()
    }

    // MARK: What others see

    package func view(now: WallTime) -> QueueView {
        QueueView(
            channel: channel, version: version, at: now, showing: showing == .slate ? .slate : .dj,
            isOpen: settings.isOpen, slotSeconds: settings.slotSeconds,
            entries: entries.map { viewEntry($0, now: now) }, settings: settings)
    }

    private func viewEntry(_ entry: QueueEntry, now: WallTime) -> QueueView.Entry {
        var missing: [String] = []
        if case .notReady(let reasons) = entry.readiness { missing = reasons }
        var graceUntil: WallTime?
        if case .grace(let until) = entry.presence { graceUntil = until }
        let left = entry.state == .onAir ? remaining(of: entry, now: now) : nil
        return QueueView.Entry(
            id: entry.id, user: entry.user, name: entry.name, state: entry.state == .onAir ? .onAir : .waiting,
            connected: graceUntil == nil, ready: entry.readiness.isReady, missing: missing,
            joinedAt: entry.joinedAt, graceUntil: graceUntil, onAirSince: entry.onAirSince,
            remainingSeconds: left.map { Double(max(0, $0.wholeMilliseconds)) / 1000 },
            clockRuns: entry.state == .onAir && clockStartedAt != nil)
    }

    // MARK: Rules

    /// The same key publishes again: the newer connection takes the place at once (rule 4), or a dropped DJ is back (rule 3).
    private mutating func retake(
        _ index: Int, by publisher: PublisherIdentity, now: WallTime
    ) -> (Result<EntryID, PublishRefusal>, [Action]) {
        var closing: [Action] = []
        switch entries[index].presence {
        case .connected(let old):
            if let wait = refuseReplacement(of: publisher.user, now: now) {
                return (.failure(.tooManyReplacements(retryAfter: wait)), [])
            }
            closing.append(.close(old, reason: "A newer connection with your key has taken over."))
        case .grace:
            events.append(.djReturned(entry: entries[index].id, name: entries[index].name))
        }
        entries[index].presence = .connected(publisher.session)
        entries[index].readiness = .notReady([Self.justConnected])
        markChanged(index)
        let id = entries[index].id
        return (.success(id), closing + finish(now: now))
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

    private mutating func end(_ index: Int, reason: QueueEntry.EndReason, now: WallTime, farewell: String? = nil) {
        if entries[index].state == .onAir { stopClock(now: now) }
        var entry = entries.remove(at: index)
        if let farewell, case .connected(let session) = entry.presence {
            // Only whom the output shows is needed until it shows something else.
            var isShown: Bool {
                if case .dj(session, _, _) = showing { true } else { false }
            }
            leaving.append(
                Leaving(session: session, reason: farewell, closeAt: isShown ? now + Self.longestLeave : now))
        }
        entry.state = .ended(reason)
        entry.endedAt = now
        changed[entry.id] = entry
        events.append(.queueLeft(entry: entry.id, name: entry.name, reason: reason))
    }

    /// Applies every rule that depends on time or on others, then collects the actions of the whole event.
    private mutating func finish(now: WallTime) -> [Action] {
        endGraces(now: now)
        endSlotIfDue(now: now)
        takeNextIfFree(now: now)
        sortEntries()
        var actions = closeOverdueLeavers(now: now)
        actions += heartbeatIfDue(now: now)
        forgetReplacements(now: now)
        if let action = newOrder() { actions.append(action) }
        if let action = transition(now: now) { actions.append(action) }
        return actions
    }

    private mutating func endGraces(now: WallTime) {
        for entry in entries {
            guard case .grace(let until) = entry.presence, until <= now,
                let index = entries.firstIndex(where: { $0.id == entry.id })
            else { continue }
            end(index, reason: .dropped, now: now)
        }
    }

    /// Rule 5: by its clock if someone ready waits; else the DJ stays, when `overtimeWhenAlone`.
    private mutating func endSlotIfDue(now: WallTime) {
        guard let index = entries.firstIndex(where: { $0.state == .onAir }),
            let left = remaining(of: entries[index], now: now), left <= .zero
        else { return }
        let someoneReady = entries.contains { $0.state == .waiting && $0.couldGoOnAir }
        guard someoneReady || !settings.overtimeWhenAlone else { return }
        end(index, reason: .slotOver, now: now, farewell: "Your slot is over. Thank you! You may queue again.")
    }

    /// Rule 2: the first ready entry goes on air when nobody is (I1).
    private mutating func takeNextIfFree(now: WallTime) {
        if let until = returnsUntil, until <= now { returnsUntil = nil }
        guard !entries.contains(where: { $0.state == .onAir }),
            let index = entries.firstIndex(where: \.couldGoOnAir)
        else { return }
        if returnsUntil != nil, index > 0 { return }
        entries[index].state = .onAir
        markChanged(index)
        events.append(.handoverPlanned(entry: entries[index].id, name: entries[index].name))
    }

    private mutating func closeOverdueLeavers(now: WallTime) -> [Action] {
        let overdue = leaving.filter { $0.closeAt <= now }
        leaving.removeAll { $0.closeAt <= now }
        return overdue.map { .close($0.session, reason: $0.reason) }
    }

    private mutating func heartbeatIfDue(now: WallTime) -> [Action] {
        guard clockStartedAt != nil, let onAir = entries.first(where: { $0.state == .onAir }) else { return [] }
        guard let last = lastHeartbeat else {
            lastHeartbeat = now
            return []
        }
        guard now - last >= Self.heartbeatInterval else { return [] }
        lastHeartbeat = now
        return [.heartbeat(onAir.id, usedOnAir: used(by: onAir, now: now))]
    }

    /// Keeps the table as small as the last half minute.
    private mutating func forgetReplacements(now: WallTime) {
        replacements = replacements.filter { _, record in
            if let until = record.refusedUntil { return now < until }
            return record.times.contains { now - $0 < Self.replacementWindow }
        }
    }

    private mutating func newOrder() -> Action? {
        let onAir = entries.first { $0.state == .onAir }.flatMap { entry -> PublishSessionID? in
            guard case .connected(let session) = entry.presence else { return nil }
            // Whoever is shown stays, whatever is missing by now; who comes back is taken once ready again.
            if case .dj(session, _, _) = showing { return session }
            return entry.readiness.isReady ? session : nil
        }
        let standby = entries.lazy.filter { $0.state == .waiting && $0.couldGoOnAir }.compactMap(\.session).prefix(2)
        var next = ProgrammeOrder(version: order.version, onAir: onAir, standby: Array(standby))
        guard next != order else { return nil }
        next.version += 1
        order = next
        return .direct(next)
    }

    private mutating func transition(now: WallTime) -> Action? {
        guard !changed.isEmpty || settingsChanged || !events.isEmpty else { return nil }
        let transition = QueueTransition(
            channel: channel, epoch: epoch, fromVersion: version, version: version + 1,
            changed: changed.values.sorted { $0.position < $1.position }, settings: settingsChanged ? settings : nil,
            events: events, firstEventSequence: eventSequence + 1, at: now)
        eventSequence += Int64(events.count)
        version += 1
        changed.removeAll()
        settingsChanged = false
        events.removeAll()
        return .store(transition)
    }

    // MARK: The slot clock

    /// On-air time used, with the running interval.
    private func used(by entry: QueueEntry, now: WallTime) -> Duration {
        guard entry.state == .onAir, let start = clockStartedAt else { return entry.usedOnAir }
        return entry.usedOnAir + max(.zero, now - start)
    }

    /// `nil`: unlimited. May be negative in overtime.
    private func remaining(of entry: QueueEntry, now: WallTime) -> Duration? {
        settings.slotSeconds.map { .seconds($0) - used(by: entry, now: now) }
    }

    private mutating func stopClock(now: WallTime) {
        guard let start = clockStartedAt else { return }
        clockStartedAt = nil
        lastHeartbeat = nil
        guard let index = entries.firstIndex(where: { $0.state == .onAir }) else { return }
        entries[index].usedOnAir += max(.zero, now - start)
        markChanged(index)
    }

    private mutating func startClock(now: WallTime) {
        guard case .dj(_, let entry, _) = showing,
            let index = entries.firstIndex(where: { $0.id == entry && $0.state == .onAir })
        else { return }
        clockStartedAt = now
        lastHeartbeat = now
        if entries[index].onAirSince == nil { entries[index].onAirSince = now }
        markChanged(index)
    }

    private mutating func noteOutput(from before: Showing, to after: Showing) {
        switch before {
        case .slate: events.append(.slateEnded)
        case .dj(_, let entry, let name): events.append(.onAirEnded(entry: entry, name: name))
        }
        switch after {
        case .slate: events.append(.slateStarted)
        case .dj(_, let entry, let name): events.append(.onAirStarted(entry: entry, name: name))
        }
    }

    // MARK: Small things

    private func index(of session: PublishSessionID) -> Int? {
        entries.firstIndex { $0.session == session }
    }

    private mutating func markChanged(_ index: Int) {
        changed[entries[index].id] = entries[index]
    }

    /// On air first, then by position.
    private mutating func sortEntries() {
        entries.sort { left, right in
            let leftWaits = left.state == .onAir ? 0 : 1
            let rightWaits = right.state == .onAir ? 0 : 1
            return (leftWaits, left.position) < (rightWaits, right.position)
        }
    }
}
