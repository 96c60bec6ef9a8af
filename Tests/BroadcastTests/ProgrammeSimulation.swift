import Broadcast
import Domain
import NIOCore
import Synchronization
import TestKit

/// A made-up publisher in a simulation: a tape, and how it comes over the network.
struct SimulatedPublisher {
    let session: PublishSessionID
    let line: DelayLine
    var tape: ProgrammeTape
    /// Monotonic nanoseconds of the tape's beginning.
    let start: Int64
    /// Nanoseconds each unit may be late, at random.
    var jitter: Int64 = 0
    /// Until then nothing arrives; what was held up comes at once.
    var stalledUntil: Int64 = 0
    /// What it sends; pictures that begin again begin with a key frame.
    var sends: Set<TrackKind> = [.video, .audio]
    var awaitsKeyFrame = false
    /// Pictures come this much after the sound of their time.
    var pictureLag = MediaTime.zero
    /// Of units but key frames, how many never come: 0…1.
    var loss = 0.0
    /// So many pictures, key frames apart, are left out from now on.
    var picturesLeftOut = 0
    /// Seconds of its clock per second of ours.
    var speed = 1.0
    var isEnded = false
    var next: (unit: AccessUnit, at: Int64)?
    var lastArrival: Int64 = 0
}

/// Drives a `Programme` with fake time as its runner does: exactly when it asks to be woken, and by its lines.
struct ProgrammeSimulation {
    private(set) var now: Int64
    var programme: Programme
    var judge: ProgrammeJudge
    var publishers: [PublishSessionID: SimulatedPublisher] = [:]
    private var generator: SeededGenerator
    private var wakeAt: Int64?
    private let woken = WokenFlag()
    private var version: Int64 = 0
    private var nextMark: UInt8 = 1
    private(set) var wakes = 0
    /// How long after the moment it asked for the programme is woken by the clock, as `ProgrammePace` has it.
    var releaseSpan = Duration.zero

    init(delay: Duration, slate: SlateClip = .synthetic(), seed: UInt64 = 1, start: Int64 = 5_000_000_000) {
        self.now = start
        self.programme = Programme(delay: delay)
        self.judge = ProgrammeJudge(slate: slate)
        self.generator = SeededGenerator(seed: seed)
        programme.slateReady(slate)
        advance()
    }

    var time: MediaTime { MediaTime(nanoseconds: now - programme.zero) }

    /// How long before its turn the newest media of the input on air came: programme time.
    func depth(of session: PublishSessionID) -> MediaTime {
        guard let newest = publishers[session]?.line.summary.newestVideo, let offset = judge.videoOffset else {
            return .zero
        }
        return newest + offset - time
    }

    // MARK: Script

    /// A publisher that began `age` ago in its own clock begins to arrive now.
    mutating func publish(
        _ shape: ProgrammeTape.Shape = .init(), startMilliseconds: Int64 = 0, jitter: Duration = .zero,
        speed: Double = 1, loss: Double = 0, sends: Set<TrackKind> = [.video, .audio]
    ) -> PublishSessionID {
        let session = PublishSessionID.random(using: &generator)
        let tape = ProgrammeTape(shape: shape, mark: nextMark, startMilliseconds: startMilliseconds)
        nextMark = nextMark == 250 ? 1 : nextMark + 1
        let line = DelayLine()
        if sends.contains(.video) { line.append(.video(tape.videoFormat)) }
        if sends.contains(.audio) { line.append(.audio(tape.audioFormat)) }
        var publisher = SimulatedPublisher(session: session, line: line, tape: tape, start: now)
        publisher.jitter = jitter.wholeNanoseconds
        publisher.speed = speed
        publisher.loss = loss
        publisher.sends = sends
        publishers[session] = publisher
        judge.shapes[session] = (tape.mark, shape)
        programme.attached(line, as: session)
        advance()
        return session
    }

    /// What every order carries, and the newest order.
    private var output = OutputSettings()
    private var ordered: (onAir: PublishSessionID?, standby: [PublishSessionID]) = (nil, [])

    mutating func order(
        _ session: PublishSessionID?, standby: [PublishSessionID] = [], discarding: Set<PublishSessionID> = []
    ) {
        version += 1
        programme.ordered(
            ProgrammeOrder(
                version: version, onAir: session, standby: standby, discarded: discarding, output: output), now: now)
        ordered = (session, standby)
        advance()
    }

    mutating func drop(_ session: PublishSessionID) {
        publishers[session]?.isEnded = true
        publishers[session]?.line.end()
        publishers[session] = nil
        programme.detached(session)
        advance()
    }

    /// From now on only these tracks come.
    mutating func send(_ tracks: Set<TrackKind>, _ session: PublishSessionID) {
        guard var publisher = publishers[session] else { return }
        for track in tracks.subtracting(publisher.sends) {
            switch track {
            case .video:
                publisher.line.append(.video(publisher.tape.videoFormat))
                publisher.awaitsKeyFrame = true
            case .audio: publisher.line.append(.audio(publisher.tape.audioFormat))
            }
        }
        publisher.sends = tracks
        publishers[session] = publisher
    }

    mutating func changeSlate(_ clip: SlateClip) {
        programme.slateChanged(to: clip)
        advance()
    }

    /// - Parameter delay: `nil`: the one that the programme was made with.
    mutating func changeDelay(to delay: Duration?) {
        output.programmeDelay = delay
        order(ordered.onAir, standby: ordered.standby)
    }

    mutating func emergency(_ state: ProgrammeEmergency) {
        output.emergency = state
        order(ordered.onAir, standby: ordered.standby)
    }

    mutating func discard(_ session: PublishSessionID) {
        programme.discard(session, now: now)
        advance()
    }

    mutating func stall(_ session: PublishSessionID, for span: Duration) {
        guard var publisher = publishers[session] else { return }
        publisher.stalledUntil = now + span.wholeNanoseconds
        if let next = publisher.next { publisher.next = (next.unit, max(next.at, publisher.stalledUntil)) }
        publisher.lastArrival = max(publisher.lastArrival, publisher.stalledUntil)
        publishers[session] = publisher
    }

    /// As an encoder does that cannot keep up: the sound goes on.
    mutating func leaveOut(pictures: Int, of session: PublishSessionID) {
        publishers[session]?.picturesLeftOut = pictures
    }

    // MARK: Time

    mutating func run(for span: Duration) {
        let end = now + span.wholeNanoseconds
        while true {
            let arrival = nextArrival()
            let moment = min(arrival?.at ?? .max, wakeAt ?? .max)
            guard moment <= end else { break }
            now = max(now, moment)
            if let arrival, arrival.at == moment { deliver(arrival.session) }
            if wakeAt.map({ $0 <= now }) ?? false || woken.take() { advance() }
        }
        now = end
        advance()
    }

    /// The channel's loop is held up: media goes on arriving, and the programme is advanced only at the end.
    mutating func freeze(for span: Duration) {
        let end = now + span.wholeNanoseconds
        while let arrival = nextArrival(), arrival.at <= end {
            now = max(now, arrival.at)
            deliver(arrival.session)
        }
        now = end
        advance()
    }

    private mutating func nextArrival() -> (session: PublishSessionID, at: Int64)? {
        var first: (PublishSessionID, Int64)?
        for session in publishers.keys {
            guard var publisher = publishers[session] else { continue }
            if publisher.next == nil {
                let (unit, after) = publisher.tape.next()
                var at = publisher.start + Int64(Double(after.nanoseconds) / publisher.speed)
                if publisher.jitter > 0 { at += Int64.random(in: 0...publisher.jitter, using: &generator) }
                at = max(at, publisher.stalledUntil, publisher.lastArrival)
                publisher.next = (unit, at)
                publisher.lastArrival = at
                publishers[session] = publisher
            }
            guard let next = publisher.next else { continue }
            // Ties go to the smaller session, so that a seed always gives the same run.
            if first.map({ (next.at, session) < ($0.1, $0.0) }) ?? true { first = (session, next.at) }
        }
        return first
    }

    private mutating func deliver(_ session: PublishSessionID) {
        guard let next = publishers[session]?.next, let line = publishers[session]?.line else { return }
        publishers[session]?.next = nil
        let isKeyFrame = next.unit.track == .video && next.unit.isKeyFrame
        if isKeyFrame { publishers[session]?.awaitsKeyFrame = false }
        guard let publisher = publishers[session], publisher.sends.contains(next.unit.track),
            !(next.unit.track == .video && publisher.awaitsKeyFrame)
        else { return }
        if publisher.picturesLeftOut > 0, next.unit.track == .video, !isKeyFrame {
            publishers[session]?.picturesLeftOut -= 1
            return
        }
        if publisher.loss > 0, !isKeyFrame, Double.random(in: 0..<1, using: &generator) < publisher.loss { return }
        var unit = next.unit
        if unit.track == .video {
            unit.decodeTime -= publisher.pictureLag
            unit.presentationTime -= publisher.pictureLag
        }
        line.append(unit, at: now)
    }

    private mutating func advance() {
        while true {
            wakes += 1
            let step = programme.advance(now: now)
            for action in step.actions { judge.judge(action, at: time, now: now) }
            wakeAt = step.wake.at.map { $0 + releaseSpan.wholeNanoseconds }
            let woken = woken
            let isArmed = step.wake.lines.allSatisfy { line in
                line.line.wake(after: line.mark, on: line.condition) { woken.set() }
            }
            if isArmed { return }
        }
    }
}

/// Set by a line that wakes its reader.
final class WokenFlag: Sendable {
    private let flag = Mutex(false)

    func set() { flag.withLock { $0 = true } }

    func take() -> Bool {
        flag.withLock { flag in
            defer { flag = false }
            return flag
        }
    }
}
