import Broadcast
import Domain
import NIOCore
import TestKit

/// Holds every action of a programme against the invariants (design §5; I2, I3), and keeps what tests ask for.
struct ProgrammeJudge {
    struct Join {
        var join: ProgrammeJoin
        var format: ProgrammeFormat
        var time: MediaTime
    }

    private static let slateShape = ProgrammeTape.Shape()

    var shapes: [PublishSessionID: (mark: UInt8, shape: ProgrammeTape.Shape)] = [:]
    private(set) var joins: [Join] = []
    private(set) var reports: [ProgrammeReport] = []
    private(set) var underruns = 0
    private(set) var handovers: [Handover] = []
    /// Frames of silence within a publisher's turn.
    private(set) var filledSounds = 0
    /// Stills within a publisher's turn.
    private(set) var filledPictures = 0
    /// When the latest picture and frame of sound were made, by their publisher's clock.
    private(set) var lastPictureStamp: TapeStamp?
    private(set) var lastSoundStamp: TapeStamp?
    private var silence: ByteBuffer?
    private var isStill = false
    private(set) var violations: [String] = []
    private(set) var pictures = 0
    private(set) var sounds = 0
    /// How long after its DTS the latest unit left.
    private(set) var greatestLateness = MediaTime.zero
    private(set) var latest = ""
    /// How long after its PTS the latest picture left.
    private(set) var greatestBelatedness = MediaTime.zero
    private(set) var greatestVideoError = MediaTime.zero
    private(set) var greatestAudioError = MediaTime.zero
    private(set) var greatestOffsetError = MediaTime.zero
    private(set) var greatestDarkness = MediaTime.zero
    private(set) var audioEnd = MediaTime.zero
    private(set) var lastPresentation: MediaTime?
    /// Marks of the pictures in order, one per run.
    private(set) var shown: [UInt8] = []
    /// Programme time − publisher's time at the latest picture: how old it was when it left, for depth checks.
    private(set) var videoOffset: MediaTime?

    private var presentations: [MediaTime] = []
    /// The longest a picture stands, over the whole programme in the order it is shown, up to the last that was decoded: what is
    /// shown after that may still get others before it.
    var greatestHole: MediaTime {
        let times = presentations.filter { $0 <= lastVideoDecode ?? .zero }.sorted()
        return zip(times, times.dropFirst()).map { $1 - $0 }.max() ?? .zero
    }

    /// Between the first picture and the first sound of a join.
    private(set) var greatestJoinSkew = MediaTime.zero
    private var awaitsSound = false

    private let slate: SlateClip
    private var frameDuration = MediaTime.zero
    private var lastVideoDecode: MediaTime?
    private var lastUnit: MediaTime?
    private var awaitsKeyFrame = false
    private var isFirstKeyFrame = false
    /// Since a join in HEVC no other than leading pictures have come.
    private var mayNotLead = false
    /// HEVC's, which within a turn are there as the encoder made them.
    private(set) var leadingPictures = 0
    private var expectedMark: UInt8 = 0

    init(slate: SlateClip) { self.slate = slate }

    mutating func judge(_ action: Programme.Action, at time: MediaTime, now: Int64) {
        switch action {
        case .join(let join, let format): joined(join, format, at: time)
        case .emit(let unit):
            left(unit, at: time)
            switch unit.track {
            case .video: picture(unit)
            case .audio: sound(unit)
            }
        case .report(let report): reports.append(report)
        case .underrun: underruns += 1
        case .handedOver(let handover): handovers.append(handover)
        }
    }

    private mutating func fail(_ text: String) {
        if violations.count < 20 { violations.append(text) }
    }

    private mutating func joined(_ join: ProgrammeJoin, _ format: ProgrammeFormat, at time: MediaTime) {
        let isSame =
            joins.last?.format.video.configuration == format.video.configuration
            && joins.last?.format.audio.configuration == format.audio.configuration
        if join.formatChanged == isSame { fail("formatChanged is wrong at \(join.at)") }
        if let lastPresentation {
            let error = join.at - (lastPresentation + frameDuration)
            greatestVideoError = max(greatestVideoError, magnitude(error))
        }
        joins.append(Join(join: join, format: format, time: time))
        let known = join.session.flatMap { shapes[$0] }
        frameDuration =
            known?.shape.frameDuration ?? (slate.videoDuration / Int64(max(1, slate.video.count)))
        expectedMark = known?.mark ?? 0
        silence = AACSilence.frame(for: format.audio)
        isStill = join.session != nil && format.video == slate.format.video
        if isStill { frameDuration = slate.videoDuration / Int64(max(1, slate.video.count)) }
        awaitsKeyFrame = true
        awaitsSound = true
        videoOffset = nil
    }

    private mutating func left(_ unit: ProgrammeUnit, at time: MediaTime) {
        if unit.decodeTime > time { fail("left early: \(unit.track) \(unit.decodeTime) at \(time)") }
        if time - unit.decodeTime > greatestLateness {
            greatestLateness = time - unit.decodeTime
            latest = "\(unit.track) \(unit.decodeTime) at \(time), joined \(joins.last?.join as Any)"
        }
        greatestBelatedness = max(greatestBelatedness, time - unit.presentationTime)
        if let lastUnit, unit.decodeTime > lastUnit {
            greatestDarkness = max(greatestDarkness, unit.decodeTime - lastUnit)
        }
        lastUnit = max(lastUnit ?? unit.decodeTime, unit.decodeTime)
        if joins.isEmpty { fail("a unit before the first join") }
    }

    private mutating func picture(_ unit: ProgrammeUnit) {
        pictures += 1
        presentations.append(unit.presentationTime)
        if let lastVideoDecode, unit.decodeTime <= lastVideoDecode { fail("video DTS fell at \(unit.decodeTime)") }
        if unit.presentationTime < unit.decodeTime { fail("PTS before DTS at \(unit.decodeTime)") }
        lastVideoDecode = unit.decodeTime
        guard let stamp = TapeStamp(unit.payload) else { return fail("a picture nobody made") }
        lastPictureStamp = stamp
        if isStill, stamp.mark == 0 {
            filledPictures += 1
        } else if stamp.mark != expectedMark {
            fail("picture of \(stamp.mark), not \(expectedMark)")
        }
        if shown.last != stamp.mark { shown.append(stamp.mark) }
        isFirstKeyFrame = awaitsKeyFrame
        if awaitsKeyFrame {
            awaitsKeyFrame = false
            if !unit.isKeyFrame { fail("the first picture after a join is no IDR") }
            if unit.presentationTime != joins.last?.join.at { fail("the first picture is not at the join") }
        }
        // Leading pictures of an open group (HEVC: RASL) refer to pictures that nobody has.
        if let join = joins.last?.join, unit.presentationTime < join.at { fail("a leading picture after a join") }
        judgeUnits(of: unit)
        if let lastPresentation, unit.presentationTime <= lastPresentation - frameDuration * 5 {
            fail("a picture from the past at \(unit.presentationTime)")
        }
        if stamp.mark != 0 { videoOffset = unit.presentationTime - stamp.presentation }
        lastPresentation = lastPresentation.map { max($0, unit.presentationTime) } ?? unit.presentationTime
    }

    private mutating func judgeUnits(of unit: ProgrammeUnit) {
        let codec = joins.last?.format.video.codec ?? .h264
        if unit.videoCodec != codec { fail("a picture in \(unit.videoCodec), not \(codec)") }
        let front = unit.whole.getInteger(at: 4, as: UInt8.self)
        if unit.isKeyFrame, front != (codec == .hevc ? 0x40 : 0x67) { fail("a key picture without parameter sets") }
        guard codec == .hevc else { return }
        let picture = HEVCUnitSummary(unit.payload).picture
        if isFirstKeyFrame, picture != .closedRandomAccess { fail("a join at a picture that is neither IDR nor BLA") }
        if mayNotLead, picture == .leading { fail("a RASL or RADL picture after a join") }
        mayNotLead = isFirstKeyFrame || mayNotLead && picture == .leading
        if picture == .leading { leadingPictures += 1 }
    }

    private mutating func sound(_ unit: ProgrammeUnit) {
        sounds += 1
        if awaitsSound, let join = joins.last {
            awaitsSound = false
            greatestJoinSkew = max(greatestJoinSkew, magnitude(unit.presentationTime - join.join.at))
        }
        let error = unit.presentationTime - audioEnd
        greatestAudioError = max(greatestAudioError, magnitude(error))
        // A frame's end is rounded to a nanosecond.
        if unit.presentationTime < audioEnd - MediaTime(nanoseconds: 1) {
            fail("audio overlaps at \(unit.presentationTime)")
        }
        audioEnd = unit.presentationTime + unit.duration
        if unit.payload == silence {
            filledSounds += 1
            return
        }
        guard let stamp = TapeStamp(unit.payload) else { return fail("sound nobody made") }
        if stamp.mark == 0, expectedMark != 0 {
            filledSounds += 1
            return
        }
        lastSoundStamp = stamp
        if stamp.mark != expectedMark { fail("sound of \(stamp.mark), not \(expectedMark)") }
        if stamp.mark != 0, let videoOffset {
            let offset = unit.presentationTime - stamp.presentation
            greatestOffsetError = max(greatestOffsetError, magnitude(offset - videoOffset))
        }
    }
}

func magnitude(_ time: MediaTime) -> MediaTime { time < .zero ? .zero - time : time }
