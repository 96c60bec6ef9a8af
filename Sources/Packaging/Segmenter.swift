package import Domain
import NIOCore

/// Decides which unit belongs to which part, and which part to which segment (design §5, Segments). Pure: no clock, muxer or
/// socket.
///
/// A segment is the half-open span [start, end) of decode time, a part a span of it. The video decides the ends, the audio
/// follows by its own decode times; no unit is ever dropped. Owned by one packager.
///
///     video   K . . . . . . . . . K . . . .    K key frame
///     audio   - - - - - - - - - - - - - - -
///             ^ part  ^ part      ^ segment: K came, and 1.8 s are in it
///
/// A segment is cut at a key frame once `minimumDuration` is in it, or at any key frame if it did not begin with one; without
/// a key frame it is cut all the same where the next picture would take it past `targetDuration`, so that every duration is
/// at most that (draft-pantos-hls-rfc8216bis §4.4.3.1). A join ends it where its own first picture comes.
///
/// A part is cut before the picture that would take it past `partTarget`, and where pictures are so far apart that it would be
/// shorter than 85 in a hundred of that (§4.4.4.9), by time. It waits for the audio up to its end, then it is given out.
package struct Segmenter: Sendable {
    package struct Configuration: Sendable, Equatable {
        package var targetDuration = MediaTime.seconds(4)
        /// Somewhat less than the two seconds that key frames are usually apart: a DJ's clock may be slewed, and a first DTS lies off.
        package var minimumDuration = MediaTime.seconds(1.8)
        /// What a part may last; RTMP's times are whole milliseconds, so two more are allowed (`longestPart`).
        package var partTarget = MediaTime.milliseconds(500)
        /// How far one track may run ahead before a part no longer waits for the other.
        package var maximumSkew = MediaTime.seconds(1)
        /// I11: a segment that would hold more is cut before the unit that takes it there.
        package var maximumSegmentBytes = 32 << 20

        package init() {}

        /// No part lasts longer.
        package var longestPart: MediaTime { partTarget + .milliseconds(2) }
        /// A part that is not its segment's last is no shorter where pictures allow it.
        var shortestPart: MediaTime { longestPart * 85 / 100 }
    }

    /// A part that is complete; it holds at least one unit.
    package struct Part: Sendable {
        package var format: ProgrammeFormat
        /// In order per track; the last of each track ends no later than the track's next unit begins, where that is known.
        package var units: [ProgrammeUnit]
        package var start: MediaTime
        package var duration: MediaTime
        /// The earliest presentation time of its pictures; of its audio when it has none.
        package var presentationStart: MediaTime
        /// The format changed, the timeline broke, or it is the first of all. Only where it opens a segment.
        package var isDiscontinuous: Bool
        /// Its first picture is a key frame.
        package var startsWithKeyFrame: Bool
        /// It can be decoded without what came before; a CRA picture of HEVC is a key frame that does not promise that.
        package var startsIndependently: Bool
        /// One of its pictures is a key frame.
        package var hasKeyFrame: Bool
        /// It is the first of a segment, so the segment before has ended.
        package var opensSegment: Bool
        /// It is the last of its segment. Where that is not known yet, the next part says so by opening one.
        package var closesSegment: Bool
        /// Counts joins from 1, so that a reader can tell one source from the next.
        package var join: Int
    }

    /// The segment that the last draft belongs to.
    private struct OpenSegment {
        var start: MediaTime
        var startsWithKeyFrame: Bool?
        var bytes = 0
        var isEmpty = true
    }

    private let configuration: Configuration
    /// In order of time. The last is open; those before have an end and wait for audio, or wait for a join's first picture.
    private var drafts: [PartDraft] = []
    private var segment: OpenSegment?
    private var joins = 0
    /// The latest decode time of each track since the last join.
    private var clocks: [TrackKind: MediaTime] = [:]
    /// Up to where the audio has come since the last join.
    private var audioEnd: MediaTime?
    private var lastEnd: MediaTime?
    private var lastFormat: ProgrammeFormat?

    package init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
    }

    /// A new source. What was open gets its end, and is given out, when the source's first picture comes.
    package mutating func joined(format: ProgrammeFormat) {
        // A source that had no picture at all begins with its audio.
        if let last = drafts.last, last.start == nil, !last.units.isEmpty { setStart(last.earliest) }
        joins += 1
        clocks = [:]
        audioEnd = nil
        var breaksBefore = false
        if let last = drafts.last, last.units.isEmpty {
            breaksBefore = last.breaksBefore
            drafts.removeLast()
        }
        segment = nil
        drafts.append(
            PartDraft(format: format, join: joins, start: nil, opensSegment: true, breaksBefore: breaksBefore))
    }

    /// Takes one unit and gives out what it completed. Units before the first join have no format and are our bug.
    package mutating func unit(_ unit: ProgrammeUnit) -> [Part] {
        precondition(!drafts.isEmpty, "a unit came before the first join")
        switch unit.track {
        case .video:
            makeRoom(forVideo: unit)
            append(unit, to: drafts.count - 1)
        case .audio:
            makeRoom(forAudio: unit)
            append(unit, to: drafts.firstIndex { $0.join == joins && $0.takes(unit.decodeTime) } ?? drafts.count - 1)
            audioEnd = max(audioEnd ?? unit.decodeTime, unit.decodeTime + unit.duration)
        }
        clocks[unit.track] = max(clocks[unit.track] ?? unit.decodeTime, unit.decodeTime)
        return takeComplete()
    }

    /// Nothing follows: gives out all that is left.
    package mutating func finished() -> [Part] {
        if let last = drafts.last, last.units.isEmpty { drafts.removeLast() }
        if let last = drafts.last, last.end == nil {
            if last.start == nil { setStart(last.earliest) }
            end(drafts.count - 1, at: min(last.latestEnd, limit(of: drafts.count - 1)))
        }
        defer {
            drafts = []
            segment = nil
        }
        var parts: [Part] = []
        while !drafts.isEmpty {
            if let part = takeFirst() { parts.append(part) }
        }
        return parts
    }

    private mutating func append(_ unit: ProgrammeUnit, to index: Int) {
        drafts[index].append(unit)
        guard index == drafts.count - 1 else { return }
        segment?.bytes += unit.byteCount
        segment?.isEmpty = false
        if unit.track == .video, segment?.startsWithKeyFrame == nil { segment?.startsWithKeyFrame = unit.isKeyFrame }
    }
}

// MARK: - Where to cut

extension Segmenter {
    private mutating func makeRoom(forVideo unit: ProgrammeUnit) {
        guard drafts.last?.start != nil else { return setStart(unit.decodeTime) }
        cutTime(before: unit.decodeTime)
        guard let segment, let open = drafts.last, let start = open.start, !segment.isEmpty,
            unit.decodeTime > segment.start
        else { return }
        let elapsed = unit.decodeTime - segment.start
        let isDue = unit.isKeyFrame && (elapsed >= configuration.minimumDuration || segment.startsWithKeyFrame != true)
        let isOverdue = elapsed + max(unit.duration, .zero) > configuration.targetDuration
        let isFull = segment.bytes + unit.byteCount > configuration.maximumSegmentBytes
        if isDue || isOverdue || isFull { return cut(at: unit.decodeTime, opensSegment: true) }
        let inPart = unit.decodeTime - start
        if inPart + max(unit.duration, .zero) > configuration.longestPart, inPart >= configuration.shortestPart {
            cut(at: unit.decodeTime, opensSegment: false)
        }
    }

    /// Without pictures the audio's own time cuts, once it is a skew past the target.
    private mutating func makeRoom(forAudio unit: ProgrammeUnit) {
        guard let open = drafts.last else { return }
        guard open.start != nil else {
            if !open.units.isEmpty, unit.decodeTime - open.earliest > configuration.maximumSkew {
                setStart(open.earliest)
            }
            return
        }
        cutTime(before: unit.decodeTime - configuration.maximumSkew)
        if let segment, let start = drafts.last?.start, !segment.isEmpty, unit.decodeTime > start,
            segment.bytes + unit.byteCount > configuration.maximumSegmentBytes
        {
            cut(at: min(unit.decodeTime, start + configuration.longestPart), opensSegment: true)
        }
    }

    /// No picture came for longer than a part or a segment may last: cuts by time. An empty segment is not made; the timeline
    /// breaks.
    private mutating func cutTime(before time: MediaTime) {
        while let segment, let start = drafts.last?.start {
            if segment.isEmpty {
                if time - segment.start > configuration.targetDuration {
                    self.segment?.start = time
                    drafts[drafts.count - 1].start = time
                    drafts[drafts.count - 1].breaksBefore = true
                }
                return
            }
            let segmentEnd = segment.start + configuration.targetDuration
            if time > segmentEnd, segmentEnd - start <= configuration.longestPart {
                cut(at: segmentEnd, opensSegment: true)
            } else if time - start > configuration.longestPart {
                cut(at: start + configuration.partTarget, opensSegment: false)
            } else {
                return
            }
        }
    }

    /// Ends the open part and opens the next of the same source.
    private mutating func cut(at time: MediaTime, opensSegment: Bool) {
        guard let open = drafts.last else { return }
        // Audio that ran ahead of the pictures goes where its time is.
        let ahead = drafts[drafts.count - 1].removeAudio(from: time)
        if open.start == time, drafts[drafts.count - 1].units.isEmpty {
            // Nothing came since the last cut: the same part, in the next segment.
            drafts[drafts.count - 1].opensSegment = opensSegment || open.opensSegment
        } else {
            end(drafts.count - 1, at: time)
            drafts.append(
                PartDraft(
                    format: open.format, join: open.join, start: time, opensSegment: opensSegment, breaksBefore: false))
        }
        if opensSegment { segment = OpenSegment(start: time) }
        drafts[drafts.count - 1].segmentLimit = segment.map { $0.start + configuration.targetDuration }
        for unit in ahead { append(unit, to: drafts.count - 1) }
    }

    /// Where a part ends at the latest: as long as a part and a segment may be.
    private func limit(of index: Int) -> MediaTime {
        let longest = (drafts[index].start ?? drafts[index].earliest) + configuration.longestPart
        return min(longest, drafts[index].segmentLimit ?? longest)
    }

    private mutating func end(_ index: Int, at time: MediaTime) {
        let start = drafts[index].start ?? time
        let end = max(time, start + MediaTime(nanoseconds: 1000))
        drafts[index].end = end
        lastEnd = end
    }

    /// A source's first segment begins here, so the segment of the source before ends here.
    private mutating func setStart(_ time: MediaTime) {
        let open = drafts.count - 1
        if open > 0, drafts[open - 1].end == nil {
            if drafts[open - 1].start == nil { drafts[open - 1].start = drafts[open - 1].earliest }
            end(open - 1, at: min(time, limit(of: open - 1)))
        }
        drafts[open].start = time
        drafts[open].segmentLimit = time + configuration.targetDuration
        segment = OpenSegment(start: time)
        for unit in drafts[open].units where unit.track == .video || segment?.isEmpty == true {
            segment?.isEmpty = false
            if unit.track == .video, segment?.startsWithKeyFrame == nil {
                segment?.startsWithKeyFrame = unit.isKeyFrame
            }
        }
        segment?.bytes = drafts[open].bytes
        if let lastEnd, time - lastEnd > configuration.maximumSkew || lastEnd - time > configuration.maximumSkew {
            drafts[open].breaksBefore = true
        }
    }
}

// MARK: - What is complete

extension Segmenter {
    private mutating func takeComplete() -> [Part] {
        var complete: [Part] = []
        while drafts.count > 1, let first = drafts.first, let end = first.end {
            let audioIsIn = audioEnd.map { $0 >= end } ?? false
            let waitedLongEnough = clocks[.video].map { $0 - end >= configuration.maximumSkew } ?? false
            guard first.join != joins || audioIsIn || waitedLongEnough else { break }
            if let part = takeFirst() { complete.append(part) }
        }
        return complete
    }

    /// Takes the first draft out as a part; `nil` when nothing came into it.
    private mutating func takeFirst() -> Part? {
        let draft = drafts.removeFirst()
        guard !draft.units.isEmpty, let start = draft.start, let end = draft.end else {
            leaveOut(draft)
            return nil
        }
        defer { lastFormat = draft.format }
        return Part(
            format: draft.format,
            units: draft.unitsEnding(
                before: { track in
                    drafts.lazy.compactMap { $0.first(track)?.decodeTime }.first
                }, longest: configuration.targetDuration,
                breaksAfter: drafts.first.map { $0.breaksBefore || $0.format != draft.format } ?? false),
            start: start, duration: end - start, presentationStart: draft.presentationStart,
            isDiscontinuous: draft.breaksBefore || draft.format != lastFormat,
            startsWithKeyFrame: draft.startsWithKeyFrame == true, startsIndependently: draft.startsIndependently,
            hasKeyFrame: draft.hasKeyFrame,
            opensSegment: draft.opensSegment, closesSegment: drafts.first?.opensSegment ?? true, join: draft.join)
    }

    /// A span in which nothing came is in no segment: the one before ends, the next begins behind it.
    private mutating func leaveOut(_ draft: PartDraft) {
        guard !drafts.isEmpty else { return }
        if draft.breaksBefore { drafts[0].breaksBefore = true }
        drafts[0].opensSegment = true
        guard let opener = drafts.lastIndex(where: \.opensSegment), drafts[opener].join == joins,
            let start = drafts[opener].start
        else { return }
        segment?.start = start
        segment?.startsWithKeyFrame = drafts[opener...].lazy.compactMap(\.startsWithKeyFrame).first
    }
}
