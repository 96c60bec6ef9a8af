package import Domain
private import Synchronization

/// One channel's queue in memory, with its lease. Passes the same suite as the real store (`QueueStoreTests`).
package final class FakeQueueStore: QueueStore, EventLog, LeaseStore {
    private struct State {
        var record = QueueRecord(version: 0, settings: QueueSettings(), entries: [])
        var last: QueueTransition?
        var events: [EventRecord] = []
        var audit: [AuditRecord] = []
        var isAway = false
    }

    /// What a call throws while the fake is away.
    package struct Away: Error {}

    private let state = Mutex(State())
    private let lease = FakeLeaseStore()

    package init() {}

    /// While set, every call throws `Away`, like a database that cannot be reached.
    package var isAway: Bool {
        get { state.withLock { $0.isAway } }
        set {
            state.withLock { $0.isAway = newValue }
            lease.isAway = newValue
        }
    }

    package var audit: [AuditRecord] { state.withLock { $0.audit } }

    private func access<Value: Sendable>(
        _ channel: ChannelName, _ body: (inout State) throws -> Value
    ) throws -> Value {
        let epoch = lease.epoch
        return try state.withLock { state in
            guard !state.isAway else { throw Away() }
            guard channel == .main else { throw QueueStoreError.unknownChannel }
            state.record.epoch = epoch
            return try body(&state)
        }
    }

    package func load(_ channel: ChannelName) async throws -> QueueRecord {
        try access(channel) { state in
            var record = state.record
            record.eventSequence = state.events.last { $0.id.epoch == record.epoch }?.id.sequence ?? 0
            for index in record.entries.indices {
                if case .connected = record.entries[index].presence {
                    record.entries[index].presence = .connected(.random())
                }
                record.entries[index].readiness = .notReady(["not connected yet"])
            }
            return record
        }
    }

    package func commit(_ transition: QueueTransition) async throws {
        try access(transition.channel) { state in
            if state.last == transition { return }
            guard transition.epoch >= state.record.epoch else {
                throw QueueStoreError.epochLost(present: state.record.epoch)
            }
            guard transition.epoch == state.record.epoch, transition.fromVersion == state.record.version else {
                throw QueueStoreError.versionConflict(found: state.record.version)
            }
            state.last = transition
            Self.apply(transition, to: &state.record)
            state.events += transition.eventRecords
            state.audit += transition.audit
        }
    }

    private static func apply(_ transition: QueueTransition, to record: inout QueueRecord) {
        record.version = transition.version
        if let settings = transition.settings { record.settings = settings }
        let changed = Set(transition.changed.map(\.id))
        record.entries.removeAll { changed.contains($0.id) }
        record.entries += transition.changed.filter(\.state.isLive)
        record.entries.sort { $0.position < $1.position }
        let blocks = Set(transition.blocked.map(\.key) + transition.unblocked)
        record.blocks.removeAll { blocks.contains($0.key) }
        record.blocks += transition.blocked
        let bans = Set(transition.banned.map(\.user) + transition.unbanned)
        record.bans.removeAll { bans.contains($0.user) }
        record.bans += transition.banned
        let slots = Set(transition.userSlots.map(\.user))
        record.userSlots.removeAll { slots.contains($0.user) }
        record.userSlots += transition.userSlots.filter { $0.seconds != nil }
    }

    package func heartbeat(
        _ entry: EntryID, usedOnAir: Duration, in channel: ChannelName, epoch: Int64
    ) async throws {
        try access(channel) { state in
            guard epoch >= state.record.epoch else { throw QueueStoreError.epochLost(present: state.record.epoch) }
            for index in state.record.entries.indices where state.record.entries[index].id == entry {
                guard state.record.entries[index].state == .onAir else { continue }
                state.record.entries[index].usedOnAir = max(state.record.entries[index].usedOnAir, usedOnAir)
            }
        }
    }

    package func ping() async throws { try access(.main) { _ in } }

    package func events(of channel: ChannelName, after id: EventID?, limit: Int) async throws -> [EventRecord] {
        try access(channel) { state in
            Array(
                state.events.lazy.filter { event in id.map { event.id > $0 } ?? true }.prefix(min(max(limit, 1), 1000)))
        }
    }

    package func acquire(
        _ channel: ChannelName, as instance: InstanceID, for span: Duration
    ) async throws -> LeaseOutcome {
        try await lease.acquire(channel, as: instance, for: span)
    }

    package func renew(
        _ channel: ChannelName, as instance: InstanceID, epoch: Int64, for span: Duration
    ) async throws -> Bool {
        try await lease.renew(channel, as: instance, epoch: epoch, for: span)
    }

    package func release(_ channel: ChannelName, as instance: InstanceID, epoch: Int64) async throws {
        try await lease.release(channel, as: instance, epoch: epoch)
    }
}
