/// How one change of the programme's source went: what an operator looks up when a listener complains.
package struct HandoverRecord: Sendable, Equatable {
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        /// The programme began.
        case started
        /// The queue ordered another input, or nobody.
        case ordered
        /// The outgoing publisher was gone and its line was played out.
        case ended
        /// The outgoing line ran empty although its publisher was still there.
        case stalled
        /// An admin took the output, or gave it back.
        case emergency
        /// The same publisher went on in another format.
        case formatChanged
        /// The same publisher lost a track or got one.
        case tracksChanged
        /// The same publisher's backlog was cut off.
        case backlogCut
        /// The slate was replaced by another one.
        case slateChanged
        /// The machine slept and the slate went on in the present.
        case resumed
    }

    /// Nobody for the slate; also before the programme began.
    package var from: PublishSessionID?
    /// Nobody for the slate.
    package var to: PublishSessionID?
    package var reason: Reason
    /// When the order for `to` came, or when it was found that the outgoing input cannot go on. Where somebody else was called
    /// before and dropped out, that order is none of this hand-over's: the programme could not have carried it out.
    package var decidedAt: WallTime
    /// When the first picture of the new source left.
    package var onAirAt: WallTime
    /// Pictures of the outgoing source that are missing in between; negative: they overlap.
    package var videoGapFrames: Double
    /// Between the last frame of the old sound and the first of the new; negative: they overlap.
    package var audioGap: MediaTime
    /// How much later the new source's sound is, against its picture, than the publisher sent it.
    package var soundOffset: MediaTime

    package init(
        from: PublishSessionID?, to: PublishSessionID?, reason: Reason, decidedAt: WallTime, onAirAt: WallTime,
        videoGapFrames: Double, audioGap: MediaTime, soundOffset: MediaTime
    ) {
        self.from = from
        self.to = to
        self.reason = reason
        self.decidedAt = decidedAt
        self.onAirAt = onAirAt
        self.videoGapFrames = videoGapFrames
        self.audioGap = audioGap
        self.soundOffset = soundOffset
    }
}
