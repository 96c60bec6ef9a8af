import Domain
import HLS
import NIOCore

/// The segments of one rendition: those listed, and those that left the playlist but may still be fetched. Pure; owned by
/// `HLSRendition`.
///
/// draft-pantos-hls-rfc8216bis §6.2.2: a segment stays fetchable for its own duration and that of the longest playlist that
/// listed it. I11: all of it together holds at most `maximumBytes`; when it would be more, the oldest goes first, listed or not.
struct SegmentWindow {
    struct Segment {
        var number: Int64
        /// As the playlist shows it; with all of its parts.
        var shown: MediaPlaylist.Segment
        /// Where it lies in the programme.
        var start: MediaTime
        /// All names under which something of it can be fetched.
        var files: [String]
        var bytes: Int
    }

    /// A segment that is in no playlist any more.
    private struct Retired {
        var segment: Segment
        /// The programme time from which it need not be kept.
        var until: MediaTime
    }

    /// Six are the least a player gets.
    private static let leastListed = 6

    /// A playlist is not shorter than this; more than the skip boundary of six target durations, or no delta update would ever
    /// leave anything out.
    private let listedDuration: MediaTime
    private let maximumBytes: Int
    private var retired: [Retired] = []
    private(set) var listed: [Segment] = []
    private var initializations: [String: Int] = [:]
    /// Discontinuities up to the first listed segment, without its own.
    private(set) var discontinuitySequence: Int64
    private(set) var bytes = 0

    init(listedDuration: MediaTime, discontinuitySequence: Int64, maximumBytes: Int) {
        self.listedDuration = listedDuration
        self.discontinuitySequence = discontinuitySequence
        self.maximumBytes = maximumBytes
    }

    /// Names that no longer mean anything.
    typealias Dropped = [String]

    mutating func addInitialization(named name: String, bytes count: Int) {
        initializations[name] = count
        bytes += count
    }

    mutating func add(_ segment: Segment) -> Dropped {
        listed.append(segment)
        bytes += segment.bytes
        let now = segment.start + segment.shown.duration
        retireSurplus(now: now)
        var dropped: Dropped = []
        while let oldest = retired.first, oldest.until <= now || bytes > maximumBytes {
            retired.removeFirst()
            drop(oldest.segment, &dropped)
        }
        while bytes > maximumBytes, listed.count > 1, let oldest = unlistFirst() { drop(oldest, &dropped) }
        return dropped
    }

    /// Everything there is.
    var allNames: [String] {
        retired.flatMap(\.segment.files) + listed.flatMap(\.files) + initializations.keys
    }

    private mutating func retireSurplus(now: MediaTime) {
        var total = listed.reduce(MediaTime.zero) { $0 + $1.shown.duration }
        while listed.count > Self.leastListed, let first = listed.first,
            total - first.shown.duration >= listedDuration, let oldest = unlistFirst()
        {
            retired.append(Retired(segment: oldest, until: now + oldest.shown.duration + total))
            total = total - oldest.shown.duration
        }
    }

    private mutating func unlistFirst() -> Segment? {
        guard !listed.isEmpty else { return nil }
        let first = listed.removeFirst()
        if first.shown.isDiscontinuous { discontinuitySequence += 1 }
        return first
    }

    private mutating func drop(_ segment: Segment, _ dropped: inout Dropped) {
        bytes -= segment.bytes
        dropped += segment.files
        guard let name = segment.shown.initializationName else { return }
        let isInUse =
            retired.contains { $0.segment.shown.initializationName == name }
            || listed.contains { $0.shown.initializationName == name }
        guard !isInUse, let count = initializations.removeValue(forKey: name) else { return }
        bytes -= count
        dropped.append(name)
    }
}
