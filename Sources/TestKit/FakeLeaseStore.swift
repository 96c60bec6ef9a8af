package import Domain
private import Synchronization

/// One channel's lease in memory. Passes the same suite as the real store (`LeaseTests`). Its time stands still: a lease of
/// zero is over at once, any other lasts.
package final class FakeLeaseStore: LeaseStore {
    private struct State {
        var owner: InstanceID?
        var epoch: Int64 = 0
        var isOver = true
        var isAway = false
        var renewals = 0
    }

    /// What a call throws while the fake is away.
    package struct Away: Error {}

    private let state = Mutex(State())

    package init() {}

    /// While set, every call throws `Away`, like a database that cannot be reached.
    package var isAway: Bool {
        get { state.withLock { $0.isAway } }
        set { state.withLock { $0.isAway = newValue } }
    }

    /// The present owner's; 0 before the first.
    package var epoch: Int64 { state.withLock { $0.epoch } }
    /// Renewals that succeeded.
    package var renewals: Int { state.withLock { $0.renewals } }

    private func access<Value: Sendable>(_ body: (inout State) throws -> Value) throws -> Value {
        try state.withLock { state in
            guard !state.isAway else { throw Away() }
            return try body(&state)
        }
    }

    package func acquire(
        _ channel: ChannelName, as instance: InstanceID, for span: Duration
    ) async throws -> LeaseOutcome {
        try access { state in
            guard channel == .main else { throw QueueStoreError.unknownChannel }
            if let owner = state.owner, owner != instance, !state.isOver {
                return .ownedByOther(owner, until: WallTime(milliseconds: 1_795_291_200_000))
            }
            state.owner = instance
            state.epoch += 1
            state.isOver = span <= .zero
            return .owned(epoch: state.epoch)
        }
    }

    package func renew(
        _ channel: ChannelName, as instance: InstanceID, epoch: Int64, for span: Duration
    ) async throws -> Bool {
        try access { state in
            guard channel == .main, state.owner == instance, state.epoch == epoch else { return false }
            state.isOver = span <= .zero
            state.renewals += 1
            return true
        }
    }

    package func release(_ channel: ChannelName, as instance: InstanceID, epoch: Int64) async throws {
        try access { state in
            if state.owner == instance, state.epoch == epoch { state.isOver = true }
        }
    }
}
