package import Domain
import Logging
import Metrics
import Synchronization

/// Writes the moves in order, and says so when it cannot.
extension QueueService {
    private enum Work {
        case move(QueueTransition)
        case heartbeat(EntryID, Duration, epoch: Int64)
    }

    package func readiness() async -> [ReadinessCheck] {
        let (trouble, waiting, isLost) = state.withLock { ($0.trouble, $0.backlog.count, $0.hasSteppedDown) }
        guard let trouble else { return [ReadinessCheck(name: "queue", isOK: true)] }
        let cause = isLost ? trouble : "\(waiting) moves not written: \(trouble)"
        return [ReadinessCheck(name: "queue", isOK: false, cause: cause)]
    }

    func writeMoves() async {
        var backoff = Backoff()
        for await _ in writerWishes.stream {
            while let work = nextWork() {
                do {
                    try await write(work)
                    backoff.reset()
                    // Not ready before all is written that waited.
                    if state.withLock({ $0.backlog.first == nil }) { noteTrouble(nil) }
                } catch let error as QueueStoreError {
                    stepDown(cause: "\(error)")
                    return
                } catch {
                    noteTrouble("\(error)")
                    if await writerWishes.pause(backoff.next()) == .finished { return }
                }
            }
        }
    }

    private func nextWork() -> Work? {
        state.withLock { state in
            if let move = state.backlog.first { return .move(move) }
            if let (entry, used) = state.heartbeat {
                state.heartbeat = nil
                return .heartbeat(entry, used, epoch: state.machine.epoch)
            }
            return nil
        }
    }

    private func write(_ work: Work) async throws {
        switch work {
        case .move(let transition):
            try await store.commit(transition)
            let left = state.withLock { state in
                state.backlog.removeFirst()
                settleWritten(&state)
                return state.backlog.count
            }
            backlogGauge.record(left)
            tellFollowers(of: transition)
        case .heartbeat(let entry, let used, let epoch):
            try await store.heartbeat(entry, usedOnAir: used, in: channel, epoch: epoch)
        }
    }

    /// At the stop: gives the database `Limits.lastWriting` to take what is left.
    func writeLastMoves() async {
        guard !hasSteppedDown else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.writeUntilNothingIsLeft() }
            group.addTask { [limits] in
                // A cancelled sleep: all is written.
                try? await Task.sleep(for: limits.lastWriting)
            }
            await group.next()
            group.cancelAll()
        }
        let left = state.withLock { $0.backlog.count }
        guard left > 0, !hasSteppedDown else { return }
        logger.error("moves of the queue were not written before the stop", metadata: ["moves": "\(left)"])
    }

    private func writeUntilNothingIsLeft() async {
        var backoff = Backoff()
        while !Task.isCancelled, let work = nextWork() {
            do {
                try await write(work)
            } catch let error as QueueStoreError {
                return stepDown(cause: "\(error)")
            } catch {
                // The database may be back in a moment; a cancelled wait means that there is no moment left.
                guard (try? await Task.sleep(for: backoff.next())) != nil else { return }
            }
        }
    }

    private func noteTrouble(_ trouble: String?) {
        let before = state.withLock { state in
            guard !state.hasSteppedDown else { return state.trouble }
            if trouble != nil { settle(&state, as: .waits) }
            defer { state.trouble = trouble }
            return state.trouble
        }
        if before == nil, let trouble {
            logger.error("moves of the queue cannot be written; they wait", metadata: ["error": "\(trouble)"])
        } else if before != nil, trouble == nil {
            logger.notice("moves of the queue are being written again")
        }
    }
}
