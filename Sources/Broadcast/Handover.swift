package import Domain

/// One change of source, measured as it goes (see `HandoverRecord`, whose times are of the wall). Made at the join, complete when
/// a picture and a frame of sound of the new source have left.
package struct Handover: Sendable, Equatable {
    package var from: PublishSessionID?
    package var to: PublishSessionID?
    package var reason: HandoverRecord.Reason
    /// Programme time.
    package var decidedAt: MediaTime
    /// When the first picture left; programme time.
    package var onAirAt: MediaTime?
    package var videoGapFrames: Double
    package var audioGap: MediaTime?
    package var soundOffset = MediaTime.zero
    /// Where the old sound ended.
    var soundEnd: MediaTime

    var isComplete: Bool { onAirAt != nil && audioGap != nil }

    /// - Parameter zero: the wall's time at programme time zero.
    package func record(zero: WallTime) -> HandoverRecord {
        func wall(_ time: MediaTime) -> WallTime { zero + .nanoseconds(time.nanoseconds) }
        return HandoverRecord(
            from: from, to: to, reason: reason, decidedAt: wall(decidedAt), onAirAt: wall(onAirAt ?? decidedAt),
            videoGapFrames: videoGapFrames, audioGap: audioGap ?? .zero, soundOffset: soundOffset)
    }
}

extension Programme {
    /// What the commit of a join knows of the hand-over. One that never got a frame of sound is told as it is.
    mutating func beginRecord(_ join: PendingJoin, from left: PublishSessionID?, _ actions: inout [Action]) {
        if let handover { actions.append(.handedOver(handover)) }
        let duration = max(1, video.pictureDuration.nanoseconds)
        handover = Handover(
            from: left, to: nil, reason: join.reason, decidedAt: join.decidedAt,
            videoGapFrames: Double((join.at - video.displayEnd).nanoseconds) / Double(duration),
            soundEnd: audio?.next ?? join.at)
    }

    mutating func recordPicture(_ actions: inout [Action]) {
        guard handover != nil, handover?.onAirAt == nil else { return }
        handover?.onAirAt = moment
        finishRecord(&actions)
    }

    /// - Parameter source: where the frame would stand by the publisher's own times.
    mutating func recordSound(at start: MediaTime, source: MediaTime, _ actions: inout [Action]) {
        guard let current = handover, current.audioGap == nil else { return }
        handover?.audioGap = start - current.soundEnd
        handover?.soundOffset = start - source
        finishRecord(&actions)
    }

    private mutating func finishRecord(_ actions: inout [Action]) {
        guard let handover, handover.isComplete else { return }
        self.handover = nil
        actions.append(.handedOver(handover))
    }
}
