import Domain
import Synchronization

/// What became of an act, for the operator who waits for the answer.
extension QueueService {
    enum Fate: Sendable {
        case written
        /// In memory only: the database is away or slow, or the server is stopping. Written as soon as it can be.
        case waits
        /// Another server owns the channel: it will never be written.
        case lost
    }

    struct Waiter: Sendable {
        var version: Int64
        var answer: AsyncStream<Fate>.Continuation
    }

    /// Waits until every move up to `version` is stored, at most `Limits.longestAnswer`, and not while moves cannot be written.
    func fate(of version: Int64) async -> Fate {
        let (answers, answer) = AsyncStream.makeStream(of: Fate.self, bufferingPolicy: .bufferingOldest(1))
        let (number, known): (Int, Fate?) = state.withLock { state in
            state.nextListener += 1
            if state.hasSteppedDown { return (0, .lost) }
            guard let oldest = state.backlog.first, oldest.version <= version else { return (0, .written) }
            if state.trouble != nil || state.isStopping { return (0, .waits) }
            state.waiters[state.nextListener] = Waiter(version: version, answer: answer)
            return (state.nextListener, nil)
        }
        if let known { return known }
        let fate = await withTaskGroup(of: Fate.self) { group in
            group.addTask {
                for await fate in answers { return fate }
                return .waits
            }
            group.addTask { [limits] in
                // A cancelled sleep: the answer is there.
                try? await Task.sleep(for: limits.longestAnswer)
                return .waits
            }
            defer { group.cancelAll() }
            return await group.next() ?? .waits
        }
        state.withLock { _ = $0.waiters.removeValue(forKey: number) }
        return fate
    }

    /// Answers those whose moves are all stored.
    func settleWritten(_ state: inout State) {
        let oldest = state.backlog.first?.version ?? .max
        for (number, waiter) in state.waiters where waiter.version < oldest {
            waiter.answer.yield(.written)
            state.waiters[number] = nil
        }
    }

    /// Answers everybody who waits.
    func settle(_ state: inout State, as fate: Fate) {
        for waiter in state.waiters.values { waiter.answer.yield(fate) }
        state.waiters.removeAll()
    }
}
