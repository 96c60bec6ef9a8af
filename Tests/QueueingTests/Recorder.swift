import Domain
import Queueing
import Synchronization

/// Takes orders, closings and moves down; can be told that the database is away.
final class Recorder: ProgrammeControl, PublisherControl, QueueStore, Sendable {
    struct Away: Error {}

    struct Kept {
        var orders: [ProgrammeOrder] = []
        var closed: [PublishSessionID] = []
        var moves: [QueueTransition] = []
        var isAway = false
        /// Who asks waits, until `thaw`.
        var isFrozen = false
        var frozen: [CheckedContinuation<Void, Never>] = []
        var failures = 0
        var closedUsers: [UserID] = []
        /// What every write is refused with.
        var refusal: QueueStoreError?
        var heartbeats: [(channel: ChannelName, epoch: Int64)] = []
    }

    let kept = Mutex(Kept())
    let (changes, change) = AsyncStream.makeStream(of: Void.self)

    func direct(_ order: ProgrammeOrder) { note { $0.orders.append(order) } }
    func close(_ session: PublishSessionID, reason: String) { note { $0.closed.append(session) } }
    func close(publishedWith key: KeyID, reason: String) {}
    func close(publishedBy user: UserID, reason: String) { note { $0.closedUsers.append(user) } }
    func load(_ channel: ChannelName) async throws -> QueueRecord {
        QueueRecord(version: 0, settings: QueueSettings(), entries: [])
    }
    func commit(_ transition: QueueTransition) async throws {
        await standStill()
        let (isAway, refusal) = kept.withLock { kept in
            if kept.isAway { kept.failures += 1 } else if kept.refusal == nil { kept.moves.append(transition) }
            return (kept.isAway, kept.refusal)
        }
        change.yield()
        if isAway { throw Away() }
        if let refusal { throw refusal }
    }
    func heartbeat(
        _ entry: EntryID, usedOnAir: Duration, in channel: ChannelName, epoch: Int64
    ) async throws {
        note { $0.heartbeats.append((channel, epoch)) }
    }

    /// The database is stopped where it stands, or goes on.
    func freeze() { kept.withLock { $0.isFrozen = true } }
    func thaw() {
        let frozen = kept.withLock { kept in
            kept.isFrozen = false
            defer { kept.frozen = [] }
            return kept.frozen
        }
        for one in frozen { one.resume() }
    }

    private func standStill() async {
        await withCheckedContinuation { continuation in
            let isFrozen = kept.withLock { kept in
                if kept.isFrozen { kept.frozen.append(continuation) }
                return kept.isFrozen
            }
            if !isFrozen { continuation.resume() }
        }
    }

    func ping() async throws {
        await standStill()
        if kept.withLock({ $0.isAway }) { throw Away() }
    }

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

struct TestClock: WallClock {
    func now() -> WallTime { WallTime(milliseconds: 0) + ContinuousClock.now.duration(since: start) }
    private let start = ContinuousClock.now
}

extension ContinuousClock.Instant {
    fileprivate func duration(since other: Self) -> Duration { other.duration(to: self) }
}
