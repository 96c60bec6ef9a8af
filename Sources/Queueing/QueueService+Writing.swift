package import Domain
import Logging
import Metrics
import Synchronization

/// Writes the moves in order, and says so when it cannot.
extension QueueService {
    private enum Work {
        case move(QueueTransition)
        case heartbeat(EntryID, Duration, epoch: Int64)
        case ping
    }

    package func readiness() async -> [ReadinessCheck] {
        let (trouble, waiting, isLost) = state.withLock { state in
            // Whoever asks learns of a late answer at once, and need not wait for the next look.
            let late = isWritingLate(state) ? Self.isLate : nil
            return (state.trouble?.cause ?? late, state.backlog.count, state.hasSteppedDown)
        }
        guard let trouble else { return [ReadinessCheck(name: "queue", isOK: true)] }
        let cause = isLost ? trouble : "\(trouble); moves that wait to be written: \(waiting)"
        return [ReadinessCheck(name: "queue", isOK: false, cause: cause)]
    }

    func writeMoves() async {
        var backoff = Backoff()
        for await _ in writerWishes.stream {
            while let work = nextWork() {
                do {
                    try await writeInTime(work)
                    backoff.reset()
                    // Not ready before all is written that waited.
                    if state.withLock({ $0.backlog.first == nil }) { noteTrouble(nil) }
                } catch let error as QueueStoreError {
                    stepDown(cause: "\(error)")
                    return
                } catch {
                    noteTrouble(Self.isAway, error: "\(error)")
                    if await writerWishes.pause(backoff.next()) == .finished { return }
                }
            }
        }
    }

    private static let isAway = "the database cannot be reached or refuses to write"
    private static let isLate = "the database does not answer"

    private func writeInTime(_ work: Work) async throws {
        state.withLock { $0.writingSince = .now }
        defer { state.withLock { $0.writingSince = nil } }
        try await write(work)
        state.withLock { $0.hasWritten = true }
    }

    private func isWritingLate(_ state: borrowing State) -> Bool {
        guard let since = state.writingSince else { return false }
        return since.duration(to: .now) >= limits.latestAnswer
    }

    /// Looks after each `pingInterval`. An answer that is late is said to be: who looks learns of a frozen database long before the
    /// write is given up. And a database that goes away has no event, so while nothing is written it is asked (I5: whoever waits for
    /// the answer is only the writer).
    func askForSignsOfLife() async {
        while await pings.pause(limits.pingInterval) != .finished {
            let (isLate, isPingDue) = state.withLock { state in
                defer { state.hasWritten = false }
                if state.writingSince != nil { return (isWritingLate(state), false) }
                state.isPingDue = !state.hasWritten
                return (false, state.isPingDue)
            }
            if isLate { noteTrouble(Self.isLate, error: "no answer for \(limits.latestAnswer)") }
            if isPingDue { writerWishes.wish() }
        }
    }

    private func nextWork() -> Work? {
        state.withLock { state in
            if let move = state.backlog.first {
                state.isPingDue = false
                return .move(move)
            }
            if let (entry, used) = state.heartbeat {
                state.heartbeat = nil
                state.isPingDue = false
                return .heartbeat(entry, used, epoch: state.machine.epoch)
            }
            guard state.isPingDue else { return nil }
            state.isPingDue = false
            return .ping
        }
    }

    private func write(_ work: Work) async throws {
        switch work {
        case .move(let transition):
            try await store.commit(transition)
            let left = state.withLock { state in
                state.backlog.removeFirst()
                settleWritten(&state)
                // Whoever watches sees the number fall, without a view for each of thousands.
                if state.trouble != nil, state.backlog.count.isMultiple(of: 100) { tellListeners(&state) }
                return state.backlog.count
            }
            backlogGauge.record(left)
            tellFollowers(of: transition)
        case .heartbeat(let entry, let used, let epoch):
            try await store.heartbeat(entry, usedOnAir: used, in: channel, epoch: epoch)
        case .ping: try await store.ping()
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

    /// - Parameters:
    ///   - cause: for operators; `nil`: all is written again.
    ///   - error: for the log.
    private func noteTrouble(_ cause: String?, error: String = "") {
        let time = clock.now()
        let (before, now) = state.withLock { state in
            let before = state.trouble
            guard !state.hasSteppedDown else { return (before, before) }
            state.now = max(state.now, time)
            if let cause {
                settle(&state, as: .waits)
                state.trouble = Trouble(since: before?.since ?? state.now, cause: cause)
            } else {
                state.trouble = nil
            }
            if (before == nil) != (cause == nil) { tellListeners(&state) }
            return (before, state.trouble)
        }
        if before == nil, now != nil {
            recordAway(true)
            logger.error("moves of the queue cannot be written; they wait", metadata: ["error": "\(error)"])
        } else if before != nil, now == nil {
            recordAway(false)
            logger.notice("moves of the queue are being written again")
        }
    }
}
