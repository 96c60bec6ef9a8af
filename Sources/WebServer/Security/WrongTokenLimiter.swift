import Domain
import Synchronization

/// Slows down who tries tokens out. Twenty wrong ones an address are free, then each makes the next wait longer, up to a minute.
///
/// A token that was right lately is never made to wait: behind one proxy everybody has one address, and a stranger's guesses
/// must not shut the owner's machines out. Any task.
final class WrongTokenLimiter: Sendable {
    private struct Entry {
        var count = 0
        var last: WallTime
        var openAt: WallTime
    }

    private struct State {
        var entries: [String: Entry] = [:]
        /// Keyed hashes (this process's seed) of tokens that were right; not the tokens.
        var right: Set<Int> = []
    }

    static let free = 20
    static let longestWait: Duration = .seconds(60)
    static let memory: Duration = .seconds(600)
    /// When full, addresses that were quiet go; if none was, all do: the wait is a brake, the token's 256 bits are the lock.
    static let maximumAddresses = 10_000
    static let maximumRight = 1_000

    private let state = Mutex(State())

    /// How long `address` must wait before this token is looked up; `nil`: not at all.
    func wait(_ address: String, token: Secret, now: WallTime) -> Duration? {
        let hash = token.exposed.hashValue
        return state.withLock { state in
            guard let entry = state.entries[address], now < entry.openAt, !state.right.contains(hash) else {
                return nil
            }
            return entry.openAt - now
        }
    }

    func wrong(from address: String, now: WallTime) {
        state.withLock { state in
            if state.entries.count >= Self.maximumAddresses, state.entries[address] == nil {
                state.entries = state.entries.filter { now - $0.value.last < Self.memory }
                if state.entries.count >= Self.maximumAddresses { state.entries = [:] }
            }
            var entry = state.entries[address] ?? Entry(last: now, openAt: now)
            if now - entry.last >= Self.memory { entry.count = 0 }
            entry.count += 1
            entry.last = now
            let excess = entry.count - Self.free
            if excess > 0 { entry.openAt = now + min(.seconds(1 << min(excess - 1, 6)), Self.longestWait) }
            state.entries[address] = entry
        }
    }

    func right(_ token: Secret) {
        let hash = token.exposed.hashValue
        state.withLock { state in
            if state.right.count >= Self.maximumRight { state.right = [] }
            state.right.insert(hash)
        }
    }
}
