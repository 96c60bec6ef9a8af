import Synchronization

/// Where `WebServer.port()` waits for the port. Any thread.
final class ListeningState: Sendable {
    private enum State {
        /// To `listening` or `ended`.
        case waiting([Int: CheckedContinuation<Int, any Error>], next: Int)
        /// To `ended`.
        case listening(Int)
        case ended(any Error)
    }

    private let state = Mutex(State.waiting([:], next: 0))

    func bound(to port: Int) {
        for waiter in leaveWaiting(for: .listening(port)) { waiter.resume(returning: port) }
    }

    func ended(_ error: any Error) {
        for waiter in leaveWaiting(for: .ended(error)) { waiter.resume(throwing: error) }
    }

    func port() async throws -> Int {
        let ticket = takeTicket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer: Result<Int, any Error>? = state.withLock { state in
                    switch state {
                    case .waiting(var waiters, let next):
                        if Task.isCancelled { return .failure(CancellationError()) }
                        waiters[ticket] = continuation
                        state = .waiting(waiters, next: next)
                        return nil
                    case .listening(let port): return .success(port)
                    case .ended(let error): return .failure(error)
                    }
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            leave(ticket)?.resume(throwing: CancellationError())
        }
    }

    private func takeTicket() -> Int {
        state.withLock { state in
            guard case .waiting(let waiters, let next) = state else { return 0 }
            state = .waiting(waiters, next: next + 1)
            return next
        }
    }

    private func leave(_ ticket: Int) -> CheckedContinuation<Int, any Error>? {
        state.withLock { state in
            guard case .waiting(var waiters, let next) = state else { return nil }
            let waiter = waiters.removeValue(forKey: ticket)
            state = .waiting(waiters, next: next)
            return waiter
        }
    }

    private func leaveWaiting(for new: State) -> [CheckedContinuation<Int, any Error>] {
        state.withLock { state in
            defer { state = new }
            guard case .waiting(let waiters, _) = state else { return [] }
            return Array(waiters.values)
        }
    }
}
