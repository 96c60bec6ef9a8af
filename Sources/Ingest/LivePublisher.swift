import Domain
import Logging
import Metrics
import Synchronization

/// One accepted publisher: normalises its media into its delay line and tells the queue when it is ready. Owned by its
/// connection and by `IngestService`'s register until it ends; media calls come on the connection's event loop.
///
/// The lock is uncontended but for readers of the statistics, and never held while the queue or the line is called.
final class LivePublisher: PublisherSink {
    private struct State {
        var normalizer = TimestampNormalizer()
        var meter: ReadinessMeter
        var absence = AbsenceWatch()
        var health: HealthMeter
        var healthTold: Int64?
        var healthIsToTell = false
        var toldIssues: Set<StreamIssue> = []
        var reported: Readiness?
        var nextLook: Int64 = 0
        var isSilent = false
        var isEnded = false
    }

    /// What one unit brings about.
    private struct Arrival {
        var result: TimestampNormalizer.Result
        /// Inside the channel's envelope: what is not is measured and kept from the programme.
        var isTaken: Bool
        var change: Readiness?
        var absence: AbsenceWatch.Absence?
        var health: HealthSummary?
        var endsSilence: Bool
    }

    /// Between key frames, and but for the moment the delay is filled, readiness is looked at four times a second.
    private static let lookInterval: Int64 = 250_000_000
    /// Health is told at most every ten seconds, for each telling is an event; a new word of what viewers miss at once after two.
    private static let tellInterval: Int64 = 10_000_000_000
    private static let promptTellInterval: Int64 = 2_000_000_000

    let session: PublishSessionID
    let line: DelayLine
    let monitor: PublisherMonitor
    /// Monotonic nanoseconds.
    let begun: Int64
    private let queue: any QueueDoor
    private let now: @Sendable () -> Int64
    private let onEnd: @Sendable (PublishSessionID) -> Void
    private let onIssues: @Sendable (_ begun: Set<StreamIssue>, _ ended: Set<StreamIssue>) -> Void
    private let cuts: Counter
    private let silences: Counter
    private let logger: Logger
    private let state: Mutex<State>

    init(
        session: PublishSessionID, line: DelayLine, queue: any QueueDoor, envelope: Envelope, delay: Duration,
        decoding: PublisherDecoding = PublisherDecoding(), now: @escaping @Sendable () -> Int64, logger: Logger,
        onIssues: @escaping @Sendable (_ begun: Set<StreamIssue>, _ ended: Set<StreamIssue>) -> Void = { _, _ in },
        onEnd: @escaping @Sendable (PublishSessionID) -> Void
    ) {
        self.session = session
        self.line = line
        self.monitor = PublisherMonitor(decoding, line: line, now: now)
        self.queue = queue
        self.now = now
        self.begun = now()
        self.onEnd = onEnd
        self.onIssues = onIssues
        self.cuts = Counter(label: "lineup_ingest_cuts_total")
        self.silences = Counter(label: "lineup_ingest_silences_total")
        self.logger = logger
        self.state = Mutex(
            State(meter: ReadinessMeter(envelope: envelope, delay: delay), health: HealthMeter(envelope: envelope)))
        monitor.tell { [weak self] in self?.levelsMeasured($0) }
    }

    var statistics: PublisherStatistics {
        var statistics = state.withLock { state in
            var statistics = state.meter.measure.statistics
            statistics.cuts = state.normalizer.cuts
            statistics.isSilent = state.isSilent
            return statistics
        }
        statistics.droppedGroups = line.summary.droppedGroups
        return statistics
    }

    /// What it sends now, and what is wrong with it. Any thread.
    var health: StreamHealth {
        let now = now()
        return state.withLock { $0.health.health(at: now) }
    }

    /// The channel takes something else from now on. Any thread.
    func take(_ envelope: Envelope, delay: Duration) {
        let now = now()
        let (begun, change): ([TrackFormat], Readiness?) = state.withLock { state in
            guard !state.isEnded, (state.meter.envelope, state.meter.delay) != (envelope, delay) else {
                return ([], nil)
            }
            let before = state.meter.formats.filter { state.meter.isOutsideEnvelope($0.track) }
            state.meter.change(envelope, delay: delay)
            state.health.change(envelope)
            return (before.filter { !state.meter.isOutsideEnvelope($0.track) }, Self.look(&state, now: now))
        }
        // Their units follow from now on.
        for format in begun { line.append(format) }
        if let change { queue.readinessChanged(session, to: change) }
    }

    // MARK: PublisherSink

    func metadataReceived(_ metadata: StreamMetadata) {
        change { $0.received(metadata) }
    }

    /// A format outside the channel's envelope is measured only: neither it nor its units reach the delay line.
    func formatReceived(_ format: TrackFormat) {
        let isTaken = state.withLock { state in
            state.health.received(format)
            return state.meter.envelope.codecReason(format) == nil
        }
        if isTaken { line.append(format) }
        monitor.received(format)
        change { $0.received(format) }
    }

    func trackRefused(_ track: TrackKind, reason: String) {
        change { $0.refused(track, reason: reason) }
    }

    func tracksLeftOut(_ track: TrackKind, reason: String) {
        state.withLock { $0.health.tracksLeftOut(track, reason: reason) }
    }

    func unitReceived(_ unit: AccessUnit) {
        let now = now()
        let arrival: Arrival? = state.withLock { state in
            guard !state.isEnded, let result = state.normalizer.normalize(unit) else { return nil }
            let isTaken = !state.meter.isOutsideEnvelope(unit.track)
            let isFilled = state.meter.received(result.unit, at: now)
            state.absence.received(result.unit, at: now)
            state.health.received(result.unit, at: now)
            let isKeyPicture = result.unit.isKeyFrame && result.unit.track == .video
            let wasSilent = state.isSilent
            state.isSilent = false
            guard isFilled || isKeyPicture || now >= state.nextLook else {
                return Arrival(result: result, isTaken: isTaken, change: nil, endsSilence: wasSilent)
            }
            return Arrival(
                result: result, isTaken: isTaken, change: Self.look(&state, now: now),
                absence: state.absence.looked(at: now), health: Self.lookAtHealth(&state, now: now),
                endsSilence: wasSilent)
        }
        guard let arrival else { return }
        let result = arrival.result
        if result.isCut {
            cuts.increment()
            // Counted; not at info, since a broken encoder does this at every unit.
            logger.debug("a publisher's clock jumped; its time goes on", metadata: ["track": "\(unit.track)"])
        }
        if arrival.isTaken { line.append(result.unit, at: now) }
        monitor.received(result.unit, isTaken: arrival.isTaken)
        if arrival.endsSilence { queue.silenceChanged(session, isSilent: false) }
        if let absence = arrival.absence {
            logger.debug(
                "a publisher's media is missing, or back",
                metadata: ["picture": "\(absence.picture == nil)", "sound": "\(absence.sound == nil)"])
            queue.mediaAbsent(session, picture: absence.picture, sound: absence.sound)
        }
        if let change = arrival.change { queue.readinessChanged(session, to: change) }
        if let health = arrival.health { tell(health) }
    }

    func silenceBegan() {
        let isNew = state.withLock { state in
            defer { state.isSilent = true }
            return !state.isSilent && !state.isEnded
        }
        guard isNew else { return }
        silences.increment()
        queue.silenceChanged(session, isSilent: true)
    }

    func ended(_ how: PublisherEnd) {
        let isFirst = state.withLock { state in
            defer { state.isEnded = true }
            return !state.isEnded
        }
        guard isFirst else { return }
        let issues = state.withLock { $0.toldIssues }
        if !issues.isEmpty { onIssues([], issues) }
        line.end()
        monitor.end()
        onEnd(session)
        queue.ended(session, how: how)
    }

    // MARK: Health

    /// On a thread of the decoder.
    private func levelsMeasured(_ levels: SoundLevels) {
        let now = now()
        state.withLock { state in
            state.absence.received(levels, at: now)
            state.health.received(levels, at: now)
        }
    }

    /// - Returns: the verdict when it has changed and is due to be told.
    private static func lookAtHealth(_ state: inout State, now: Int64) -> HealthSummary? {
        if state.health.look(at: now) { state.healthIsToTell = true }
        guard state.healthIsToTell else { return nil }
        let isPrompt = !state.health.promptIssues.isSubset(of: state.toldIssues)
        let interval = isPrompt ? promptTellInterval : tellInterval
        guard state.healthTold.map({ now - $0 >= interval }) ?? true else { return nil }
        state.healthIsToTell = false
        state.healthTold = now
        return state.health.health(at: now).summary
    }

    private func tell(_ health: HealthSummary) {
        let issues = Set(health.issues.map(\.type))
        let before = state.withLock { state in
            defer { state.toldIssues = issues }
            return state.toldIssues
        }
        onIssues(issues.subtracting(before), before.subtracting(issues))
        queue.healthChanged(session, to: health)
    }

    // MARK: Readiness

    private func change(_ body: (inout ReadinessMeter) -> Void) {
        let now = now()
        let change: Readiness? = state.withLock { state in
            guard !state.isEnded else { return nil }
            body(&state.meter)
            return Self.look(&state, now: now)
        }
        if let change { queue.readinessChanged(session, to: change) }
    }

    /// - Returns: the readiness when it differs from what the queue was told.
    private static func look(_ state: inout State, now: Int64) -> Readiness? {
        state.nextLook = now + lookInterval
        let readiness = state.meter.readiness(at: now)
        guard readiness != state.reported else { return nil }
        state.reported = readiness
        return readiness
    }
}
