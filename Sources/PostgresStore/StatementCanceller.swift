private import CLibPQ
private import Foundation
import Synchronization

/// Lets another thread cancel the statement that runs on a connection, and only that one.
///
/// A cancel request names the connection, not the statement: one that comes late would hit the next. So each call has a
/// generation, and a request goes out under the lock that the next call needs to begin.
final class StatementCanceller: Sendable {
    private struct State {
        var generation: UInt64 = 0
        var running: CancelHandle?
    }

    private let state = Mutex(State())

    /// A call begins on the connection of `handle`.
    /// - Returns: its generation, for `cancel`.
    func begin(_ handle: CancelHandle) -> UInt64 {
        state.withLock { state in
            state.generation += 1
            state.running = handle
            return state.generation
        }
    }

    /// The call is over; a request under way is waited for.
    func end() {
        state.withLock { $0.running = nil }
    }

    /// Asks the server to cancel, when that call still runs. The request opens a connection of its own, so it has a thread
    /// of its own: the caller may be on the cooperative pool.
    func cancel(_ generation: UInt64) {
        let thread = Thread { [self] in
            state.withLock { state in
                guard state.generation == generation, let handle = state.running else { return }
                handle.requestCancel()
            }
        }
        thread.name = "lineup-cancel"
        thread.stackSize = 1 << 18
        thread.start()
    }
}

/// Owns libpq's cancel key of one connection.
final class CancelHandle: @unchecked Sendable {
    // @unchecked: PQcancel only reads the object, and it is freed once, by the last owner.
    private let pointer: OpaquePointer

    /// Takes over `pointer`, made by `PQgetCancel`.
    init(owning pointer: OpaquePointer) { self.pointer = pointer }

    deinit { PQfreeCancel(pointer) }

    /// Blocks for a round trip. A request that cannot be sent is lost: the statement's time-out is the second net.
    func requestCancel() {
        var reason = [CChar](repeating: 0, count: 256)
        _ = PQcancel(pointer, &reason, Int32(reason.count))
    }
}
