import Domain
import Testing

/// Operators' acts: exact, harmless when repeated, guarded by version, in the audit log.
@Suite struct QueueActTests {
    private func audit(_ bench: QueueBench) -> [String] {
        bench.moves.flatMap(\.audit).map { "\($0.action) \($0.before ?? "-") \($0.after ?? "-")" }
    }

    @Test func movesToAPlaceAmongThoseWhoWait() throws {
        var bench = QueueBench(ready: 4)
        bench.shows(1)
        try bench.act(.move(QueueBench.entry(4), to: 0))
        #expect(bench.line == "1* 4 2 3")
        try bench.act(.move(QueueBench.entry(4), to: 99))
        #expect(bench.line == "1* 2 3 4")
        #expect(try bench.act(.move(QueueBench.entry(4), to: 2)) == [], "there already")
        #expect(throws: QueueCommandError.self) { try bench.act(.move(QueueBench.entry(1), to: 0)) }
        #expect(throws: QueueCommandError.self) { try bench.act(.move(QueueBench.entry(2), to: -1)) }
        bench.end(1)
        #expect(bench.line == "2! 3 4")
    }

    @Test func putsAReadyDJOnAirAtOnceWhateverStandsBefore() throws {
        var bench = QueueBench(ready: 3)
        bench.shows(1)
        try bench.act(.hold(QueueBench.entry(3)))
        let actions = try bench.act(.putOnAir(QueueBench.entry(3)))
        #expect(actions.order?.onAir == QueueBench.session(3))
        #expect(bench.line == "3! 2")
        #expect(bench.endings == ["dj1 skipped"])
        #expect(try bench.act(.putOnAir(QueueBench.entry(3))) == [])
    }

    @Test func waitsForADJWhoIsPutOnAirAndNotReady() throws {
        var bench = QueueBench(ready: 2, settings: QueueSettings(slotSeconds: 60))
        bench.shows(1)
        bench.join(3)
        bench.wait(.seconds(50))
        try bench.act(.putOnAir(QueueBench.entry(3)))
        #expect(bench.line == "1* 2 3?^")
        bench.wait(.seconds(20))
        #expect(bench.line == "1* 2 3?^", "the slot goes on until the called one is ready")
        bench.ready(3)
        #expect(bench.line == "3! 2")
        #expect(bench.endings == ["dj1 skipped"])
    }

    /// Design §5: the outgoing DJ, if still there, else the slate.
    @Test func theOutgoingDJStaysUntilTheCalledOneIsReadyWhateverOthersAre() throws {
        var bench = QueueBench(ready: 3, settings: QueueSettings(slotSeconds: 60))
        bench.shows(1)
        bench.join(4)
        let actions = try bench.act(.putOnAir(QueueBench.entry(4)))
        #expect(actions.order == nil, "the programme goes on as it was")
        bench.wait(.seconds(29))
        #expect(bench.line == "1* 2 3 4?^")
        #expect(bench.machine.view(now: bench.now).showing == .dj)
        // Gone by themselves: nobody else's slot is begun to be ended in a moment, the slate bridges what is left.
        bench.end(1)
        #expect(bench.line == "2 3 4?^")
        bench.wait(.seconds(1))
        #expect(bench.line == "2! 3 4?", "at most until the call has run out")
    }

    @Test func theOrdinaryOrderGoesOnWhenTheCalledOneDoesNotCome() throws {
        var bench = QueueBench(ready: 2, settings: QueueSettings(slotSeconds: 60))
        bench.shows(1)
        bench.join(3)
        bench.wait(.seconds(50))
        try bench.act(.putOnAir(QueueBench.entry(3)))
        bench.wait(.milliseconds(29_999))
        #expect(bench.line == "1* 2 3?^")
        bench.wait(.milliseconds(1))
        #expect(bench.line == "2! 3?", "the slot was over long ago")
        #expect(bench.kinds.contains("queue.noShow"))
    }

    @Test func removesWhoIsOnAirOrWaits() throws {
        var bench = QueueBench(ready: 3)
        bench.shows(1)
        #expect(try bench.act(.remove(QueueBench.entry(2))).closed == [QueueBench.session(2)])
        #expect(try bench.act(.remove(QueueBench.entry(1))).closed == [], "shown until the hand-over")
        #expect(bench.shows(3).closed == [QueueBench.session(1)])
        #expect(bench.endings == ["dj2 removed", "dj1 removed"])
        #expect(throws: QueueCommandError.unknownEntry) { try bench.act(.remove(QueueBench.entry(1))) }
    }

    @Test func lengthensShortensAndSetsWhatIsLeft() throws {
        var bench = QueueBench(ready: 2, settings: QueueSettings(slotSeconds: 600))
        bench.shows(1)
        bench.wait(.seconds(100))
        try bench.act(.extend(nil, seconds: 60))
        #expect(bench.left == 560)
        try bench.act(.extend(QueueBench.entry(1), seconds: -500))
        #expect(bench.left == 60)
        try bench.act(.setRemaining(nil, seconds: 30))
        #expect(bench.left == 30)
        try bench.act(.setRemaining(QueueBench.entry(2), seconds: 45))
        try bench.act(.extend(nil, seconds: -86_400))
        #expect(bench.endings == ["dj1 slotOver"])
        bench.shows(2)
        #expect(bench.left == 45)
        for seconds in [-1, 86_401] {
            #expect(throws: QueueCommandError.self) { try bench.act(.setRemaining(nil, seconds: seconds)) }
        }
        #expect(throws: QueueCommandError.self) { try bench.act(.extend(nil, seconds: .max)) }
        #expect(throws: QueueCommandError.self) { try bench.act(.extend(nil, seconds: 86_400)) }
    }

    @Test func inOvertimeAddedTimeCountsFromNow() throws {
        var bench = QueueBench(ready: 1, settings: QueueSettings(slotSeconds: 60))
        bench.shows(1)
        bench.wait(.seconds(600))
        try bench.act(.extend(nil, seconds: 30))
        #expect(bench.left == 30)
    }

    @Test func anUnlimitedSlotCanBeLimitedButNotLengthened() throws {
        var bench = QueueBench(ready: 1, settings: QueueSettings(slotSeconds: nil))
        bench.shows(1)
        #expect(throws: QueueCommandError.self) { try bench.act(.extend(nil, seconds: 60)) }
        try bench.act(.setRemaining(nil, seconds: 60))
        #expect(bench.left == 60)
    }

    /// MS-11.
    @Test func aNewDefaultKeepsWhatHasElapsedOrStartsAnew() throws {
        var bench = QueueBench(ready: 1, settings: QueueSettings(slotSeconds: 600))
        bench.shows(1)
        bench.wait(.seconds(100))
        try bench.act(.setSlotLength(seconds: 300, resetRunning: false))
        #expect(bench.left == 200)
        try bench.act(.setSlotLength(seconds: 300, resetRunning: true))
        #expect(bench.left == 300)
        bench.wait(.seconds(50))
        try bench.act(.setSlotLength(seconds: 400, resetRunning: false))
        #expect(bench.left == 350, "elapsed since it started anew")
        try bench.act(.setSlotLength(seconds: nil, resetRunning: true))
        #expect(bench.left == nil)
        #expect(throws: QueueCommandError.self) { try bench.act(.setSlotLength(seconds: 0, resetRunning: true)) }
    }

    @Test func aBanEndsTheConnectionAtOnceAndKeepsThemOut() throws {
        var bench = QueueBench(ready: 2)
        bench.shows(1)
        let until = bench.now + .seconds(60)
        let actions = try bench.act(.ban(QueueBench.user(1), until: until, reason: "flashing lights"))
        let message = PublishRefusal.banned(until: until, reason: "flashing lights").message
        #expect(actions.contains(.closePublisher(QueueBench.user(1), reason: message)))
        #expect(actions.order?.onAir == QueueBench.session(2))
        #expect(actions.order?.discarded == [QueueBench.session(1)])
        #expect(bench.endings == ["dj1 banned"])
        bench.end(1, .closedByServer)
        #expect(
            bench.join(1, take: 1).result == .failure(.banned(until: until, reason: "flashing lights")))
        #expect(try bench.act(.ban(QueueBench.user(1), until: until, reason: "flashing lights")) == [])
        bench.wait(.seconds(60))
        #expect(bench.join(1, take: 2, entry: 9).result == .success(QueueBench.entry(9)))
        #expect(bench.kinds.filter { $0.contains("ban") } == ["dj.banned", "dj.unbanned"])
    }

    @Test func bansBeforeTheyComeAndUnbans() throws {
        var bench = QueueBench()
        try bench.act(.ban(QueueBench.user(7), until: nil, reason: nil))
        #expect(bench.join(7).result == .failure(.banned(until: nil, reason: nil)))
        try bench.act(.unban(QueueBench.user(7)))
        #expect(try bench.act(.unban(QueueBench.user(7))) == [])
        #expect(bench.join(7).result == .success(QueueBench.entry(7)))
        #expect(throws: QueueCommandError.self) {
            try bench.act(.ban(QueueBench.user(7), until: bench.now, reason: nil))
        }
        #expect(throws: QueueCommandError.self) {
            try bench.act(.ban(QueueBench.user(7), until: nil, reason: "two\nlines"))
        }
        #expect(bench.line == "7?", "a refused act changes nothing")
    }

    @Test func clearsThoseWhoWaitAndWithThemWhoIsOnAir() throws {
        var bench = QueueBench(ready: 3)
        bench.shows(1)
        #expect(
            Set(try bench.act(.clear(includingOnAir: false)).closed) == [QueueBench.session(2), QueueBench.session(3)])
        #expect(bench.line == "1*")
        #expect(try bench.act(.clear(includingOnAir: false)) == [])
        #expect(try bench.act(.clear(includingOnAir: true)).order?.onAir == nil)
        #expect(bench.line == "")
        #expect(
            audit(bench) == [
                #"queue.clear {"count":2,"names":["dj2","dj3"]} {"count":0}"#,
                #"queue.clear {"count":1,"names":["dj1"]} {"count":0}"#,
            ])
    }

    @Test func setsAllSettingsOrNone() throws {
        var bench = QueueBench()
        try bench.act(.set(["slotLength": "30m", "coverDrop": "next", "warnings": "5m,30s"]))
        #expect(
            bench.machine.settings == QueueSettings(slotSeconds: 1800, coverDrop: .next, warningSeconds: [300, 30]))
        #expect(throws: QueueCommandError.self) { try bench.act(.set(["slotLength": "10m", "coverDrop": "maybe"])) }
        #expect(bench.machine.settings.slotSeconds == 1800)
        #expect(
            audit(bench) == [
                #"queue.set {"slotLength":"1h","coverDrop":"slate","warnings":"10m,5m,1m"} "#
                    + #"{"slotLength":"30m","coverDrop":"next","warnings":"5m,30s"}"#
            ])
    }

    @Test func anActOnAQueueThatHasMovedIsRefusedWithWhatItIsNow() throws {
        var bench = QueueBench(ready: 2)
        bench.shows(1)
        let seen = bench.machine.version
        try bench.act(.skip(nil), version: seen)
        let error = #expect(throws: QueueCommandError.self) { try bench.act(.skip(nil), version: seen) }
        guard case .versionConflict(let present)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(present.version == bench.machine.version)
        #expect(present.entries.map(\.name) == ["dj2"])
        #expect(bench.line == "2!", "the other admin's DJ was not skipped unseen")
    }

    @Test func eachActLeavesOneLineWithWhoDidItAndOneWithoutEffectLeavesNone() throws {
        var bench = QueueBench(ready: 3)
        bench.shows(1)
        let acts: [QueueAct] = [
            .hold(QueueBench.entry(2)), .release(QueueBench.entry(2)), .move(QueueBench.entry(3), to: 0),
            .extend(nil, seconds: 60), .setRemaining(nil, seconds: 60), .setOpen(false), .setAutoAdvance(false),
            .setUserSlot(QueueBench.user(2), seconds: 60), .setSlotLength(seconds: 60, resetRunning: true),
            .ban(QueueBench.user(9), until: nil, reason: nil), .unban(QueueBench.user(9)),
            .putOnAir(QueueBench.entry(3)), .remove(QueueBench.entry(2)), .skip(nil),
        ]
        for act in acts {
            let before = bench.moves.flatMap(\.audit).count
            try bench.act(act)
            let lines = bench.moves.flatMap(\.audit)
            #expect(lines.count == before + 1, "\(act)")
            #expect(lines.last?.action == act.kind)
            #expect(lines.last?.actor == QueueBench.operatorOne)
            #expect(lines.last?.at == bench.now)
            #expect(lines.last?.after != nil)
        }
        let count = bench.moves.count
        for act in [QueueAct.setOpen(false), .setAutoAdvance(false), .unban(QueueBench.user(9)), .set([:])] {
            #expect(try bench.act(act) == [])
        }
        #expect(bench.moves.count == count)
        #expect(
            audit(bench)[0] == #"queue.hold {"name":"dj2","state":"waiting","held":false} {"name":"dj2","held":true}"#)
    }

    @Test func estimatesWhenEachComesOnAir() throws {
        var bench = QueueBench(ready: 4, settings: QueueSettings(slotSeconds: 600))
        bench.shows(1)
        bench.wait(.seconds(100))
        try bench.act(.hold(QueueBench.entry(2)))
        try bench.act(.setUserSlot(QueueBench.user(3), seconds: 60))
        let view = bench.machine.view(now: bench.now)
        #expect(
            view.entries.map(\.estimatedStart) == [nil, nil, bench.now + .seconds(500), bench.now + .seconds(560)])
        try bench.act(.setAutoAdvance(false))
        #expect(bench.machine.view(now: bench.now).entries.allSatisfy { $0.estimatedStart == nil })
    }

    @Test func anEmergencyIsOrderedStoredAndLeavesTheQueueAsItIs() throws {
        var bench = QueueBench(ready: 2, settings: QueueSettings(slotSeconds: 60))
        bench.shows(1)
        bench.wait(.seconds(20))
        let order = try #require(try bench.act(.emergency(.slate)).order)
        #expect(order.onAir == QueueBench.session(1))
        #expect(order.output.emergency == .slate)
        let move = try #require(bench.moves.last)
        #expect(move.settings?.output.emergency == .slate)
        #expect(move.events == [.settingsChanged, .emergencyChanged(state: .slate)])
        #expect(move.audit.map(\.action) == ["channel.emergency"])
        #expect(move.audit.first?.before == #"{"emergency":"off"}"#)
        #expect(try bench.act(.emergency(.slate)) == [], "a second click")
        // The slot clock follows the output: what the slate takes is not the DJ's.
        bench.shows(nil)
        bench.wait(.seconds(300))
        #expect(bench.line == "1! 2")
        let restarted = QueueMachine(
            channel: .main,
            record: QueueRecord(version: 9, settings: try #require(move.settings), entries: []), now: bench.now)
        var after = restarted
        #expect(after.deadlinePassed(now: bench.now).order?.output.emergency == .slate, "a restart keeps it")
        #expect(try bench.act(.emergency(.off)).order?.output.emergency == .off)
        bench.shows(1)
        let left = try #require(bench.machine.view(now: bench.now).entries.first?.remainingSeconds)
        #expect(left == 40)
    }
}
