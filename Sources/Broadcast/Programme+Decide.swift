import Domain

/// Whose turn it is at the output, and where the outgoing source can be left. `Programme+Incoming` finds where the next is taken.
extension Programme {
    /// What matters of the source that is left.
    struct Outgoing {
        /// No picture that was stamped is shown after one that is still to come.
        var closes: Bool
        /// It has nothing to show for the time that is due.
        var isExhausted: Bool
        /// It has no more sound.
        var soundIsOver: Bool
        /// Its publisher is gone, so being exhausted is no underrun.
        var isEnded: Bool
        /// It has to go now: an emergency.
        var isUrgent: Bool
    }

    /// The join that is due at `time`, if any. Asked before each unit, so that it finds every place where the order closes.
    mutating func decide(at time: MediaTime, now: Int64) -> PendingJoin? {
        switch current {
        case .nothing: return nil
        case .slate:
            // The slate catches up with the wall first: a join in the past would leave the input late for ever.
            guard isPresent(at: time) else { return nil }
            guard let session = wanted else { return joinNewSlate(at: time) }
            if isHurried { return joinHurriedly(session, at: time, now: now) }
            choose(session, now: now)
            return join(toChosen: session, at: time, soundIsOver: false, for: .ordered)
        case .input(var head):
            defer { current = .input(head) }
            return decide(leaving: &head, at: time, now: now)
        }
    }

    private mutating func decide(leaving head: inout InputPlayhead, at time: MediaTime, now: Int64) -> PendingJoin? {
        let isUrgent = isUrgent(leaving: head.session)
        if isUrgent {
            let closes = closesOrder(&head) || now > emergencyAt + Self.emergencyPatience
            return handOver(
                from: &head,
                Outgoing(closes: closes, isExhausted: closes, soundIsOver: true, isEnded: true, isUrgent: true),
                at: time, now: now)
        }
        let isEnded = isEnded(head)
        let isTorn = isEnded && isTornAtHead(&head)
        let outgoing = Outgoing(
            closes: isTorn || closesOrder(&head), isExhausted: isTorn || isExhausted(&head, at: time),
            soundIsOver: soundIsOver(&head), isEnded: isEnded, isUrgent: false)
        if let handOver = handOver(from: &head, outgoing, at: time, now: now) { return handOver }
        guard outgoing.closes else { return nil }
        if let again = joinAgain(&head, at: time) { return again }
        guard wanted == head.session else { return nil }
        return head.still != nil
            ? joinPicture(of: &head, at: time, now: now) : cutBacklog(of: head, outgoing, at: time, now: now)
    }

    private mutating func handOver(
        from head: inout InputPlayhead, _ outgoing: Outgoing, at time: MediaTime, now: Int64
    ) -> PendingJoin? {
        guard wanted != head.session else {
            guard outgoing.isExhausted else { return nil }
            return joinWithoutPicture(&head, outgoing, at: time, now: now) ?? joinSlate(at: time, outgoing)
        }
        guard let next = wanted, lines[next] != nil else {
            let isPlayedOut =
                outgoing.isUrgent || (order.onAir == nil && now >= orderedAt + head.delay.wholeNanoseconds)
            return outgoing.isExhausted || (isPlayedOut && outgoing.closes) ? joinSlate(at: time, outgoing) : nil
        }
        choose(next, now: now)
        let reason = outgoing.isUrgent ? HandoverRecord.Reason.emergency : .ordered
        // A hole before the present is the slate's to fill; then the input joins from the slate.
        let isPresent = isPresent(at: time)
        if isPresent, outgoing.closes || outgoing.isExhausted,
            let join = join(toChosen: next, at: time, soundIsOver: outgoing.soundIsOver, for: reason)
        {
            return join
        }
        guard outgoing.isExhausted else { return nil }
        if isPresent,
            let join = joinOlder(next, at: time, now: now, soundIsOver: outgoing.soundIsOver, for: reason)
        {
            return join
        }
        return joinSlate(at: time, outgoing)
    }

    /// The slate, or what was played, has come up to the wall.
    func isPresent(at time: MediaTime) -> Bool { video.displayEnd + video.pictureDuration >= time }

    /// The line on air has grown far beyond the delay: it goes on from the key frame whose depth is right.
    private mutating func cutBacklog(
        of head: InputPlayhead, _ outgoing: Outgoing, at time: MediaTime, now: Int64
    ) -> PendingJoin? {
        guard head.slew.wantsCut else { return nil }
        choose(head.session, now: now)
        guard let key = chosen?.place.key, key.sequence > head.videoPlace else { return nil }
        return join(toChosen: head.session, at: time, soundIsOver: outgoing.soundIsOver, for: .backlogCut)
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
        return head.picturesToCome(after: last, spacing: video.pictureDuration) > 0
    }

    /// `nil` where the sound is not the line's own.
    private func soundEnd(of head: InputPlayhead) -> MediaTime? {
        guard let audio, !head.isSilent, !head.isSoundFilled, let newest = head.line.summary.newestAudio else {
            return nil
        }
        return newest + head.offset + audio.frameDuration
    }

    /// The line has nothing to show for the time that is due: it ended, lost its place, or is late beyond tolerance on
    /// either track. A picture that lies in the future helps where the last one may stand until then.
    private mutating func isExhausted(_ head: inout InputPlayhead, at time: MediaTime) -> Bool {
        switch head.videoHead() {
        case .ended, .lost: return true
        case .missing, .candidate: break
        }
        guard time > starvation(of: &head), !isBehindItself(&head, at: time) else { return false }
        return !fillsSound(&head)
    }

    /// The track that is behind has a unit that is due: it is the loop that is late, held up by a busy machine, not the line.
    private func isBehindItself(_ head: inout InputPlayhead, at time: MediaTime) -> Bool {
        guard let audio, audio.next < pictureEnd(of: &head) else {
            guard case .candidate(let candidate) = head.videoHead(), !awaitsPictures(&head) else { return false }
            return video.decodeTime(natural: candidate.decode) <= time
        }
        if head.isSilent || head.isSoundFilled { return audio.next <= time && silenceIsDue(&head) }
        guard case .candidate(let candidate) = head.audioHead() else { return false }
        return candidate.presentation <= time
    }

    /// The sound has stopped, or changed its format, while the picture goes on: silence fills in from now on.
    private mutating func fillsSound(_ head: inout InputPlayhead) -> Bool {
        guard let audio, audio.next < pictureEnd(of: &head), !head.isSilent, !isEnded(head), hasPicture(&head),
            silence(for: audio.format) != nil
        else { return false }
        let summary = head.line.summary
        switch head.audioHead() {
        case .candidate: break
        case .missing:
            guard let picture = summary.newestVideo, let sound = summary.newestAudio, picture - sound > Self.trackLag
            else { return false }
        case .ended, .lost: return false
        }
        head.isSoundFilled = true
        return true
    }

    private func soundIsOver(_ head: inout InputPlayhead) -> Bool {
        guard !head.isSilent, !head.isSoundFilled else { return false }
        switch head.audioHead() {
        case .ended, .lost: return true
        case .missing, .candidate: return false
        }
    }

    /// When the running input counts as empty if nothing more of the track that is behind becomes due.
    func starvation(of head: inout InputPlayhead) -> MediaTime {
        let patience = isEnded(head) ? .zero : Self.silence - MediaTime(nanoseconds: head.delay.wholeNanoseconds)
        let videoEnd = pictureEnd(of: &head)
        let audioEnd = audio?.next ?? videoEnd
        return min(videoEnd, audioEnd) + max(Self.lateTolerance, patience)
    }

    /// When the next picture is wanted. Encoders leave pictures out on a narrow line: where the one behind the hole is here already, the
    /// last one stands as long as it would without a delay.
    private func pictureEnd(of head: inout InputPlayhead) -> MediaTime {
        guard case .candidate(let candidate) = head.videoHead() else { return video.decodeEnd }
        let next = video.decodeTime(natural: candidate.decode)
        return next - video.decodeEnd <= Self.silence ? max(next, video.decodeEnd) : video.decodeEnd
    }

    private func isEnded(_ head: InputPlayhead) -> Bool {
        detached.contains(head.session) || head.line.summary.isEnded
    }
}
