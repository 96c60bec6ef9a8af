import Domain
import Logging
import Queueing
import ServiceLifecycle
import Synchronization
import TestKit
import Testing

/// One server's queue on a store that others share.
private final class TestServer: ProgrammeControl, PublisherControl, Sendable {
    let instance: InstanceID
    let timer = FakeTimer()
    let orders = Mutex<[ProgrammeOrder]>([])
    let closed = Mutex<[PublishSessionID]>([])
    private let made = Mutex<QueueOwner?>(nil)

    init(_ number: UInt64) { instance = InstanceID(high: 0, low: number) }

    func direct(_ order: ProgrammeOrder) { orders.withLock { $0.append(order) } }
    func close(_ session: PublishSessionID, reason: String) { closed.withLock { $0.append(session) } }
    func close(publishedWith key: KeyID, reason: String) {}
    func close(publishedBy user: UserID, reason: String) {}

    func owner(of store: FakeQueueStore) -> QueueOwner {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let lease = LeaseKeeper(channel: .main, instance: instance, store: store, timer: timer, logger: logger)
        return QueueOwner(channel: .main, lease: lease, store: store, programme: self, logger: logger) {
            record, programme in
            QueueService(
                channel: .main, record: record, store: store, programme: programme, publishers: self,
                clock: FakeWallClock(), logger: logger)
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct QueueOwnerTests {
    private let store = FakeQueueStore()

    private func publisher(_ number: UInt64) -> PublisherIdentity {
        PublisherIdentity(
            session: PublishSessionID(high: 0, low: number), user: UserID(high: 0, low: number), name: "dj\(number)")
    }

    /// Runs `owner` as the assembly does while `body` runs.
    private func running(_ owner: QueueOwner, _ body: () async throws -> Void) async throws {
        let group = ServiceGroup(services: [owner], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do { try await body() } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    /// Until something that has no event of its own has come true; the suite's time limit bounds it.
    private func until(_ condition: () async -> Bool) async {
        while await !condition() { await Task.yield() }
    }

    @Test func aServerThatStartsAloneHasItsQueueBeforeItListens() async throws {
        let server = TestServer(1)
        let owner = server.owner(of: store)
        try await owner.takeIfFree()
        #expect(try await owner.view(of: .main).entries.isEmpty)
        #expect(await owner.readiness() == [ReadinessCheck(name: "queue", isOK: true)])
    }

    @Test func standsByWithoutPublishersAndTakesOverWhenTheOwnerStops() async throws {
        let (first, second) = (TestServer(1), TestServer(2))
        let (owner, standby) = (first.owner(of: store), second.owner(of: store))
        try await owner.takeIfFree()
        try await standby.takeIfFree()
        try await running(standby) {
            try await running(owner) {
                _ = try await owner.join(publisher(1)).get()
                guard case .failure(.serverBusy(let why)) = await standby.join(publisher(2)) else {
                    Issue.record("the standby took a publisher")
                    return
                }
                #expect(why.contains("another server"))
                #expect(await standby.readiness().first?.cause?.contains("another server") == true)
                await #expect(throws: QueueCommandError.self) { try await standby.view(of: .main) }
            }
            await second.timer.pass(LeaseKeeper.retryInterval)
            await until { await standby.readiness().first?.isOK == true }
            #expect(try await standby.view(of: .main).entries.map(\.name) == ["dj1"])
            #expect(try await store.load(.main).epoch == 2)
        }
    }

    @Test func whoLostTheChannelStepsDownAndMayOwnItAgain() async throws {
        let server = TestServer(1)
        let owner = server.owner(of: store)
        try await owner.takeIfFree()
        try await running(owner) {
            _ = try await owner.join(publisher(1)).get()
            await until { (try? await store.load(.main).entries.count) == 1 }
            // Another takes the channel, as after a long silence of ours.
            try await store.release(.main, as: server.instance, epoch: 1)
            let other = InstanceID(high: 0, low: 9)
            #expect(try await store.acquire(.main, as: other, for: .seconds(15)) == .owned(epoch: 2))
            // The next move finds it out.
            _ = await owner.join(publisher(2))
            await until { await owner.readiness().first?.isOK == false }
            await until { server.closed.withLock { $0.count } == 2 }
            #expect(try await store.load(.main).entries.map(\.name) == ["dj1"])
            try await store.release(.main, as: other, epoch: 2)
            await until {
                await server.timer.pass(LeaseKeeper.retryInterval)
                return await owner.readiness().first?.isOK == true
            }
            #expect(try await owner.view(of: .main).entries.map(\.name) == ["dj1"])
            _ = try await owner.join(publisher(3)).get()
        }
        #expect(try await store.load(.main).epoch == 3)
        // Two threads may carry two orders, so they may come in another order; no two have one version.
        let versions = server.orders.withLock { $0.map(\.version) }
        #expect(Set(versions).count == versions.count)
    }
}
