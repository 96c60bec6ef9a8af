import Domain
import NIOCore

/// A part in the making: the units of one span, before its end is known or its audio is in. Owned by `Segmenter`.
struct PartDraft: Sendable {
    let format: ProgrammeFormat
    let join: Int
    /// `nil` until the source's first picture says where it begins.
    var start: MediaTime?
    /// `nil` while it is open, or while a join waits for its first picture.
    var end: MediaTime?
    /// Its segment lasts no longer; `nil` before `start` is known.
    var segmentLimit: MediaTime?
    /// It is the first part of a segment.
    var opensSegment: Bool
    /// The timeline breaks before it.
    var breaksBefore: Bool
    private(set) var units: [ProgrammeUnit] = []
    private(set) var bytes = 0
    /// Whether its first picture is a key frame; `nil` without pictures.
    private(set) var startsWithKeyFrame: Bool?
    /// Whether its first picture is a key frame behind which nothing needs what came before. A CRA picture of HEVC is none.
    private(set) var startsIndependently = false
    /// Whether one of its pictures is a key frame.
    private(set) var hasKeyFrame = false
    /// The lowest decode time; zero when empty.
    private(set) var earliest = MediaTime.zero
    /// Where its last unit ends; zero when empty.
    private(set) var latestEnd = MediaTime.zero

    init(format: ProgrammeFormat, join: Int, start: MediaTime?, opensSegment: Bool, breaksBefore: Bool) {
        self.format = format
        self.join = join
        self.start = start
        self.opensSegment = opensSegment
        self.breaksBefore = breaksBefore
    }

    /// Whether a unit of this decode time lies before its end.
    func takes(_ time: MediaTime) -> Bool {
        end.map { time < $0 } ?? true
    }

    mutating func append(_ unit: ProgrammeUnit) {
        earliest = units.isEmpty ? unit.decodeTime : min(earliest, unit.decodeTime)
        latestEnd = max(units.isEmpty ? unit.decodeTime : latestEnd, unit.decodeTime + unit.duration)
        bytes += unit.byteCount
        if unit.track == .video {
            if startsWithKeyFrame == nil { startsIndependently = unit.isKeyFrame && !unit.isCleanRandomAccess }
            startsWithKeyFrame = startsWithKeyFrame ?? unit.isKeyFrame
            hasKeyFrame = hasKeyFrame || unit.isKeyFrame
        }
        units.append(unit)
    }

    mutating func adopt(_ others: [ProgrammeUnit]) {
        for unit in others { append(unit) }
    }

    /// Takes the audio out that begins at `time` or later.
    mutating func removeAudio(from time: MediaTime) -> [ProgrammeUnit] {
        guard latestEnd > time else { return [] }
        let removed = units.filter { $0.track == .audio && $0.decodeTime >= time }
        guard !removed.isEmpty else { return [] }
        let kept = units.filter { $0.track == .video || $0.decodeTime < time }
        self.units = []
        bytes = 0
        startsWithKeyFrame = nil
        startsIndependently = false
        hasKeyFrame = false
        adopt(kept)
        return removed
    }

    func first(_ track: TrackKind) -> ProgrammeUnit? {
        units.first { $0.track == track }
    }

    var presentationStart: MediaTime {
        let pictures = units.lazy.filter { $0.track == .video }.map(\.presentationTime).min()
        return pictures ?? units.lazy.map(\.presentationTime).min() ?? .zero
    }

    /// The units, the last of each track with the duration that fits what follows.
    ///
    /// A picture lasts to the next one, when that comes within `longest`. A frame of audio never lasts longer than its samples:
    /// a gap is shown by the next fragment's time.
    ///
    /// Before a discontinuity a picture keeps its own duration: behind B-frames the next source's DTS may be far off, and
    /// Chromium lays the next source behind the latest end it was told, so that every excess became a hole and a standstill.
    func unitsEnding(
        before next: (TrackKind) -> MediaTime?, longest: MediaTime, breaksAfter: Bool
    ) -> [ProgrammeUnit] {
        var units = self.units
        for track in TrackKind.allCases {
            guard let last = units.lastIndex(where: { $0.track == track }), let next = next(track) else { continue }
            let span = next - units[last].decodeTime
            guard span > .zero else { continue }
            switch track {
            case .video:
                if span <= (breaksAfter ? units[last].duration : longest) { units[last].duration = span }
            // A nanosecond's rounding is no gap.
            case .audio: if span <= units[last].duration + MediaTime(nanoseconds: 1000) { units[last].duration = span }
            }
        }
        return units
    }
}
