/// The record of every hand-over (issue 5, must 9): the programme knows sessions, the queue knows whose they were.
extension QueueMachine {
    /// A session that is nobody's any more, kept for the hand-over that its end brings about.
    struct PastSession: Sendable, Equatable {
        var session: PublishSessionID
        var side: HandoverEntry.Side
        var cause: HandoverEntry.Cause
    }

    /// Sessions remembered; the programme is never this far behind.
    static let rememberedSessions = 64

    mutating func remember(_ session: PublishSessionID, of entry: QueueEntry, cause: HandoverEntry.Cause) {
        pastSessions.removeAll { $0.session == session }
        pastSessions.append(PastSession(session: session, side: Self.side(entry), cause: cause))
        if pastSessions.count > Self.rememberedSessions { pastSessions.removeFirst() }
    }

    /// The programme has gone over to another source. Its beginning is no hand-over.
    package mutating func handedOver(_ record: HandoverRecord, now: WallTime) -> [Action] {
        guard record.reason != .started else { return [] }
        let entry = HandoverEntry(
            from: side(of: record.from), to: side(of: record.to), reason: record.reason,
            cause: cause(of: record), decidedAt: record.decidedAt, onAirAt: record.onAirAt,
            videoGapFrames: record.videoGapFrames, audioGapMilliseconds: record.audioGap.seconds * 1000,
            soundOffsetMilliseconds: record.soundOffset.seconds * 1000)
        draft.handovers.append(entry)
        draft.events.append(.handoverDone(entry))
        return finish(now: now)
    }

    private func side(of session: PublishSessionID?) -> HandoverEntry.Side? {
        guard let session else { return nil }
        if let entry = entries.first(where: { $0.session == session }) { return Self.side(entry) }
        return pastSessions.last { $0.session == session }?.side
    }

    private func cause(of record: HandoverRecord) -> HandoverEntry.Cause? {
        guard let from = record.from, from != record.to else { return nil }
        if let past = pastSessions.last(where: { $0.session == from }) { return past.cause }
        return entries.first { $0.session == from }?.silentUntil == nil ? nil : .silent
    }

    private static func side(_ entry: QueueEntry) -> HandoverEntry.Side {
        HandoverEntry.Side(entry: entry.id, user: entry.user, name: entry.name)
    }
}
