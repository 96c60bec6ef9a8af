import Domain

/// Puts one publisher's timestamps onto a line that only rises (design §5, Timestamps in). Pure; owned by `LivePublisher`.
///
/// Both tracks share one shift, so the encoder's own offset between sound and picture is kept. A step back of more than a
/// second or ahead of more than ten is a cut: the shift changes so that time goes on. Smaller steps ahead are holes, which
/// the programme sees and covers; smaller steps back are squeezed behind the last unit.
struct TimestampNormalizer {
    struct Result {
        var unit: AccessUnit
        /// The publisher's clock jumped here.
        var isCut: Bool
    }

    static let greatestStepBack = MediaTime.milliseconds(1000)
    static let greatestStepAhead = MediaTime.milliseconds(10_000)
    /// A track that starts further from the other than this is put beside it.
    static let greatestStartOffset = MediaTime.milliseconds(2000)
    /// DTS rises by at least this.
    static let smallestStep = MediaTime.milliseconds(1)
    /// Pictures wait for their display at most this long; what says more is broken.
    static let greatestReorder = MediaTime.milliseconds(5000)
    /// Beyond 73 years a timestamp is noise, and sums of it could overflow.
    private static let plausible = MediaTime(nanoseconds: -(1 << 61))...MediaTime(nanoseconds: 1 << 61)

    private struct Track {
        var shift: MediaTime
        /// Before the last cut, for units that were still on their way then.
        var previousShift: MediaTime
        var last: MediaTime
        var step: MediaTime
    }

    private var video: Track?
    private var audio: Track?
    private(set) var cuts = 0

    /// - Returns: `nil` for a unit whose timestamps mean nothing.
    mutating func normalize(_ unit: AccessUnit) -> Result? {
        guard Self.plausible.contains(unit.decodeTime), Self.plausible.contains(unit.presentationTime) else {
            return nil
        }
        var track = (unit.track == .video ? video : audio) ?? firstTrack(for: unit)
        var time = unit.decodeTime + track.shift
        var isCut = false
        if !isContinuous(time, after: track.last) {
            let straggling = unit.decodeTime + track.previousShift
            if isContinuous(straggling, after: track.last) {
                time = straggling
            } else {
                isCut = true
                let continued = track.last + track.step
                reanchor(by: continued - time, &track, of: unit.track)
                time = continued
            }
        }
        let reorder = unit.presentationTime - unit.decodeTime
        let delay = reorder >= .zero && reorder <= Self.greatestReorder ? reorder : .zero
        let decode = max(time, track.last + Self.smallestStep)
        let step = decode - track.last
        if step < .milliseconds(200) { track.step = step }
        track.last = decode
        store(track, for: unit.track)
        var result = unit
        result.decodeTime = decode
        result.presentationTime = unit.track == .audio ? decode : max(decode, time + delay)
        return Result(unit: result, isCut: isCut)
    }

    private func isContinuous(_ time: MediaTime, after last: MediaTime) -> Bool {
        time >= last - Self.greatestStepBack && time <= last + Self.greatestStepAhead
    }

    /// The first unit of a publisher is time zero; the other track joins it by its own timestamps when they make sense.
    private func firstTrack(for unit: AccessUnit) -> Track {
        let step = MediaTime.milliseconds(20)
        guard let other = unit.track == .video ? audio : video else {
            let shift = MediaTime.zero - unit.decodeTime
            return Track(shift: shift, previousShift: shift, last: MediaTime.zero - step, step: step)
        }
        let time = unit.decodeTime + other.shift
        let isBeside =
            time >= other.last - Self.greatestStartOffset && time <= other.last + Self.greatestStartOffset
        let start = isBeside ? time : other.last
        let shift = start - unit.decodeTime
        return Track(shift: shift, previousShift: shift, last: start - step, step: step)
    }

    /// The other track's clock has jumped as well, or is about to.
    private mutating func reanchor(by difference: MediaTime, _ track: inout Track, of kind: TrackKind) {
        cuts += 1
        track.previousShift = track.shift
        track.shift += difference
        guard var other = kind == .video ? audio : video else { return }
        other.previousShift = other.shift
        other.shift += difference
        store(other, for: kind == .video ? .audio : .video)
    }

    private mutating func store(_ track: Track, for kind: TrackKind) {
        switch kind {
        case .video: video = track
        case .audio: audio = track
        }
    }
}
