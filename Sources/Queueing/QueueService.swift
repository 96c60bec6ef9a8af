package import Domain
package import Logging
import Metrics
import ServiceLifecycle
import Synchronization

/// Runs one channel's queue: calls the machine, carries its actions out, writes its moves.
///
/// Any thread may call in; the machine sits in a `Mutex` and decides without waiting, so media never waits for the database
/// (I5). Moves are appended to `backlog` under the same lock and written in order by `run()`, with retries while the database
/// is away; the answer to a full backlog is to refuse new entries, which bounds everything else (I11).
package final class QueueService: QueueDoor, QueueDesk, ReadinessReporting, Service, Sendable {
    package struct Limits: Sendable {
        /// Moves that wait for the database before joining is refused.
        package var maximumBacklog = 10_000
        /// Listeners to `views`; one more gets a stream that ends at once.
        package var maximumListeners = 2_000
        /// Events that wait for one listener before it is let go.
        package var maximumEventsPerListener = 256

        package init() {}
    }

    private struct State {
        var machine: QueueMachine
        /// Moves not yet written, oldest first. Bounded by `Limits.maximumBacklog` and the entries that live.
        var backlog: [QueueTransition] = []
        /// The newest used time; only the last matters.
        var heartbeat: (entry: EntryID, used: Duration)?
        var listeners: [Int: AsyncStream<QueueView>.Continuation] = [:]
        var eventListeners: [Int: AsyncStream<EventRecord>.Continuation] = [:]
        var nextListener = 0
        var isStopping = false
        /// Why moves are not being written; `nil` while all is well.
        var trouble: String?
        /// Set when the stored version was moved by somebody else: we no longer own this queue's rows.
        var isDisowned = false
    }

    private let channel: ChannelName
    private let store: any QueueStore
    private let clock: any WallClock
    private let limits: Limits
    private let logger: Logger
    private let state: Mutex<State>
    private let programme: any ProgrammeControl
    private let publishers: any PublisherControl
    /// Wakes the timer and the writer after a change; holds at most one wish.
    private let timerWishes = WakeSignal()
    private let writerWishes = WakeSignal()

    /// - Parameters:
    ///   - record: what the store held at the start; nobody in it is connected.
    ///   - programme: takes orders; never waits.
    ///   - publishers: closes connections; never waits.
    package init(
        channel: ChannelName, record: QueueRecord, store: any QueueStore, programme: any ProgrammeControl,
        publishers: any PublisherControl, clock: any WallClock, limits: Limits = Limits(), logger: Logger
    ) {
        self.channel = channel
        self.store = store
        self.programme = programme
        self.publishers = publishers
        self.clock = clock
        self.limits = limits
        var logger = logger
        logger[metadataKey: "channel"] = "\(channel)"
        self.logger = logger
        self.state = Mutex(State(machine: QueueMachine(channel: channel, record: record, now: clock.now())))
    }

    // MARK: QueueDoor

    package func join(_ publisher: PublisherIdentity) async -> Result<EntryID, PublishRefusal> {
        let outcome: Result<EntryID, PublishRefusal> = perform { machine, now, state in
            if state.isStopping { return (.failure(.shuttingDown), []) }
            if state.backlogCount >= limits.maximumBacklog {
                return (.failure(.serverBusy("its database has been away for long")), [])
            }
            return machine.joinRequested(publisher, newEntry: .random(), now: now)
        }
        switch outcome {
        case .success: logger.info("publisher joined the queue", metadata: ["dj": "\(publisher.name)"])
        case .failure(let refusal):
            logger.info("publisher refused", metadata: ["dj": "\(publisher.name)", "reason": "\(refusal.label)"])
        }
        return outcome
    }

    package func readinessChanged(_ session: PublishSessionID, to readiness: Readiness) {
        perform { machine, now, _ in ((), machine.readinessChanged(session, to: readiness, now: now)) }
    }

    package func mediaHealthChanged(_ session: PublishSessionID, to health: MediaHealth) {}

    package func ended(_ session: PublishSessionID, how: PublisherEnd) {
        perform { machine, now, _ in ((), machine.sessionEnded(session, how: how, now: now)) }
    }

    /// What left the programme's output; called by the assembly for `Broadcast`.
    package func programmeReported(_ report: ProgrammeReport) {
        perform { machine, now, _ in ((), machine.programmeReported(report, now: now)) }
    }

    // MARK: QueueDesk

    package func view(of channel: ChannelName) async throws(QueueCommandError) -> QueueView {
        try check(channel)
        let now = clock.now()
        return state.withLock { $0.machine.view(now: now) }
    }

    package func views(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<QueueView> {
        try check(channel)
        let now = clock.now()
        let (stream, continuation) = AsyncStream.makeStream(of: QueueView.self, bufferingPolicy: .bufferingNewest(1))
        let number: Int? = state.withLock { state in
            guard !state.isStopping, state.listeners.count < limits.maximumListeners else { return nil }
            state.nextListener += 1
            state.listeners[state.nextListener] = continuation
            continuation.yield(state.machine.view(now: now))
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

    package func perform(
        _ command: QueueCommand, on channel: ChannelName
    ) async throws(QueueCommandError) -> QueueView {
        try check(channel)
        let outcome: Result<QueueView, QueueCommandError> = perform { machine, now, state in
            if state.isStopping { return (.failure(.stopping), []) }
            do throws(QueueCommandError) {
                let actions = try machine.perform(command, now: now)
                return (.success(machine.view(now: now)), actions)
            } catch {
                return (.failure(error), [])
            }
        }
        return try outcome.get()
    }

    package func settings(of channel: ChannelName) async throws(QueueCommandError) -> QueueSettings {
        try check(channel)
        return state.withLock { $0.machine.settings }
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

    /// Tells those who follow of a committed move; who is too slow is let go.
    private func tell(_ transition: QueueTransition) {
        let listeners = state.withLock { $0.eventListeners }
        guard !listeners.isEmpty else { return }
        let records = transition.eventRecords
        for listener in listeners.values {
            for record in records {
                guard case .enqueued = listener.yield(record) else {
                    listener.finish()
                    break
                }
            }
        }
    }

    // MARK: ReadinessReporting

    package func readiness() async -> [ReadinessCheck] {
        let (trouble, waiting) = state.withLock { ($0.trouble, $0.backlog.count) }
        guard let trouble else { return [ReadinessCheck(name: "queue", isOK: true)] }
        return [ReadinessCheck(name: "queue", isOK: false, cause: "\(waiting) moves not written: \(trouble)")]
    }

    // MARK: Service

    /// Keeps time and writes moves until graceful shutdown, then writes what is left (at most 2 s) and ends all listeners.
    package func run() async throws {
        // The stored queue is written once with the graces that run from now, and the programme gets its first order.
        perform { machine, now, _ in ((), machine.deadlinePassed(now: now)) }
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.keepTime() }
                group.addTask { await self.writeMoves() }
            }
        } onGracefulShutdown: {
            self.stop()
        }
        await writeLastMoves()
    }

    private func stop() {
        let (listeners, eventListeners) = state.withLock { state in
            state.isStopping = true
            defer { (state.listeners, state.eventListeners) = ([:], [:]) }
            return (Array(state.listeners.values), Array(state.eventListeners.values))
        }
        for listener in listeners { listener.finish() }
        for listener in eventListeners { listener.finish() }
        timerWishes.finish()
        writerWishes.finish()
    }

    /// Calls the machine at each deadline it names; a change makes it look again.
    private func keepTime() async {
        for await _ in timerWishes.stream {
            while let deadline = nextDeadline() {
                let wait = deadline - clock.now()
                if wait > .zero, await timerWishes.wait(atMost: wait) == .wished { continue }
                if timerWishes.isFinished { return }
                perform { machine, now, _ in ((), machine.deadlinePassed(now: now)) }
            }
        }
    }

    private func nextDeadline() -> WallTime? {
        let now = clock.now()
        return state.withLock { $0.machine.nextDeadline(now: now) }
    }

    private func writeMoves() async {
        var backoff = Backoff()
        for await _ in writerWishes.stream {
            while let work = nextWork() {
                do {
                    try await write(work)
                    backoff.reset()
                    noteTrouble(nil)
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

    private enum Work {
        case move(QueueTransition)
        case heartbeat(EntryID, Duration, epoch: Int64)
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
                return state.backlog.count
            }
            tell(transition)
            Gauge(label: "lineup_queue_backlog", dimensions: [("channel", channel.text)]).record(left)
        case .heartbeat(let entry, let used, let epoch):
            try await store.heartbeat(entry, usedOnAir: used, in: channel, epoch: epoch)
        }
    }

    private func writeLastMoves() async {
        guard !state.withLock({ $0.isDisowned }) else { return }
        let deadline = clock.now() + .seconds(2)
        while let work = nextWork() {
            do {
                try await write(work)
            } catch {
                guard clock.now() < deadline, !(error is QueueStoreError) else {
                    logger.error(
                        "moves of the queue were not written before the stop", metadata: ["error": "\(error)"])
                    return
                }
                // The database may be back in a moment; a cancelled wait means that there is no moment left.
                guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return }
            }
        }
    }

    private func noteTrouble(_ trouble: String?) {
        let before = state.withLock { state in
            defer { state.trouble = trouble }
            return state.trouble
        }
        if before == nil, let trouble {
            logger.error("moves of the queue cannot be written; they wait", metadata: ["error": "\(trouble)"])
        } else if before != nil, trouble == nil {
            logger.notice("moves of the queue are being written again")
        }
    }

    /// Whether the channel was lost: `run` has ended then or is ending, and nothing more is written.
    package var hasSteppedDown: Bool { state.withLock { $0.isDisowned } }

    /// The channel is another's now (design §4, Ownership): ends `run`, writes nothing of what waits and sends every publisher
    /// away. Any thread; harmless when done already.
    package func stepDown() { stepDown(cause: "the lease was taken") }

    private func stepDown(cause: String) {
        let lost: (sessions: [PublishSessionID], moves: Int)? = state.withLock { state in
            guard !state.isDisowned else { return nil }
            state.isDisowned = true
            defer {
                state.backlog.removeAll()
                state.heartbeat = nil
            }
            state.trouble = "another server has moved this queue"
            return (state.machine.entries.compactMap(\.session), state.backlog.count)
        }
        guard let lost else { return }
        logger.critical(
            "another server has taken this queue; its moves here are no longer written",
            metadata: ["cause": "\(cause)", "moves": "\(lost.moves)"])
        stop()
        let reason = PublishRefusal.serverBusy("another server has taken over this channel").message
        for session in lost.sessions { publishers.close(session, reason: reason) }
    }

    // MARK: Carrying out

    /// One event: the machine decides under the lock, what follows is done in order after it.
    ///
    /// Orders to the programme carry a version, so two threads may deliver them out of order; moves join the backlog under
    /// the lock.
    @discardableResult
    private func perform<Outcome>(
        _ decide: (inout QueueMachine, WallTime, StateSummary) -> (Outcome, [QueueMachine.Action])
    ) -> Outcome {
        let now = clock.now()
        let (outcome, actions) = state.withLock { state in
            let summary = StateSummary(isStopping: state.isStopping, backlogCount: state.backlog.count)
            let (outcome, actions) = decide(&state.machine, now, summary)
            keep(actions, in: &state, now: now)
            return (outcome, actions)
        }
        for action in actions {
            switch action {
            case .direct(let order): programme.direct(order)
            case .close(let session, let reason): publishers.close(session, reason: reason)
            case .store(let transition): log(transition)
            case .heartbeat: break
            }
        }
        timerWishes.wish()
        if !actions.isEmpty { writerWishes.wish() }
        return outcome
    }

    private struct StateSummary {
        var isStopping: Bool
        var backlogCount: Int
    }

    private func keep(_ actions: [QueueMachine.Action], in state: inout State, now: WallTime) {
        var hasChanged = false
        for action in actions {
            switch action {
            case .store(let transition):
                if !state.isDisowned { state.backlog.append(transition) }
                hasChanged = true
            case .heartbeat(let entry, let used):
                state.heartbeat = (entry, used)
            case .direct, .close:
                break
            }
        }
        guard hasChanged, !state.listeners.isEmpty else { return }
        let view = state.machine.view(now: now)
        for listener in state.listeners.values { listener.yield(view) }
    }

    private func log(_ transition: QueueTransition) {
        for event in transition.events {
            Counter(label: "lineup_queue_events_total", dimensions: [("channel", channel.text), ("kind", event.kind)])
                .increment()
            let payload = event.payload
            logger.info(
                "queue event",
                metadata: [
                    "kind": "\(event.kind)", "dj": "\(payload.name ?? "-")", "reason": "\(payload.reason ?? "-")",
                    "version": "\(transition.version)",
                ])
        }
    }

    private func check(_ asked: ChannelName) throws(QueueCommandError) {
        guard asked == channel else { throw .unknownChannel }
    }
}
