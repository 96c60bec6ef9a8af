package import Domain
import NIOCore

/// The programme of one channel: moves the on-air input, or the slate, onto one timeline that runs at wall-clock speed for
/// ever (design §5; I1, I2, I3). Pure: time comes in, actions come out; the only shared things it reads are delay lines.
/// Owned by `ChannelBroadcast`, on the channel's event loop.
///
/// Programme time is `now` minus the moment of the first picture. A unit leaves when programme time has reached its DTS, so
/// nothing that arrives late or early can make the programme drift. Nothing leaves before its time; after it only what fills
/// a hole: the slate behind a line that ran empty, and up to a tenth of a second of sound where a publisher broke off with
/// more picture than sound. A hand-over has two steps:
///
///     decide (a place where the outgoing video's order closes)          commit (the incoming key frame's moment)
///       video of the old source stops; its last picture ends at `at` ──▶ join; first the old source's sound up to `at`
///
/// The incoming key frame is shown at `at` exactly. Its DTS, and those of pictures that are decoded early for the sake of
/// B-frames, are squeezed in behind the outgoing source's last. Sound joins at the frame nearest to the end of the old
/// sound, wherever that is, so it has no gap of its own.
///
/// An order for another input waits for that input's next key frame to reach the delay, measured in media held behind it:
/// so the line is as deep as it should be from the first picture, even right after a stall and its burst. An order for the slate holds for
/// what arrives after it: what the line held then is played. A line that runs out first is covered at once.
///
/// A line that lacks a track is joined without it: a still or silence fills in, in the channel's own format; a join to the same
/// line follows where the track begins. Sound that stops is filled in its own layout, and so is every hole in it.
package struct Programme {
    package enum Action: Sendable {
        case join(ProgrammeJoin, ProgrammeFormat)
        case emit(ProgrammeUnit)
        case report(ProgrammeReport)
        /// The input's line ran empty before another was due; the slate covers.
        case underrun(PublishSessionID)
        /// Comes after the first picture and the first frame of sound of a new source.
        case handedOver(Handover)
    }

    /// When the programme has to be advanced again: at a moment, or when one of these lines gets more.
    package struct Wake: Sendable {
        package struct Line: Sendable {
            package var line: DelayLine
            package var mark: DelayLine.Mark
            package var condition: DelayLine.WakeCondition
        }
        /// Monotonic nanoseconds.
        package var at: Int64?
        package var lines: [Line] = []
    }

    package struct Step: Sendable {
        package var actions: [Action]
        package var wake: Wake
    }

    enum Current {
        /// Before the first slate is ready: nothing has left.
        case nothing
        case slate(SlatePlayhead)
        case input(InputPlayhead)
    }

    struct PendingJoin {
        enum Target {
            case slate
            case input(PublishSessionID, DelayLine, JoinPlace)
        }
        var target: Target
        /// The first picture's PTS.
        var at: MediaTime
        /// The moment of the join; the first unit's DTS is not before it.
        var release: MediaTime
        /// The old source has no sound for what is left until then.
        var soundIsOver: Bool
        var reason: HandoverRecord.Reason
        /// Programme time of the order, or of finding that the source cannot go on.
        var decidedAt: MediaTime
    }

    /// Late by more than this (a suspended machine), the slate jumps to the present instead of filling the past.
    static let maximumLag = MediaTime.milliseconds(10_000)
    /// What a line may be late before its emptiness counts.
    static let lateTolerance = MediaTime.milliseconds(100)
    /// Silence is noticed after this (design §5, Stalls); a delay longer than it makes emptiness count at once.
    static let silence = MediaTime.milliseconds(1500)
    /// A key frame is taken until this far past the delay when the outgoing order did not close before.
    static let keyFramePatience = MediaTime.milliseconds(1000)
    /// A key frame that was this far past the delay when the order came is still taken.
    static let keyFrameTolerance = MediaTime.milliseconds(200)
    /// A line without an append for this long is not joined, nor one that has begun to get media again since less than this.
    static let steadyArrival: Int64 = 1_000_000_000

    /// A track of which nothing has come for this long after the line began, or since the other track, is missing: the same
    /// patience as for being ready (design §4, rule 2).
    static let trackPatience = MediaTime.milliseconds(2000)
    /// Where one track goes on and the other is this far behind, it has stopped, not just jittered.
    static let trackLag = MediaTime.milliseconds(500)

    /// So many lines are kept full for the start, while nobody is ready. When a server starts anew, all its DJs come back at once.
    static let openerCount = 4

    /// Where the channel's settings name none.
    private let standardDelay: Duration
    /// For joins from now on.
    package private(set) var delay: Duration
    var current = Current.nothing
    var pending: PendingJoin?
    var order = ProgrammeOrder(version: .min, onAir: nil, standby: [])
    var orderedAt: Int64 = .min
    var lines: [PublishSessionID: DelayLine] = [:]
    /// Those of `lines` that came first, `openerCount` at most; for one that left, any other.
    var openers: Set<PublishSessionID> = []
    var detached: Set<PublishSessionID> = []
    var chosen: (session: PublishSessionID, place: JoinPlace)?
    var epoch: Int64 = 0
    var video: VideoTimeline
    var audio: AudioTimeline?
    var lastFormat: ProgrammeFormat?
    var reportDue: ProgrammeReport?
    var slate: SlateClip?
    /// The slate that shows is not the channel's any more.
    var isSlateStale = false
    /// The channel's own slate, in its codec, size, rate and layout, for tracks that a line has not.
    var filler: SlateClip?
    /// Programme time of the running round.
    var moment = MediaTime.zero
    var handover: Handover?
    package internal(set) var emergency = ProgrammeEmergency.off
    /// When the last emergency began; until its patience is over the outgoing order may close by itself.
    var emergencyAt: Int64 = .min
    /// An emergency is over: whoever is wanted comes back as soon as they can.
    var isHurried = false
    var banned: Set<PublishSessionID> = []
    /// By session: what an emergency discarded ends here.
    var floors: [PublishSessionID: MediaTime] = [:]
    var writtenSilence: (format: AudioFormat, frame: ByteBuffer?)?

    /// - Parameter delay: the programme delay where an order names none, 0…30 s.
    package init(delay: Duration) {
        self.standardDelay = delay
        self.delay = delay
        self.video = VideoTimeline(start: .zero, pictureDuration: .milliseconds(40))
    }

    // MARK: Events

    /// The channel's slate is another one. Where the slate shows, it is gone over to at the next picture; `false` for a clip
    /// without pictures, which is not taken.
    @discardableResult
    package mutating func slateChanged(to clip: SlateClip) -> Bool {
        guard slateReady(clip) else { return false }
        filler = clip
        isSlateStale = true
        return true
    }

    /// The channel's slate, or a new one, which is used from the slate's next turn on. The programme starts with the first.
    /// - Returns: `false` for a clip without pictures, which is not taken.
    @discardableResult
    package mutating func slateReady(_ clip: SlateClip) -> Bool {
        guard Self.canLoop(clip) else { return false }
        slate = clip
        filler = filler ?? clip
        return true
    }

    /// A clip without pictures or without length would loop in place.
    package static func canLoop(_ clip: SlateClip) -> Bool {
        !clip.video.isEmpty && clip.videoDuration > .zero && clip.format.audio.frameDuration > .zero
    }

    /// Orders may come twice or late; an older version is ignored.
    package mutating func ordered(_ order: ProgrammeOrder, now: Int64) {
        guard order.version > self.order.version else { return }
        if order.onAir != self.order.onAir {
            orderedAt = now
            chosen = nil
        }
        let wasEmergency = self.order.output.emergency
        self.order = order
        delay = order.output.programmeDelay ?? standardDelay
        for session in order.discarded { discard(session, now: now) }
        if order.output.emergency != wasEmergency { emergency(order.output.emergency, now: now) }
        for session in lines.keys { applyRetention(to: session) }
    }

    package mutating func attached(_ line: DelayLine, as session: PublishSessionID) {
        lines[session] = line
        if openers.count < Self.openerCount { openers.insert(session) }
        detached.remove(session)
        applyRetention(to: session)
    }

    /// What the line holds is still played when it is on air.
    package mutating func detached(_ session: PublishSessionID) {
        guard lines[session] != nil else { return }
        if isReading(session) {
            detached.insert(session)
        } else {
            forget(session)
        }
    }

    mutating func forget(_ session: PublishSessionID) {
        lines[session] = nil
        if openers.remove(session) != nil, let heir = lines.keys.first(where: { !openers.contains($0) }) {
            openers.insert(heir)
            applyRetention(to: heir)
        }
        banned.remove(session)
        floors[session] = nil
    }

    /// What a publisher sends, with the channel's own format for a track it has not; `nil` before any of it is known.
    func format(of session: PublishSessionID) -> ProgrammeFormat? {
        guard let line = lines[session], let filler else { return nil }
        let (picture, sound) = (line.videoFormat(at: .max), line.audioFormat(at: .max))
        guard picture != nil || sound != nil else { return nil }
        return ProgrammeFormat(video: picture ?? filler.format.video, audio: sound ?? filler.format.audio)
    }

    // MARK: Shared

    /// Monotonic nanoseconds of programme time zero; valid once the first join was made.
    package var zero: Int64 { epoch }

    package var hasStarted: Bool {
        switch current {
        case .nothing: false
        case .slate, .input: true
        }
    }

    /// Who is shown; `nil` for the slate or nothing.
    package var shown: PublishSessionID? {
        switch current {
        case .nothing, .slate: nil
        case .input(let head): head.session
        }
    }

    /// Between what arrives and what is shown now, or shown next.
    package var presentDelay: Duration {
        switch current {
        case .nothing, .slate: delay
        case .input(let head): min(head.delay, delay)
        }
    }

    func isReading(_ session: PublishSessionID) -> Bool {
        if shown == session { return true }
        switch pending?.target {
        case .input(let next, _, _): return next == session
        case .slate, nil: return false
        }
    }

    /// Lines near their turn are kept full (design §5, Delay line). With nobody ordered on air these are also the lines that came
    /// first: whoever has the delay behind a key frame first goes on air with it, so that key frame must still be there.
    func applyRetention(to session: PublishSessionID) {
        guard let line = lines[session] else { return }
        if isReading(session) {
            line.retain(.reading)
        } else if order.onAir == session || order.standby.contains(session)
            || order.onAir == nil && openers.contains(session)
        {
            line.retain(.delayed(delay))
        } else {
            line.retain(.lastGroup)
        }
    }
}
