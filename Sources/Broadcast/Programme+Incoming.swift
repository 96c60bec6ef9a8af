import Domain

/// Where the next source is taken, and when.
extension Programme {
    // MARK: Which tracks

    /// Which tracks of a line are played; `nil` while one that was never seen may still come.
    private func tracks(of summary: DelayLine.Summary, now: Int64) -> (picture: Bool, sound: Bool)? {
        switch (summary.newestVideo, summary.newestAudio) {
        case (let picture?, let sound?):
            return (picture >= sound - Self.trackPatience, sound >= picture - Self.trackPatience)
        case (let picture, let sound):
            guard let first = summary.firstArrival, now - first >= Self.trackPatience.nanoseconds else { return nil }
            return (picture != nil, sound != nil)
        }
    }

    /// The publisher is sending, and has been for a second if it had stopped before.
    private func isArriving(_ summary: DelayLine.Summary, now: Int64) -> Bool {
        guard !summary.isEnded, let newest = summary.newestArrival else { return false }
        let isSteady = summary.steadySince.map { now - $0 >= Self.steadyArrival } ?? true
        return isSteady && now - newest <= Self.steadyArrival
    }

    /// Whoever is on air goes on with the delay of their join, whatever it is now.
    private func delay(of session: PublishSessionID) -> Duration {
        guard case .input(let head) = current, head.session == session else { return delay }
        return head.delay
    }

    /// The newest place of a line that has the delay behind it, and how much more it has.
    private func place(in line: DelayLine, of session: PublishSessionID, now: Int64) -> (JoinPlace, MediaTime)? {
        let summary = line.summary
        guard isArriving(summary, now: now), let tracks = tracks(of: summary, now: now) else { return nil }
        let delay = delay(of: session)
        guard tracks.picture else {
            guard let time = line.newestSound(depth: delay), time > floor(of: session) else { return nil }
            return (JoinPlace(soundAt: time, delay: delay), .zero)
        }
        guard let (key, depth) = line.newestKeyFrame(depth: delay), key.decodeTime > floor(of: session),
            let place = place(at: key, in: line, summary, hasSound: tracks.sound, delay: delay)
        else { return nil }
        return (place, depth - MediaTime(nanoseconds: delay.wholeNanoseconds))
    }

    /// Sound that lags behind the picture by more than the delay would run out at once.
    private func place(
        at key: DelayLine.KeyFrame, in line: DelayLine, _ summary: DelayLine.Summary, hasSound: Bool, delay: Duration
    ) -> JoinPlace? {
        guard line.videoFormat(at: key.sequence) != nil else { return nil }
        guard hasSound else { return JoinPlace(key: key, hasSound: false, delay: delay) }
        let lag = delay < .milliseconds(500) ? Self.trackLag : Self.lateTolerance
        guard let sound = summary.newestAudio, sound >= key.decodeTime - lag, line.audioFormat(at: .max) != nil
        else { return nil }
        return JoinPlace(key: key, hasSound: true, delay: delay)
    }

    // MARK: Another input

    /// Remembers the place of `session` whose depth has just reached the delay, until the outgoing order closes.
    mutating func choose(_ session: PublishSessionID, now: Int64) {
        if chosen?.session != session { chosen = nil }
        guard let line = lines[session], let (place, excess) = place(in: line, of: session, now: now) else {
            chosen = nil
            return
        }
        let limit = chosen?.place == place ? Self.keyFramePatience : Self.keyFrameTolerance
        chosen = excess <= limit ? (session, place) : nil
    }

    mutating func join(
        toChosen session: PublishSessionID, at time: MediaTime, soundIsOver: Bool, for reason: HandoverRecord.Reason
    ) -> PendingJoin? {
        guard let chosen, chosen.session == session, let line = lines[session] else { return nil }
        return join(
            session, line, chosen.place, at: time, soundIsOver: soundIsOver, for: reason,
            shownAt: placeWithinSlate(for: chosen.place, at: time))
    }

    /// The slate's last picture is the only one that is shown for less than its time: a DJ who waited for its end would be that much
    /// later for the whole slot. A quarter of it stays; and pictures that are decoded early need that time before they are shown.
    private func placeWithinSlate(for place: JoinPlace, at time: MediaTime) -> MediaTime? {
        guard case .slate = current else { return nil }
        let least = video.displayEnd - video.pictureDuration * 3 / 4
        return min(end, max(time + (place.presentationTime - place.decodeTime), least, video.earliestDecode))
    }

    /// The line on air runs out first: the next one's newest key frame beyond the delay, deeper as that is.
    mutating func joinOlder(
        _ session: PublishSessionID, at time: MediaTime, now: Int64, soundIsOver: Bool,
        for reason: HandoverRecord.Reason
    ) -> PendingJoin? {
        guard let line = lines[session], let (place, _) = place(in: line, of: session, now: now) else { return nil }
        return join(session, line, place, at: time, soundIsOver: soundIsOver, for: reason)
    }

    /// Behind an emergency: with the delay if the line has it again, else from the first key frame that came since, else from the
    /// last one before, for no other picture can be decoded.
    mutating func joinHurriedly(_ session: PublishSessionID, at time: MediaTime, now: Int64) -> PendingJoin? {
        if let join = joinOlder(session, at: time, now: now, soundIsOver: false, for: .emergency) { return join }
        let floor = floor(of: session)
        guard let line = lines[session] else { return nil }
        let summary = line.summary
        guard isArriving(summary, now: now), let tracks = tracks(of: summary, now: now) else { return nil }
        let place: JoinPlace?
        if tracks.picture {
            let key = line.firstKeyFrame(after: floor, from: floor) ?? line.newestKeyFrame(depth: .zero)?.key
            // Shown at once, it leaves what is decoded after it and shown before long no time to come.
            place = key.flatMap { key in
                guard let newest = summary.newestVideo, newest >= key.presentationTime else { return nil }
                return self.place(at: key, in: line, summary, hasSound: tracks.sound, delay: delay)
            }
        } else {
            place = line.newestSound(depth: .zero).flatMap { $0 > floor ? JoinPlace(soundAt: $0, delay: delay) : nil }
        }
        return place.map { join(session, line, $0, at: time, soundIsOver: false, for: .emergency) }
    }

    /// Pictures follow each other without a gap; the join is where the outgoing ones end.
    private mutating func join(
        _ session: PublishSessionID, _ line: DelayLine, _ place: JoinPlace, at time: MediaTime, soundIsOver: Bool,
        for reason: HandoverRecord.Reason, shownAt: MediaTime? = nil
    ) -> PendingJoin {
        line.retain(.reading)
        let at = shownAt ?? self.end
        let natural = place.decodeTime + at - place.presentationTime
        return PendingJoin(
            target: .input(session, line, place), at: at,
            release: release(at: at, natural: natural, time: time, soundIsOver: soundIsOver), soundIsOver: soundIsOver,
            reason: reason, decidedAt: decided(at: time, for: reason))
    }

    /// Where the outgoing pictures end. A source that was left before its first picture may have been due after a gap.
    private var end: MediaTime { max(video.displayEnd, video.earliestDecode) }

    func joinSlate(at time: MediaTime, _ outgoing: Outgoing) -> PendingJoin {
        let at = end
        let isUnderrun = outgoing.isExhausted && !outgoing.isEnded
        let soundIsOver = outgoing.soundIsOver || isUnderrun
        let reason: HandoverRecord.Reason =
            if outgoing.isUrgent {
                .emergency
            } else if isUnderrun {
                .stalled
            } else {
                outgoing.isExhausted ? .ended : .ordered
            }
        return PendingJoin(
            target: .slate, at: at, release: release(at: at, natural: at, time: time, soundIsOver: soundIsOver),
            soundIsOver: soundIsOver, reason: reason, decidedAt: decided(at: time, for: reason))
    }

    /// The slate is left for the channel's new one; its pictures close everywhere.
    mutating func joinNewSlate(at time: MediaTime) -> PendingJoin? {
        guard isSlateStale else { return nil }
        let at = end
        return PendingJoin(
            target: .slate, at: at, release: release(at: at, natural: at, time: time, soundIsOver: false),
            soundIsOver: false, reason: .slateChanged, decidedAt: time)
    }

    // MARK: The same input

    /// The input on air goes on at its head key frame in another format, or with the sound that has begun to come. Its times
    /// stay, unless they leave a hole or an overlap.
    mutating func joinAgain(_ head: inout InputPlayhead, at time: MediaTime) -> PendingJoin? {
        guard head.still == nil, case .candidate(let candidate) = head.videoHead(), candidate.unit.isKeyFrame else {
            return nil
        }
        let key = DelayLine.KeyFrame(
            sequence: head.videoPlace, decodeTime: candidate.unit.decodeTime,
            presentationTime: candidate.unit.presentationTime)
        let comesSound = head.isSilent && hasSound(head.line, at: key)
        let isNewFormat = head.formatChangesAtHead() || soundChanges(of: head)
        guard comesSound || isNewFormat else { return nil }
        let end = self.end
        let own = candidate.presentation
        let at = own >= end && own <= end + video.pictureDuration ? own : end
        return join(
            head.session, head.line, JoinPlace(key: key, hasSound: !head.isSilent || comesSound, delay: head.delay),
            at: time, soundIsOver: false, for: isNewFormat ? .formatChanged : .tracksChanged, shownAt: at)
    }

    private func hasSound(_ line: DelayLine, at key: DelayLine.KeyFrame) -> Bool {
        guard let newest = line.summary.newestAudio, line.audioFormat(at: .max) != nil else { return false }
        return newest >= key.presentationTime
    }

    private func soundChanges(of head: InputPlayhead) -> Bool {
        guard !head.isSilent, let audio, let format = head.line.audioFormat(at: head.audioPlace) else { return false }
        return format != audio.format
    }

    /// The picture has stopped while the sound goes on: a still, and the sound goes on without a break.
    mutating func joinWithoutPicture(
        _ head: inout InputPlayhead, _ outgoing: Outgoing, at time: MediaTime, now: Int64
    ) -> PendingJoin? {
        let summary = head.line.summary
        guard head.still == nil, !head.isSilent, !head.isSoundFilled, !outgoing.isEnded, !hasPicture(&head),
            isArriving(summary, now: now), let picture = summary.newestVideo, let sound = summary.newestAudio,
            sound - picture > Self.trackLag
        else { return nil }
        let place = JoinPlace(soundAt: end - head.offset, delay: head.delay)
        return join(head.session, head.line, place, at: time, soundIsOver: false, for: .tracksChanged)
    }

    /// A line without picture has begun to get one: where its first key frame belongs, or, where pictures come later than their
    /// sound is played, like any other input.
    mutating func joinPicture(of head: inout InputPlayhead, at time: MediaTime, now: Int64) -> PendingJoin? {
        let end = self.end
        let line = head.line
        let summary = line.summary
        guard isPresent(at: time), summary.newestVideo != nil, isArriving(summary, now: now) else { return nil }
        if let key = line.firstKeyFrame(after: end - head.offset - video.pictureDuration, from: end - head.offset) {
            let own = key.presentationTime + head.offset
            guard own - end < video.pictureDuration,
                let place = place(at: key, in: line, summary, hasSound: true, delay: head.delay)
            else { return nil }
            return join(
                head.session, line, place, at: time, soundIsOver: false, for: .tracksChanged, shownAt: own)
        }
        choose(head.session, now: now)
        guard chosen?.place.key != nil else { return nil }
        return join(toChosen: head.session, at: time, soundIsOver: false, for: .tracksChanged)
    }

    // MARK: When

    private func decided(at time: MediaTime, for reason: HandoverRecord.Reason) -> MediaTime {
        switch reason {
        case .ordered: max(.zero, orderedAt > epoch ? MediaTime(nanoseconds: orderedAt - epoch) : .zero)
        case .emergency: max(.zero, emergencyAt > epoch ? MediaTime(nanoseconds: emergencyAt - epoch) : .zero)
        case .started, .ended, .stalled, .formatChanged, .tracksChanged, .backlogCut, .slateChanged, .resumed: time
        }
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

extension Programme.PendingJoin {
    /// A join to the slate that nobody decided.
    static func slate(_ reason: HandoverRecord.Reason, at time: MediaTime) -> Self {
        Self(target: .slate, at: time, release: time, soundIsOver: true, reason: reason, decidedAt: time)
    }
}
