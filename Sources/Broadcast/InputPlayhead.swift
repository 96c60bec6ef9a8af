import Domain

/// A place where the programme can join an input, on the publisher's timeline.
struct JoinPlace: Equatable {
    /// The picture to begin with; `nil` where the line has none, and a still is shown.
    var key: DelayLine.KeyFrame?
    var decodeTime: MediaTime
    var presentationTime: MediaTime
    /// The line has sound; else silence is played.
    var hasSound: Bool
    /// How much media the line is to hold behind what is played.
    var delay: Duration

    init(key: DelayLine.KeyFrame, hasSound: Bool, delay: Duration) {
        self.key = key
        self.delay = delay
        self.decodeTime = key.decodeTime
        self.presentationTime = key.presentationTime
        self.hasSound = hasSound
    }

    /// Of a line without picture.
    init(soundAt time: MediaTime, delay: Duration) {
        self.key = nil
        self.delay = delay
        self.decodeTime = time
        self.presentationTime = time
        self.hasSound = true
    }
}

/// Plays one publisher's delay line onto the programme timeline, with a still or silence for a track it has not. Owned by
/// `Programme`.
struct InputPlayhead {
    enum Head {
        case candidate(Candidate)
        /// The line holds nothing here yet.
        case missing
        /// The line ended; nothing will come.
        case ended
        /// The line was full and dropped this place.
        case lost
    }

    /// H.264 and HEVC let at most 16 pictures wait for their display (H.264 §A.3.1, max_dec_frame_buffering; H.265 §A.4.2).
    private static let greatestReorder: Int64 = 16
    /// What was played is given back after this many pictures, or twice as many frames of sound where there are no pictures:
    /// releasing takes the line's lock.
    private static let releaseInterval: Int64 = 16

    let session: PublishSessionID
    let line: DelayLine
    /// The programme delay at the join; another holds from the next join on (design §5, Delay line).
    let delay: Duration
    /// Programme time − publisher's time; slewed where the publisher's clock is off.
    private(set) var offset: MediaTime
    /// Pictures before the join's key frame are not shown.
    private let firstPresentation: MediaTime
    /// Of the join's key frame.
    private let firstPlace: Int64
    /// Only pictures that are decoded behind the join's key frame and shown before it have come since (HEVC).
    private var mayLead: Bool
    /// The still's where the line has no picture.
    let videoFormat: VideoFormat
    /// Shown instead of pictures.
    private(set) var still: SlatePlayhead?
    /// The line has no sound: silence in the channel's layout is played.
    let isSilent: Bool
    /// The line's sound has stopped while its picture goes on: silence in its own layout fills in until it is back.
    var isSoundFilled = false
    private(set) var videoPlace: Int64
    private(set) var audioPlace: Int64
    var slew = ClockSlew()
    private var video: AccessUnit?
    private var audio: AccessUnit?
    private var lastSourceTime: MediaTime?
    private var releasedPlace: Int64
    /// All that is shown before the picture here is in the line.
    private var wholePlace: Int64 = -1
    /// The least time that a picture of this line is decoded before it is shown.
    private var leastLead: MediaTime?

    /// - Parameters:
    ///   - still: for a place without a key frame.
    ///   - audioPlace: `nil` where the line has no sound.
    init(
        session: PublishSessionID, line: DelayLine, place: JoinPlace, offset: MediaTime, videoFormat: VideoFormat,
        still: SlatePlayhead?, audioPlace: Int64?
    ) {
        self.session = session
        self.line = line
        self.offset = offset
        self.delay = place.delay
        self.firstPresentation = place.presentationTime + offset
        self.videoFormat = videoFormat
        self.still = place.key == nil ? still : nil
        self.isSilent = audioPlace == nil
        self.videoPlace = place.key?.sequence ?? 0
        self.firstPlace = place.key?.sequence ?? 0
        self.mayLead = place.key != nil && videoFormat.codec == .hevc
        self.audioPlace = audioPlace ?? 0
        self.releasedPlace = (place.key == nil ? audioPlace : place.key?.sequence) ?? 0
    }

    mutating func videoHead() -> Head {
        if let still { return still.video.map { .candidate($0) } ?? .missing }
        return Self.head(.video, of: line, at: videoPlace, cached: &video, offset: offset)
    }

    /// Of a line with sound.
    mutating func audioHead() -> Head {
        Self.head(.audio, of: line, at: audioPlace, cached: &audio, offset: offset)
    }

    /// The head picture is the one that the join was made at.
    var isAtJoin: Bool { still == nil && videoPlace == firstPlace }

    /// The head picture comes before the join's key frame in display: whoever begins there could not decode it (RASL), and its time
    /// belongs to the source before. An HEVC picture says so itself, whatever its timestamps are (ITU-T H.265 table 7-1).
    mutating func leavesOut(_ candidate: Candidate) -> Bool {
        if isAtJoin { return false }
        if candidate.presentation < firstPresentation { return true }
        guard mayLead else { return false }
        mayLead = HEVCUnitSummary(candidate.unit.payload).picture == .leading
        return mayLead
    }

    /// The head picture begins another format; a join to the same line is due there.
    func formatChangesAtHead() -> Bool {
        guard still == nil, let format = line.videoFormat(at: videoPlace) else { return false }
        return format != videoFormat
    }

    /// How many pictures are shown between the one at `last` and the head, are decoded behind the head, and are not here.
    ///
    /// None once a picture is here that is shown after the head: what did not come by then was never sent.
    /// - Parameter spacing: from one picture to the next.
    mutating func picturesToCome(after last: MediaTime, spacing: MediaTime) -> Int {
        guard still == nil, wholePlace != videoPlace, case .candidate(let head) = videoHead() else { return 0 }
        let lead = head.presentation - head.decode
        // Only a picture that is decoded early can have others before it.
        guard lead > (leastLead ?? lead) + spacing / 2, head.presentation - last > spacing * 3 / 2 else { return 0 }
        var shown = [last, head.presentation]
        reading: for place in (videoPlace + 1)...(videoPlace + Self.greatestReorder) {
            guard case .unit(let unit) = line.read(.video, at: place) else { break reading }
            let time = unit.presentationTime + offset
            guard time < head.presentation else {
                wholePlace = videoPlace
                return 0
            }
            if time > last { shown.append(time) }
        }
        shown.sort()
        return zip(shown, shown.dropFirst()).reduce(0) { sum, pair in
            sum + max(0, Int(((pair.1 - pair.0).seconds / spacing.seconds).rounded()) - 1)
        }
    }

    // MARK: Taking

    /// - Parameter epoch: monotonic nanoseconds of programme time zero.
    /// - Returns: the span on the source's decode timeline since the picture before.
    mutating func videoTaken(epoch: Int64) -> MediaTime? {
        if still != nil {
            still?.videoTaken()
            return still?.pictureDuration
        }
        let decode = video?.decodeTime
        if let video {
            let lead = video.presentationTime - video.decodeTime
            leastLead = min(leastLead ?? lead, lead)
        }
        video = nil
        videoPlace += 1
        if videoPlace - releasedPlace >= Self.releaseInterval {
            releasedPlace = videoPlace
            if let decode {
                // Sound that begins to come belongs to pictures that are still to be played.
                let sound = isSilent ? line.firstAudio(from: decode - .milliseconds(1000)) : audioPlace
                line.release(before: videoPlace, audio: sound)
                observeDepth(at: decode + offset, lead: line.summary.videoLead, epoch: epoch)
            }
        }
        return decode.flatMap { played($0) }
    }

    mutating func audioTaken(epoch: Int64) {
        let time = audio?.presentationTime
        audio = nil
        audioPlace += 1
        guard still != nil, let time else { return }
        if audioPlace - releasedPlace >= Self.releaseInterval * 2 {
            releasedPlace = audioPlace
            // Pictures are joined where their first key frame belongs, a few of them before the sound is; or, where they come
            // later than their sound is played, with the delay behind them.
            let recent = time - .milliseconds(1000)
            let next = line.firstKeyFrame(after: recent, from: recent)?.sequence
            let deep = line.newestKeyFrame(depth: delay)?.key.sequence
            line.release(before: deep.map { min($0, next ?? $0) } ?? 0, audio: audioPlace)
            observeDepth(at: time + offset, lead: line.summary.audioLead, epoch: epoch)
        }
        _ = played(time)
    }

    /// Slews the offset by what a unit's span allows.
    private mutating func played(_ time: MediaTime) -> MediaTime? {
        defer { lastSourceTime = time }
        guard let lastSourceTime else { return nil }
        // A hole in the timestamps is no time that was played.
        offset += slew.correction(over: min(time - lastSourceTime, .milliseconds(1000)))
        return time - lastSourceTime
    }

    /// - Parameters:
    ///   - time: programme time.
    ///   - lead: as in `DelayLine.Summary`.
    private mutating func observeDepth(at time: MediaTime, lead: Int64?, epoch: Int64) {
        guard let lead else { return }
        slew.observe(depth: MediaTime(nanoseconds: lead + epoch) + offset, at: time)
    }

    private static func head(
        _ track: TrackKind, of line: DelayLine, at place: Int64, cached: inout AccessUnit?, offset: MediaTime
    ) -> Head {
        let unit: AccessUnit
        if let cached {
            unit = cached
        } else {
            switch line.read(track, at: place) {
            case .unit(let read): unit = read
            case .nothingYet: return .missing
            case .ended: return .ended
            case .lost: return .lost
            }
            cached = unit
        }
        return .candidate(
            Candidate(unit: unit, decode: unit.decodeTime + offset, presentation: unit.presentationTime + offset))
    }
}
