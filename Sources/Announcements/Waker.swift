private import Synchronization

/// Lets one task sleep until somebody wakes it, for a time, or until it is cancelled. Wishes merge.
///
/// One task sleeps; any thread wakes.
final class Waker: Sendable {
    private struct State {
        /// A wish that came while nobody slept.
        var isWished = false
        var sleeper: (number: Int, continuation: CheckedContinuation<Void, Never>)?
        var number = 0
        /// The newest sleep that was cancelled before it began.
        var cancelled = 0
    }

    private let state = Mutex(State())

    func wake() {
        let sleeper = state.withLock { state in
            defer { state.sleeper = nil }
            state.isWished = state.sleeper == nil
            return state.sleeper
        }
        sleeper?.continuation.resume()
    }

    /// Returns when somebody wakes it, or did since the last sleep, or the task is cancelled.
    func sleep() async {
        let number = state.withLock { state in
            state.number += 1
            return state.number
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isWished || state.cancelled == number {
                        state.isWished = false
                        return true
                    }
                    state.sleeper = (number, continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard let sleeper = state.sleeper, sleeper.number == number else {
                    state.cancelled = number
                    return nil
                }
                state.sleeper = nil
                return sleeper.continuation
            }
            sleeper?.resume()
        }
    }

    /// As `sleep()`, but no longer than `span` of the timer.
    func sleep(atMost span: Duration, _ timer: any Clock<Duration>) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.sleep() }
            group.addTask {
                // A cancelled sleep means that it was woken first; nothing is lost.
                try? await timer.sleep(for: span)
            }
            await group.next()
            group.cancelAll()
        }
    }
}
