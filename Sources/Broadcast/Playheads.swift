import Domain

/// One unit of a source, moved onto the programme timeline but not stamped yet.
struct Candidate {
    var unit: AccessUnit
    var decode: MediaTime
    var presentation: MediaTime
}

/// Plays one publisher's delay line onto the programme timeline. Owned by `Programme`.
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

    /// H.264 lets at most 16 pictures wait for their display (Annex A.3.1, max_dec_frame_buffering).
    private static let greatestReorder: Int64 = 16

    let session: PublishSessionID
    let line: DelayLine
    /// Programme time − publisher's time; slewed where the publisher's clock is off.
    private(set) var offset: MediaTime
    /// Pictures before the join's key frame are not shown.
    let firstPresentation: MediaTime
    let videoFormat: VideoFormat
    private(set) var videoPlace: Int64
    private(set) var audioPlace: Int64
    private(set) var slew = ClockSlew()
    private var video: AccessUnit?
    private var audio: AccessUnit?
    private var lastSourceDecode: MediaTime?
    private var releasedVideoPlace: Int64

    init(
        session: PublishSessionID, line: DelayLine, key: DelayLine.KeyFrame, offset: MediaTime,
        videoFormat: VideoFormat, audioPlace: Int64
    ) {
        self.session = session
        self.line = line
        self.offset = offset
        self.firstPresentation = key.presentationTime + offset
        self.videoFormat = videoFormat
        self.videoPlace = key.sequence
        self.audioPlace = audioPlace
        self.releasedVideoPlace = key.sequence
    }

    mutating func videoHead() -> Head {
        Self.head(.video, of: line, at: videoPlace, cached: &video, offset: offset)
    }

    mutating func audioHead() -> Head {
        Self.head(.audio, of: line, at: audioPlace, cached: &audio, offset: offset)
    }

    /// The head picture begins another format; a join to the same line is due there.
    func formatChangesAtHead() -> Bool {
        guard let format = line.videoFormat(at: videoPlace) else { return false }
        return format != videoFormat
    }

    /// When the pictures behind the head are shown, once they are the last few of a line that ended; `nil` while more are held.
    func lastPresentations() -> [MediaTime]? {
        var times: [MediaTime] = []
        for place in (videoPlace + 1)...(videoPlace + Self.greatestReorder) {
            switch line.read(.video, at: place) {
            case .unit(let unit): times.append(unit.presentationTime + offset)
            case .ended: return times
            case .nothingYet, .lost: return nil
            }
        }
        return nil
    }

    /// - Parameter epoch: monotonic nanoseconds of programme time zero.
    /// - Returns: the span on the publisher's decode timeline since the picture before.
    mutating func videoTaken(epoch: Int64) -> MediaTime? {
        let decode = video?.decodeTime
        defer { lastSourceDecode = decode ?? lastSourceDecode }
        video = nil
        videoPlace += 1
        // What was played is given back once a second or so: releasing takes the line's lock.
        if videoPlace - releasedVideoPlace >= 16 {
            releasedVideoPlace = videoPlace
            line.release(before: videoPlace, audio: audioPlace)
            if let decode { observeDepth(at: decode + offset, epoch: epoch) }
        }
        guard let decode, let lastSourceDecode else { return nil }
        let span = decode - lastSourceDecode
        // A hole in the timestamps is no time that was played.
        offset += slew.correction(over: min(span, .milliseconds(1000)))
        return span
    }

    /// - Parameter time: programme time.
    private mutating func observeDepth(at time: MediaTime, epoch: Int64) {
        guard let lead = line.summary.videoLead else { return }
        slew.observe(depth: MediaTime(nanoseconds: lead + epoch) + offset, at: time)
    }

    mutating func audioTaken() {
        audio = nil
        audioPlace += 1
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

/// Loops the slate's clip from `start` on. Owned by `Programme`.
struct SlatePlayhead {
    let clip: SlateClip
    let start: MediaTime
    private var index = 0
    private var loops: Int64 = 0

    /// - Parameter clip: with at least one picture and a duration above zero.
    init(clip: SlateClip, start: MediaTime) {
        self.clip = clip
        self.start = start
    }

    var video: Candidate? {
        guard index < clip.video.count else { return nil }
        let unit = clip.video[index]
        let time = start + clip.videoDuration * loops + unit.decodeTime
        return Candidate(unit: unit, decode: time, presentation: time)
    }

    var pictureDuration: MediaTime { clip.videoDuration / Int64(max(1, clip.video.count)) }

    mutating func videoTaken() {
        index += 1
        guard index >= clip.video.count else { return }
        index = 0
        loops += 1
    }
}
