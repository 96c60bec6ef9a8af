package import Domain
package import Logging
package import OBSProtocol
import ServiceLifecycle
private import Synchronization

/// Lets OBS instances follow the programme (design §8): a `StudioRunner` each, with tasks and a queue of its own, so that none waits for
/// another and neither the queue nor the media for any (I5).
package final class StageService: Service {
    private struct Handle {
        var version: Int64
        var runner: StudioRunner?
        var stop: AsyncStream<Void>.Continuation
        var problem: String?
    }

    private let store: any StudioStore
    private let backing: StudioRunner.Backing
    private let changes: @Sendable () -> any AsyncSequence<Void, Never>
    private let running = Mutex<[StudioID: Handle]>([:])
    private let reloads: AsyncStream<Void>
    private let reload: AsyncStream<Void>.Continuation
    private static let databasePause: Duration = .seconds(3)

    /// - Parameter changes: makes a stream, from now on, of each time that studios may have changed.
    package init(
        store: any StudioStore, dialer: any OBSDialing, sealing: any SecretSealing, queue: any QueueDesk,
        news: any StudioNewsDesk, clock: any WallClock, timer: any Clock<Duration> = ContinuousClock(), logger: Logger,
        changes: @escaping @Sendable () -> any AsyncSequence<Void, Never>
    ) {
        self.store = store
        self.changes = changes
        backing = StudioRunner.Backing(
            dialer: dialer, sealing: sealing, queue: queue, news: news, clock: clock, timer: timer, logger: logger)
        (reloads, reload) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Until graceful shutdown. OBS is left as it is.
    package func run() async throws {
        reload.yield()
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    for await _ in self.changes() { self.reload.yield() }
                }
                for await _ in self.reloads { await self.follow(&group) }
                group.cancelAll()
            }
        }
    }

    /// `nil` for one that is not running here.
    func situation(of id: StudioID) -> StudioSituation? {
        running.withLock { running in
            guard let handle = running[id] else { return nil }
            if let runner = handle.runner { return runner.situation }
            var broken = StudioSituation(state: .failing)
            broken.lastError = handle.problem
            return broken
        }
    }

    func facts(for id: StudioID) -> StageFacts? { running.withLock { $0[id]?.runner }?.facts }

    private func follow(_ group: inout DiscardingTaskGroup) async {
        let stored: [StoredStudio]
        do {
            stored = try await store.studios()
        } catch {
            backing.logger.debug("studios not read", metadata: ["error": "\(error)"])
            group.addTask {
                // Cancelled: nobody looks any more.
                try? await self.backing.timer.sleep(for: Self.databasePause)
                self.reload.yield()
            }
            return
        }
        let wanted = Dictionary(
            stored.filter(\.studio.isEnabled).map { ($0.studio.id, $0) }, uniquingKeysWith: { first, _ in first })
        let old = running.withLock { running in
            running.filter { wanted[$0.key]?.studio.version != $0.value.version }
        }
        for (id, handle) in old {
            handle.stop.finish()
            // One without a task of its own is gone at once.
            if handle.runner == nil { running.withLock { $0[id] = nil } }
        }
        for studio in wanted.values { start(studio, &group) }
    }

    private func start(_ stored: StoredStudio, _ group: inout DiscardingTaskGroup) {
        let id = stored.studio.id
        let (stops, stop) = AsyncStream<Void>.makeStream()
        var handle = Handle(version: stored.studio.version, runner: nil, stop: stop, problem: nil)
        do throws(StudioError) {
            handle.runner = try StudioRunner(stored, backing: backing)
        } catch {
            handle.problem = "its rules cannot be read any more"
        }
        let isNew = running.withLock { running in
            // One that is being stopped is started anew once it has ended.
            guard running[id] == nil else { return false }
            running[id] = handle
            return true
        }
        guard isNew, let runner = handle.runner else { return }
        group.addTask {
            await withTaskGroup(of: Void.self) { both in
                both.addTask { await runner.run() }
                both.addTask { for await _ in stops {} }
                await both.next()
                both.cancelAll()
            }
            self.running.withLock { $0[id] = nil }
            self.reload.yield()
        }
    }
}
