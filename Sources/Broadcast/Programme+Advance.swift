import Domain
import NIOCore

/// Carries the programme on to a moment: emits what is due, makes the joins, says when to come again.
extension Programme {
    private enum Move {
        case audio(MediaTime)
        /// Instead of sound that the input has not.
        case silence(MediaTime)
        case video(Candidate, at: MediaTime)
        case commit(PendingJoin)

        /// Programme time at which it is due.
        var time: MediaTime {
            switch self {
            case .audio(let time), .silence(let time): time
            case .video(_, let time): time
            case .commit(let pending): pending.release
            }
        }
    }

    /// - Parameter now: monotonic nanoseconds; never goes back.
    package mutating func advance(now: Int64) -> Step {
        var actions: [Action] = []
        let marks = marks()
        startIfPossible(now: now, &actions)
        let time = MediaTime(nanoseconds: now - epoch)
        moment = time
        skipLostTime(time, &actions)
        var due: MediaTime?
        while hasStarted {
            if pending == nil { pending = decide(at: time, now: now) }
            guard let move = nextMove() else { break }
            guard move.time <= time else {
                due = move.time
                break
            }
            switch move {
            case .audio(let start): emitAudio(at: start, &actions)
            case .silence(let start): emitSilence(at: start, &actions)
            case .video(let candidate, let decode): emitVideo(candidate, decode: decode, &actions)
            case .commit(let pending): commit(pending, &actions)
            }
        }
        return Step(actions: actions, wake: wake(due: due, marks: marks, now: now))
    }

    /// How far the lines are that may be waited for. Taken before anything is read: what is appended meanwhile differs from
    /// it, and the wake is refused.
    private func marks() -> [PublishSessionID: DelayLine.Mark] {
        var marks: [PublishSessionID: DelayLine.Mark] = [:]
        if let shown { marks[shown] = lines[shown]?.mark }
        if let next = wanted { marks[next] = lines[next]?.mark }
        if case .input(let next, let line, _) = pending?.target { marks[next] = line.mark }
        return marks
    }

    /// The channel always starts with its slate.
    private mutating func startIfPossible(now: Int64, _ actions: inout [Action]) {
        guard !hasStarted, let slate else { return }
        epoch = now
        audio = AudioTimeline(start: .zero, format: slate.format.audio)
        moment = .zero
        beginRecord(.slate(.started, at: .zero), from: nil, &actions)
        show(slate, at: .zero, &actions)
    }

    /// A machine that slept cannot fill hours with slate: the timeline jumps, marked as a discontinuity.
    private mutating func skipLostTime(_ time: MediaTime, _ actions: inout [Action]) {
        guard case .slate = current, pending == nil, let slate, time - video.displayEnd > Self.maximumLag else {
            return
        }
        audio?.anchor(at: time)
        lastFormat = nil
        beginRecord(.slate(.resumed, at: time), from: nil, &actions)
        show(slate, at: time, &actions)
    }

    // MARK: What comes next

    /// The earliest of the next frame of sound, the next picture and the join. Sound goes first at equal times.
    private mutating func nextMove() -> Move? {
        var move = nextAudioMove()
        if let pending {
            if move.map({ $0.time > pending.release }) ?? true { move = .commit(pending) }
        } else if let (candidate, decode) = nextVideo(), move.map({ $0.time > decode }) ?? true {
            move = .video(candidate, at: decode)
        }
        return move
    }

    private mutating func nextVideo() -> (Candidate, MediaTime)? {
        switch current {
        case .nothing: return nil
        case .slate(let head):
            return head.video.map { ($0, video.decodeTime(natural: $0.decode)) }
        case .input(var head):
            defer { current = .input(head) }
            while case .candidate(let candidate) = head.videoHead() {
                if head.formatChangesAtHead() {
                    // At a key frame `decide` makes a join of it; anything else cannot be decoded.
                    if candidate.unit.isKeyFrame { return nil }
                } else if !head.leavesOut(candidate) {
                    if awaitsPictures(&head) { return nil }
                    return (candidate, video.decodeTime(natural: candidate.decode))
                }
                _ = head.videoTaken(epoch: epoch)
            }
            return nil
        }
    }

    /// The head picture is shown after some that have not come yet. It waits for them, for a line that runs empty between them
    /// would leave a hole (I3). Behind a delay they are there long before; without one, all but one are enough: then none leaves
    /// after it should be shown.
    func awaitsPictures(_ head: inout InputPlayhead) -> Bool {
        guard let last = video.lastPresentation else { return false }
        return head.picturesToCome(after: last, spacing: video.pictureDuration) > (head.delay > .zero ? 0 : 1)
    }

    /// A picture is there that may leave in its turn.
    func hasPicture(_ head: inout InputPlayhead) -> Bool {
        guard case .candidate = head.videoHead() else { return false }
        return !awaitsPictures(&head)
    }

    private mutating func nextAudioMove() -> Move? {
        guard let audio else { return nil }
        if let pending, pending.soundIsOver || audio.next > pending.at - audio.frameDuration / 2 { return nil }
        switch current {
        case .nothing: return nil
        case .slate: return .audio(audio.next)
        case .input(var head):
            defer { current = .input(head) }
            return nextAudio(of: &head)
        }
    }

    /// The next frame's place by sample count. Past one frame of error: behind is dropped, ahead is filled with silence; where
    /// none can be written the timeline is anchored anew and leaves a gap.
    private mutating func nextAudio(of head: inout InputPlayhead) -> Move? {
        guard let audio else { return nil }
        if head.isSilent { return silenceIsDue(&head) ? .silence(audio.next) : nil }
        while case .candidate(let candidate) = head.audioHead() {
            // Sound in another format waits for the join at the next key frame.
            guard head.line.audioFormat(at: head.audioPlace) == audio.format else { break }
            let error = candidate.presentation - audio.next
            if error < MediaTime.zero - audio.frameDuration {
                head.audioTaken(epoch: epoch)
                continue
            }
            guard error > audio.frameDuration else {
                head.isSoundFilled = false
                return .audio(audio.next)
            }
            if silence(for: audio.format) != nil { return .silence(audio.next) }
            if let pending, candidate.presentation > pending.at - audio.frameDuration / 2 { return nil }
            return .audio(candidate.presentation)
        }
        return head.isSoundFilled && silenceIsDue(&head) ? .silence(audio.next) : nil
    }

    /// Silence goes no further than the picture it belongs to.
    func silenceIsDue(_ head: inout InputPlayhead) -> Bool {
        guard let audio else { return false }
        return pending != nil || hasPicture(&head) || audio.next < video.displayEnd
    }

    // MARK: Emitting

    private mutating func emitAudio(at start: MediaTime, _ actions: inout [Action]) {
        guard let timeline = audio else { return }
        switch current {
        case .nothing: return
        case .slate(let head): emitSound(head.clip.silence, at: start, source: start, &actions)
        case .input(var head):
            guard case .candidate(let candidate) = head.audioHead() else { return }
            head.audioTaken(epoch: epoch)
            current = .input(head)
            let muted = emergency == .mute ? silence(for: timeline.format) : nil
            emitSound(muted ?? candidate.unit.payload, at: start, source: candidate.presentation, &actions)
        }
    }

    private mutating func emitSilence(at start: MediaTime, _ actions: inout [Action]) {
        guard let timeline = audio, case .input(let head) = current else { return }
        guard let payload = head.isSilent ? filler?.silence : silence(for: timeline.format) else { return }
        emitSound(payload, at: start, source: start, &actions)
    }

    private mutating func emitSound(
        _ payload: ByteBuffer, at start: MediaTime, source: MediaTime, _ actions: inout [Action]
    ) {
        guard var timeline = audio else { return }
        if start != timeline.next { timeline.anchor(at: start) }
        timeline.stamped()
        audio = timeline
        actions.append(
            .emit(
                ProgrammeUnit(
                    track: .audio, decodeTime: start, presentationTime: start, duration: timeline.frameDuration,
                    isKeyFrame: true, payload: payload)))
        recordSound(at: start, source: source, &actions)
    }

    private mutating func emitVideo(_ candidate: Candidate, decode: MediaTime, _ actions: inout [Action]) {
        var unit = InBandUnit(front: ByteBuffer(), payload: candidate.unit.payload)
        let format: VideoFormat
        switch current {
        case .nothing: return
        case .slate(var head):
            format = head.clip.format.video
            head.videoTaken()
            current = .slate(head)
        case .input(var head):
            format = head.videoFormat
            if head.isAtJoin, format.codec == .hevc { unit.payload = withBrokenLink(unit.payload) }
            if let span = head.videoTaken(epoch: epoch) { video.observed(span: span) }
            current = .input(head)
        }
        if candidate.unit.isKeyFrame { unit = withParameterSets(unit.payload, format: format) }
        let presentation = max(candidate.presentation, decode)
        video.stamped(decode: decode, presentation: presentation)
        actions.append(
            .emit(
                ProgrammeUnit(
                    track: .video, decodeTime: decode, presentationTime: presentation,
                    duration: video.pictureDuration, isKeyFrame: candidate.unit.isKeyFrame,
                    videoCodec: format.codec, front: unit.front, payload: unit.payload)))
        if let report = reportDue {
            reportDue = nil
            actions.append(.report(report))
        }
        recordPicture(&actions)
    }

    // MARK: Joining

    private mutating func commit(_ join: PendingJoin, _ actions: inout [Action]) {
        pending = nil
        chosen = nil
        let left = shown
        if let left, join.reason == .stalled { actions.append(.underrun(left)) }
        beginRecord(join, from: left, &actions)
        video.hold(until: join.release)
        switch join.target {
        case .slate:
            if let slate { show(slate, at: join.at, &actions) }
        case .input(let session, let line, let place):
            isHurried = false
            show(session, line, from: place, at: join.at, &actions)
        }
        let next = shown
        handover?.to = next
        if let left, left != shown { leave(left) }
    }

    private mutating func show(_ clip: SlateClip, at: MediaTime, _ actions: inout [Action]) {
        let head = SlatePlayhead(clip: clip, start: at)
        video.sourceChanged(frameRate: 1 / max(1e-3, head.pictureDuration.seconds))
        audio?.changeFormat(to: clip.format.audio)
        current = .slate(head)
        isSlateStale = false
        reportDue = .slate
        announce(nil, at: at, format: clip.format, &actions)
    }

    private mutating func show(
        _ session: PublishSessionID, _ line: DelayLine, from place: JoinPlace, at: MediaTime,
        _ actions: inout [Action]
    ) {
        guard let filler else { return }
        let offset = at - place.presentationTime
        var picture = filler.format.video
        if let key = place.key {
            guard let format = line.videoFormat(at: key.sequence) else { return }
            picture = format
        }
        let sound = place.hasSound ? self.sound(of: line, offset: offset) : nil
        guard !place.hasSound || sound != nil else { return }
        var head = InputPlayhead(
            session: session, line: line, place: place, offset: offset, videoFormat: picture,
            still: SlatePlayhead(clip: filler, start: at), audioPlace: sound?.place)
        if case .input(let before) = current, before.session == session, before.offset == offset {
            head.slew = before.slew
        }
        let isNew = shown != session
        current = .input(head)
        let stillRate = 1 / max(1e-3, head.still?.pictureDuration.seconds ?? 1)
        video.sourceChanged(frameRate: place.key == nil ? stillRate : picture.frameRate)
        let format = ProgrammeFormat(video: picture, audio: sound?.format ?? filler.format.audio)
        audio?.changeFormat(to: format.audio)
        if isNew { reportDue = .onAir(session) }
        announce(session, at: at, format: format, &actions)
    }

    /// The frame of sound nearest to the end of the old sound: half a frame of the incoming one decides, whose format is the one
    /// that holds there.
    private func sound(of line: DelayLine, offset: MediaTime) -> (place: Int64, format: AudioFormat)? {
        guard let wanted = audio.map({ $0.next - offset }),
            let format = line.audioFormat(at: line.firstAudio(from: wanted))
        else { return nil }
        return (line.firstAudio(from: wanted - format.frameDuration / 2), format)
    }

    private mutating func announce(
        _ session: PublishSessionID?, at: MediaTime, format: ProgrammeFormat, _ actions: inout [Action]
    ) {
        let isSame =
            lastFormat?.video.codec == format.video.codec && lastFormat?.audio.codec == format.audio.codec
            && lastFormat?.video.configuration == format.video.configuration
            && lastFormat?.audio.configuration == format.audio.configuration
        lastFormat = format
        actions.append(.join(ProgrammeJoin(session: session, at: at, formatChanged: !isSame), format))
    }

    /// The line that went off air keeps what its place in the queue asks for, or goes.
    private mutating func leave(_ session: PublishSessionID) {
        if detached.remove(session) != nil {
            forget(session)
        } else {
            applyRetention(to: session)
        }
    }

    // MARK: Waking

    private mutating func wake(due: MediaTime?, marks: [PublishSessionID: DelayLine.Mark], now: Int64) -> Wake {
        var wake = Wake()
        func come(at moment: Int64) {
            guard moment > now else { return }
            wake.at = min(wake.at ?? .max, moment)
        }
        func watch(_ session: PublishSessionID, _ condition: DelayLine.WakeCondition) {
            guard let line = lines[session], let mark = marks[session], !mark.isEnded else { return }
            wake.lines.append(Wake.Line(line: line, mark: mark, condition: condition))
        }
        if let due { come(at: epoch + due.nanoseconds) }
        if let pending {
            // The old sound that belongs before the join may still be on its way.
            if case .input(var head) = current, !pending.soundIsOver, waitsForSound(&head) {
                watch(head.session, .unit)
                current = .input(head)
            }
            return wake
        }
        if case .input(var head) = current {
            come(at: epoch + starvation(of: &head).nanoseconds + 1)
            if waitsForSound(&head) || !hasPicture(&head) { watch(head.session, .unit) }
            if wanted == nil { come(at: orderedAt + head.delay.wholeNanoseconds) }
            if isUrgent(leaving: head.session) { come(at: emergencyAt + Self.emergencyPatience + 1) }
            current = .input(head)
        }
        if let next = wanted, next != shown, let line = lines[next] {
            if let (_, lacks) = line.nextKeyFrame(depth: delay) {
                // Near its moment the unit that completes the depth is waited for; before, the time it will take.
                if lacks < Self.lateTolerance { watch(next, .unit) }
                come(at: now + max(lacks - Self.lateTolerance / 2, Self.lateTolerance / 2).nanoseconds)
            } else {
                watch(next, .keyFrame)
            }
        }
        return wake
    }

    /// Where silence fills in, the next picture is soon enough to look for sound.
    private func waitsForSound(_ head: inout InputPlayhead) -> Bool {
        guard !head.isSilent, !head.isSoundFilled else { return false }
        switch head.audioHead() {
        case .candidate: return false
        case .missing, .ended, .lost: return true
        }
    }
}
