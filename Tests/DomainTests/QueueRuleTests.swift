import Domain
import Testing

/// The rules that settings switch (design §4): what is blocked, covered, taken and told.
@Suite struct QueueRuleTests {
    // MARK: Block after a turn (rule 6)

    @Test func aBlockUntilSomeoneElsePlayedIsLiftedByTheNextPicture() throws {
        var bench = QueueBench(ready: 1, settings: QueueSettings(blockAfterTurn: .untilSomeoneElsePlayed))
        bench.shows(1)
        try bench.act(.skip(nil))
        bench.shows(nil)
        #expect(bench.join(1, take: 1).result == .failure(.blockedUntilSomeoneElsePlayed))
        bench.join(2)
        bench.ready(2)
        #expect(bench.join(1, take: 2).result == .failure(.blockedUntilSomeoneElsePlayed), "taken, but not shown yet")
        bench.shows(2)
        #expect(bench.join(1, take: 3, entry: 9).result == .success(QueueBench.entry(9)))
        #expect(bench.line == "2* 1?")
        #expect(bench.kinds.filter { $0.hasPrefix("dj.") } == ["dj.blocked", "dj.unblocked"])
    }

    @Test func aBlockInMinutesTellsHowLongAndEnds() {
        var bench = QueueBench(ready: 2, settings: QueueSettings(slotSeconds: 60, blockAfterTurn: .minutes(2)))
        bench.shows(1)
        bench.wait(.seconds(60))
        let until = bench.now + .seconds(120)
        bench.wait(.seconds(30))
        #expect(bench.join(1, take: 1).result == .failure(.blocked(until: until, retryAfter: .seconds(90))))
        bench.wait(.milliseconds(89_999))
        #expect(bench.join(1, take: 2).result == .failure(.blocked(until: until, retryAfter: .milliseconds(1))))
        bench.wait(.milliseconds(1))
        #expect(bench.machine.blocks.isEmpty)
        #expect(bench.join(1, take: 3, entry: 9).result == .success(QueueBench.entry(9)))
    }

    @Test(arguments: [PublisherEnd.finished, .dropped])
    func whoLeavesBySelfIsNotBlocked(how: PublisherEnd) {
        var bench = QueueBench(ready: 2, settings: QueueSettings(blockAfterTurn: .minutes(2)))
        bench.shows(1)
        bench.end(1, how)
        bench.wait(.seconds(30))
        #expect(bench.join(1, take: 1, entry: 9).result == .success(QueueBench.entry(9)))
    }

    @Test func whoIsRemovedIsNotBlocked() throws {
        var bench = QueueBench(ready: 2, settings: QueueSettings(blockAfterTurn: .minutes(2)))
        bench.shows(1)
        try bench.act(.remove(QueueBench.entry(1)))
        #expect(bench.join(1, take: 1, entry: 9).result == .success(QueueBench.entry(9)))
    }

    @Test func switchingTheRuleOffLetsEverybodyIn() throws {
        var bench = QueueBench(ready: 1, settings: QueueSettings(blockAfterTurn: .untilSomeoneElsePlayed))
        bench.shows(1)
        try bench.act(.skip(nil))
        try bench.act(.set(["blockAfterTurn": "off"]))
        #expect(bench.join(1, take: 1, entry: 9).result == .success(QueueBench.entry(9)))
    }

    @Test func anOperatorLiftsABlock() throws {
        var bench = QueueBench(ready: 1, settings: QueueSettings(blockAfterTurn: .minutes(60)))
        bench.shows(1)
        try bench.act(.skip(nil))
        try bench.act(.unblock(QueueBench.user(1)))
        #expect(try bench.act(.unblock(QueueBench.user(1))) == [], "a second click is harmless")
        #expect(bench.join(1, take: 1, entry: 9).result == .success(QueueBench.entry(9)))
    }

    // MARK: Rejoin (rule 5)

    @Test func whoseSlotWasEndedQueuesAgainAtTheTail() {
        var bench = QueueBench(ready: 3, settings: QueueSettings(slotSeconds: 60))
        bench.shows(1)
        bench.wait(.seconds(60))
        bench.join(1, take: 1, entry: 9)
        #expect(bench.line == "2! 3 1?")
    }

    @Test func afterQuietRefusesAnEncoderUntilItWasSilentForAMinute() {
        var bench = QueueBench(ready: 2, settings: QueueSettings(slotSeconds: 60, rejoin: .afterQuiet))
        bench.shows(1)
        bench.wait(.seconds(60))
        bench.shows(2)
        for take in 1...5 {
            bench.wait(.seconds(59))
            #expect(bench.join(1, take: take).result == .failure(.notQuietSince(.seconds(60))), "it did not pause")
        }
        bench.wait(.seconds(60))
        #expect(bench.join(1, take: 9, entry: 9).result == .success(QueueBench.entry(9)))
    }

    @Test func theQuietCountsFromWhenTheConnectionWasClosed() {
        var bench = QueueBench(ready: 2, settings: QueueSettings(slotSeconds: 60, rejoin: .afterQuiet))
        bench.shows(1)
        bench.wait(.seconds(60))
        bench.wait(.seconds(10))
        bench.shows(2)
        bench.wait(.seconds(55))
        #expect(bench.join(1, take: 1).result == .failure(.notQuietSince(.seconds(60))))
    }

    // MARK: Silence (design §5, Stalls)

    @Test func aSilentDJKeepsTheOrderOnAirAndTheGraceRuns() {
        var bench = QueueBench(ready: 2, settings: QueueSettings(graceOnAirSeconds: 30))
        bench.shows(1)
        #expect(bench.silence(1).order == nil, "the delay line may carry them over it")
        bench.shows(nil)
        #expect(bench.kinds.contains("dj.dropped"))
        #expect(bench.onAir == "dj1")
        bench.wait(.seconds(20))
        #expect(bench.silence(1, false).closed.isEmpty)
        bench.shows(1)
        #expect(bench.kinds.last { $0.hasPrefix("dj.") } == "dj.returned")
        bench.silence(1)
        bench.shows(nil)
        let actions = bench.wait(.seconds(30))
        #expect(bench.endings == ["dj1 dropped"])
        #expect(actions.closed == [QueueBench.session(1)])
        #expect(bench.onAir == "dj2")
    }

    @Test func aSilentDJWhoWaitsIsPassedOver() {
        var bench = QueueBench(ready: 3)
        bench.shows(1)
        bench.silence(2)
        bench.end(1)
        #expect(bench.line == "3! 2")
        bench.shows(3)
        bench.silence(2, false)
        bench.end(3)
        #expect(bench.onAir == "dj2")
    }

    @Test func aConnectionThatDiesInItsSilenceBeginsNoSecondGrace() {
        var bench = QueueBench(ready: 2, settings: QueueSettings(graceWaitingSeconds: 120))
        bench.silence(2)
        bench.wait(.seconds(100))
        bench.end(2, .dropped)
        bench.wait(.seconds(19))
        #expect(bench.names == ["dj1", "dj2"])
        bench.wait(.seconds(1))
        #expect(bench.endings == ["dj2 dropped"])
        #expect(bench.kinds.filter { $0 == "dj.dropped" }.count == 1)
    }

    @Test func coverDropNextPassesASilentDJsStageOnOnceTheOutputIsDark() {
        var bench = QueueBench(ready: 2, settings: QueueSettings(slotSeconds: 600, coverDrop: .next))
        bench.shows(1)
        bench.wait(.seconds(100))
        bench.silence(1)
        #expect(bench.onAir == "dj1")
        bench.shows(nil)
        #expect(bench.line == "2! 1")
        bench.shows(2)
        bench.silence(1, false)
        bench.end(2)
        bench.shows(1)
        #expect(bench.left == 500)
    }

    // MARK: Drops (rule 3)

    @Test func coverDropNextGivesTheStageOnAndTheReturningDJComesNextWithTheTimeLeft() {
        var bench = QueueBench(ready: 3, settings: QueueSettings(slotSeconds: 600, coverDrop: .next))
        bench.shows(1)
        bench.wait(.seconds(100))
        let actions = bench.end(1, .dropped)
        #expect(actions.order?.onAir == QueueBench.session(2))
        #expect(bench.line == "2! 1~ 3")
        bench.shows(2)
        bench.wait(.seconds(10))
        bench.join(1, take: 1)
        bench.ready(1, take: 1)
        #expect(bench.line == "2* 1 3", "the cover keeps its slot")
        bench.wait(.seconds(590))
        bench.shows(1, take: 1)
        #expect(bench.line == "1* 3")
        #expect(bench.left == 500)
    }

    @Test func coverDropNextShowsTheSlateUntilSomeoneIsReady() {
        var bench = QueueBench(ready: 1, settings: QueueSettings(coverDrop: .next))
        bench.shows(1)
        bench.join(2)
        #expect(bench.end(1, .dropped).order?.onAir == nil)
        #expect(bench.line == "1!~ 2?" || bench.line == "1*~ 2?")
        bench.wait(.seconds(5))
        #expect(bench.ready(2).order?.onAir == QueueBench.session(2))
        #expect(bench.line == "2! 1~")
        bench.wait(.seconds(25))
        #expect(bench.endings == ["dj1 dropped"], "the grace runs as it would on air")
    }

    /// MF-5: nobody waits for a DJ of whom nobody has seen a picture.
    @Test(arguments: [false, true])
    func theSlotsEndAndTheNextOnesDisconnectWithinFiftyMilliseconds(nextDropsFirst: Bool) {
        var bench = QueueBench(ready: 3, settings: QueueSettings(slotSeconds: 60))
        bench.shows(1)
        bench.wait(.milliseconds(nextDropsFirst ? 59_970 : 60_020))
        bench.end(2, .dropped)
        bench.wait(.milliseconds(50))
        #expect(bench.machine.entries.first?.name == "dj3")
        #expect(bench.line == "3! 2~")
        #expect(bench.endings == ["dj1 slotOver"])
    }

    @Test func theNextOnesTrackIsLostBeforeTheFirstPictureAndAnotherIsTaken() {
        var bench = QueueBench(ready: 3)
        bench.shows(1)
        bench.end(1)
        #expect(bench.unready(2).order?.onAir == QueueBench.session(3))
        #expect(bench.line == "3! 2?")
    }

    /// With nobody else to take, the outgoing one is shown until the next can be.
    @Test func whoIsCalledStaysCalledThoughTheirKeyFrameIsOverdue() {
        var bench = QueueBench(ready: 2)
        bench.shows(1)
        #expect(bench.end(1).order?.onAir == QueueBench.session(2))
        #expect(bench.unready(2).order == nil)
        #expect(bench.line == "2!?")
        #expect(bench.ready(2).order == nil)
        bench.shows(2)
        #expect(bench.line == "2*")
    }

    /// The admin's slate is why nobody sees them.
    @Test func anEmergencySlateTakesNoSlotFromWhoIsNotReadyMeanwhile() throws {
        var bench = QueueBench(ready: 2)
        bench.shows(1)
        try bench.act(.emergency(.slate))
        bench.shows(nil)
        #expect(bench.unready(1).order == nil)
        bench.wait(.seconds(300))
        #expect(bench.machine.entries.first?.name == "dj1")
        let order = try #require(try bench.act(.emergency(.off)).order)
        #expect(order.onAir == QueueBench.session(1))
    }

    @Test func aDJWhoIsBackButNeverReadyComesNextWhenOthersWait() {
        var bench = QueueBench(ready: 2)
        bench.shows(1)
        bench.end(1, .dropped)
        bench.shows(nil)
        bench.join(1, take: 1)
        bench.wait(.milliseconds(29_999))
        #expect(bench.line == "1!? 2")
        bench.wait(.milliseconds(1))
        #expect(bench.line == "2! 1?")
        #expect(bench.kinds.contains("queue.noShow"))
    }

    @Test func aDJWhoIsBackButNeverReadyKeepsTheSlotWhileNobodyElseIs() {
        var bench = QueueBench(ready: 1)
        bench.shows(1)
        bench.end(1, .dropped)
        bench.shows(nil)
        bench.join(1, take: 1)
        bench.wait(.seconds(100))
        #expect(bench.line == "1!?")
        bench.join(2)
        #expect(bench.ready(2).order?.onAir == QueueBench.session(2))
    }

    @Test func whoReturnsInTheInstantTheGraceEndsHasOnePlaceEitherWay() {
        var first = QueueBench(ready: 2)
        first.shows(1)
        first.end(1, .dropped)
        var second = first
        // The join first, then the deadline.
        first.now = first.now + .seconds(30)
        #expect(first.join(1, take: 1, entry: 9).result == .success(QueueBench.entry(1)))
        first.wait(.zero)
        #expect(first.line == "1!? 2" || first.line == "1*? 2")
        // The deadline first, then the join.
        second.wait(.seconds(30))
        #expect(second.join(1, take: 1, entry: 9).result == .success(QueueBench.entry(9)))
        #expect(second.line == "2! 1?")
        #expect(second.endings == ["dj1 dropped"])
    }

    @Test func tenKeysWithinAHundredMillisecondsGiveOneHeadAndNineInOrder() {
        var bench = QueueBench()
        for number in 1...10 {
            bench.join(number)
            bench.wait(.milliseconds(10))
        }
        for number in (1...10).reversed() { bench.ready(number) }
        #expect(bench.line == "10! 1 2 3 4 5 6 7 8 9")
        #expect(bench.machine.entries.filter { $0.state == .onAir }.count == 1)
    }

    // MARK: deadAfter

    @Test func deadAfterEndsASlotWithoutPictureOrSound() {
        for (health, limit) in [(\MediaHealth.videoAbsentSince, 10), (\MediaHealth.silentSince, 20)] {
            var bench = QueueBench(ready: 1, settings: QueueSettings(endsDeadSlots: true))
            bench.shows(1)
            var lacks = MediaHealth()
            lacks[keyPath: health] = bench.now
            bench.health(1, lacks)
            bench.wait(.milliseconds(limit * 1000 - 1))
            #expect(bench.endings == [])
            bench.health(1, MediaHealth())
            bench.wait(.seconds(5))
            #expect(bench.endings == [], "it came back in time")
            lacks[keyPath: health] = bench.now
            bench.health(1, lacks)
            bench.wait(.seconds(limit))
            #expect(bench.endings == ["dj1 unhealthy"])
            #expect(bench.shows(nil).closed == [QueueBench.session(1)])
        }
    }

    @Test func deadAfterWarnsOnceInTimeAndSaysWhenTheDangerIsOver() {
        for (health, warning, limit, word) in [
            (\MediaHealth.videoAbsentSince, 5, 10, "picture"), (\MediaHealth.silentSince, 10, 20, "sound"),
        ] {
            var bench = QueueBench(ready: 1, settings: QueueSettings(endsDeadSlots: true))
            bench.shows(1)
            var lacks = MediaHealth()
            lacks[keyPath: health] = bench.now
            let end = bench.now + .seconds(limit)
            bench.health(1, lacks)
            bench.wait(.milliseconds(warning * 1000 - 1))
            #expect(!bench.kinds.contains("onair.unhealthy"))
            #expect(bench.machine.view(now: bench.now).entries[0].unhealthy == nil)
            bench.wait(.milliseconds(1))
            #expect(
                bench.moves.last?.events
                    == [.onAirUnhealthy(entry: QueueBench.entry(1), name: "dj1", missing: [word], until: end)])
            #expect(
                bench.machine.view(now: bench.now).entries[0].unhealthy
                    == QueueView.Unhealthy(missing: [word], endsAt: end))
            bench.wait(.seconds(1))
            #expect(bench.kinds.filter { $0 == "onair.unhealthy" }.count == 1, "once")
            bench.health(1, MediaHealth())
            #expect(bench.moves.last?.events == [.onAirHealthy(entry: QueueBench.entry(1), name: "dj1")])
            #expect(bench.machine.view(now: bench.now).entries[0].unhealthy == nil)
            bench.wait(.seconds(60))
            #expect(bench.endings == [])
        }
    }

    @Test func deadAfterWarnsAnewWhenTheEndComesSooner() {
        var bench = QueueBench(ready: 1, settings: QueueSettings(endsDeadSlots: true))
        bench.shows(1)
        let start = bench.now
        bench.health(1, MediaHealth(silentSince: start))
        bench.wait(.seconds(10))
        bench.health(1, MediaHealth(videoAbsentSince: start + .seconds(8), silentSince: start))
        let view = bench.machine.view(now: bench.now).entries[0].unhealthy
        #expect(view == QueueView.Unhealthy(missing: ["picture", "sound"], endsAt: start + .seconds(18)))
        bench.wait(.seconds(8))
        #expect(bench.endings == ["dj1 unhealthy"])
        #expect(bench.kinds.filter { $0 == "onair.unhealthy" }.count == 2)
        #expect(!bench.kinds.contains("onair.healthy"))
    }

    @Test func deadAfterWarnsNobodyWhoIsGivenOnOrLost() {
        var bench = QueueBench(ready: 2, settings: QueueSettings(endsDeadSlots: true))
        bench.shows(1)
        bench.health(1, MediaHealth(silentSince: bench.now))
        bench.wait(.seconds(12))
        bench.end(1)
        bench.shows(2)
        bench.wait(.seconds(30))
        #expect(bench.kinds.filter { $0.hasPrefix("onair.unhealthy") || $0 == "onair.healthy" } == ["onair.unhealthy"])
        #expect(bench.line == "2*")
    }

    @Test func deadAfterLooksOnlyAtWhomTheOutputShowsAndOnlyWhenSwitchedOn() throws {
        var bench = QueueBench(ready: 2)
        bench.shows(1)
        for number in 1...2 { bench.health(number, MediaHealth(videoAbsentSince: bench.now, silentSince: bench.now)) }
        bench.wait(.seconds(60))
        #expect(bench.endings == [])
        try bench.act(.set(["deadAfter": "on"]))
        #expect(bench.endings == ["dj1 unhealthy"])
        bench.wait(.seconds(60))
        #expect(bench.line == "2!", "not shown yet")
        bench.shows(2)
        bench.wait(.milliseconds(9_999))
        #expect(bench.line == "2*", "counted from the first picture out")
        bench.wait(.milliseconds(1))
        #expect(bench.endings == ["dj1 unhealthy", "dj2 unhealthy"])
    }

    // MARK: autoAdvance, held, settings

    @Test func withoutAutomaticAdvanceNobodyIsTakenAndTheSlotGoesOn() throws {
        var bench = QueueBench(ready: 1, settings: QueueSettings(slotSeconds: 60))
        bench.shows(1)
        try bench.act(.setAutoAdvance(false))
        bench.join(2)
        bench.ready(2)
        bench.wait(.seconds(600))
        #expect(bench.line == "1* 2", "overtime goes on")
        #expect(bench.end(1).order?.onAir == nil)
        bench.shows(nil)
        bench.wait(.seconds(600))
        #expect(bench.line == "2")
        #expect(try bench.act(.putOnAir(QueueBench.entry(2))).order?.onAir == QueueBench.session(2))
        bench.end(2)
        bench.join(3)
        bench.ready(3)
        #expect(bench.line == "3")
        try bench.act(.setAutoAdvance(true))
        #expect(bench.line == "3!")
    }

    @Test func aHeldEntryIsPassedOverUntilReleased() throws {
        var bench = QueueBench(ready: 3)
        bench.shows(1)
        try bench.act(.hold(QueueBench.entry(2)))
        #expect(try bench.act(.hold(QueueBench.entry(2))) == [])
        bench.end(1)
        #expect(bench.line == "3! 2#")
        bench.end(3)
        #expect(bench.line == "2#")
        #expect(try bench.act(.release(QueueBench.entry(2))).order?.onAir == QueueBench.session(2))
    }

    @Test func slotsArePerEntryThenPerUserThenTheChannels() throws {
        var bench = QueueBench(ready: 3, settings: QueueSettings(slotSeconds: 600))
        bench.shows(1)
        try bench.act(.setUserSlot(QueueBench.user(1), seconds: 900))
        #expect(bench.left == 900)
        try bench.act(.setRemaining(nil, seconds: 100))
        #expect(bench.left == 100)
        try bench.act(.setUserSlot(QueueBench.user(2), seconds: 300))
        bench.wait(.seconds(100))
        #expect(bench.line == "2! 3")
        bench.shows(2)
        #expect(bench.left == 300)
        try bench.act(.setUserSlot(QueueBench.user(2), seconds: nil))
        #expect(bench.left == 600)
    }

    @Test func anAccountKeepsItsSlotAndBlocksAndHoldsOverARestart() throws {
        var bench = QueueBench(
            ready: 3, settings: QueueSettings(slotSeconds: 600, rejoin: .afterQuiet, blockAfterTurn: .minutes(60)))
        bench.shows(1)
        bench.wait(.seconds(10))
        try bench.act(.skip(nil))
        bench.shows(2)
        try bench.act(.hold(QueueBench.entry(3)))
        try bench.act(.ban(QueueBench.user(4), until: bench.now + .seconds(3600), reason: "spam"))
        try bench.act(.setUserSlot(QueueBench.user(2), seconds: 1200))
        try bench.act(.extend(nil, seconds: 60))
        bench.restart()
        #expect(bench.line == "2!~ 3~#")
        #expect(bench.left == 1260)
        guard case .failure(.banned) = bench.join(4).result, case .failure(.blocked) = bench.join(1, take: 1).result
        else {
            Issue.record("a ban or a block was lost")
            return
        }
        bench.join(2, take: 1)
        bench.ready(2, take: 1)
        bench.shows(2, take: 1)
        #expect(bench.line == "2* 3~#")
    }
}
