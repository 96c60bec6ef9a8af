package import Domain
package import Logging
private import Metrics
import ServiceLifecycle
private import Synchronization

/// What the announcements are told to do something by.
package enum AnnouncementSignal: Sendable, Equatable {
    /// Events may have been added.
    case events
    /// A target was made, changed, parked, resumed or removed, or is to send something again.
    case targets
}

/// Tells every target what happens (design §8): one task a target, so that none waits for another, and nothing of the queue or
/// the media waits for any (I5, I6).
///
/// What waits is in the database; in memory are at most `TargetRunner.page` events a target. Signals say only that there may be
/// something: one that is missed is made good by the next.
package final class AnnouncementService: Service {
    private let store: any TargetStore
    private let signals: @Sendable () -> any AsyncSequence<AnnouncementSignal, Never>
    private let sinks: SinkMaker
    private let scene: any AnnouncementScene
    private let backing: TargetRunner.Backing
    private let reload = Waker()
    private let running = Mutex<[TargetID: Handle]>([:])
    private let gate = DiscordGate()

    private static let longestDatabasePause: Duration = .seconds(5)

    /// One target's task, from outside.
    private struct Handle {
        var version: Int64
        var waker: Waker
        var stop: Waker
    }

    /// - Parameters:
    ///   - signals: makes a stream from now on.
    ///   - parkAfter: for how long a target may take nothing before it is given up.
    package init(
        store: any TargetStore & Outbox, outside: AnnouncementsOutside, scene: any AnnouncementScene,
        clock: any WallClock, timer: any Clock<Duration> = ContinuousClock(), parkAfter: Duration, logger: Logger,
        signals: @escaping @Sendable () -> any AsyncSequence<AnnouncementSignal, Never>
    ) {
        self.store = store
        self.signals = signals
        self.scene = scene
        sinks = SinkMaker(outside: outside, clock: clock, timer: timer)
        backing = TargetRunner.Backing(
            outbox: store, clock: clock, timer: timer, parkAfter: parkAfter, logger: logger)
    }

    /// Until graceful shutdown; what is on its way then is sent again after the next start.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                // One for the service; it ends with the group.
                group.addTask { await self.listen() }
                await self.keepRunning(&group)
            }
        }
    }

    private func listen() async {
        for await signal in signals() {
            switch signal {
            case .events: wakeAll()
            case .targets:
                reload.wake()
                wakeAll()
            }
        }
    }

    private func wakeAll() {
        for waker in running.withLock({ $0.values.map(\.waker) }) { waker.wake() }
    }

    private func keepRunning(_ group: inout DiscardingTaskGroup) async {
        var pause: Duration = .milliseconds(250)
        while !Task.isCancelled {
            do {
                let targets = try await store.targets()
                pause = .milliseconds(250)
                stopThoseThatChanged(targets)
                for stored in targets { startIfDue(stored, &group) }
                await reload.sleep()
            } catch {
                backing.logger.debug("targets not read", metadata: [LogKey.error: "\(error)"])
                await reload.sleep(atMost: pause, backing.timer)
                pause = min(pause * 2, Self.longestDatabasePause)
            }
        }
    }

    private func stopThoseThatChanged(_ targets: [StoredTarget]) {
        let versions = Dictionary(targets.map { ($0.target.id, $0) }, uniquingKeysWith: { first, _ in first })
        let old = running.withLock { running in
            running.filter { id, handle in
                guard let stored = versions[id] else { return true }
                return stored.target.version != handle.version || !stored.isToRun
            }.map(\.value.stop)
        }
        for stop in old { stop.wake() }
    }

    private func startIfDue(_ stored: StoredTarget, _ group: inout DiscardingTaskGroup) {
        let name = [("target", stored.target.name)]
        Gauge(label: "lineup_target_parked", dimensions: name).record(stored.progress.parkedAt == nil ? 0 : 1)
        Gauge(label: "lineup_target_failures", dimensions: name).record(stored.failures)
        let id = stored.target.id
        let handle = Handle(version: stored.target.version, waker: Waker(), stop: Waker())
        let isNew = running.withLock { running in
            // One that is being stopped is started anew once it has ended.
            guard stored.isToRun, running[id] == nil else { return false }
            running[id] = handle
            return true
        }
        guard isNew else { return }
        group.addTask {
            await withTaskGroup(of: Void.self) { both in
                // Whichever ends first ends the other: a target that is switched off leaves nothing behind.
                both.addTask { await self.runTarget(stored, handle.waker) }
                both.addTask { await handle.stop.sleep() }
                await both.next()
                both.cancelAll()
            }
            self.running.withLock { $0[id] = nil }
            self.reload.wake()
        }
    }

    private func runTarget(_ stored: StoredTarget, _ waker: Waker) async {
        do {
            if stored.target.kind == .discord {
                let secrets = try sinks.secrets(of: stored)
                var runner = DiscordRunner(
                    stored, url: secrets.url, http: sinks.outside.http, gate: gate, scene: scene, waker: waker,
                    backing: backing)
                return await runner.run()
            }
            var runner = TargetRunner(stored, sink: try sinks.sink(for: stored), waker: waker, backing: backing)
            await runner.run()
        } catch {
            await park(stored, reason: "\(error)")
        }
    }

    /// For a target that cannot even be tried.
    private func park(_ stored: StoredTarget, reason: String) async {
        var progress = stored.progress
        progress.parkedAt = backing.clock.now()
        progress.parkedReason = reason
        backing.logger.warning(
            "target parked", metadata: [LogKey.target: "\(stored.target.name)", LogKey.error: "\(reason)"])
        do {
            _ = try await backing.outbox.report(
                DeliveryReport(progress: progress), of: stored.target.id, version: stored.target.version)
        } catch {
            // It is tried, and parked, at the next look.
            await reload.sleep(atMost: Self.longestDatabasePause, backing.timer)
        }
    }
}

extension StoredTarget {
    /// Whether anything is delivered to it.
    var isToRun: Bool { target.isEnabled && progress.parkedAt == nil }
}

/// The adapters that announcements go out by.
package struct AnnouncementsOutside: Sendable {
    package var http: any OutboundHTTP
    package var files: any LineFiles
    package var sealing: any SecretSealing
    package var authentication: any MessageAuthenticating

    package init(
        http: any OutboundHTTP, files: any LineFiles, sealing: any SecretSealing,
        authentication: any MessageAuthenticating
    ) {
        self.http = http
        self.files = files
        self.sealing = sealing
        self.authentication = authentication
    }
}

/// Makes what hands events to a target.
struct SinkMaker: Sendable {
    let outside: AnnouncementsOutside
    let clock: any WallClock
    let timer: any Clock<Duration>

    func secrets(of stored: StoredTarget) throws(SecretSealingError) -> TargetSecrets {
        try TargetSecrets.open(stored, by: outside.sealing)
    }

    func sink(for stored: StoredTarget) throws(SecretSealingError) -> any TargetSink {
        if stored.target.kind == .file { return FileSink(file: stored.target.place, files: outside.files) }
        return WebhookSink(
            target: stored.target, secrets: try secrets(of: stored), http: outside.http,
            authentication: outside.authentication, clock: clock, timer: timer)
    }
}
