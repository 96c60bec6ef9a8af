import Domain
import HLS
import NIOCore

/// A channel's segments: those listed, and those that left the playlist but may still be fetched. Pure; owned by `HLSPackager`.
///
/// RFC 8216 §6.2.2: a segment stays fetchable for its own duration and that of the longest playlist that listed it. I11: all
/// of it together holds at most `maximumBytes`; when it would be more, the oldest goes first, listed or not.
struct SegmentWindow {
    struct Segment {
        var number: Int64
        var name: String
        var body: ByteBuffer
        var start: MediaTime
        var duration: MediaTime
        var date: WallTime
        var isDiscontinuous: Bool
        var isIndependent: Bool
        var initialization: String
    }

    /// A segment that is in no playlist any more.
    private struct Retired {
        var segment: Segment
        /// The programme time from which it need not be kept.
        var until: MediaTime
    }

    /// Six are the least a player gets; a playlist is never shorter than three target durations either (§6.2.2).
    private static let listedCount = 8
    static let maximumBytes = 256 << 20

    private let targetDuration: MediaTime
    private let maximumBytes: Int
    private var retired: [Retired] = []
    private(set) var listed: [Segment] = []
    private var initializations: [String: ByteBuffer] = [:]
    /// Discontinuities up to the first listed segment, without its own.
    private(set) var discontinuitySequence: Int64
    private(set) var bytes = 0

    init(targetDuration: MediaTime, discontinuitySequence: Int64, maximumBytes: Int = Self.maximumBytes) {
        self.targetDuration = targetDuration
        self.discontinuitySequence = discontinuitySequence
        self.maximumBytes = maximumBytes
    }

    /// What an addition changed: names that no longer mean anything.
    typealias Dropped = [String]

    mutating func addInitialization(_ body: ByteBuffer, named name: String) {
        initializations[name] = body
        bytes += body.readableBytes
    }

    mutating func add(_ segment: Segment) -> Dropped {
        listed.append(segment)
        bytes += segment.body.readableBytes
        let now = segment.start + segment.duration
        retireSurplus(now: now)
        var dropped: Dropped = []
        while let oldest = retired.first, oldest.until <= now || bytes > maximumBytes {
            retired.removeFirst()
            drop(oldest.segment, &dropped)
        }
        while bytes > maximumBytes, listed.count > 1, let oldest = unlistFirst() { drop(oldest, &dropped) }
        return dropped
    }

    func playlist(targetSeconds: Int) -> MediaPlaylist {
        MediaPlaylist(
            targetDuration: targetSeconds, mediaSequence: listed.first?.number ?? 0,
            discontinuitySequence: discontinuitySequence,
            segments: listed.map {
                MediaPlaylist.Segment(
                    name: $0.name, duration: $0.duration, isDiscontinuous: $0.isDiscontinuous,
                    initializationName: $0.initialization, programDateTime: $0.date, isIndependent: $0.isIndependent)
            })
    }

    private mutating func retireSurplus(now: MediaTime) {
        var total = listed.reduce(MediaTime.zero) { $0 + $1.duration }
        while listed.count > Self.listedCount, let first = listed.first,
            total - first.duration >= targetDuration * 3, let oldest = unlistFirst()
        {
            retired.append(Retired(segment: oldest, until: now + oldest.duration + total))
            total = total - oldest.duration
        }
    }

    private mutating func unlistFirst() -> Segment? {
        guard !listed.isEmpty else { return nil }
        let first = listed.removeFirst()
        if first.isDiscontinuous { discontinuitySequence += 1 }
        return first
    }

    private mutating func drop(_ segment: Segment, _ dropped: inout Dropped) {
        bytes -= segment.body.readableBytes
        dropped.append(segment.name)
        let name = segment.initialization
        let isInUse =
            retired.contains { $0.segment.initialization == name } || listed.contains { $0.initialization == name }
        guard !isInUse, let body = initializations.removeValue(forKey: name) else { return }
        bytes -= body.readableBytes
        dropped.append(name)
    }
}
