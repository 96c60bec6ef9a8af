/// What operators do (design §4, rule 7). Each act is checked whole before anything changes, does exactly what it says, and
/// leaves a line for the audit log. One that would change nothing succeeds and leaves no trace.
extension QueueMachine {
    /// What an act changed, for the audit log.
    struct Note {
        var subject: String?
        var before = JSONObjectText()
        var after = JSONObjectText()
    }

    /// - Throws: `versionConflict` when `expectedVersion` is given and not the present one; otherwise what is wrong with the
    ///   act. Nothing has changed then.
    package mutating func perform(_ command: QueueCommand, now: WallTime) throws(QueueCommandError) -> [Action] {
        var next = self
        // Whatever fell due before the act is not the act's doing, and the caller has not seen it.
        var actions = next.finish(now: now)
        if let expected = command.expectedVersion, expected != next.version {
            throw .versionConflict(present: next.view(now: now))
        }
        let leftBefore = next.onAirIndex.flatMap { next.remaining(of: next.entries[$0], now: now) }
        let onAirBefore = next.onAirIndex.map { next.entries[$0].id }
        let note = try next.apply(command.act, now: now)
        if !next.draft.isEmpty {
            if next.onAirIndex.map({ next.entries[$0].id }) == onAirBefore {
                next.rearmWarnings(leftBefore: leftBefore, now: now)
            }
            next.draft.audit.append(
                AuditRecord(
                    at: now, actor: command.actor, action: command.act.kind, channel: channel, subject: note.subject,
                    before: note.before.isEmpty ? nil : note.before.text,
                    after: note.after.isEmpty ? nil : note.after.text))
            actions += next.finish(now: now)
        }
        self = next
        return actions
    }

    private mutating func apply(_ act: QueueAct, now: WallTime) throws(QueueCommandError) -> Note {
        switch act {
        case .skip(let entry): try skip(entry, now: now)
        case .remove(let entry): try remove(entry, now: now)
        case .move(let entry, let place): try move(entry, to: place)
        case .putOnAir(let entry): try putOnAir(entry, now: now)
        case .hold(let entry): try setHeld(entry, true)
        case .release(let entry): try setHeld(entry, false)
        case .extend(let entry, let seconds): try extend(entry, by: seconds, now: now)
        case .setRemaining(let entry, let seconds): try setRemaining(entry, to: seconds, now: now)
        case .setSlotLength(let seconds, let resets): try setSlotLength(seconds, resetRunning: resets, now: now)
        case .ban(let user, let until, let reason): try ban(user, until: until, reason: reason, now: now)
        case .unban(let user): unban(user)
        case .unblock(let user): unblock(user)
        case .setUserSlot(let user, let seconds): try setUserSlot(user, seconds)
        case .setOpen(let isOpen): try setSettings { $0.isOpen = isOpen }
        case .setAutoAdvance(let advances): try setSettings { $0.autoAdvance = advances }
        case .set(let texts): try set(texts, now: now)
        case .clear(let includesOnAir): clear(includingOnAir: includesOnAir, now: now)
        case .emergency(let state): try setSettings { $0.output.emergency = state }
        }
    }

    // MARK: Entries

    private func find(_ entry: EntryID) throws(QueueCommandError) -> Int {
        guard let index = entries.firstIndex(where: { $0.id == entry }) else { throw .unknownEntry }
        return index
    }

    private func findOrOnAir(_ entry: EntryID?) throws(QueueCommandError) -> Int {
        if let entry { return try find(entry) }
        guard let index = onAirIndex else { throw .nobodyOnAir }
        return index
    }

    private func note(_ index: Int) -> Note {
        var note = Note(subject: entries[index].id.description)
        note.before.add("name", entries[index].name)
        note.before.add("state", entries[index].state == .onAir ? "onAir" : "waiting")
        note.after.add("name", entries[index].name)
        return note
    }

    private mutating func skip(_ entry: EntryID?, now: WallTime) throws(QueueCommandError) -> Note {
        let index = try findOrOnAir(entry)
        guard entries[index].state == .onAir else { throw .refused("This DJ is not on air: remove them instead.") }
        var note = note(index)
        note.before.add("usedSeconds", Int(used(by: entries[index], now: now).components.seconds))
        note.after.add("ended", QueueEntry.EndReason.skipped.rawValue)
        end(index, reason: .skipped, now: now, farewell: Self.skippedFarewell)
        return note
    }

    private mutating func remove(_ entry: EntryID, now: WallTime) throws(QueueCommandError) -> Note {
        let index = try find(entry)
        var note = note(index)
        note.after.add("ended", QueueEntry.EndReason.removed.rawValue)
        end(index, reason: .removed, now: now, farewell: Self.removedFarewell)
        return note
    }

    private static let removedFarewell = "An admin took you out of the queue."

    private mutating func move(_ entry: EntryID, to place: Int) throws(QueueCommandError) -> Note {
        let index = try find(entry)
        guard entries[index].state == .waiting else { throw .refused("This DJ is on air and cannot be moved.") }
        guard place >= 0 else { throw .invalidSetting("the place counts from 0, the head of those who wait") }
        var waiting = entries.indices.filter { entries[$0].state == .waiting }
        let positions = waiting.map { entries[$0].position }
        guard let present = waiting.firstIndex(of: index) else { throw .unknownEntry }
        let target = min(place, waiting.count - 1)
        var note = note(index)
        note.before.add("place", present)
        note.after.add("place", target)
        guard target != present else { return note }
        waiting.insert(waiting.remove(at: present), at: target)
        // The same positions, given out anew: only those between the two places change.
        for (index, position) in zip(waiting, positions) where entries[index].position != position {
            entries[index].position = position
            markChanged(index)
        }
        draft.events.append(.queueMoved(entry: entry, name: entries[index].name, place: target))
        sortEntries()
        return note
    }

    private mutating func putOnAir(_ entry: EntryID, now: WallTime) throws(QueueCommandError) -> Note {
        let index = try find(entry)
        var note = note(index)
        guard entries[index].state == .waiting else { return note }
        note.before.add("onAir", onAirIndex.map { entries[$0].name })
        if entries[index].isHeld { release(index) }
        for other in entries.indices where other != index && entries[other].calledUntil != nil {
            entries[other].calledUntil = nil
            markChanged(other)
        }
        // `finish` answers the call at once when the DJ is ready; a second click does not lengthen the wait.
        guard entries[index].calledUntil == nil else { return note }
        let until = now + Self.callPatience
        entries[index].calledUntil = until
        markChanged(index)
        if entries[index].couldGoOnAir {
            note.after.add("state", "onAir")
        } else {
            note.after.add("calledUntil", until.description)
            draft.events.append(.queueCalled(entry: entry, name: entries[index].name, until: until))
        }
        return note
    }

    private mutating func setHeld(_ entry: EntryID, _ isHeld: Bool) throws(QueueCommandError) -> Note {
        let index = try find(entry)
        guard entries[index].state == .waiting || !isHeld else {
            throw .refused("This DJ is on air and cannot be held: skip or remove them instead.")
        }
        var note = note(index)
        note.before.add("held", entries[index].isHeld)
        note.after.add("held", isHeld)
        guard entries[index].isHeld != isHeld else { return note }
        if isHeld {
            entries[index].isHeld = true
            entries[index].calledUntil = nil
            markChanged(index)
            draft.events.append(.queueHeld(entry: entry, name: entries[index].name))
        } else {
            release(index)
        }
        return note
    }

    private mutating func release(_ index: Int) {
        entries[index].isHeld = false
        markChanged(index)
        draft.events.append(.queueReleased(entry: entries[index].id, name: entries[index].name))
    }

    private mutating func clear(includingOnAir: Bool, now: WallTime) -> Note {
        var note = Note()
        let leavers = entries.filter { includingOnAir || $0.state == .waiting }
        note.before.add("count", leavers.count)
        // A queue may be long; a line of the log is not.
        note.before.add("names", leavers.prefix(20).map { String($0.name.prefix(64)) })
        note.after.add("count", 0)
        for leaver in leavers {
            guard let index = entries.firstIndex(where: { $0.id == leaver.id }) else { continue }
            end(index, reason: .removed, now: now, farewell: Self.removedFarewell)
        }
        return note
    }

    // MARK: The slot

    private mutating func extend(
        _ entry: EntryID?, by seconds: Int, now: WallTime
    ) throws(QueueCommandError) -> Note {
        let index = try findOrOnAir(entry)
        guard (-86_400...86_400).contains(seconds) else {
            throw .invalidSetting("a slot is lengthened or shortened by at most 24 h at a time")
        }
        guard let left = remaining(of: entries[index], now: now) else {
            throw .refused("This slot has no limit: set the time left instead.")
        }
        // In overtime nothing is left: what is added counts from now.
        let new = max(.zero, max(.zero, left) + .seconds(seconds))
        guard new <= .seconds(86_400) else { throw .invalidSetting("at most 24 h can be left of a slot") }
        var note = note(index)
        guard seconds != 0, new != left else { return note }
        entries[index].extraTime += new - left
        noteSlot(index, before: left, &note, now: now)
        return note
    }

    private mutating func setRemaining(
        _ entry: EntryID?, to seconds: Int, now: WallTime
    ) throws(QueueCommandError) -> Note {
        let index = try findOrOnAir(entry)
        guard (0...86_400).contains(seconds) else { throw .invalidSetting("0 s to 24 h can be left of a slot") }
        let left = remaining(of: entries[index], now: now)
        var note = note(index)
        guard left != .seconds(seconds) else { return note }
        entries[index].slotOverride = used(by: entries[index], now: now) + .seconds(seconds)
        entries[index].extraTime = .zero
        noteSlot(index, before: left, &note, now: now)
        return note
    }

    private mutating func noteSlot(_ index: Int, before: Duration?, _ note: inout Note, now: WallTime) {
        markChanged(index)
        let left = remaining(of: entries[index], now: now)
        note.before.add("remainingSeconds", before.map(Self.wholeSeconds))
        note.after.add("remainingSeconds", left.map(Self.wholeSeconds))
        draft.events.append(
            .queueSlotChanged(
                entry: entries[index].id, name: entries[index].name, seconds: left.map(Self.wholeSeconds)))
    }

    private mutating func setSlotLength(
        _ seconds: Int?, resetRunning: Bool, now: WallTime
    ) throws(QueueCommandError) -> Note {
        var note = try setSettings { $0.slotSeconds = seconds }
        guard resetRunning, let index = onAirIndex else { return note }
        let left = remaining(of: entries[index], now: now)
        guard left != seconds.map({ .seconds($0) }) else { return note }
        let used = used(by: entries[index], now: now)
        entries[index].extraTime = .zero
        if let seconds, userSlots[entries[index].user] == nil {
            // Not an override: a later default "without resetting" still counts what has elapsed since now.
            entries[index].slotOverride = nil
            entries[index].extraTime = used
            assert(remaining(of: entries[index], now: now) == .seconds(seconds))
        } else {
            entries[index].slotOverride = seconds.map { .seconds($0) + used }
        }
        noteSlot(index, before: left, &note, now: now)
        return note
    }

    private mutating func setUserSlot(_ user: UserID, _ seconds: Int?) throws(QueueCommandError) -> Note {
        if let seconds, !QueueSettings.slotRange.contains(seconds) {
            throw .invalidSetting("a DJ's slot length must be 1 s to 24 h, or none for the channel's")
        }
        var note = Note(subject: user.description)
        note.before.add("slotSeconds", userSlots[user])
        note.after.add("slotSeconds", seconds)
        guard userSlots[user] != seconds else { return note }
        userSlots[user] = seconds
        draft.userSlots[user] = UserSlot(user: user, seconds: seconds)
        draft.events.append(.djSlotChanged(user: user, seconds: seconds))
        return note
    }

    // MARK: Bars

    private mutating func ban(
        _ user: UserID, until: WallTime?, reason: String?, now: WallTime
    ) throws(QueueCommandError) -> Note {
        if let until, until <= now { throw .invalidSetting("a ban ends in the future, or not at all") }
        if let reason, reason.count > QueueBan.longestReason || reason.unicodeScalars.contains(where: { $0.value < 32 })
        {
            throw .invalidSetting("a reason has at most \(QueueBan.longestReason) characters on one line")
        }
        let index = entries.firstIndex { $0.user == user }
        let old = bans[user]
        let name = index.map { entries[$0].name } ?? old?.name ?? blocks.values.first { $0.user == user }?.name
        var note = Note(subject: user.description)
        note.before.add("banned", old != nil)
        note.before.add("until", old?.until?.description)
        note.after.add("banned", true)
        note.after.add("name", name)
        note.after.add("until", until?.description)
        note.after.add("reason", reason)
        if let old, old.until == until, old.reason == reason, index == nil { return note }
        let ban = QueueBan(user: user, name: name, since: now, until: until, reason: reason)
        bans[user] = ban
        draft.banned[user] = ban
        draft.unbanned.remove(user)
        draft.events.append(.djBanned(user: user, name: name, until: until, reason: reason))
        draft.discarded.formUnion(leaving.filter { $0.user == user }.map(\.session))
        if let session = index.flatMap({ entries[$0].session }) { draft.discarded.insert(session) }
        if let index { end(index, reason: .banned, now: now) }
        leaving.removeAll { $0.user == user }
        draft.closings.append(
            .closePublisher(user, reason: PublishRefusal.banned(until: until, reason: reason).message))
        return note
    }

    private mutating func unban(_ user: UserID) -> Note {
        var note = Note(subject: user.description)
        guard let ban = bans[user] else { return note }
        note.before.add("banned", true)
        note.before.add("until", ban.until?.description)
        note.before.add("reason", ban.reason)
        note.after.add("banned", false)
        lift(ban)
        return note
    }

    private mutating func unblock(_ user: UserID) -> Note {
        var note = Note(subject: user.description)
        note.before.add(
            "blocked",
            QueueBlock.Kind.allCases.map { QueueBlock.Key(user: user, kind: $0) }
                .filter { blocks[$0] != nil }.map(\.kind.rawValue))
        note.after.add("blocked", [String]())
        liftBlocks { $0.user == user }
        return note
    }

    // MARK: Settings

    private mutating func set(_ texts: [String: String], now: WallTime) throws(QueueCommandError) -> Note {
        var new = settings
        for (name, text) in texts.sorted(by: { $0.key < $1.key }) { try new.set(name, to: text) }
        let note = try setSettings { $0 = new }
        passOverNewWarnings(now: now)
        return note
    }

    private mutating func setSettings(
        _ change: (inout QueueSettings) -> Void
    ) throws(QueueCommandError) -> Note {
        var new = settings
        change(&new)
        if let problem = new.problem { throw .invalidSetting(problem) }
        var note = Note()
        for name in QueueSettings.names where settings.text(of: name) != new.text(of: name) {
            note.before.add(name, settings.text(of: name))
            note.after.add(name, new.text(of: name))
        }
        guard new != settings else { return note }
        let wasEmergency = settings.output.emergency
        settings = new
        draft.settingsChanged = true
        draft.events.append(.settingsChanged)
        if new.output.emergency != wasEmergency {
            draft.events.append(.emergencyChanged(state: new.output.emergency))
        }
        // A rule that is switched off keeps nobody out any more.
        liftBlocks { key in
            switch key.kind {
            case .until, .someoneElsePlayed: new.blockAfterTurn == .off
            case .encoderQuiet: new.rejoin == .tail
            }
        }
        return note
    }
}
