import Domain
import Testing

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
        var bench = QueueBench(ready: 3)
        bench.shows(1)
        let actions = bench.end(1)
        #expect(bench.endings == ["dj1 finished"])
        #expect(actions.order?.onAir == QueueBench.session(2))
        #expect(actions.order?.standby == [QueueBench.session(3)])
    }

    @Test func namesAtMostTwoOnStandby() {
        let bench = QueueBench(ready: 5)
        #expect(bench.machine.entries.count == 5)
        var other = bench
        let actions = other.end(1)
        #expect(actions.order?.standby == [QueueBench.session(3), QueueBench.session(4)])
    }

    @Test func aWaitingDJWhoLeavesMovesNobodyButUp() {
        var bench = QueueBench(ready: 3)
        bench.shows(1)
        let actions = bench.end(2)
        #expect(bench.names == ["dj1", "dj3"])
        #expect(actions.order?.onAir == QueueBench.session(1))
    }

    @Test func aDroppedHeadKeepsTheSlotAndTheSlateCovers() {
        var bench = QueueBench(ready: 2)
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
        var bench = QueueBench(ready: 3)
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
        var bench = QueueBench(ready: 1, settings: QueueSettings(slotSeconds: 60))
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
        var bench = QueueBench(ready: 1, settings: QueueSettings(slotSeconds: 60, overtimeWhenAlone: false))
        bench.shows(1)
        bench.wait(.seconds(60))
        #expect(bench.endings == ["dj1 slotOver"])
    }

    @Test func theClockCountsOnAirTimeOnly() {
        var bench = QueueBench(ready: 2, settings: QueueSettings(slotSeconds: 60))
        bench.wait(.seconds(300))
        #expect(bench.onAir == "dj1")
        bench.shows(1)
        bench.wait(.milliseconds(59_999))
        #expect(bench.onAir == "dj1")
        bench.wait(.milliseconds(1))
        #expect(bench.onAir == "dj2")
    }

    @Test func aLeaverWhomTheProgrammeDoesNotMoveOnFromIsClosedAllTheSame() throws {
        var bench = QueueBench(ready: 2)
        bench.shows(1)
        #expect(try bench.skip().closed == [])
        #expect(bench.wait(.seconds(15)).closed == [QueueBench.session(1)])
    }

    /// Nobody sees them go: they may queue again at once instead of sending into the void.
    @Test func aLeaverWhomTheProgrammeDoesNotShowIsClosedAtOnce() throws {
        var bench = QueueBench(ready: 3)
        bench.shows(1)
        #expect(try bench.skip().closed == [])
        #expect(try bench.skip().closed == [QueueBench.session(2)])
        #expect(try bench.skip().closed == [QueueBench.session(3)])
        #expect(bench.shows(nil).closed == [QueueBench.session(1)])
    }

    @Test func theSameKeyReplacesItsGhostAndKeepsThePlace() {
        var bench = QueueBench(ready: 2)
        bench.shows(1)
        let (result, actions) = bench.join(1, take: 1, entry: 9)
        #expect(result == .success(QueueBench.entry(1)))
        #expect(actions.closed == [QueueBench.session(1)])
        #expect(bench.names == ["dj1", "dj2"])
        bench.end(1, .closedByServer)
        #expect(bench.machine.entries.first?.session == QueueBench.session(1, take: 1), "the ghost's end is nobody's")
    }

    @Test func theFourthReplacementInTenSecondsIsRefusedForThirty() {
        var bench = QueueBench(ready: 1)
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
        var bench = QueueBench(ready: 2, settings: QueueSettings(maximumLength: 2))
        #expect(bench.join(3).result == .failure(.queueFull(maximum: 2)))
        try bench.act(.setOpen(false))
        #expect(bench.join(3).result == .failure(.queueClosed))
        bench.end(2, .dropped)
        #expect(bench.join(2, take: 1).result == .success(QueueBench.entry(2)))
    }

    @Test func aSecondClickOnSkipIsHarmless() throws {
        var bench = QueueBench(ready: 3)
        bench.shows(1)
        try bench.skip(1)
        #expect(bench.onAir == "dj2")
        #expect(throws: QueueCommandError.unknownEntry) { try bench.skip(1) }
        #expect(bench.onAir == "dj2")
    }

    @Test func aMoveStoresTheTimeThatRanSinceTheClockStarted() throws {
        var bench = QueueBench(ready: 2)
        bench.shows(1)
        bench.wait(.milliseconds(90_300))
        // Touches the entry on air in the midst of its running clock.
        try bench.act(.extend(nil, seconds: 60))
        #expect(bench.moves.last?.changed.first?.usedOnAir == .milliseconds(90_300))
        let left = bench.left
        bench.restart()
        #expect(bench.left == left)
    }

    @Test func skippingAnEmptyQueueIsRefused() {
        var bench = QueueBench()
        #expect(throws: QueueCommandError.nobodyOnAir) { try bench.skip() }
    }

    @Test func afterARestartTheOrderStandsAndEveryoneHasGrace() {
        var before = QueueBench(ready: 3)
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
        var after = QueueBench(ready: 3)
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
        let before = QueueBench(ready: 3)
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
        var bench = QueueBench(ready: 3)
        bench.shows(1)
        bench.end(1)
        bench.shows(2)
        for (before, after) in zip(bench.moves, bench.moves.dropFirst()) {
            #expect(after.fromVersion == before.version)
            #expect(after.version == before.version + 1)
        }
    }
}
