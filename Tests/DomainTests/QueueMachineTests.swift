import Domain
import Testing

/// One machine, a fake clock, DJs by number; actions are looked at by kind.
struct QueueBench {
    var machine: QueueMachine
    var now = WallTime(milliseconds: 1_800_000_000_000)
    private(set) var moves: [QueueTransition] = []

    init(settings: QueueSettings = QueueSettings(), entries: [QueueEntry] = []) {
        machine = QueueMachine(
            channel: .main, record: QueueRecord(version: 0, settings: settings, entries: entries), now: now)
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
        while let deadline = machine.nextDeadline(now: now), deadline <= end {
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

@Suite struct QueueMachineTests {
    @Test func putsTheFirstReadyPublisherOnAir() {
        var bench = QueueBench()
        bench.join(1)
        #expect(bench.onAir == nil)
        let actions = bench.ready(1)
        #expect(bench.onAir == "dj1")
        #expect(actions.order?.onAir == QueueBench.session(1))
    }

    @Test func keepsTheOrderOfJoiningAndWaitsForNobodyWhoIsNotReady() {
        var bench = QueueBench()
        for number in 1...3 { bench.join(number) }
        #expect(bench.names == ["dj1", "dj2", "dj3"])
        let actions = bench.ready(2)
        #expect(bench.onAir == "dj2")
        #expect(actions.order?.onAir == QueueBench.session(2))
        #expect(bench.names == ["dj2", "dj1", "dj3"])
    }

    @Test func takesTheNextWhenTheHeadStops() {
        var bench = bench(ready: 3)
        bench.shows(1)
        let actions = bench.end(1)
        #expect(bench.endings == ["dj1 finished"])
        #expect(actions.order?.onAir == QueueBench.session(2))
        #expect(actions.order?.standby == [QueueBench.session(3)])
    }

    @Test func namesAtMostTwoOnStandby() {
        let bench = bench(ready: 5)
        #expect(bench.machine.entries.count == 5)
        var other = bench
        let actions = other.end(1)
        #expect(actions.order?.standby == [QueueBench.session(3), QueueBench.session(4)])
    }

    @Test func aWaitingDJWhoLeavesMovesNobodyButUp() {
        var bench = bench(ready: 3)
        bench.shows(1)
        let actions = bench.end(2)
        #expect(bench.names == ["dj1", "dj3"])
        #expect(actions.order?.onAir == QueueBench.session(1))
    }

    @Test func aDroppedHeadKeepsTheSlotAndTheSlateCovers() {
        var bench = bench(ready: 2)
        bench.shows(1)
        bench.wait(.seconds(10))
        let actions = bench.end(1, .dropped)
        #expect(bench.onAir == "dj1")
        #expect(actions.order?.onAir == nil)
        #expect(actions.order?.standby == [QueueBench.session(2)])
        bench.shows(nil)
        bench.wait(.seconds(5))
        bench.join(1, take: 1)
        let back = bench.ready(1, take: 1)
        #expect(back.order?.onAir == QueueBench.session(1, take: 1))
        bench.shows(1, take: 1)
        #expect(bench.machine.view(now: bench.now).entries.first?.remainingSeconds == 3590)
    }

    @Test func graceRunsOutForTheHeadAndForThoseWhoWait() {
        var bench = bench(ready: 3)
        bench.shows(1)
        bench.end(1, .dropped)
        bench.end(3, .dropped)
        let actions = bench.wait(.seconds(30))
        #expect(bench.endings == ["dj1 dropped"])
        #expect(actions.order?.onAir == QueueBench.session(2))
        bench.wait(.seconds(89))
        #expect(bench.names == ["dj2", "dj3"])
        bench.wait(.seconds(1))
        #expect(bench.names == ["dj2"])
    }

    @Test func theSlotEndsByItsClockOnlyIfSomeoneReadyWaits() {
        var bench = bench(ready: 1, settings: QueueSettings(slotSeconds: 60))
        bench.shows(1)
        bench.wait(.seconds(100))
        #expect(bench.onAir == "dj1")
        bench.join(2)
        bench.wait(.seconds(1))
        #expect(bench.onAir == "dj1")
        let actions = bench.ready(2)
        #expect(bench.endings == ["dj1 slotOver"])
        #expect(actions.order?.onAir == QueueBench.session(2))
        #expect(actions.closed == [], "the outgoing DJ stays until the hand-over")
        #expect(bench.shows(2).closed == [QueueBench.session(1)])
    }

    @Test func withoutOvertimeTheSlotEndsAlone() {
        var bench = bench(ready: 1, settings: QueueSettings(slotSeconds: 60, overtimeWhenAlone: false))
        bench.shows(1)
        bench.wait(.seconds(60))
        #expect(bench.endings == ["dj1 slotOver"])
    }

    @Test func theClockCountsOnAirTimeOnly() {
        var bench = bench(ready: 2, settings: QueueSettings(slotSeconds: 60))
        bench.wait(.seconds(300))
        #expect(bench.onAir == "dj1")
        bench.shows(1)
        bench.wait(.milliseconds(59_999))
        #expect(bench.onAir == "dj1")
        bench.wait(.milliseconds(1))
        #expect(bench.onAir == "dj2")
    }

    @Test func aLeaverWhomTheProgrammeDoesNotMoveOnFromIsClosedAllTheSame() throws {
        var bench = bench(ready: 2)
        bench.shows(1)
        #expect(try bench.skip().closed == [])
        #expect(bench.wait(.seconds(15)).closed == [QueueBench.session(1)])
    }

    /// Nobody sees them go: they may queue again at once instead of sending into the void.
    @Test func aLeaverWhomTheProgrammeDoesNotShowIsClosedAtOnce() throws {
        var bench = bench(ready: 3)
        bench.shows(1)
        #expect(try bench.skip().closed == [])
        #expect(try bench.skip().closed == [QueueBench.session(2)])
        #expect(try bench.skip().closed == [QueueBench.session(3)])
        #expect(bench.shows(nil).closed == [QueueBench.session(1)])
    }

    @Test func theSameKeyReplacesItsGhostAndKeepsThePlace() {
        var bench = bench(ready: 2)
        bench.shows(1)
        let (result, actions) = bench.join(1, take: 1, entry: 9)
        #expect(result == .success(QueueBench.entry(1)))
        #expect(actions.closed == [QueueBench.session(1)])
        #expect(bench.names == ["dj1", "dj2"])
        bench.end(1, .closedByServer)
        #expect(bench.machine.entries.first?.session == QueueBench.session(1, take: 1), "the ghost's end is nobody's")
    }

    @Test func theFourthReplacementInTenSecondsIsRefusedForThirty() {
        var bench = bench(ready: 1)
        for take in 1...3 {
            #expect(bench.join(1, take: take).result == .success(QueueBench.entry(1)))
            bench.wait(.seconds(1))
        }
        #expect(bench.join(1, take: 4).result == .failure(.tooManyReplacements(retryAfter: .seconds(30))))
        bench.wait(.seconds(29))
        #expect(bench.join(1, take: 5).result == .failure(.tooManyReplacements(retryAfter: .seconds(1))))
        bench.wait(.seconds(1))
        #expect(bench.join(1, take: 6).result == .success(QueueBench.entry(1)))
    }

    @Test func aClosedOrFullQueueRefusesNewcomersButNotThoseWhoReturn() throws {
        var bench = bench(ready: 2, settings: QueueSettings(maximumLength: 2))
        #expect(bench.join(3).result == .failure(.queueFull(maximum: 2)))
        try bench.act(.setOpen(false))
        #expect(bench.join(3).result == .failure(.queueClosed))
        bench.end(2, .dropped)
        #expect(bench.join(2, take: 1).result == .success(QueueBench.entry(2)))
    }

    @Test func aSecondClickOnSkipIsHarmless() throws {
        var bench = bench(ready: 3)
        bench.shows(1)
        try bench.skip(1)
        #expect(bench.onAir == "dj2")
        #expect(throws: QueueCommandError.unknownEntry) { try bench.skip(1) }
        #expect(bench.onAir == "dj2")
    }

    @Test func skippingAnEmptyQueueIsRefused() {
        var bench = QueueBench()
        #expect(throws: QueueCommandError.nobodyOnAir) { try bench.skip() }
    }

    @Test func afterARestartTheOrderStandsAndEveryoneHasGrace() {
        var before = bench(ready: 3)
        before.shows(1)
        before.wait(.seconds(20))
        before.end(2, .dropped)
        var after = QueueBench(entries: before.machine.entries)
        #expect(after.names == ["dj1", "dj2", "dj3"])
        #expect(after.onAir == "dj1")
        after.wait(.seconds(29))
        #expect(after.names == ["dj1", "dj2", "dj3"])
        for number in 1...3 {
            after.join(number, take: 7)
            after.ready(number, take: 7)
        }
        after.wait(.seconds(600))
        #expect(after.names == ["dj1", "dj2", "dj3"])
    }

    @Test func afterARestartWhoReconnectsFasterDoesNotOvertake() {
        var after = bench(ready: 3)
        after.end(1)
        after = QueueBench(
            entries: after.machine.entries.map { entry in
                var entry = entry
                entry.state = .waiting
                return entry
            })
        after.join(3, take: 1)
        after.ready(3, take: 1)
        #expect(after.onAir == nil)
        after.wait(.seconds(4))
        after.join(2, take: 1)
        after.ready(2, take: 1)
        #expect(after.names == ["dj2", "dj3"])
        #expect(after.onAir == "dj2")
    }

    @Test func afterARestartTheOrderWaitsTenSecondsForItsOwn() {
        let before = bench(ready: 3)
        var after = QueueBench(
            entries: before.machine.entries.map { entry in
                var entry = entry
                entry.state = .waiting
                return entry
            })
        after.join(3, take: 1)
        after.ready(3, take: 1)
        after.wait(.milliseconds(9_999))
        #expect(after.onAir == nil)
        after.wait(.milliseconds(1))
        #expect(after.onAir == "dj3")
    }

    @Test func aSettingOutsideItsRangeIsNamed() {
        var bench = QueueBench()
        let error = #expect(throws: QueueCommandError.self) {
            try bench.act(.setSlotLength(seconds: 0, resetRunning: false))
        }
        #expect(error == .invalidSetting("slotLength must be 1 s to 24 h, or none for no limit"))
    }

    @Test func everyMoveFollowsTheOneBefore() {
        var bench = bench(ready: 3)
        bench.shows(1)
        bench.end(1)
        bench.shows(2)
        for (before, after) in zip(bench.moves, bench.moves.dropFirst()) {
            #expect(after.fromVersion == before.version)
            #expect(after.version == before.version + 1)
        }
    }

    private func bench(ready count: Int, settings: QueueSettings = QueueSettings()) -> QueueBench {
        var bench = QueueBench(settings: settings)
        for number in 1...count {
            bench.join(number)
            bench.ready(number)
        }
        return bench
    }
}
