import Domain
import Testing

/// One machine, a fake clock, DJs by number; actions are looked at by kind.
struct QueueBench {
    var machine: QueueMachine
    var now = WallTime(milliseconds: 1_800_000_000_000)
    private(set) var moves: [QueueTransition] = []
    private var firstSettings: QueueSettings

    init(settings: QueueSettings = QueueSettings(), entries: [QueueEntry] = []) {
        firstSettings = settings
        machine = QueueMachine(
            channel: .main, record: QueueRecord(version: 0, settings: settings, entries: entries), now: now)
    }

    /// `count` DJs, ready in this order; the first is on air, not yet shown.
    init(ready count: Int, settings: QueueSettings = QueueSettings()) {
        self.init(settings: settings)
        for number in 1...count {
            join(number)
            ready(number)
        }
    }

    static func user(_ number: Int) -> UserID { UserID(high: 1, low: UInt64(number)) }
    static func session(_ number: Int, take: Int = 0) -> PublishSessionID {
        PublishSessionID(high: UInt64(take), low: UInt64(number))
    }
    static func entry(_ number: Int) -> EntryID { EntryID(high: 2, low: UInt64(number)) }

    /// DJ `number` publishes, for the `take`th time.
    @discardableResult
    mutating func join(
        _ number: Int, take: Int = 0, entry: Int? = nil
    ) -> (result: Result<EntryID, PublishRefusal>, actions: [QueueMachine.Action]) {
        let publisher = PublisherIdentity(
            session: Self.session(number, take: take), user: Self.user(number), name: "dj\(number)")
        let (result, actions) = machine.joinRequested(publisher, newEntry: Self.entry(entry ?? number), now: now)
        return (result, keep(actions))
    }

    @discardableResult
    mutating func ready(_ number: Int, take: Int = 0) -> [QueueMachine.Action] {
        keep(machine.readinessChanged(Self.session(number, take: take), to: .ready, now: now))
    }

    @discardableResult
    mutating func unready(_ number: Int, take: Int = 0) -> [QueueMachine.Action] {
        keep(
            machine.readinessChanged(Self.session(number, take: take), to: .notReady(["no picture"]), now: now))
    }

    @discardableResult
    mutating func health(_ number: Int, take: Int = 0, _ health: MediaHealth) -> [QueueMachine.Action] {
        keep(machine.mediaHealthChanged(Self.session(number, take: take), to: health, now: now))
    }

    @discardableResult
    mutating func silence(_ number: Int, take: Int = 0, _ isSilent: Bool = true) -> [QueueMachine.Action] {
        keep(machine.silenceChanged(Self.session(number, take: take), isSilent: isSilent, now: now))
    }

    @discardableResult
    mutating func end(_ number: Int, take: Int = 0, _ how: PublisherEnd = .finished) -> [QueueMachine.Action] {
        keep(machine.sessionEnded(Self.session(number, take: take), how: how, now: now))
    }

    @discardableResult
    mutating func shows(_ number: Int?, take: Int = 0) -> [QueueMachine.Action] {
        let report = number.map { ProgrammeReport.onAir(Self.session($0, take: take)) } ?? .slate
        return keep(machine.programmeReported(report, now: now))
    }

    @discardableResult
    mutating func skip(_ entry: Int? = nil) throws -> [QueueMachine.Action] {
        try act(.skip(entry.map(Self.entry)))
    }

    @discardableResult
    mutating func handedOver(_ record: HandoverRecord) -> [QueueMachine.Action] {
        keep(machine.handedOver(record, now: now))
    }

    @discardableResult
    mutating func streamHealth(_ number: Int, _ health: HealthSummary) -> [QueueMachine.Action] {
        keep(machine.streamHealthChanged(Self.session(number), to: health, now: now))
    }

    static let operatorOne = Actor(kind: .user, id: "1", name: "Olga")

    @discardableResult
    mutating func act(_ act: QueueAct, version: Int64? = nil) throws(QueueCommandError) -> [QueueMachine.Action] {
        keep(
            try machine.perform(
                QueueCommand(act: act, actor: Self.operatorOne, expectedVersion: version), now: now))
    }

    /// Lets time pass, calling the machine at each of its deadlines.
    @discardableResult
    mutating func wait(_ span: Duration) -> [QueueMachine.Action] {
        let end = now + span
        var actions: [QueueMachine.Action] = []
        var settled: WallTime?
        while let deadline = machine.nextDeadline, deadline <= end {
            if deadline == settled {
                Issue.record("a deadline that has passed is named again")
                break
            }
            settled = deadline
            now = max(deadline, now)
            actions += keep(machine.deadlinePassed(now: now))
        }
        now = end
        return actions
    }

    mutating func keep(_ actions: [QueueMachine.Action]) -> [QueueMachine.Action] {
        for case .store(let move) in actions { moves.append(move) }
        return actions
    }

    /// The server is killed and started again: what was stored, nothing else.
    ///
    /// Once at most in a test that looks at all moves: they are forgotten.
    mutating func restart() {
        var database = QueueDatabase()
        database.settings = firstSettings
        for move in moves { database.apply(move) }
        moves = []
        firstSettings = database.settings
        machine = QueueMachine(channel: .main, record: database.record(epoch: machine.epoch + 1), now: now)
    }

    /// The kinds of all events so far.
    var kinds: [String] { moves.flatMap(\.events).map(\.kind) }
    /// Seconds left for who is on air, as the view tells.
    var left: Double? { machine.view(now: now).entries.first { $0.state == .onAir }?.remainingSeconds }
    var names: [String] { machine.entries.map(\.name) }
    var onAir: String? { machine.entries.first { $0.state == .onAir }?.name }
    var endings: [String] {
        moves.flatMap(\.changed).compactMap { entry in
            guard case .ended(let reason) = entry.state else { return nil }
            return "\(entry.name) \(reason.rawValue)"
        }
    }
}

extension [QueueMachine.Action] {
    var order: ProgrammeOrder? {
        compactMap { if case .direct(let order) = $0 { order } else { nil } }.last
    }
    var closed: [PublishSessionID] {
        compactMap { if case .close(let session, _) = $0 { session } else { nil } }
    }
}

extension QueueBench {
    /// The queue in one line, head first: `1!` on air, `1*` on air and shown, `2` ready, `2?` not ready, `2~` in grace,
    /// `2#` held, `2^` called.
    var line: String {
        let shown = machine.view(now: now)
        return machine.entries.map { entry in
            var text = entry.name.replacing("dj", with: "")
            if entry.state == .onAir {
                text += shown.entries.first { $0.id == entry.id }?.clockRuns == true ? "*" : "!"
            }
            if entry.session == nil { text += "~" } else if !entry.readiness.isReady { text += "?" }
            if entry.isHeld { text += "#" }
            if entry.calledUntil != nil { text += "^" }
            return text
        }.joined(separator: " ")
    }
}

/// What a store holds after the moves it was given.
struct QueueDatabase {
    var version: Int64 = 0
    var sequence: Int64 = 0
    var settings = QueueSettings()
    var entries: [EntryID: QueueEntry] = [:]
    var ended: [EntryID: QueueEntry.EndReason] = [:]
    var blocks: [QueueBlock.Key: QueueBlock] = [:]
    var bans: [UserID: QueueBan] = [:]
    var userSlots: [UserID: UserSlot] = [:]

    /// - Returns: what is wrong with the move.
    @discardableResult
    mutating func apply(_ move: QueueTransition) -> String? {
        var problem: String?
        if move.fromVersion != version || move.version != version + 1 { problem = "a version is left out or doubled" }
        if move.firstEventSequence != sequence + 1 { problem = "an event's number is left out or doubled" }
        version = move.version
        sequence += Int64(move.events.count)
        settings = move.settings ?? settings
        for entry in move.changed {
            if ended[entry.id] != nil { problem = "an entry that has ended moves again" }
            if case .ended(let reason) = entry.state {
                entries[entry.id] = nil
                ended[entry.id] = reason
            } else {
                entries[entry.id] = entry
            }
        }
        for key in move.unblocked { blocks[key] = nil }
        for block in move.blocked { blocks[block.key] = block }
        for user in move.unbanned { bans[user] = nil }
        for ban in move.banned { bans[ban.user] = ban }
        for slot in move.userSlots { userSlots[slot.user] = slot.seconds == nil ? nil : slot }
        return problem
    }

    func record(epoch: Int64) -> QueueRecord {
        QueueRecord(
            version: version, epoch: epoch, settings: settings,
            entries: entries.values.sorted { $0.position < $1.position },
            blocks: Array(blocks.values), bans: Array(bans.values), userSlots: Array(userSlots.values))
    }
}
