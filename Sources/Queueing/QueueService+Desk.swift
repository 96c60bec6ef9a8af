package import Domain
import Synchronization

/// The queue as pages and operators use it.
extension QueueService {
    package func view(of channel: ChannelName) async throws(QueueCommandError) -> QueueView {
        try check(channel)
        let time = clock.now()
        return state.withLock { Self.view(of: $0, now: max($0.now, time)) }
    }

    package func settings(of channel: ChannelName) async throws(QueueCommandError) -> QueueSettings {
        try check(channel)
        return state.withLock { $0.machine.settings }
    }

    package func views(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<QueueView> {
        try check(channel)
        let time = clock.now()
        let (stream, continuation) = AsyncStream.makeStream(of: QueueView.self, bufferingPolicy: .bufferingNewest(1))
        let number: Int? = state.withLock { state in
            guard !state.isStopping, state.listeners.count < limits.maximumListeners else { return nil }
            state.nextListener += 1
            state.listeners[state.nextListener] = continuation
            continuation.yield(Self.view(of: state, now: max(state.now, time)))
            return state.nextListener
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.listeners.removeValue(forKey: number) }
        }
        return stream
    }

    package func events(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<EventRecord> {
        try check(channel)
        let (stream, continuation) = AsyncStream.makeStream(
            of: EventRecord.self, bufferingPolicy: .bufferingOldest(limits.maximumEventsPerListener))
        let number: Int? = state.withLock { state in
            guard !state.isStopping, state.eventListeners.count < limits.maximumListeners else { return nil }
            state.nextListener += 1
            state.eventListeners[state.nextListener] = continuation
            return state.nextListener
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.eventListeners.removeValue(forKey: number) }
        }
        return stream
    }

    /// Tells those who follow of a move that was written; who is too slow is let go.
    func tellFollowers(of transition: QueueTransition) {
        let listeners = state.withLock { Array($0.eventListeners.values) }
        guard !listeners.isEmpty else { return }
        let records = transition.eventRecords
        for listener in listeners {
            for record in records {
                guard case .enqueued = listener.yield(record) else {
                    listener.finish()
                    break
                }
            }
        }
    }

    /// Answers when the act is stored, so that one that was answered survives a crash (I6); while the database is away it is
    /// done and answered all the same.
    package func perform(
        _ command: QueueCommand, on channel: ChannelName
    ) async throws(QueueCommandError) -> QueueView {
        try check(channel)
        let outcome: Result<QueueView, QueueCommandError> = decide { machine, now, situation in
            switch situation {
            case .lost: return (.failure(.refused("Another server has taken this channel over.")), [])
            case .stopping: return (.failure(.stopping), [])
            // The output is the operators' whatever the database does; what waits is merged.
            case .full where !command.act.isEmergency:
                return (.failure(.refused("The database has been away for too long: try again later.")), [])
            case .running, .full: break
            }
            do throws(QueueCommandError) {
                let actions = try machine.perform(command, now: now)
                return (.success(machine.view(now: now)), actions)
            } catch {
                return (.failure(error), [])
            }
        }
        let view = try outcome.get()
        guard await fate(of: view.version) != .lost else {
            throw .refused("Another server has taken this channel over.")
        }
        return view
    }

    private func check(_ asked: ChannelName) throws(QueueCommandError) {
        guard asked == channel else { throw .unknownChannel }
    }
}
