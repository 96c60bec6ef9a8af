import Domain
import HLS
import NIOCore

/// One version of a media playlist as readers find it, with what decides whether they wait (draft-pantos-hls-rfc8216bis
/// §6.2.5.2). A value; the texts behind it are made when first asked for.
struct PlaylistState: Sendable {
    /// Whole, without what a `_HLS_skip=YES` leaves out, and without what `v2` does.
    private let whole: DeliveredText?
    private let withoutSegments: DeliveredText?
    private let withoutDateRanges: DeliveredText?
    /// The part that comes next, by name.
    private let hint: String?
    /// The segment that is being made, by name.
    private let openName: String?
    /// The segment that is being made: the one after the last complete.
    private let openSegment: Int64
    /// How many of its parts are listed.
    private let openParts: Int
    /// How many the segment before it has.
    private let lastSegmentParts: Int
    private let partTarget: MediaTime?
    private let targetSeconds: Int

    /// There was one, and will be one again.
    static let withdrawn = PlaylistState()

    private init() {
        whole = nil
        withoutSegments = nil
        withoutDateRanges = nil
        hint = nil
        openName = nil
        openSegment = 0
        openParts = 0
        lastSegmentParts = 0
        partTarget = nil
        targetSeconds = 1
    }

    init(
        playlist: MediaPlaylist, hint: String?, openName: String, openSegment: Int64, openParts: Int,
        lastSegmentParts: Int,
        partTarget: MediaTime?,
        targetSeconds: Int, gzip: @escaping @Sendable (ByteBuffer) -> ByteBuffer?
    ) {
        self.whole = DeliveredText(gzip: gzip) { playlist.rendered() }
        self.withoutSegments = DeliveredText(gzip: gzip) { playlist.rendered(skip: .segments) }
        self.withoutDateRanges = DeliveredText(gzip: gzip) { playlist.rendered(skip: .segmentsAndDateRanges) }
        self.hint = hint
        self.openName = openName
        self.openSegment = openSegment
        self.openParts = openParts
        self.lastSegmentParts = lastSegmentParts
        self.partTarget = partTarget
        self.targetSeconds = targetSeconds
    }

    /// Three target durations: then a reader is told that it cannot be had (§6.2.5.2).
    var longestWaitSeconds: Int { targetSeconds * 3 }

    /// Whether the file is being made: the part that is hinted at, or the segment, which players of DASH ask for by its number before
    /// the manifest lists it.
    func promises(_ name: String) -> Bool {
        name == hint || openName.map { name == $0 || name == HLSNames.pictures($0) } ?? false
    }

    func answer(_ directives: PlaylistDirectives) -> DeliveryAnswer {
        guard let whole else { return .notYet(retryAfterSeconds: 1) }
        // Directives count only where the playlist says that they may be used.
        guard let partTarget else { return .found(resource(whole, seconds: 1)) }
        if directives.part != nil, directives.mediaSequence == nil {
            return .impossible("_HLS_part means nothing without _HLS_msn.")
        }
        if let number = directives.mediaSequence {
            // The last segment listed and two more are what a player may ask for.
            if number > openSegment + 1 {
                return .impossible("_HLS_msn is further ahead than two segments.")
            }
            if let part = directives.part, number >= openSegment,
                part >= (number == openSegment ? openParts : 0) + Self.advancePartLimit(partTarget)
            {
                return .impossible("_HLS_part is further ahead than a part can be.")
            }
            if !has(number, part: directives.part) { return .later(withinSeconds: longestWaitSeconds) }
        }
        let text =
            switch directives.skip {
            case .none: whole
            case .segments: withoutSegments ?? whole
            case .segmentsAndDateRanges: withoutDateRanges ?? whole
            }
        // What was waited for holds for six target durations: its URL is asked for once by each player (appendix B).
        return .found(resource(text, seconds: directives.mediaSequence == nil ? 1 : targetSeconds * 6))
    }

    /// Whether the segment, or the part of it or one behind it, is listed. A part behind its segment's end is the first of the
    /// next segment.
    private func has(_ number: Int64, part: Int?) -> Bool {
        if number > openSegment { return false }
        if number == openSegment { return part.map { $0 < openParts } ?? false }
        guard let part, number == openSegment - 1 else { return true }
        return openParts > 0 || part < lastSegmentParts
    }

    /// §6.2.5.2: three seconds' worth of parts, three at least.
    private static func advancePartLimit(_ target: MediaTime) -> Int {
        target >= .seconds(1) ? 3 : Int((3 / target.seconds).rounded(.up))
    }

    private func resource(_ text: DeliveredText, seconds: Int) -> DeliveredResource {
        DeliveredResource(
            content: .text(text), contentType: "application/vnd.apple.mpegurl", caching: .seconds(seconds))
    }
}
