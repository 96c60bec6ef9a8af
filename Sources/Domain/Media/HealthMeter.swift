import NIOCore

/// Measures one publisher's stream and names what is wrong with it (issue 5, must 1). Pure: units in, verdict out; owned by
/// `Ingest`'s publisher, fed under its lock.
///
/// A unit costs a few additions; once a second the second is put into a window of ten, and the conditions are looked at. An
/// issue must hold for `raiseAfter` seconds before it is named and be gone for `clearAfter` before it is dropped, so that
/// verdicts do not flap. What viewers miss at once (`prompt`) has a patience of its own instead, and is named at the first look at
/// which it holds. A still picture is told by the sizes of its frames, silence as `Hearing` says.
package struct HealthMeter: Sendable {
    static let second: Int64 = 1_000_000_000
    static let windowSeconds = 10
    /// Looks, one a second.
    static let raiseAfter = 5
    static let clearAfter = 10
    /// A picture or sound that is absent, silent, black or still: to be told within three seconds.
    package static let prompt: Set<StreamIssue> = [.noVideoStream, .noAudioStream, .silentAudio, .frozenVideo]
    /// Of each of these at most one can be true: when one is named, another that has ceased goes at once.
    private static let rivals: [Set<StreamIssue>] = [
        [.gopSizeShort, .gopSizeLong, .gopSizeOver], [.noVideoStream, .frozenVideo],
        [.noAudioStream, .silentAudio, .oneSidedAudio],
        [.videoIngestionStarved, .videoIngestionFasterThanRealtime],
    ]
    /// A stall begins to be one after this.
    static let stall: Int64 = second
    /// Clocks are compared over this many windows of ten seconds.
    static let driftWindows = 12
    /// Of ten seconds each window the best lead, so a late packet does not look like a slow clock.
    private static let driftSpan = 10

    /// One second of arrival.
    struct Second: Sendable {
        var videoBytes = 0
        var audioBytes = 0
        var largestSound = 0
        /// Timestamp − arrival, nanoseconds.
        var bestVideoLead = Int64.min
        var worstVideoLead = Int64.max
        var bestAudioLead = Int64.min
        /// The newest timestamp of either track at its end.
        var newest: MediaTime?
    }

    package private(set) var envelope: Envelope
    private(set) var video: VideoFormat?
    private(set) var audio: AudioFormat?
    private(set) var window: [Second] = []
    private(set) var present = Second()
    private var secondStart: Int64?
    private(set) var firstArrival: Int64?
    private(set) var lastArrival: Int64?
    private(set) var lastPicture: Int64?
    private(set) var lastSound: Int64?
    /// The newest media of each track, and where the other one was when this one last came.
    private(set) var newestPicture: MediaTime?
    private(set) var newestSound: MediaTime?
    private(set) var soundAtPicture: MediaTime?
    private(set) var pictureAtSound: MediaTime?
    /// Since when all pictures but key pictures and what refines them say "as before", by their own times, and how many they are.
    private(set) var stillSince: MediaTime?
    private(set) var stillPictures = 0
    private var picturesSinceKey = 0
    /// So many pictures behind a key picture may be larger though nothing moves (x264, constant quality).
    private static let refiningPictures = 3
    private(set) var hearing = Hearing()
    /// The newest decoded levels and when they came; since when one side of stereo is silent.
    private(set) var levelsAt: Int64?
    private(set) var oneSidedSince: Int64?
    /// Why further tracks are left out, in words for the DJ.
    private(set) var leftOut: [TrackKind: String] = [:]
    private(set) var stalls = 0
    private(set) var keyFrameInterval: MediaTime?
    private var lastKeyFrame: MediaTime?
    private var newestPresentation: MediaTime?
    private(set) var hasReordering = false
    private(set) var hasOpenGop = false
    private var firstPictureOfRate: MediaTime?
    private var picturesOfRate = 0
    private(set) var frameRate: Double?
    /// The best leads of windows of ten seconds, oldest first.
    private var leads: [Int64] = []
    private var leadNow = Int64.min
    private var leadSeconds = 0
    private var nextScores = Int64.min
    private var scores = [Int8](repeating: 0, count: StreamIssue.allCases.count)
    private(set) var named = Set<StreamIssue>()
    /// Those that are named at once.
    package var promptIssues: Set<StreamIssue> { named.intersection(Self.prompt) }

    package init(envelope: Envelope) { self.envelope = envelope }

    package mutating func change(_ envelope: Envelope) { self.envelope = envelope }

    package mutating func received(_ format: TrackFormat) {
        switch format {
        case .video(let format):
            video = format
            (hasReordering, hasOpenGop) = (false, false)
        case .audio(let format): audio = format
        }
    }

    /// - Parameters:
    ///   - unit: normalised.
    ///   - now: monotonic nanoseconds; never goes back.
    package mutating func received(_ unit: AccessUnit, at now: Int64) {
        passTo(now)
        if let lastArrival, now - lastArrival >= Self.stall { stalls += 1 }
        firstArrival = firstArrival ?? now
        lastArrival = now
        let bytes = unit.payload.readableBytes
        let lead = unit.decodeTime.nanoseconds - now
        switch unit.track {
        case .video:
            lastPicture = now
            if newestPicture == nil { pictureAtSound = unit.decodeTime }
            soundAtPicture = newestSound
            present.videoBytes += bytes
            present.bestVideoLead = max(present.bestVideoLead, lead)
            present.worstVideoLead = min(present.worstVideoLead, lead)
            picture(unit, bytes: bytes)
        case .audio:
            lastSound = now
            if newestSound == nil { soundAtPicture = unit.decodeTime }
            (newestSound, pictureAtSound) = (unit.decodeTime, newestPicture)
            present.audioBytes += bytes
            present.largestSound = max(present.largestSound, bytes)
            present.bestAudioLead = max(present.bestAudioLead, lead)
            hearing.received(bytes: bytes, at: now)
        }
        present.newest = max(present.newest ?? unit.decodeTime, unit.decodeTime)
    }

    /// The sound was decoded: at most a second after it came.
    package mutating func received(_ levels: SoundLevels, at now: Int64) {
        hearing.decoded(levels, at: now)
        levelsAt = now
        oneSidedSince = levels.isOneSided ? oneSidedSince ?? now : nil
    }

    /// The encoder sends more tracks than are taken.
    package mutating func tracksLeftOut(_ track: TrackKind, reason: String) { leftOut[track] = reason }

    private mutating func picture(_ unit: AccessUnit, bytes: Int) {
        newestPicture = unit.decodeTime
        if unit.isKeyFrame {
            if let lastKeyFrame { keyFrameInterval = unit.decodeTime - lastKeyFrame }
            lastKeyFrame = unit.decodeTime
            picturesSinceKey = 0
            newestPresentation = unit.presentationTime
            if video?.codec == .hevc, !hasOpenGop { hasOpenGop = OpenGop.isCleanRandomAccess(unit.payload) }
        } else {
            lookWhetherStill(unit, bytes: bytes)
            if let newest = newestPresentation, unit.presentationTime < newest {
                hasReordering = true
            } else {
                newestPresentation = unit.presentationTime
            }
            if video?.codec == .h264, !hasOpenGop { hasOpenGop = OpenGop.isRecoveryPoint(unit.payload) }
        }
        guard let first = firstPictureOfRate else {
            firstPictureOfRate = unit.decodeTime
            return
        }
        picturesOfRate += 1
        let span = unit.decodeTime - first
        guard span >= .milliseconds(2000) else { return }
        frameRate = Double(picturesOfRate) / span.seconds
        firstPictureOfRate = unit.decodeTime
        picturesOfRate = 0
    }

    private mutating func lookWhetherStill(_ unit: AccessUnit, bytes: Int) {
        guard let video else { return }
        // A picture that says "as before" for every block: it grows a little with their number.
        let limit = 64 + video.width * video.height / (256 * 50)
        picturesSinceKey += 1
        guard bytes <= limit || PictureSize.isWithin(limit, unit.payload, video.codec) else {
            if picturesSinceKey > Self.refiningPictures { (stillSince, stillPictures) = (nil, 0) }
            return
        }
        stillSince = stillSince ?? unit.decodeTime
        stillPictures += 1
    }

    /// How long the running group of pictures is so far, or the last whole one where that is longer.
    var groupLength: MediaTime? {
        guard let lastKeyFrame, let newestPicture else { return keyFrameInterval }
        return max(keyFrameInterval ?? .zero, newestPicture - lastKeyFrame)
    }

    // MARK: Seconds

    /// Closes the seconds that have passed, empty ones included.
    private mutating func passTo(_ now: Int64) {
        guard let start = secondStart else {
            secondStart = now
            return
        }
        let passed = (now - start) / Self.second
        guard passed > 0 else { return }
        close(present)
        present = Second()
        for _ in 1..<min(passed, Int64(Self.windowSeconds) + 1) { close(Second()) }
        secondStart = start + passed * Self.second
    }

    private mutating func close(_ second: Second) {
        if window.count == Self.windowSeconds { window.removeFirst() }
        window.append(second)
        leadNow = max(leadNow, second.bestVideoLead, second.bestAudioLead)
        leadSeconds += 1
        guard leadSeconds >= Self.driftSpan else { return }
        if leadNow > .min { leads.append(leadNow) }
        if leads.count > Self.driftWindows + 1 { leads.removeFirst() }
        (leadNow, leadSeconds) = (.min, 0)
    }

    /// Parts per million by which the publisher's clock is fast; negative: slow.
    var clockDriftPPM: Double? {
        guard leads.count > Self.driftWindows, let first = leads.first, let last = leads.last else { return nil }
        return Double(last - first) / (Double(leads.count - 1) * Double(Self.driftSpan) * 1000)
    }

    // MARK: Verdict

    /// Looks at what holds now; to be called some times a second, from the arrival of media.
    /// - Returns: whether the named issues have changed.
    package mutating func look(at now: Int64) -> Bool {
        passTo(now)
        let before = named
        let isToScore = now >= nextScores
        let holding = isToScore ? conditions(at: now) : promptConditions(at: now)
        if isToScore {
            nextScores = now + Self.second
            score(holding)
        }
        for issue in holding.intersection(Self.prompt) { name(issue) }
        guard named != before else { return false }
        dropRivals(of: named.subtracting(before), holding)
        return true
    }

    private mutating func score(_ holding: Set<StreamIssue>) {
        for (index, issue) in StreamIssue.allCases.enumerated() {
            let score = Int(scores[index])
            if holding.contains(issue) {
                scores[index] = Int8(min(Self.raiseAfter, max(score, 0) + 1))
                if scores[index] >= Self.raiseAfter { named.insert(issue) }
            } else {
                scores[index] = Int8(max(-Self.clearAfter, min(score, 0) - 1))
                if scores[index] <= -Self.clearAfter { named.remove(issue) }
            }
        }
    }

    /// However briefly it held, it stays for `clearAfter`.
    private mutating func name(_ issue: StreamIssue) {
        named.insert(issue)
        guard let index = StreamIssue.allCases.firstIndex(of: issue) else { return }
        scores[index] = max(scores[index], 1)
    }

    /// A rival that still holds stays, so that two do not take turns.
    private mutating func dropRivals(of raised: Set<StreamIssue>, _ holding: Set<StreamIssue>) {
        guard !raised.isEmpty else { return }
        for rivals in Self.rivals where !rivals.isDisjoint(with: raised) {
            named.subtract(rivals.subtracting(holding))
        }
    }

    /// The present verdict with its figures; nothing is changed.
    package func health(at now: Int64) -> StreamHealth {
        let measures = measures(at: now)
        guard let lastArrival, now - lastArrival < 2 * Self.second else {
            return StreamHealth(summary: HealthSummary(status: .noData, issues: []), measures: measures)
        }
        let issues = StreamIssue.allCases.filter(named.contains).map {
            HealthSummary.Issue(type: $0, advice: advice(for: $0, measures))
        }
        return StreamHealth(summary: HealthSummary(issues: issues), measures: measures)
    }
}

/// How much of a coded picture is picture: encoders with a constant bitrate fill up what a still one leaves.
enum PictureSize {
    /// H.264: filler data (ITU-T H.264 table 7-1); HEVC: the same (ITU-T H.265 table 7-1).
    private static let filler: (h264: UInt8, hevc: UInt8) = (12, 38)

    /// Reads units until they are more, which the first slice of a picture that shows something new is.
    static func isWithin(_ limit: Int, _ payload: ByteBuffer, _ codec: VideoFormat.Codec) -> Bool {
        guard codec == .h264 || codec == .hevc else { return payload.readableBytes <= limit }
        var filling = 0
        for unit in NALUnits(payload) {
            let isFiller = codec == .h264 ? unit.type == filler.h264 : unit.hevcType == filler.hevc
            if isFiller { filling += unit.range.count }
            if unit.range.upperBound - payload.readerIndex - filling > limit { return false }
        }
        return payload.readableBytes - filling <= limit
    }
}

/// Key pictures at which a decoder can begin but before which pictures of the group before are shown.
enum OpenGop {
    /// H.264: a recovery point SEI (ITU-T H.264 §D.1.8, payload type 6) stands before the first slice: how x264 marks the
    /// key pictures of open groups, which are no IDR.
    static func isRecoveryPoint(_ payload: ByteBuffer) -> Bool {
        for unit in NALUnits(payload).prefix(4) where unit.type == 6 && unit.range.count > 2 {
            return payload.getInteger(at: unit.range.lowerBound + 1, as: UInt8.self) == 6
        }
        return false
    }

    /// HEVC: the key picture is a CRA (ITU-T H.265 table 7-1), whose leading pictures need the group before.
    static func isCleanRandomAccess(_ payload: ByteBuffer) -> Bool {
        HEVCUnitSummary(payload).picture == .cleanRandomAccess
    }
}
