import Domain
import Logging
import Metrics
import NIOCore

/// Carries out what `Programme` decides: calls the readers, sets the timer, asks lines to wake it. Owned by
/// `ChannelBroadcast`; every call on the channel's event loop.
final class ProgrammeRunner {
    private let eventLoop: any EventLoop
    private let makeReaders: @Sendable (ProgrammeZero) throws -> [any ProgrammeReader]
    private let onReport: @Sendable (ProgrammeReport) -> Void
    private let onHandover: @Sendable (HandoverRecord) -> Void
    /// A slate is wanted that is not there: like what a DJ on air or near it sends.
    private let onSlateWanted: @Sendable (SlateRequest) -> Void
    /// What the server is configured with, and what the channel's settings make of it.
    private let configuredSlate: SlateRequest
    private var slateRequest: SlateRequest
    private let slateFolder: String?
    private let logger: Logger
    private let videoUnits: Counter
    private let audioUnits: Counter
    private let handovers: Counter
    private let underruns: Counter
    private let handoverMetrics: HandoverMetrics
    private var slates: SlateClips?
    /// What the slate of the DJ on air was asked for as.
    private var shownRequest: SlateRequest?
    /// Of the DJ on air.
    private var shownFormat: ProgrammeFormat?
    private var programme: Programme
    private var readers: [any ProgrammeReader] = []
    private var timer: Scheduled<Void>?
    private var isStopped = false
    private var isAdvancing = false
    private var shown: PublishSessionID?
    private var wakeUp: @Sendable () -> Void = {}
    private(set) var zero: ProgrammeZero?

    init(
        channel: ChannelName, eventLoop: any EventLoop, delay: Duration,
        makeReaders: @escaping @Sendable (ProgrammeZero) throws -> [any ProgrammeReader],
        onReport: @escaping @Sendable (ProgrammeReport) -> Void,
        onHandover: @escaping @Sendable (HandoverRecord) -> Void, slateRequest: SlateRequest,
        slateFolder: String?, onSlateWanted: @escaping @Sendable (SlateRequest) -> Void,
        logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.makeReaders = makeReaders
        self.onReport = onReport
        self.onHandover = onHandover
        self.configuredSlate = slateRequest
        self.slateRequest = slateRequest
        self.slateFolder = slateFolder
        self.onSlateWanted = onSlateWanted
        self.logger = logger
        self.programme = Programme(delay: delay)
        let label = ("channel", channel.text)
        self.videoUnits = Counter(label: "lineup_programme_units_total", dimensions: [label, ("track", "video")])
        self.audioUnits = Counter(label: "lineup_programme_units_total", dimensions: [label, ("track", "audio")])
        self.handovers = Counter(label: "lineup_handovers_total", dimensions: [label])
        self.handoverMetrics = HandoverMetrics(channel)
        self.underruns = Counter(label: "lineup_programme_underruns_total", dimensions: [label])
    }

    var hasStarted: Bool { programme.hasStarted }

    private var now: Int64 { Int64(clamping: eventLoop.now.uptimeNanoseconds) }

    // MARK: Events

    /// - Parameter wakeUp: called by lines on their publishers' threads; brings `advance()` onto the loop.
    func start(with clip: SlateClip, wall: WallTime, wakeUp: @escaping @Sendable () -> Void) throws {
        guard !isStopped, programme.slateReady(clip) else { return }
        self.wakeUp = wakeUp
        slates = SlateClips(defaultRequest: configuredSlate, clip: clip)
        let zero = ProgrammeZero(monotonicNanoseconds: now, wall: wall)
        readers = try makeReaders(zero)
        self.zero = zero
        advance()
    }

    func hasSlate(_ request: SlateRequest) -> Bool { slates?.clip(for: request) != nil }

    /// For the slate's next turn, if the DJ on air is still the one it was made for; else for theirs.
    func keepSlate(_ clip: SlateClip, for request: SlateRequest) {
        if request == slateRequest {
            // Those in other sizes show what the slate was before.
            slates = SlateClips(defaultRequest: request, clip: clip)
            programme.slateChanged(to: clip)
            if let shownFormat { useSlate(like: shownFormat) }
            advance()
            return
        }
        // One that was wished for before the slate changed.
        guard (request.text, request.file) == (slateRequest.text, slateRequest.file) else { return }
        slates?.keep(clip, for: request)
        if request == shownRequest { programme.slateReady(clip) }
    }

    /// Whoever is on air or next is ready: the slate in their format is made before they need it.
    func direct(_ order: ProgrammeOrder) {
        programme.ordered(order, now: now)
        takeSlate(programme.order.output)
        for session in [order.onAir].compactMap({ $0 }) + order.standby {
            if let format = programme.format(of: session) { wantSlate(slateRequest.matching(format)) }
        }
        advance()
    }

    /// A slate of the channel's own is made beside the programme and shown once it is there.
    private func takeSlate(_ output: OutputSettings) {
        var request = configuredSlate
        if let text = output.slateText { (request.text, request.file) = (text, nil) }
        if !output.envelope.videoCodecs.contains(.h264) { request.codec = .hevc }
        if let name = output.slateFile, let slateFolder { request.file = slateFolder + "/" + name }
        guard request != slateRequest else { return }
        slateRequest = request
        if hasSlate(request), let clip = slates?.clip(for: request) {
            keepSlate(clip, for: request)
        } else {
            onSlateWanted(request)
        }
    }

    func attach(_ line: DelayLine, as session: PublishSessionID) {
        programme.attached(line, as: session)
        advance()
    }

    func detach(_ session: PublishSessionID) {
        programme.detached(session)
        advance()
    }

    func stop() {
        guard !isStopped else { return }
        isStopped = true
        timer?.cancel()
        timer = nil
        for reader in readers { reader.finished() }
        readers = []
    }

    // MARK: Advancing

    /// Brings the programme up to now, until no line has moved on in the meantime. A reader or report that calls back in is
    /// served by the running round.
    func advance() {
        guard !isStopped, !isAdvancing, zero != nil else { return }
        isAdvancing = true
        defer { isAdvancing = false }
        timer?.cancel()
        timer = nil
        while !isStopped {
            let step = programme.advance(now: now)
            for action in step.actions { carryOut(action) }
            if arm(step.wake) { return }
        }
    }

    private func carryOut(_ action: Programme.Action) {
        switch action {
        case .join(let join, let format):
            if shown != join.session { handovers.increment() }
            shown = join.session
            logger.info(
                "the programme joins a source",
                metadata: [
                    "session": join.session.map { "\($0)" } ?? "slate", "at": "\(join.at)",
                    "formatChanged": "\(join.formatChanged)",
                ])
            for reader in readers { reader.joined(join, format: format) }
            shownFormat = join.session == nil ? nil : format
            if join.session != nil { useSlate(like: format) }
        case .emit(let unit):
            switch unit.track {
            case .video: videoUnits.increment()
            case .audio: audioUnits.increment()
            }
            for reader in readers { reader.unit(unit) }
        case .report(let report): onReport(report)
        case .underrun(let session):
            underruns.increment()
            logger.warning("a line ran empty on air; the slate covers", metadata: ["session": "\(session)"])
        case .handedOver(let handover):
            guard let zero else { return }
            let record = handover.record(zero: zero.wall)
            handoverMetrics.observe(record)
            onHandover(record)
        }
    }

    private func wantSlate(_ request: SlateRequest) {
        if !hasSlate(request) { onSlateWanted(request) }
    }

    private func useSlate(like format: ProgrammeFormat) {
        let request = slateRequest.matching(format)
        shownRequest = request
        if let clip = slates?.clip(for: request) { programme.slateReady(clip) } else { onSlateWanted(request) }
    }

    /// - Returns: `false` when a line has moved on since the programme looked: it has to look again.
    private func arm(_ wake: Programme.Wake) -> Bool {
        for line in wake.lines {
            guard line.line.wake(after: line.mark, on: line.condition, wakeUp) else { return false }
        }
        if let moment = wake.at {
            // What falls due within the span after it is released with it: half the wakes.
            let span = ProgrammePace.releaseSpan(delay: programme.presentDelay).wholeNanoseconds
            let deadline = NIODeadline.uptimeNanoseconds(UInt64(clamping: moment + span))
            timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.advance() }
        }
        return true
    }
}
