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
        var endsSilence: Bool
    }

    /// Between key frames, and but for the moment the delay is filled, readiness is looked at four times a second.
    private static let lookInterval: Int64 = 250_000_000

    let session: PublishSessionID
    let line: DelayLine
    private let queue: any QueueDoor
    private let envelope: Envelope
    private let now: @Sendable () -> Int64
    private let onEnd: @Sendable (PublishSessionID) -> Void
    private let cuts: Counter
    private let silences: Counter
    private let logger: Logger
    private let state: Mutex<State>

    init(
        session: PublishSessionID, line: DelayLine, queue: any QueueDoor, envelope: Envelope, delay: Duration,
        now: @escaping @Sendable () -> Int64, logger: Logger,
        onEnd: @escaping @Sendable (PublishSessionID) -> Void
    ) {
        self.session = session
        self.line = line
        self.queue = queue
        self.envelope = envelope
        self.now = now
        self.onEnd = onEnd
        self.cuts = Counter(label: "lineup_ingest_cuts_total")
        self.silences = Counter(label: "lineup_ingest_silences_total")
        self.logger = logger
        self.state = Mutex(State(meter: ReadinessMeter(envelope: envelope, delay: delay)))
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

    // MARK: PublisherSink

    func metadataReceived(_ metadata: StreamMetadata) {
        change { $0.received(metadata) }
    }

    /// A format outside the channel's envelope is measured only: neither it nor its units reach the delay line.
    func formatReceived(_ format: TrackFormat) {
        if envelope.codecReason(format) == nil { line.append(format) }
        change { $0.received(format) }
    }

    func trackRefused(_ track: TrackKind, reason: String) {
        change { $0.refused(track, reason: reason) }
    }

    func unitReceived(_ unit: AccessUnit) {
        let now = now()
        let arrival: Arrival? = state.withLock { state in
            guard !state.isEnded, let result = state.normalizer.normalize(unit) else { return nil }
            let isTaken = !state.meter.isOutsideEnvelope(unit.track)
            let isFilled = state.meter.received(result.unit, at: now)
            state.absence.received(result.unit, at: now)
            let isKeyPicture = result.unit.isKeyFrame && result.unit.track == .video
            let wasSilent = state.isSilent
            state.isSilent = false
            guard isFilled || isKeyPicture || now >= state.nextLook else {
                return Arrival(result: result, isTaken: isTaken, change: nil, endsSilence: wasSilent)
            }
            return Arrival(
                result: result, isTaken: isTaken, change: Self.look(&state, now: now),
                absence: state.absence.looked(at: now), endsSilence: wasSilent)
        }
        guard let arrival else { return }
        let result = arrival.result
        if result.isCut {
            cuts.increment()
            // Counted; not at info, since a broken encoder does this at every unit.
            logger.debug("a publisher's clock jumped; its time goes on", metadata: ["track": "\(unit.track)"])
        }
        if arrival.isTaken { line.append(result.unit, at: now) }
        if arrival.endsSilence { queue.silenceChanged(session, isSilent: false) }
        if let absence = arrival.absence {
            logger.debug(
                "a publisher's media is missing, or back",
                metadata: ["picture": "\(absence.picture == nil)", "sound": "\(absence.sound == nil)"])
            queue.mediaAbsent(session, picture: absence.picture, sound: absence.sound)
        }
        if let change = arrival.change { queue.readinessChanged(session, to: change) }
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
        line.end()
        onEnd(session)
        queue.ended(session, how: how)
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
