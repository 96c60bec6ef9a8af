import Domain

/// Where the programme's video stands: what was stamped last and where the next picture belongs. Part of `Programme`.
struct VideoTimeline {
    /// DTS rises by at least this; enough for a tick of any container.
    static let decodeStep = MediaTime.milliseconds(1)
    private static let plausibleDurations = MediaTime.milliseconds(2)...MediaTime.milliseconds(1000)

    /// The next unit's DTS is at or after this.
    private(set) var earliestDecode: MediaTime
    private(set) var lastDecode: MediaTime?
    /// The latest picture shown so far; the order closes where the next one comes after it.
    private(set) var lastPresentation: MediaTime?
    /// The span of one picture, from the recent DTS; encoders' own figures are a first guess only.
    private(set) var pictureDuration: MediaTime
    private var recentSpans: [MediaTime] = []
    private let start: MediaTime

    init(start: MediaTime, pictureDuration: MediaTime) {
        self.start = start
        self.earliestDecode = start
        self.pictureDuration = pictureDuration
    }

    /// Where the picture after the last one belongs.
    var displayEnd: MediaTime { lastPresentation.map { $0 + pictureDuration } ?? start }

    /// When the next unit is due if nothing is missing.
    var decodeEnd: MediaTime { lastDecode.map { $0 + pictureDuration } ?? start }

    /// A picture shown at `time` comes after all that were stamped, so a hand-over may be made before it.
    func closes(before time: MediaTime) -> Bool { lastPresentation.map { time > $0 } ?? true }

    /// The DTS for a unit whose own would be `natural`: squeezed behind the one before it.
    func decodeTime(natural: MediaTime) -> MediaTime { max(natural, earliestDecode) }

    /// Keeps the next source's DTS from running before `moment`, when its first unit may leave.
    mutating func hold(until moment: MediaTime) { earliestDecode = max(earliestDecode, moment) }

    /// A new source: what was learned of the old one's rate does not hold for it.
    mutating func sourceChanged(frameRate: Double?) {
        recentSpans.removeAll(keepingCapacity: true)
        guard let frameRate, frameRate >= 1, frameRate <= 480 else { return }
        pictureDuration = .seconds(1 / frameRate)
    }

    mutating func stamped(decode: MediaTime, presentation: MediaTime) {
        lastDecode = decode
        earliestDecode = decode + Self.decodeStep
        lastPresentation = lastPresentation.map { max($0, presentation) } ?? presentation
    }

    /// Two neighbours of one source are `span` apart on its own decode timeline. The median of nine forgives a skipped frame;
    /// of two the shorter is taken, for the longer may hold one.
    mutating func observed(span: MediaTime) {
        guard Self.plausibleDurations.contains(span) else { return }
        if recentSpans.count == 9 { recentSpans.removeFirst() }
        recentSpans.append(span)
        pictureDuration = recentSpans.sorted()[(recentSpans.count - 1) / 2]
    }
}

/// Where the programme's audio stands. Times come from sample counts, so that no rounding adds up; they are anchored anew
/// only at a join, a change of format and past one frame of error (design §5). Part of `Programme`.
struct AudioTimeline {
    private var anchor: MediaTime
    private var frames: Int64 = 0
    private(set) var format: AudioFormat

    init(start: MediaTime, format: AudioFormat) {
        self.anchor = start
        self.format = format
    }

    /// Where the next frame belongs: the end of the last one.
    var next: MediaTime { time(of: frames) }

    var frameDuration: MediaTime { format.frameDuration }

    /// The last frame's start that still belongs before a join at `join`: at least half of it lies before.
    func lastStart(before join: MediaTime) -> MediaTime? {
        let limit = join - frameDuration / 2
        guard next <= limit, frameDuration > .zero else { return nil }
        let more = (limit - next).nanoseconds / frameDuration.nanoseconds
        return time(of: frames + more)
    }

    mutating func stamped() { frames += 1 }

    mutating func anchor(at time: MediaTime) {
        anchor = time
        frames = 0
    }

    /// Goes on without a gap in another format.
    mutating func changeFormat(to format: AudioFormat) {
        anchor(at: next)
        self.format = format
    }

    private func time(of frame: Int64) -> MediaTime {
        anchor + MediaTime(ticks: frame * Int64(format.samplesPerFrame), timescale: Int64(max(1, format.sampleRate)))
    }
}
