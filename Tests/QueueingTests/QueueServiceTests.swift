import Domain
import Logging
import Queueing
import ServiceLifecycle
import Synchronization
import Testing

@Suite struct QueueServiceTests {
    private let recorder = Recorder()

    private func publisher(_ number: UInt64) -> PublisherIdentity {
        PublisherIdentity(
            session: PublishSessionID(high: 0, low: number), user: UserID(high: 0, low: number), name: "dj\(number)")
    }

    private func withService(
        settings: QueueSettings = QueueSettings(), limits: QueueService.Limits = QueueService.Limits(),
        _ body: @escaping @Sendable (QueueService) async throws -> Void
    ) async throws {
        let service = QueueService(
            channel: .main,
            record: QueueRecord(version: 4, epoch: 7, eventSequence: 10, settings: settings, entries: []),
            store: recorder,
            programme: recorder, publishers: recorder, clock: TestClock(), limits: limits, logger: Logger(label: "test")
        )
        // A service that steps down has ended well.
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: service, successTerminationBehavior: .ignore)],
                logger: Logger(label: "test")))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await body(service)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test func directsTheProgrammeAndWritesEachMove() async throws {
        try await withService { service in
            _ = try await service.join(publisher(1)).get()
            service.readinessChanged(publisher(1).session, to: .ready)
            await recorder.wait { $0.orders.last?.onAir == publisher(1).session }
            await recorder.wait { $0.moves.count == 2 }
            #expect(recorder.kept.withLock { $0.moves.map(\.version) } == [5, 6])
        }
    }

    @Test func movesWaitWhileTheDatabaseIsAwayAndAreWrittenInOrder() async throws {
        recorder.kept.withLock { $0.isAway = true }
        try await withService { service in
            for number in 1...3 as ClosedRange<UInt64> { _ = await service.join(publisher(number)) }
            await recorder.wait { $0.failures >= 2 }
            #expect(await service.readiness().first?.isOK == false)
            service.readinessChanged(publisher(1).session, to: .ready)
            await recorder.wait { $0.orders.last?.onAir == publisher(1).session }
            recorder.kept.withLock { $0.isAway = false }
            await recorder.wait { $0.moves.count == 4 }
            #expect(recorder.kept.withLock { $0.moves.map(\.version) } == [5, 6, 7, 8])
        }
    }

    /// Issue, persistence: the admin page says so. The view goes to all who listen when the trouble begins and when it ends.
    @Test(.timeLimit(.minutes(1))) func listenersLearnThatTheDatabaseIsAwayAndThatAllIsWritten() async throws {
        try await withService { service in
            var views = try await service.views(of: .main).makeAsyncIterator()
            #expect(await views.next()?.unwritten == nil)
            // Nothing is being written: asking for a sign of life finds it out.
            recorder.kept.withLock { $0.isAway = true }
            let first = await views.next()
            #expect(first?.unwritten?.moves == 0)
            _ = await service.join(publisher(1))
            var view = await views.next()
            while view != nil, view?.unwritten?.moves != 1 { view = await views.next() }
            #expect(view?.unwritten?.since == first?.unwritten?.since)
            #expect(view?.entries.count == 1)
            recorder.kept.withLock { $0.isAway = false }
            while view != nil, view?.unwritten != nil { view = await views.next() }
            #expect(view?.entries.count == 1)
            #expect(await service.readiness() == [ReadinessCheck(name: "queue", isOK: true)])
        }
    }

    @Test(.timeLimit(.minutes(1))) func aFrozenDatabaseIsNamedBeforeItsAnswerIsGivenUp() async throws {
        var limits = QueueService.Limits()
        limits.latestAnswer = .milliseconds(50)
        try await withService(limits: limits) { service in
            var views = try await service.views(of: .main).makeAsyncIterator()
            _ = await views.next()
            recorder.freeze()
            _ = await service.join(publisher(1))
            var view = await views.next()
            while view != nil, view?.unwritten == nil { view = await views.next() }
            #expect(view?.unwritten?.moves == 1)
            #expect(
                await service.readiness().first?.cause
                    == "the database does not answer; moves that wait to be written: 1")
            recorder.thaw()
            while view != nil, view?.unwritten != nil { view = await views.next() }
            #expect(view?.entries.count == 1)
        }
    }

    @Test func aSlotEndsByTheClockWithoutAnyCall() async throws {
        try await withService(settings: QueueSettings(slotSeconds: 1)) { service in
            for number in 1...2 as ClosedRange<UInt64> {
                _ = await service.join(publisher(number))
                service.readinessChanged(publisher(number).session, to: .ready)
            }
            service.programmeReported(.onAir(publisher(1).session))
            await recorder.wait { $0.orders.last?.onAir == publisher(2).session }
            service.programmeReported(.onAir(publisher(2).session))
            await recorder.wait { $0.closed == [publisher(1).session] }
        }
    }

    @Test func listenersSeeThePresentViewThenEachChangeThenTheEnd() async throws {
        let recorder = self.recorder
        let (views, view) = AsyncStream.makeStream(of: [String].self)
        try await withService { service in
            let stream = try await service.views(of: .main)
            let reading = Task {
                for await seen in stream { view.yield(seen.entries.map(\.name)) }
                view.finish()
            }
            var seen = views.makeAsyncIterator()
            #expect(await seen.next() == [])
            _ = await service.join(publisher(1))
            #expect(await seen.next() == ["dj1"])
            _ = reading
            await recorder.wait { !$0.moves.isEmpty }
        }
        for await _ in views {}
    }

    @Test func refusesAChannelItDoesNotHave() async throws {
        try await withService { service in
            let other = try #require(ChannelName("other"))
            await #expect(throws: QueueCommandError.unknownChannel) { try await service.view(of: other) }
        }
    }

    private func act(_ act: QueueAct, version: Int64? = nil) -> QueueCommand {
        QueueCommand(
            act: act, actor: Actor(kind: .commandLine, id: nil, name: "test"), expectedVersion: version)
    }

    /// MS-6.
    @Test func tenKeysAtOnceGiveOneHeadAndNineWhoWait() async throws {
        try await withService { service in
            await withTaskGroup(of: Void.self) { group in
                for number in 1...10 as ClosedRange<UInt64> {
                    group.addTask {
                        _ = await service.join(publisher(number))
                        service.readinessChanged(publisher(number).session, to: .ready)
                    }
                }
            }
            let view = try await service.view(of: .main)
            #expect(view.entries.count == 10)
            #expect(view.entries.filter { $0.state == .onAir }.count == 1)
            #expect(Set(view.entries.map(\.user)).count == 10)
        }
    }

    @Test func aBanClosesWhateverThePersonPublishesBeforeItAnswers() async throws {
        try await withService { service in
            _ = await service.join(publisher(1))
            _ = try await service.perform(act(.ban(publisher(1).user, until: nil, reason: nil)), on: .main)
            #expect(recorder.kept.withLock { $0.closedUsers } == [publisher(1).user])
            #expect(await service.join(publisher(1)) == .failure(.banned(until: nil, reason: nil)))
        }
    }

    @Test func anActIsAnsweredWhenItIsStored() async throws {
        try await withService { service in
            for isOpen in [false, true, false] {
                let version = try await service.perform(act(.setOpen(isOpen)), on: .main).version
                #expect(recorder.kept.withLock { $0.moves.last?.version } == version)
            }
        }
    }

    @Test func anActIsDoneAndAnsweredWhileTheDatabaseIsAway() async throws {
        recorder.kept.withLock { $0.isAway = true }
        var limits = QueueService.Limits()
        limits.longestAnswer = .seconds(3600)
        try await withService(limits: limits) { service in
            let closed = try await service.perform(act(.setOpen(false)), on: .main)
            #expect(!closed.isOpen)
            let open = try await service.perform(act(.setOpen(true)), on: .main)
            #expect(open.isOpen)
            #expect(recorder.kept.withLock { $0.moves.isEmpty })
        }
    }

    @Test func anActIsNotAnsweredAsDoneWhenTheChannelIsAnothers() async throws {
        try await withService { service in
            recorder.kept.withLock { $0.refusal = .epochLost(present: 8) }
            await #expect(throws: QueueCommandError.self) {
                _ = try await service.perform(act(.setOpen(false)), on: .main)
            }
            #expect(service.hasSteppedDown)
        }
    }

    @Test func ofTwoOperatorsWithOneVersionTheSecondIsToldWhatItIsNow() async throws {
        try await withService { service in
            _ = await service.join(publisher(1))
            let seen = try await service.view(of: .main).version
            let after = try await service.perform(act(.setOpen(false), version: seen), on: .main)
            let error = await #expect(throws: QueueCommandError.self) {
                _ = try await service.perform(act(.setOpen(true), version: seen), on: .main)
            }
            guard case .versionConflict(let present)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(present.version == after.version)
            #expect(try await service.settings(of: .main).isOpen == false)
        }
    }

    @Test func eventsAreToldAfterTheirMoveIsWrittenWithoutAGap() async throws {
        recorder.kept.withLock { $0.isAway = true }
        try await withService { service in
            var events = try await service.events(of: .main).makeAsyncIterator()
            for number in 1...3 as ClosedRange<UInt64> { _ = await service.join(publisher(number)) }
            await recorder.wait { $0.failures >= 1 }
            recorder.kept.withLock { $0.isAway = false }
            for number in 1...3 as ClosedRange<UInt64> {
                let event = await events.next()
                #expect(event?.id == EventID(epoch: 7, sequence: 10 + Int64(number)))
                #expect(event?.kind == "queue.joined")
                #expect(event?.payload.contains("dj\(number)") == true)
                let written = recorder.kept.withLock { $0.moves.count }
                #expect(written >= Int(number), "told before it was written")
            }
        }
    }

    @Test func aListenerWhoIsTooSlowIsLetGo() async throws {
        var limits = QueueService.Limits()
        limits.maximumEventsPerListener = 2
        try await withService(limits: limits) { service in
            let slow = try await service.events(of: .main)
            for number in 1...5 as ClosedRange<UInt64> { _ = await service.join(publisher(number)) }
            await recorder.wait { $0.moves.count == 5 }
            var seen: [Int64] = []
            for await event in slow { seen.append(event.id.sequence) }
            #expect(seen == [11, 12])
        }
    }

    @Test func aFullBacklogRefusesNewcomersAndOperatorsAndMergesTheRest() async throws {
        recorder.kept.withLock { $0.isAway = true }
        var limits = QueueService.Limits()
        limits.maximumBacklog = 4
        limits.maximumMergedEvents = 3
        try await withService(limits: limits) { service in
            for number in 1...4 as ClosedRange<UInt64> { _ = await service.join(publisher(number)) }
            guard case .failure(.serverBusy) = await service.join(publisher(5)) else {
                Issue.record("a fifth came in")
                return
            }
            await #expect(throws: QueueCommandError.self) {
                _ = try await service.perform(act(.setOpen(false)), on: .main)
            }
            for number in 1...4 as ClosedRange<UInt64> {
                service.readinessChanged(publisher(number).session, to: .ready)
                service.readinessChanged(publisher(number).session, to: .notReady(["no picture"]))
            }
            service.ended(publisher(3).session, how: .finished)
            recorder.kept.withLock { $0.isAway = false }
            // Whatever comes next is written as if nothing had been given up.
            await recorder.wait { $0.moves.count == 4 }
            _ = await service.join(publisher(6))
            await recorder.wait { $0.moves.count == 5 }
            let moves = recorder.kept.withLock { $0.moves }
            #expect(zip(moves, moves.dropFirst()).allSatisfy { $1.fromVersion == $0.version })
            #expect(
                zip(moves, moves.dropFirst()).allSatisfy {
                    $1.firstEventSequence == $0.firstEventSequence + Int64($0.events.count)
                })
            #expect(moves[3].events.count == 3)
            #expect(
                moves[3].changed.contains { $0.name == "dj3" && $0.state == .ended(.finished) }, "states are never lost"
            )
        }
    }

    @Test func whoLosesTheChannelStepsDown() async throws {
        try await withService { service in
            for number in 1...2 as ClosedRange<UInt64> {
                _ = await service.join(publisher(number))
                service.readinessChanged(publisher(number).session, to: .ready)
            }
            await recorder.wait { $0.moves.count >= 4 && $0.orders.last?.onAir != nil }
            recorder.kept.withLock { $0.refusal = .epochLost(present: 8) }
            service.programmeReported(.onAir(publisher(1).session))
            await recorder.wait { $0.closed.count == 2 && $0.orders.last?.onAir == nil }
            #expect(service.hasSteppedDown)
            #expect(await service.readiness().first?.isOK == false)
            guard case .failure(.serverBusy) = await service.join(publisher(3)) else {
                Issue.record("somebody joined a queue that is another's")
                return
            }
            await #expect(throws: QueueCommandError.self) {
                _ = try await service.perform(act(.setOpen(false)), on: .main)
            }
            let count = recorder.kept.withLock { $0.orders.count }
            service.ended(publisher(1).session, how: .closedByServer)
            #expect(recorder.kept.withLock { $0.orders.count } == count)
        }
    }

    @Test func theSlotsTimeIsKeptTwiceASecondUnderTheOwnersEpoch() async throws {
        try await withService { service in
            _ = await service.join(publisher(1))
            service.readinessChanged(publisher(1).session, to: .ready)
            service.programmeReported(.onAir(publisher(1).session))
            await recorder.wait { !$0.heartbeats.isEmpty }
            let beat = recorder.kept.withLock { $0.heartbeats.first }
            #expect(beat?.channel == .main)
            #expect(beat?.epoch == 7)
        }
    }

    @Test func theStopWaitsForADatabaseThatComesBackInTime() async throws {
        var limits = QueueService.Limits()
        limits.lastWriting = .seconds(60)
        let recorder = recorder
        recorder.kept.withLock { $0.isAway = true }
        let service = QueueService(
            channel: .main, record: QueueRecord(version: 4, settings: QueueSettings(), entries: []), store: recorder,
            programme: recorder, publishers: recorder, clock: TestClock(), limits: limits, logger: Logger(label: "test")
        )
        _ = await service.join(publisher(1))
        let group = ServiceGroup(services: [service], logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            await recorder.wait { $0.failures >= 1 }
            await group.triggerGracefulShutdown()
            let failures = recorder.kept.withLock { $0.failures }
            await recorder.wait { $0.failures > failures }
            recorder.kept.withLock { $0.isAway = false }
            try await tasks.waitForAll()
        }
        #expect(recorder.kept.withLock { $0.moves.map(\.version) } == [5])
    }

    @Test func theStopDoesNotWaitForEverForADatabaseThatIsGone() async throws {
        var limits = QueueService.Limits()
        limits.lastWriting = .milliseconds(50)
        recorder.kept.withLock { $0.isAway = true }
        try await withService(limits: limits) { service in
            _ = await service.join(publisher(1))
            await recorder.wait { $0.failures >= 1 }
        }
        #expect(recorder.kept.withLock { $0.moves }.isEmpty)
    }
}
