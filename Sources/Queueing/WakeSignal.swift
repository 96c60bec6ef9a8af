import Synchronization

/// Lets one task sleep until somebody wishes it to look again, or for a time. Holds at most one wish; wishes merge.
///
/// One task consumes; any thread wishes.
final class WakeSignal: Sendable {
    enum Outcome: Sendable, Equatable { case wished, timedOut, finished }

    let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    private struct State {
        var finished = false
        /// The sleeper of `wait`, resumed by the first of wish, finish and time-out.
        var sleeper: (number: Int, continuation: CheckedContinuation<Outcome, Never>)?
        /// A wish that came while nobody slept.
        var wished = false
        var nextNumber = 0
        /// The newest sleep whose time was over before it parked.
        var lateSleep = 0
    }

    init() {
        (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    var isFinished: Bool { state.withLock { $0.finished } }

    func wish() {
        let sleeper = state.withLock { state in
            defer { state.sleeper = nil }
            state.wished = state.sleeper == nil
            return state.sleeper
        }
        sleeper?.continuation.resume(returning: .wished)
        continuation.yield()
    }

    func finish() {
        let sleeper = state.withLock { state in
            defer { state.sleeper = nil }
            state.finished = true
            return state.sleeper
        }
        sleeper?.continuation.resume(returning: .finished)
        continuation.finish()
    }

    /// Sleeps until a wish, the end, or `span` has passed. A wish that came since the last call ends it at once.
    func wait(atMost span: Duration) async -> Outcome {
        await sleep(span, heedsWishes: true)
    }

    /// Sleeps for `span` whatever is wished; only the end wakes it before.
    func pause(_ span: Duration) async -> Outcome {
        let deadline = ContinuousClock.now + span
        while true {
            let left = deadline - .now
            guard left > .zero else { return .timedOut }
            if await sleep(left, heedsWishes: false) == .finished { return .finished }
        }
    }

    private func sleep(_ span: Duration, heedsWishes: Bool) async -> Outcome {
        await withTaskGroup(of: Outcome?.self) { group in
            let number = state.withLock { state in
                state.nextNumber += 1
                return state.nextNumber
            }
            group.addTask { await self.park(number, heedsWishes: heedsWishes) }
            group.addTask {
                // A cancelled sleep means that the parked half ended first; nothing is lost.
                try? await Task.sleep(for: span)
                self.timeOut(number)
                return nil
            }
            var outcome: Outcome?
            while outcome == nil, let next = await group.next() { outcome = next }
            group.cancelAll()
            return outcome ?? .timedOut
        }
    }

    private func park(_ number: Int, heedsWishes: Bool) async -> Outcome {
        await withCheckedContinuation { continuation in
            let now: Outcome? = state.withLock { state in
                if state.finished { return .finished }
                if state.lateSleep == number { return .timedOut }
                if heedsWishes, state.wished {
                    state.wished = false
                    return .wished
                }
                state.sleeper = (number, continuation)
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
    }

    private func timeOut(_ number: Int) {
        let sleeper = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            guard let sleeper = state.sleeper, sleeper.number == number else {
                state.lateSleep = number
                return nil
            }
            state.sleeper = nil
            return sleeper.continuation
        }
        sleeper?.resume(returning: .timedOut)
    }
}

/// Exponential, jittered, capped; starts again after a success.
struct Backoff {
    private var attempt = 0

    mutating func next() -> Duration {
        let milliseconds = min(10_000, 100 << min(attempt, 7))
        attempt += 1
        return .milliseconds(Int.random(in: milliseconds / 2...milliseconds))
    }

    mutating func reset() { attempt = 0 }
}
