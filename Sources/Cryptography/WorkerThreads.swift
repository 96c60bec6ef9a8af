private import Domain
private import Foundation
private import Synchronization

/// Runs long computations on threads of their own, a bounded number at once, the rest waiting in order.
///
/// A thread starts with the first job and ends when none is left: nothing to shut down (I12). Usable from any thread.
final class WorkerThreads: Sendable {
    private struct State {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())
    private let maximumRunning: Int
    private let maximumWaiting: Int

    init(maximumRunning: Int, maximumWaiting: Int) {
        self.maximumRunning = maximumRunning
        self.maximumWaiting = maximumWaiting
    }

    /// - Throws: `PasswordHashingError.busy` when the waiting line is full, else what `work` throws.
    func perform<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let accepted = submit { continuation.resume(with: Result { try work() }) }
            if !accepted { continuation.resume(throwing: PasswordHashingError.busy) }
        }
    }

    private enum Admission {
        case run, wait, refuse
    }

    private func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
        let admission: Admission = state.withLock { state in
            if state.running < maximumRunning {
                state.running += 1
                return .run
            }
            guard state.waiting.count < maximumWaiting else { return .refuse }
            state.waiting.append(job)
            return .wait
        }
        switch admission {
        case .run: startThread(with: job)
        case .wait: break
        case .refuse: return false
        }
        return true
    }

    private func startThread(with first: @escaping @Sendable () -> Void) {
        let thread = Thread { [self] in
            var job: (@Sendable () -> Void)? = first
            while let current = job {
                current()
                job = takeNext()
            }
        }
        thread.name = "lineup-password"
        thread.stackSize = 1 << 19
        thread.start()
    }

    private func takeNext() -> (@Sendable () -> Void)? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.running -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
    }
}
