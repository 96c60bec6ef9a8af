package import Domain
import NIOCore

/// Decides which unit belongs to which segment (design §5, Segments). Pure: no clock, muxer or socket.
///
/// A segment is the half-open span [start, end) of decode time. The video decides the ends, the audio follows by its own
/// decode times; no unit is ever dropped. Owned by one packager.
///
///     video   K . . . . . K . . . .           K key frame
///     audio   - - - - - - - - - - -
///             ^ start     ^ end: K came, and 2 s are in the segment
///
/// A cut is made at a key frame once `minimumDuration` is in the segment, or at any key frame if the segment did not begin
/// with one; without a key frame the segment is cut all the same where the next picture would take it past
/// `targetDuration`, so that every duration is at most that (RFC 8216 §4.3.3.1). After a cut the segment waits for the
/// audio up to it, then it is given out. A join ends the segment where its own first picture comes.
package struct Segmenter: Sendable {
    package struct Configuration: Sendable, Equatable {
        package var targetDuration = MediaTime.seconds(4)
        package var minimumDuration = MediaTime.seconds(2)
        /// How far one track may run ahead before a segment no longer waits for the other.
        package var maximumSkew = MediaTime.seconds(1)
        /// I11: a segment that would hold more is cut before the unit that takes it there.
        package var maximumSegmentBytes = 32 << 20

        package init() {}
    }

    /// A segment that is complete; it holds at least one unit.
    package struct Segment: Sendable {
        package var format: ProgrammeFormat
        /// In order per track; the last of each track ends no later than the track's next unit begins, where that is known.
        package var units: [ProgrammeUnit]
        package var start: MediaTime
        /// At most the target duration.
        package var duration: MediaTime
        /// The earliest presentation time of its pictures; of its audio when it has none.
        package var presentationStart: MediaTime
        /// The format changed, the timeline broke, or it is the first of all.
        package var isDiscontinuous: Bool
        /// Its first picture is a key frame.
        package var isIndependent: Bool
        /// Counts joins from 1, so that a reader can tell one source from the next.
        package var join: Int
    }

    private let configuration: Configuration
    /// In order of time. The last is open; those before have an end and wait for audio, or wait for a join's first picture.
    private var drafts: [SegmentDraft] = []
    private var joins = 0
    /// The latest decode time of each track since the last join.
    private var clocks: [TrackKind: MediaTime] = [:]
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
        var breaksBefore = false
        if let last = drafts.last, last.units.isEmpty {
            breaksBefore = last.breaksBefore
            drafts.removeLast()
        }
        drafts.append(SegmentDraft(format: format, join: joins, start: nil, breaksBefore: breaksBefore))
    }

    /// Takes one unit and gives out what it completed. Units before the first join have no format and are our bug.
    package mutating func unit(_ unit: ProgrammeUnit) -> [Segment] {
        precondition(!drafts.isEmpty, "a unit came before the first join")
        switch unit.track {
        case .video:
            makeRoom(forVideo: unit)
            drafts[drafts.count - 1].append(unit)
        case .audio:
            makeRoom(forAudio: unit)
            let index = drafts.firstIndex { $0.join == joins && $0.takes(unit.decodeTime) } ?? drafts.count - 1
            drafts[index].append(unit)
        }
        clocks[unit.track] = max(clocks[unit.track] ?? unit.decodeTime, unit.decodeTime)
        return takeComplete()
    }

    /// Nothing follows: gives out all that is left.
    package mutating func finished() -> [Segment] {
        if let last = drafts.last, last.units.isEmpty { drafts.removeLast() }
        if let last = drafts.last, last.end == nil {
            if last.start == nil { setStart(last.earliest) }
            let start = drafts[drafts.count - 1].start ?? last.earliest
            end(drafts.count - 1, at: min(last.latestEnd, start + configuration.targetDuration))
        }
        defer { drafts = [] }
        return drafts.indices.compactMap { segment(at: $0) }
    }
}

// MARK: - Where to cut

extension Segmenter {
    private mutating func makeRoom(forVideo unit: ProgrammeUnit) {
        guard drafts.last?.start != nil else { return setStart(unit.decodeTime) }
        cutEmptyTime(before: unit.decodeTime)
        guard let open = drafts.last, let start = open.start, !open.units.isEmpty, unit.decodeTime > start else {
            return
        }
        let elapsed = unit.decodeTime - start
        let isDue = unit.isKeyFrame && (elapsed >= configuration.minimumDuration || open.startsWithKeyFrame != true)
        let isOverdue = elapsed + max(unit.duration, .zero) > configuration.targetDuration
        let isFull = open.bytes + unit.payload.readableBytes > configuration.maximumSegmentBytes
        if isDue || isOverdue || isFull { cut(at: unit.decodeTime) }
    }

    /// Without pictures the audio's own time cuts, once it is a skew past the target.
    private mutating func makeRoom(forAudio unit: ProgrammeUnit) {
        guard let open = drafts.last else { return }
        guard let start = open.start else {
            if !open.units.isEmpty, unit.decodeTime - open.earliest > configuration.maximumSkew {
                setStart(open.earliest)
            }
            return
        }
        cutEmptyTime(before: unit.decodeTime - configuration.maximumSkew)
        if !open.units.isEmpty, unit.decodeTime > start,
            open.bytes + unit.payload.readableBytes > configuration.maximumSegmentBytes
        {
            cut(at: min(unit.decodeTime, start + configuration.targetDuration))
        }
    }

    /// No picture came for longer than a segment may last: cuts by time. An empty segment is not made; the timeline breaks.
    private mutating func cutEmptyTime(before time: MediaTime) {
        while let open = drafts.last, let start = open.start, time - start > configuration.targetDuration {
            if open.units.isEmpty {
                drafts[drafts.count - 1].start = time
                drafts[drafts.count - 1].breaksBefore = true
                return
            }
            cut(at: start + configuration.targetDuration)
        }
    }

    /// Ends the open segment and opens the next of the same source.
    private mutating func cut(at time: MediaTime) {
        guard let open = drafts.last else { return }
        var next = SegmentDraft(format: open.format, join: open.join, start: time, breaksBefore: false)
        // Audio that ran ahead of the pictures goes where its time is.
        next.adopt(drafts[drafts.count - 1].removeAudio(from: time))
        end(drafts.count - 1, at: time)
        drafts.append(next)
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
            let longest = (drafts[open - 1].start ?? time) + configuration.targetDuration
            end(open - 1, at: min(time, longest))
        }
        drafts[open].start = time
        if let lastEnd, time - lastEnd > configuration.maximumSkew || lastEnd - time > configuration.maximumSkew {
            drafts[open].breaksBefore = true
        }
    }
}

// MARK: - What is complete

extension Segmenter {
    private mutating func takeComplete() -> [Segment] {
        var complete: [Segment] = []
        while drafts.count > 1, let first = drafts.first, let end = first.end {
            let audioIsIn = clocks[.audio].map { $0 >= end } ?? false
            let waitedLongEnough = clocks[.video].map { $0 - end >= configuration.maximumSkew } ?? false
            guard first.join != joins || audioIsIn || waitedLongEnough else { break }
            if let segment = segment(at: 0) { complete.append(segment) }
            drafts.removeFirst()
        }
        return complete
    }

    /// The draft as a segment; `nil` when nothing came into it.
    private mutating func segment(at index: Int) -> Segment? {
        let draft = drafts[index]
        guard !draft.units.isEmpty, let start = draft.start, let end = draft.end else {
            if index + 1 < drafts.count, draft.breaksBefore { drafts[index + 1].breaksBefore = true }
            return nil
        }
        defer { lastFormat = draft.format }
        let later = drafts.dropFirst(index + 1)
        return Segment(
            format: draft.format,
            units: draft.unitsEnding(
                before: { track in
                    later.lazy.compactMap { $0.first(track)?.decodeTime }.first
                }, longest: configuration.targetDuration,
                breaksAfter: later.first.map { $0.breaksBefore || $0.format != draft.format } ?? false),
            start: start, duration: end - start, presentationStart: draft.presentationStart,
            isDiscontinuous: draft.breaksBefore || draft.format != lastFormat,
            isIndependent: draft.startsWithKeyFrame == true, join: draft.join)
    }
}
