package import Domain
package import Logging
import Metrics
import ServiceLifecycle
import Synchronization

/// Runs one channel's queue: calls the machine, carries its actions out, writes its moves.
///
/// Any thread may call in; the machine sits in a `Mutex` and decides without waiting, so media never waits for the database
/// (I5). Moves are appended to `backlog` under the same lock and written in order by `run()`, with retries while the database
/// is away. While too many wait, nobody joins and no operator acts, and what still happens is merged (I11).
///
/// By topic: `+Desk` for pages and operators, `+Writing` for the database, `+Fate` for what became of an act.
package final class QueueService: QueueDoor, QueueDesk, StudioNewsDesk, ReadinessReporting, Service, Sendable {
    package struct Limits: Sendable {
        /// Moves that wait for the database before joining and acting is refused.
        package var maximumBacklog = 10_000
        /// Events of moves that were merged past that; more are given up and counted.
        package var maximumMergedEvents = 1_000
        /// Listeners to `views`, and as many to `events`; one more gets a stream that ends at once.
        package var maximumListeners = 2_000
        /// Events that wait for one listener before it is let go.
        package var maximumEventsPerListener = 256
        /// How long an operator's answer waits for the act to be stored; then it goes out all the same.
        package var longestAnswer: Duration = .seconds(2)
        /// How long a write may take before the queue says, at its next look, that the database does not answer.
        package var latestAnswer: Duration = .milliseconds(750)
        /// So often the queue looks whether the database answers, and asks it for a sign of life when there was nothing to write.
        package var pingInterval: Duration = .milliseconds(500)
        /// How long the stop waits for the moves that are not written yet.
        package var lastWriting: Duration = .seconds(2)

        package init() {}
    }

    /// The database does not take moves.
    struct Trouble {
        var since: WallTime
        /// For operators; the log has what the database said.
        var cause: String
    }

    struct State {
        var machine: QueueMachine
        var backlog: QueueBacklog
        /// The newest used time; only the last matters.
        var heartbeat: (entry: EntryID, used: Duration)?
        var listeners: [Int: AsyncStream<QueueView>.Continuation] = [:]
        var eventListeners: [Int: AsyncStream<EventRecord>.Continuation] = [:]
        var nextListener = 0
        /// Operators whose answer waits for their act's version to be stored.
        var waiters: [Int: Waiter] = [:]
        /// The latest time the machine was told: two threads' times may come in the other order, the machine's never do.
        var now: WallTime
        var isStopping = false
        /// Since when moves are not being written; `nil` while all is well.
        var trouble: Trouble?
        /// The database was not asked for anything lately.
        var isPingDue = false
        /// The database answered since the last look after it.
        var hasWritten = false
        /// The database has been asked something.
        var writingSince: ContinuousClock.Instant?
        /// Another server owns the channel: nothing of ours is written any more.
        var hasSteppedDown = false
    }

    let channel: ChannelName
    let store: any QueueStore
    let clock: any WallClock
    let limits: Limits
    let logger: Logger
    let state: Mutex<State>
    let backlogGauge: Gauge
    private let awayGauge: Gauge
    private let programme: any ProgrammeControl
    private let publishers: any PublisherControl
    /// Wakes the timer and the writer after a change; holds at most one wish.
    let timerWishes = WakeSignal()
    let writerWishes = WakeSignal()
    let pings = WakeSignal()

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
        self.backlogGauge = Gauge(label: "lineup_queue_backlog", dimensions: [("channel", channel.text)])
        self.awayGauge = Gauge(label: "lineup_queue_database_away", dimensions: [("channel", channel.text)])
        awayGauge.record(0)
        let now = clock.now()
        self.state = Mutex(
            State(
                machine: QueueMachine(channel: channel, record: record, now: now),
                backlog: QueueBacklog(
                    maximum: limits.maximumBacklog, maximumMergedEvents: limits.maximumMergedEvents), now: now))
    }

    // MARK: QueueDoor

    package func join(_ publisher: PublisherIdentity) async -> Result<EntryID, PublishRefusal> {
        let outcome: Result<EntryID, PublishRefusal> = decide { machine, now, situation in
            switch situation {
            case .lost: return (.failure(.serverBusy("another server has taken this channel over")), [])
            case .stopping: return (.failure(.shuttingDown), [])
            case .full: return (.failure(.serverBusy("its database has been away for long")), [])
            case .running: return machine.joinRequested(publisher, newEntry: .random(), now: now)
            }
        }
        switch outcome {
        case .success: logger.info("publisher joined the queue", metadata: ["dj": "\(publisher.name)"])
        case .failure(let refusal):
            logger.info("publisher refused", metadata: ["dj": "\(publisher.name)", "reason": "\(refusal.label)"])
        }
        return outcome
    }

    package func readinessChanged(_ session: PublishSessionID, to readiness: Readiness) {
        tell { machine, now in machine.readinessChanged(session, to: readiness, now: now) }
    }

    package func silenceChanged(_ session: PublishSessionID, isSilent: Bool) {
        tell { machine, now in machine.silenceChanged(session, isSilent: isSilent, now: now) }
    }

    package func mediaAbsent(_ session: PublishSessionID, picture: Duration?, sound: Duration?) {
        tell { machine, now in
            let health = MediaHealth(
                videoAbsentSince: picture.map { now - $0 }, silentSince: sound.map { now - $0 })
            return machine.mediaHealthChanged(session, to: health, now: now)
        }
    }

    package func healthChanged(_ session: PublishSessionID, to health: HealthSummary) {
        tell { machine, now in machine.streamHealthChanged(session, to: health, now: now) }
    }

    /// The programme has gone over to another source; called by the assembly for `Broadcast`. Any thread; never waits.
    package func handedOver(_ record: HandoverRecord) {
        tell { machine, now in machine.handedOver(record, now: now) }
    }

    package func studioReported(_ news: StudioNews, on channel: ChannelName) {
        guard channel == self.channel else { return }
        tell { machine, now in machine.studioReported(news, now: now) }
    }

    /// What viewers did; called by the assembly for `Audience`. Any thread; never waits.
    package func viewersReported(_ report: ViewerReport) {
        tell { machine, now in machine.viewersReported(report, now: now) }
    }

    package func ended(_ session: PublishSessionID, how: PublisherEnd) {
        tell { machine, now in machine.sessionEnded(session, how: how, now: now) }
    }

    /// What left the programme's output; called by the assembly for `Broadcast`.
    package func programmeReported(_ report: ProgrammeReport) {
        tell { machine, now in machine.programmeReported(report, now: now) }
    }

    // MARK: Service

    /// Keeps time and writes moves until graceful shutdown or until the channel is lost; then writes what is left, when it
    /// may (at most `Limits.lastWriting`), and ends all listeners.
    package func run() async throws {
        // The stored queue is written once with the graces that run from now, and the programme gets its first order.
        tell { machine, now in machine.deadlinePassed(now: now) }
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.keepTime() }
                group.addTask { await self.writeMoves() }
                group.addTask { await self.askForSignsOfLife() }
            }
        } onGracefulShutdown: {
            self.stop()
        }
        await writeLastMoves()
    }

    func stop() {
        let (listeners, eventListeners) = state.withLock { state in
            state.isStopping = true
            settle(&state, as: .waits)
            defer { (state.listeners, state.eventListeners) = ([:], [:]) }
            return (Array(state.listeners.values), Array(state.eventListeners.values))
        }
        for listener in listeners { listener.finish() }
        for listener in eventListeners { listener.finish() }
        timerWishes.finish()
        writerWishes.finish()
        pings.finish()
    }

    /// Whether the channel was lost: `run` has ended then or is ending, and nothing more is written.
    package var hasSteppedDown: Bool { state.withLock { $0.hasSteppedDown } }

    /// The channel is another's now (design §4, Ownership): ends `run`, writes nothing of what waits, shows the slate and
    /// sends every publisher away. Any thread; harmless when done already.
    package func stepDown() { stepDown(cause: "the lease was taken") }

    private static let takenOver = "another server has taken this channel over"

    func stepDown(cause: String) {
        let lost: (actions: [QueueMachine.Action], moves: Int)? = state.withLock { state in
            guard !state.hasSteppedDown else { return nil }
            state.hasSteppedDown = true
            state.trouble = Trouble(since: state.now, cause: Self.takenOver)
            state.heartbeat = nil
            settle(&state, as: .lost)
            defer { state.backlog.removeAll() }
            return (state.machine.stepDown(), state.backlog.count)
        }
        guard let lost else { return }
        logger.critical(
            "another server has taken this queue over; its moves here are no longer written",
            metadata: ["cause": "\(cause)", "moves": "\(lost.moves)"])
        stop()
        carryOut(lost.actions)
    }

    /// Calls the machine at each deadline it names; a change makes it look again.
    private func keepTime() async {
        for await _ in timerWishes.stream {
            while let deadline = state.withLock({ $0.machine.nextDeadline }) {
                let wait = deadline - clock.now()
                if wait > .zero, await timerWishes.wait(atMost: wait) == .wished { continue }
                if timerWishes.isFinished { return }
                tell { machine, now in machine.deadlinePassed(now: now) }
            }
        }
    }

    // MARK: Deciding and carrying out

    /// What a caller who may be refused must know before the machine is asked.
    enum Situation: Sendable { case running, stopping, full, lost }

    /// One event that nobody waits for the answer of.
    private func tell(_ event: (inout QueueMachine, WallTime) -> [QueueMachine.Action]) {
        decide { machine, now, situation in
            if case .lost = situation { return ((), []) }
            return ((), event(&machine, now))
        }
    }

    /// One event: the machine decides under the lock, what follows is done in order after it.
    ///
    /// Orders to the programme carry a version, so two threads may deliver them out of order; moves join the backlog under
    /// the lock.
    @discardableResult
    func decide<Outcome>(
        _ event: (inout QueueMachine, WallTime, Situation) -> (Outcome, [QueueMachine.Action])
    ) -> Outcome {
        let time = clock.now()
        let (outcome, actions, waiting) = state.withLock { state in
            state.now = max(state.now, time)
            let (outcome, actions) = event(&state.machine, state.now, situation(of: state))
            keep(actions, in: &state)
            return (outcome, actions, state.backlog.count)
        }
        guard !actions.isEmpty else {
            timerWishes.wish()
            return outcome
        }
        backlogGauge.record(waiting)
        carryOut(actions)
        timerWishes.wish()
        writerWishes.wish()
        return outcome
    }

    private func situation(of state: borrowing State) -> Situation {
        if state.hasSteppedDown { return .lost }
        if state.isStopping { return .stopping }
        return state.backlog.count >= limits.maximumBacklog ? .full : .running
    }

    private func keep(_ actions: [QueueMachine.Action], in state: inout State) {
        var hasChanged = false
        for action in actions {
            switch action {
            case .store(let transition):
                hasChanged = true
                guard !state.hasSteppedDown else { continue }
                let lost = state.backlog.append(transition)
                if lost.handovers > 0 {
                    Counter(label: "lineup_handover_records_lost_total", dimensions: [("channel", channel.text)])
                        .increment(by: lost.handovers)
                }
                guard lost.events > 0 else { continue }
                state.machine.takeBack(events: lost.events)
                Counter(label: "lineup_queue_events_lost_total", dimensions: [("channel", channel.text)])
                    .increment(by: lost.events)
            case .heartbeat(let entry, let used): state.heartbeat = (entry, used)
            case .direct, .close, .closePublisher: break
            }
        }
        if hasChanged { tellListeners(&state) }
    }

    /// Gives everybody who listens the present view.
    func tellListeners(_ state: inout State) {
        guard !state.listeners.isEmpty else { return }
        let view = Self.view(of: state, now: state.now)
        for listener in state.listeners.values { listener.yield(view) }
    }

    static func view(of state: borrowing State, now: WallTime) -> QueueView {
        var view = state.machine.view(now: now)
        let moves = state.backlog.count
        view.unwritten = state.trouble.map { QueueView.Unwritten(since: $0.since, moves: moves) }
        return view
    }

    /// For the metric.
    func recordAway(_ isAway: Bool) { awayGauge.record(isAway ? 1 : 0) }

    private func carryOut(_ actions: [QueueMachine.Action]) {
        for action in actions {
            switch action {
            case .direct(let order): programme.direct(order)
            case .close(let session, let reason): publishers.close(session, reason: reason)
            case .closePublisher(let user, let reason): publishers.close(publishedBy: user, reason: reason)
            case .store(let transition): log(transition)
            case .heartbeat: break
            }
        }
    }

    private func log(_ transition: QueueTransition) {
        for act in transition.audit {
            logger.notice("queue act", metadata: ["act": "\(act.action)", "by": "\(act.actor.name)"])
        }
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
}
