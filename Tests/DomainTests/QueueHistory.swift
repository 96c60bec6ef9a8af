import Domain
import TestKit

#if canImport(Glibc)
    import Glibc
#endif

enum QueueHistoryCount {
    static var wanted: Int {
        guard let text = getenv("LINEUP_QUEUE_HISTORIES") else { return 100_000 }
        return Int(String(cString: text)) ?? 100_000
    }
}

/// One random history: plays events into a machine, keeps what a database would hold, and looks after each event whether all
/// that must hold does. Plain comparisons instead of `#expect`: there are millions of them.
struct QueueHistory {
    private var generator: SeededGenerator
    private var machine: QueueMachine
    private var database = QueueDatabase()
    private var now = WallTime(milliseconds: 1_800_000_000_000)
    private var takes: [Int]
    private var joined: Set<EntryID> = []
    private var nextEntry: UInt64 = 1
    /// The last warning of each entry since its slot was last changed.
    private var lastWarning: [EntryID: Int] = [:]
    private var order = ProgrammeOrder(version: 0, onAir: nil, standby: [])
    private var lastUsed: [EntryID: Duration] = [:]
    /// Right after a start the order waits for its own.
    private var returnsUntil: WallTime?
    private var problem: String?
    /// A move since the last look told of one who was moved.
    private var hasMoved = false
    private(set) var turns = 0
    /// What happened: events, those who left with their reason.
    private(set) var kinds: Set<String> = []

    init(seed: UInt64, settings given: QueueSettings? = nil) {
        generator = SeededGenerator(seed: seed)
        var settings = QueueSettings(slotSeconds: 60, warningSeconds: [30, 10])
        settings.coverDrop = Bool.random(using: &generator) ? .slate : .next
        settings.rejoin = Int.random(in: 0..<4, using: &generator) == 0 ? .afterQuiet : .tail
        settings.overtimeWhenAlone = Int.random(in: 0..<4, using: &generator) != 0
        settings.endsDeadSlots = Bool.random(using: &generator)
        settings.blockAfterTurn =
            [.off, .off, .untilSomeoneElsePlayed, .minutes(1)].randomElement(using: &generator) ?? .off
        takes = Array(repeating: 0, count: 41)
        database.settings = given ?? settings
        machine = QueueMachine(channel: .main, record: database.record(epoch: 1), now: now)
    }

    /// - Returns: what did not hold, after which event.
    mutating func play(events: Int) -> String? {
        for _ in 0..<events {
            let before = machine.entries
            let what = playOne()
            check(before: before)
            if let problem { return "\(problem); after \(what)" }
        }
        return checkNobodyIsLost()
    }

    // MARK: Events

    private mutating func random(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }

    private static func user(_ number: Int) -> UserID { UserID(high: 1, low: UInt64(number)) }
    private func session(_ number: Int) -> PublishSessionID {
        PublishSessionID(high: UInt64(takes[number]), low: UInt64(number))
    }

    private mutating func playOne() -> String {
        let number = random(1..<7)
        switch random(0..<16) {
        case 0, 1, 2: return join(number)
        case 3, 4, 5: return ready(number)
        case 6:
            keep(machine.readinessChanged(session(number), to: .notReady(["no picture"]), now: now))
            return "unready \(number)"
        case 7, 8:
            let how = [PublisherEnd.finished, .dropped, .closedByServer][random(0..<3)]
            keep(machine.sessionEnded(session(number), how: how, now: now))
            return "end \(number) \(how)"
        case 9, 10: return report()
        case 11: return act()
        case 12 where random(0..<2) == 0:
            let isSilent = random(0..<3) != 0
            keep(machine.silenceChanged(session(number), isSilent: isSilent, now: now))
            return "silence \(number) \(isSilent)"
        case 12:
            // Told some time after it began; mostly of whom it matters.
            func since() -> WallTime? { random(0..<2) == 0 ? now - .seconds(random(0..<15)) : nil }
            let onAir = random(0..<4) == 0 ? nil : machine.entries.first { $0.state == .onAir }?.session
            let health = MediaHealth(videoAbsentSince: since(), silentSince: since())
            keep(machine.mediaHealthChanged(onAir ?? session(number), to: health, now: now))
            return "health \(number)"
        case 13 where random(0..<8) == 0: return restart()
        default: return wait(.milliseconds([random(0..<2000), random(0..<70_000)][random(0..<2)]))
        }
    }

    private mutating func join(_ number: Int) -> String {
        takes[number] += 1
        let publisher = PublisherIdentity(session: session(number), user: Self.user(number), name: "dj\(number)")
        let (result, actions) = machine.joinRequested(publisher, newEntry: EntryID(high: 2, low: nextEntry), now: now)
        nextEntry += 1
        if case .success(let id) = result { joined.insert(id) }
        keep(actions)
        return "join \(number)"
    }

    private mutating func ready(_ number: Int) -> String {
        keep(machine.readinessChanged(session(number), to: .ready, now: now))
        return "ready \(number)"
    }

    /// The programme mostly does what it was told, sometimes late or not at all.
    private mutating func report() -> String {
        if let session = order.onAir, random(0..<4) != 0 {
            keep(machine.programmeReported(.onAir(session), now: now))
            return "shows the ordered"
        }
        keep(machine.programmeReported(.slate, now: now))
        return "shows the slate"
    }

    private mutating func act() -> String {
        let entry = machine.entries.randomElement(using: &generator)?.id ?? EntryID(high: 2, low: 0)
        let user = Self.user(random(1..<7))
        let acts: [QueueAct] = [
            .skip(nil), .skip(entry), .remove(entry), .move(entry, to: random(0..<6)), .putOnAir(entry), .hold(entry),
            .release(entry), .release(entry), .extend(nil, seconds: random(-100..<100)),
            .setRemaining(entry, seconds: random(0..<100)),
            .setSlotLength(seconds: random(1..<120), resetRunning: true),
            .setSlotLength(seconds: random(1..<120), resetRunning: false),
            .setSlotLength(seconds: nil, resetRunning: true),
            .ban(user, until: now + .seconds(random(1..<100)), reason: nil), .unban(user), .unblock(user),
            .setUserSlot(user, seconds: random(1..<100)), .setUserSlot(user, seconds: nil), .setOpen(true),
            .setAutoAdvance(true), .setAutoAdvance(random(0..<2) == 0), .clear(includingOnAir: random(0..<2) == 0),
            .set(["coverDrop": random(0..<2) == 0 ? "next" : "slate"]), .set(["warnings": "40,20"]),
            .emergency([.slate, .mute, .off][random(0..<3)]), .emergency(.off),
        ]
        let act = acts[random(0..<acts.count)]
        let actor = Actor(kind: .server, id: nil, name: "history")
        // Whoever may not act hears why; the machine must not have moved then.
        let before = (machine.version, machine.entries)
        do {
            keep(try machine.perform(QueueCommand(act: act, actor: actor), now: now))
        } catch {
            if before != (machine.version, machine.entries) { problem = "a refused act moved the queue" }
        }
        // A changed slot is warned of anew.
        lastWarning.removeAll()
        return "\(act)"
    }

    private mutating func restart() -> String {
        machine = QueueMachine(channel: .main, record: database.record(epoch: machine.epoch + 1), now: now)
        database.sequence = 0
        order = ProgrammeOrder(version: 0, onAir: nil, standby: [])
        returnsUntil = now + .seconds(10)
        // Nobody's clock runs; at most the interval since the last write of it is lost.
        lastUsed.removeAll()
        keep(machine.deadlinePassed(now: now))
        return "a restart"
    }

    private mutating func wait(_ span: Duration) -> String {
        let end = now + span
        while let deadline = machine.nextDeadline, deadline <= end {
            guard deadline > now else {
                problem = "a deadline that has passed is named again"
                break
            }
            now = deadline
            keep(machine.deadlinePassed(now: now))
        }
        now = end
        return "a wait of \(span)"
    }

    private mutating func keep(_ actions: [QueueMachine.Action]) {
        for action in actions {
            switch action {
            case .direct(let next):
                if next.version != order.version + 1 { problem = "an order is left out" }
                order = next
            case .store(let move): keep(move)
            case .close, .closePublisher, .heartbeat: break
            }
        }
    }

    private mutating func keep(_ move: QueueTransition) {
        if let wrong = database.apply(move) { problem = wrong }
        for event in move.events {
            kinds.insert(event.kind)
            switch event {
            case .onAirStarted: turns += 1
            case .queueMoved: hasMoved = true
            case .onAirWarning(let entry, _, let seconds):
                if let last = lastWarning[entry], last <= seconds { problem = "a warning was given twice" }
                lastWarning[entry] = seconds
            case .queueLeft(let entry, _, let reason):
                kinds.insert("queue.left \(reason.rawValue)")
                if database.ended[entry] == nil { problem = "somebody left without an end" }
            default: break
            }
        }
    }

    // MARK: What must hold

    private mutating func check(before: [QueueEntry]) {
        guard problem == nil else { return }
        let entries = machine.entries
        problem =
            headProblem(entries) ?? orderProblem(entries, before: before) ?? databaseProblem(entries)
            ?? programmeProblem(entries)
    }

    /// Exactly one head when someone is ready and may be taken (I1).
    private func headProblem(_ entries: [QueueEntry]) -> String? {
        let onAir = entries.filter { $0.state == .onAir }
        if onAir.count > 1 { return "two are on air" }
        if onAir.first?.isHeld == true { return "a held entry is on air" }
        guard onAir.isEmpty, machine.settings.autoAdvance, !entries.contains(where: { $0.calledUntil != nil }),
            returnsUntil.map({ now >= $0 }) ?? true
        else { return nil }
        return entries.contains(where: \.couldGoOnAir) ? "someone is ready, nobody is on air" : nil
    }

    /// Nobody overtakes but by a rule that says so; slots are never negative, time never runs back.
    private mutating func orderProblem(_ entries: [QueueEntry], before: [QueueEntry]) -> String? {
        if !hasMoved {
            let old = before.filter { entry in
                entry.state == .waiting && entries.contains { $0.id == entry.id && $0.state == .waiting }
            }
            let new = entries.filter { entry in old.contains { $0.id == entry.id } }
            if old.map(\.id) != new.map(\.id) { return "somebody overtook without a rule" }
        }
        hasMoved = false
        var seen: Set<UserID> = []
        var last: Int64?
        for entry in entries {
            if !seen.insert(entry.user).inserted { return "two entries of one DJ" }
            guard entry.state == .waiting else { continue }
            if let last, entry.position <= last { return "the order is not that of the positions" }
            last = entry.position
        }
        for view in machine.view(now: now).entries {
            if let left = view.remainingSeconds, left < 0 { return "negative time is left" }
        }
        for entry in entries {
            if let used = lastUsed[entry.id], entry.usedOnAir < used { return "used time ran back" }
            lastUsed[entry.id] = entry.usedOnAir
        }
        return nil
    }

    /// What a restart would find is what holds now.
    private func databaseProblem(_ entries: [QueueEntry]) -> String? {
        if database.version != machine.version { return "a version was not stored" }
        if database.entries.count != entries.count { return "the store has other entries" }
        for entry in entries {
            guard var stored = database.entries[entry.id] else { return "an entry was not stored" }
            // Not stored: a new connection brings it.
            stored.readiness = entry.readiness
            // On air a move stores the time that runs, too; how near it is to the truth is the heartbeats' part.
            if stored.usedOnAir != entry.usedOnAir, entry.state == .onAir {
                let used = machine.view(now: now).entries.first { $0.id == entry.id }?.usedSeconds ?? 0
                let storedUsed = Double(stored.usedOnAir.wholeMilliseconds) / 1000
                if stored.usedOnAir < entry.usedOnAir || storedUsed > used + 0.001 { return "a time was not stored" }
                stored.usedOnAir = entry.usedOnAir
            }
            if stored != entry { return "an entry's change was not stored: \(stored) \(entry)" }
        }
        if database.settings != machine.settings { return "settings were not stored" }
        if database.blocks != machine.blocks { return "a block was not stored" }
        if database.bans != machine.bans { return "a ban was not stored" }
        if database.userSlots.compactMapValues(\.seconds) != machine.userSlots { return "a slot was not stored" }
        return nil
    }

    /// The programme is told of the one on air or of nobody, and of two others at most.
    private func programmeProblem(_ entries: [QueueEntry]) -> String? {
        if let onAir = order.onAir, !entries.contains(where: { $0.state == .onAir && $0.session == onAir }) {
            return "the programme shows who is not on air"
        }
        let ready = entries.filter { $0.state == .waiting && $0.couldGoOnAir }.prefix(2).compactMap(\.session)
        if order.standby != ready { return "the wrong ones stand by" }
        if order.onAir == nil, let head = entries.first, head.state == .onAir, head.couldGoOnAir {
            return "the head is ready and the programme does not know"
        }
        return nil
    }

    /// Everyone who joined is in the queue or left it once, with a reason.
    private func checkNobodyIsLost() -> String? {
        let live = Set(machine.entries.map(\.id))
        if joined != live.union(database.ended.keys) { return "an entry was lost" }
        return live.isDisjoint(with: database.ended.keys) ? nil : "an entry lives and has ended"
    }
}

extension QueueHistory {
    /// A day in which everything is as it mostly is: DJs come, wait, are shown 2 s after the order, stop or are cut off.
    mutating func playDay() -> String? {
        _ = wait(.seconds(1))
        let end = now + .seconds(86_400)
        keep(machine.deadlinePassed(now: now))
        while now < end, problem == nil {
            let before = machine.entries
            let number = random(1..<41)
            if !machine.entries.contains(where: { $0.user == Self.user(number) && $0.session != nil }) {
                _ = join(number)
                _ = wait(.seconds(3))
                _ = ready(number)
            } else if random(0..<6) == 0 {
                keep(machine.sessionEnded(session(number), how: random(0..<2) == 0 ? .finished : .dropped, now: now))
            }
            _ = wait(.seconds(2))
            keep(machine.programmeReported(order.onAir.map { .onAir($0) } ?? .slate, now: now))
            _ = wait(.seconds(random(10..<240)))
            keep(machine.programmeReported(order.onAir.map { .onAir($0) } ?? .slate, now: now))
            check(before: before)
        }
        return problem ?? checkNobodyIsLost()
    }
}
