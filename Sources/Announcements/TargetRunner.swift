import Domain
import Logging
private import Metrics

/// Delivers to one webhook or file: reads what waits, hands it over in order, writes down how far it came. One task; ends when it
/// is cancelled, when the target is parked, or when it was changed since.
struct TargetRunner: Sendable {
    struct Backing: Sendable {
        var outbox: any Outbox
        var clock: any WallClock
        var timer: any Clock<Duration>
        var parkAfter: Duration
        var logger: Logger
    }

    /// Events read at once.
    static let page = 100
    /// What was delivered is written down at least this often: a crash repeats no more than that.
    private static let reportInterval: Duration = .milliseconds(250)
    private static let longestDatabasePause: Duration = .seconds(5)
    /// How often a server that stands by asks whether it may deliver.
    private static let standbyPause: Duration = .seconds(3)

    let target: Target
    let sink: any TargetSink
    let waker: Waker
    let backing: Backing
    private var machine: DeliveryMachine
    private var unwritten = Unwritten()

    /// What was done and is not in the database yet.
    private struct Unwritten {
        var cursors: [ChannelName: EventID] = [:]
        var replays: [Int64] = []
        var failures: [FailedDelivery] = []
        var lastWrite = ContinuousClock.now
    }

    /// Why a page was not finished.
    private enum Interruption: Error { case retry, ended }

    init(_ stored: StoredTarget, sink: any TargetSink, waker: Waker, backing: Backing) {
        target = stored.target
        self.sink = sink
        self.waker = waker
        self.backing = backing
        machine = DeliveryMachine(stored.progress, parkAfter: backing.parkAfter)
    }

    mutating func run() async {
        var databasePause: Duration = .milliseconds(250)
        while !Task.isCancelled {
            do {
                guard try await step() else { return }
                databasePause = .milliseconds(250)
            } catch {
                backing.logger.debug("outbox not read", metadata: [LogKey.error: "\(error)"])
                // What was delivered and could not be written down is told again: at least once.
                unwritten = Unwritten()
                await backing.waker(waker, atMost: databasePause)
                databasePause = min(databasePause * 2, Self.longestDatabasePause)
            }
        }
    }

    /// - Returns: whether there is a next one.
    private mutating func step() async throws -> Bool {
        if let next = machine.progress.nextTry, next > backing.clock.now() {
            await sleepPastWishes(until: next)
            return true
        }
        guard let pending = try await backing.outbox.pending(for: target.id, limit: Self.page) else {
            await backing.waker(waker, atMost: Self.standbyPause)
            return true
        }
        noteLag(behind: pending)
        guard !pending.isEmpty else {
            await waker.sleep()
            return true
        }
        do {
            try await deliver(pending)
            return try await write()
        } catch Interruption.retry {
            return try await write()
        } catch Interruption.ended {
            return false
        }
    }

    /// New events do not make a failing target's next try come earlier.
    private func sleepPastWishes(until next: WallTime) async {
        let span = next - backing.clock.now()
        guard span > .zero else { return }
        // Cancelled: the loop sees it.
        try? await backing.timer.sleep(for: span)
    }

    private mutating func deliver(_ pending: PendingDeliveries) async throws {
        for replay in pending.replays {
            if replay.event.payload.isEmpty {
                unwritten.failures.append(failure(replay.event, "it is no longer kept"))
            } else {
                try await hand([replay.event], isReplay: true)
            }
            unwritten.replays.append(replay.row)
            try await writeIfDue()
        }
        // Runs of wanted events between unwanted ones go as one batch: what is left out waits for nobody.
        var batch: [EventRecord] = []
        var passed: [ChannelName: EventID] = [:]
        for event in pending.events {
            passed[event.channel] = event.id
            if target.filter.matches(kind: event.kind, channel: event.channel) { batch.append(event) }
            guard batch.count >= target.batch else { continue }
            try await hand(batch, passing: passed)
            batch = []
            passed = [:]
        }
        if !batch.isEmpty { try await hand(batch, passing: passed) }
        unwritten.cursors.merge(passed) { _, new in new }
    }

    private mutating func hand(_ batch: [EventRecord], passing passed: [ChannelName: EventID]) async throws {
        try await hand(batch, isReplay: false)
        unwritten.cursors.merge(passed) { _, new in new }
        try await writeIfDue()
    }

    /// Returns when these are done with, one way or the other.
    private mutating func hand(_ events: [EventRecord], isReplay: Bool) async throws {
        let began = backing.clock.now()
        let outcome = await sink.deliver(events, isReplay: isReplay, patience: machine.patience)
        guard !Task.isCancelled else { throw Interruption.ended }
        let now = backing.clock.now()
        count(outcome, events.count)
        switch outcome {
        case .delivered:
            if machine.progress.failingSince != nil {
                backing.logger.notice("target takes events again", metadata: metadata)
            }
            machine.succeeded(events.count, now: now)
        case .refused(let reason):
            // One event that a target cannot take must not take a whole batch with it.
            guard events.count == 1 else {
                for event in events { try await hand([event], isReplay: isReplay) }
                return
            }
            unwritten.failures += events.map { failure($0, reason) }
            try await heed(machine.refused(reason, now: now))
        case .failed(let reason, let asked):
            if machine.progress.failingSince == nil {
                backing.logger.warning("target does not take events", metadata: metadata(reason))
            }
            try await heed(
                machine.failed(reason, began: began, now: now, asked: asked, chance: .random(in: 0..<1)))
        case .gone(let reason):
            try await heed(machine.gone(reason, now: now))
        }
    }

    private mutating func heed(_ verdict: DeliveryMachine.Verdict?) async throws {
        switch verdict {
        case nil: return
        case .retry: throw Interruption.retry
        case .park(let reason):
            backing.logger.warning("target parked", metadata: metadata(reason))
            _ = try await write()
            throw Interruption.ended
        }
    }

    private mutating func writeIfDue() async throws {
        guard ContinuousClock.now - unwritten.lastWrite >= Self.reportInterval else { return }
        guard try await write() else { throw Interruption.ended }
    }

    /// - Returns: `false` when the target was changed since, or removed: this runner is of the past.
    private mutating func write() async throws -> Bool {
        let report = DeliveryReport(
            progress: machine.progress, cursors: unwritten.cursors, finishedReplays: unwritten.replays,
            failures: unwritten.failures)
        let isWritten = try await backing.outbox.report(report, of: target.id, version: target.version)
        unwritten = Unwritten()
        return isWritten
    }

    private func failure(_ event: EventRecord, _ reason: String) -> FailedDelivery {
        FailedDelivery(channel: event.channel, id: event.id, kind: event.kind, at: event.at, error: reason)
    }

    /// How far the target is behind, in seconds.
    private func noteLag(behind pending: PendingDeliveries) {
        let lag = pending.events.first.map { backing.clock.now() - $0.at } ?? .zero
        Gauge(label: "lineup_target_lag_seconds", dimensions: [("target", target.name)])
            .record(max(0, lag.wholeMilliseconds) / 1000)
    }

    private func count(_ outcome: DeliveryOutcome, _ events: Int) {
        let name =
            switch outcome {
            case .delivered: "delivered"
            case .refused: "refused"
            case .failed, .gone: "failed"
            }
        Counter(label: "lineup_target_events_total", dimensions: [("target", target.name), ("outcome", name)])
            .increment(by: events)
    }

    private var metadata: Logger.Metadata { [LogKey.target: "\(target.name)"] }
    private func metadata(_ reason: String) -> Logger.Metadata {
        [LogKey.target: "\(target.name)", LogKey.error: "\(reason)"]
    }
}

extension TargetRunner.Backing {
    func waker(_ waker: Waker, atMost span: Duration) async { await waker.sleep(atMost: span, timer) }
}

/// The keys of this target's log lines.
enum LogKey {
    static let target = "target"
    static let error = "error"
}
