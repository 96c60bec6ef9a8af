import Domain

/// Whose turn it is at the output, and where the hand-over is made.
extension Programme {
    /// What matters of the source that is left.
    private struct Outgoing {
        /// No picture that was stamped is shown after one that is still to come.
        var closes: Bool
        /// It has nothing to show for the time that is due.
        var isExhausted: Bool
        /// It has no more sound.
        var soundIsOver: Bool
        /// Its publisher is gone, so being exhausted is no underrun.
        var isEnded: Bool
    }

    /// The join that is due at `time`, if any. Asked before each unit, so that it finds every place where the order closes.
    mutating func decide(at time: MediaTime, now: Int64) -> PendingJoin? {
        switch current {
        case .nothing: return nil
        case .slate:
            // The slate catches up with the wall first: a join in the past would leave the input late for ever.
            guard video.displayEnd + video.pictureDuration >= time, let session = order.onAir else { return nil }
            choose(session, now: now)
            return join(toChosen: session, at: time, soundIsOver: false)
        case .input(var head):
            defer { current = .input(head) }
            return decide(leaving: &head, at: time, now: now)
        }
    }

    private mutating func decide(leaving head: inout InputPlayhead, at time: MediaTime, now: Int64) -> PendingJoin? {
        let isEnded = isEnded(head)
        let isTorn = isEnded && isTornAtHead(&head)
        let outgoing = Outgoing(
            closes: isTorn || closesOrder(&head), isExhausted: isTorn || isExhausted(&head, at: time),
            soundIsOver: soundIsOver(&head), isEnded: isEnded)
        if let cut = cutBacklog(of: head, outgoing, at: time, now: now) { return cut }
        if let handOver = handOver(from: head.session, outgoing, at: time, now: now) { return handOver }
        return outgoing.closes && head.formatChangesAtHead() ? joinAgain(&head, at: time) : nil
    }

    private mutating func handOver(
        from session: PublishSessionID, _ outgoing: Outgoing, at time: MediaTime, now: Int64
    ) -> PendingJoin? {
        guard order.onAir != session else { return outgoing.isExhausted ? joinSlate(at: time, outgoing) : nil }
        guard let next = order.onAir, lines[next] != nil else {
            let isPlayedOut = order.onAir == nil && now >= orderedAt + delay.wholeNanoseconds
            return outgoing.isExhausted || (isPlayedOut && outgoing.closes) ? joinSlate(at: time, outgoing) : nil
        }
        choose(next, now: now)
        // A hole before the present is the slate's to fill; then the input joins from the slate.
        let isPresent = video.displayEnd + video.pictureDuration >= time
        if isPresent, outgoing.closes || outgoing.isExhausted,
            let join = join(toChosen: next, at: time, soundIsOver: outgoing.soundIsOver)
        {
            return join
        }
        guard outgoing.isExhausted else { return nil }
        if isPresent, let join = joinOlder(next, at: time, now: now, soundIsOver: outgoing.soundIsOver) { return join }
        return joinSlate(at: time, outgoing)
    }

    /// The line on air has grown far beyond the delay: it goes on from the key frame whose depth is right.
    private mutating func cutBacklog(
        of head: InputPlayhead, _ outgoing: Outgoing, at time: MediaTime, now: Int64
    ) -> PendingJoin? {
        guard head.slew.wantsCut, order.onAir == head.session, outgoing.closes else { return nil }
        choose(head.session, now: now)
        guard let chosen, chosen.key.sequence > head.videoPlace else { return nil }
        return join(toChosen: head.session, at: time, soundIsOver: outgoing.soundIsOver)
    }

    // MARK: The outgoing side

    private func closesOrder(_ head: inout InputPlayhead) -> Bool {
        switch head.videoHead() {
        case .candidate(let candidate): video.closes(before: candidate.presentation)
        case .missing: false
        case .ended, .lost: true
        }
    }

    /// Where a publisher breaks off, the last pictures have no sound, and B-frames before them may never have come. They are
    /// left out: Chromium stands still for seconds at a hole of 60 ms, and lays the next source behind the later track's end.
    private func isTornAtHead(_ head: inout InputPlayhead) -> Bool {
        guard case .candidate(let candidate) = head.videoHead(), let last = video.lastPresentation,
            video.closes(before: candidate.presentation)
        else { return false }
        if let soundEnd = soundEnd(of: head), candidate.presentation + video.pictureDuration / 2 > soundEnd {
            return true
        }
        let limit = video.pictureDuration + video.pictureDuration / 2
        guard candidate.presentation - last > limit, let rest = head.lastPresentations() else { return false }
        let shown = [last] + rest.filter { $0 < candidate.presentation }.sorted() + [candidate.presentation]
        return zip(shown, shown.dropFirst()).contains { $1 - $0 > limit }
    }

    private func soundEnd(of head: InputPlayhead) -> MediaTime? {
        guard let audio, let newest = head.line.summary.newestAudio else { return nil }
        return newest + head.offset + audio.frameDuration
    }

    /// The line has nothing to show for the time that is due: it ended, lost its place, or is late beyond tolerance on
    /// either track. A unit that lies in the future, behind a hole in the publisher's timestamps, does not help.
    private func isExhausted(_ head: inout InputPlayhead, at time: MediaTime) -> Bool {
        switch head.videoHead() {
        case .ended, .lost: return true
        case .missing, .candidate: break
        }
        return time > starvation(of: &head) && !isBehindItself(&head, at: time)
    }

    /// The track that is behind has a unit that is due: it is the loop that is late, held up by a busy machine, not the line.
    private func isBehindItself(_ head: inout InputPlayhead, at time: MediaTime) -> Bool {
        guard let audio, audio.next < video.decodeEnd else {
            guard case .candidate(let candidate) = head.videoHead() else { return false }
            return video.decodeTime(natural: candidate.decode) <= time
        }
        guard case .candidate(let candidate) = head.audioHead() else { return false }
        return candidate.presentation <= time
    }

    private func soundIsOver(_ head: inout InputPlayhead) -> Bool {
        switch head.audioHead() {
        case .ended, .lost: true
        case .missing, .candidate: false
        }
    }

    /// When the running input counts as empty if nothing more of the track that is behind becomes due.
    func starvation(of head: inout InputPlayhead) -> MediaTime {
        let patience = isEnded(head) ? .zero : Self.silence - MediaTime(nanoseconds: delay.wholeNanoseconds)
        let videoEnd = video.decodeEnd
        let audioEnd = audio?.next ?? videoEnd
        return min(videoEnd, audioEnd) + max(Self.lateTolerance, patience)
    }

    private func isEnded(_ head: InputPlayhead) -> Bool {
        detached.contains(head.session) || head.line.summary.isEnded
    }

    // MARK: The incoming side

    /// Remembers the key frame of `session` whose depth has just reached the delay, until the outgoing order closes.
    private mutating func choose(_ session: PublishSessionID, now: Int64) {
        if chosen?.session != session { chosen = nil }
        guard let line = lines[session], let (key, depth) = line.newestKeyFrame(depth: delay) else {
            chosen = nil
            return
        }
        let excess = depth - MediaTime(nanoseconds: delay.wholeNanoseconds)
        let limit = chosen?.key == key ? Self.keyFramePatience : Self.keyFrameTolerance
        chosen = excess <= limit && isJoinable(line, at: key, now: now) ? (session, key) : nil
    }

    /// Both tracks are there, and the publisher is sending. Sound that lags behind by more than the delay would run out at
    /// once.
    private func isJoinable(_ line: DelayLine, at key: DelayLine.KeyFrame, now: Int64) -> Bool {
        let summary = line.summary
        let lag = delay < .milliseconds(500) ? MediaTime.milliseconds(500) : Self.lateTolerance
        guard !summary.isEnded, let newest = summary.newestArrival, newest >= now - Self.steadyArrival,
            now >= (summary.steadySince ?? .min / 2) + Self.steadyArrival, let sound = summary.newestAudio, sound >= key.decodeTime - lag
        else { return false }
        return line.videoFormat(at: key.sequence) != nil && line.audioFormat(at: .max) != nil
    }

    private mutating func join(
        toChosen session: PublishSessionID, at time: MediaTime, soundIsOver: Bool
    ) -> PendingJoin? {
        guard let chosen, chosen.session == session, let line = lines[session] else { return nil }
        return join(session, line, chosen.key, at: time, soundIsOver: soundIsOver)
    }

    /// The line on air runs out first: the next one's newest key frame beyond the delay, deeper as that is.
    private mutating func joinOlder(
        _ session: PublishSessionID, at time: MediaTime, now: Int64, soundIsOver: Bool
    ) -> PendingJoin? {
        guard let line = lines[session], let (key, _) = line.newestKeyFrame(depth: delay),
            isJoinable(line, at: key, now: now)
        else { return nil }
        return join(session, line, key, at: time, soundIsOver: soundIsOver)
    }

    private mutating func join(
        _ session: PublishSessionID, _ line: DelayLine, _ key: DelayLine.KeyFrame, at time: MediaTime,
        soundIsOver: Bool
    ) -> PendingJoin {
        line.retain(.reading)
        let at = video.displayEnd
        let natural = key.decodeTime + at - key.presentationTime
        let release = release(at: at, natural: natural, time: time, soundIsOver: soundIsOver)
        return PendingJoin(
            target: .input(session, line, key), at: at, release: release, soundIsOver: soundIsOver, isUnderrun: false)
    }

    private func joinSlate(at time: MediaTime, _ outgoing: Outgoing) -> PendingJoin {
        let at = video.displayEnd
        let isUnderrun = outgoing.isExhausted && !outgoing.isEnded
        let soundIsOver = outgoing.soundIsOver || isUnderrun
        return PendingJoin(
            target: .slate, at: at, release: release(at: at, natural: at, time: time, soundIsOver: soundIsOver),
            soundIsOver: soundIsOver, isUnderrun: isUnderrun)
    }

    /// The same input in another format: its times stay, unless they leave a hole or an overlap.
    private mutating func joinAgain(_ head: inout InputPlayhead, at time: MediaTime) -> PendingJoin? {
        guard case .candidate(let candidate) = head.videoHead(), candidate.unit.isKeyFrame else { return nil }
        let end = video.displayEnd
        let own = candidate.presentation
        let at = own >= end && own <= end + Self.lateTolerance ? own : end
        let key = DelayLine.KeyFrame(
            sequence: head.videoPlace, decodeTime: candidate.unit.decodeTime,
            presentationTime: candidate.unit.presentationTime)
        let natural = candidate.unit.decodeTime + (at - candidate.unit.presentationTime)
        return PendingJoin(
            target: .input(head.session, head.line, key), at: at,
            release: release(at: at, natural: natural, time: time, soundIsOver: false), soundIsOver: false,
            isUnderrun: false)
    }

    /// The moment of a join whose first picture would be decoded at `natural`: when its first unit of either track is due,
    /// but not before the old sound that belongs before `at` has begun to play, and not in the past unless `at` is.
    private func release(at: MediaTime, natural: MediaTime, time: MediaTime, soundIsOver: Bool) -> MediaTime {
        var release = video.decodeTime(natural: natural)
        if let audio {
            let last = soundIsOver ? nil : audio.lastStart(before: at)
            release = min(release, last.map { $0 + audio.frameDuration } ?? audio.next)
            release = max(release, last ?? release)
        }
        return max(release, min(time, at))
    }
}
