import Domain
import Synchronization

/// What was watched of slots and is not stored yet; at most `limit`, then the oldest goes (I11).
final class PendingSlots: Sendable {
    private struct State {
        var slots: [SlotViewing] = []
        var hasLost = false
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    func append(_ slot: SlotViewing?) {
        guard let slot else { return }
        state.withLock { state in
            state.slots.append(slot)
            guard state.slots.count > limit else { return }
            state.slots.removeFirst()
            state.hasLost = true
        }
    }

    func first() -> SlotViewing? { state.withLock { $0.slots.first } }

    /// `slot` is stored; it may have been given up meanwhile.
    func removeFirst(_ slot: SlotViewing) {
        state.withLock { if $0.slots.first == slot { $0.slots.removeFirst() } }
    }

    /// Whether something was given up since this was asked last.
    func takeLoss() -> Bool {
        state.withLock { state in
            defer { state.hasLost = false }
            return state.hasLost
        }
    }
}
