import Domain
import Logging
import Queueing
import ServiceLifecycle
import Synchronization
import Testing

/// Takes orders, closings and moves down; can be told that the database is away.
private final class Recorder: ProgrammeControl, PublisherControl, QueueStore, Sendable {
    struct Away: Error {}

    struct Kept {
        var orders: [ProgrammeOrder] = []
        var closed: [PublishSessionID] = []
        var moves: [QueueTransition] = []
        var isAway = false
        var failures = 0
    }

    let kept = Mutex(Kept())
    let (changes, change) = AsyncStream.makeStream(of: Void.self)

    func direct(_ order: ProgrammeOrder) { note { $0.orders.append(order) } }
    func close(_ session: PublishSessionID, reason: String) { note { $0.closed.append(session) } }
    func close(publishedWith key: KeyID, reason: String) {}
    func close(publishedBy user: UserID, reason: String) {}
    func load(_ channel: ChannelName) async throws -> QueueRecord {
        QueueRecord(version: 0, settings: QueueSettings(), entries: [])
    }
    func commit(_ transition: QueueTransition) async throws {
        let isAway = kept.withLock { kept in
            if kept.isAway { kept.failures += 1 } else { kept.moves.append(transition) }
            return kept.isAway
        }
        change.yield()
        if isAway { throw Away() }
    }
    func heartbeat(
        _ entry: EntryID, usedOnAir: Duration, in channel: ChannelName, epoch: Int64
    ) async throws {}

    private func note(_ body: (inout Kept) -> Void) {
        kept.withLock { body(&$0) }
        change.yield()
    }

    /// Waits for an event after which `condition` holds.
    func wait(until condition: (Kept) -> Bool) async {
        if kept.withLock({ condition($0) }) { return }
        for await _ in changes where kept.withLock({ condition($0) }) { return }
    }
}

private struct TestClock: WallClock {
    func now() -> WallTime { WallTime(milliseconds: 0) + ContinuousClock.now.duration(since: start) }
    private let start = ContinuousClock.now
}

extension ContinuousClock.Instant {
    fileprivate func duration(since other: Self) -> Duration { other.duration(to: self) }
}

@Suite struct QueueServiceTests {
    private let recorder = Recorder()

    private func publisher(_ number: UInt64) -> PublisherIdentity {
        PublisherIdentity(
            session: PublishSessionID(high: 0, low: number), user: UserID(high: 0, low: number), name: "dj\(number)")
    }

    private func withService(
        settings: QueueSettings = QueueSettings(), _ body: @escaping @Sendable (QueueService) async throws -> Void
    ) async throws {
        let service = QueueService(
            channel: .main, record: QueueRecord(version: 4, settings: settings, entries: []), store: recorder,
            programme: recorder, publishers: recorder, clock: TestClock(), logger: Logger(label: "test"))
        let group = ServiceGroup(services: [service], logger: Logger(label: "test"))
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
}
