package import Domain

/// A media playlist (RFC 8216 §4.3.3) of a programme that never ends, as a value that renders itself to text.
///
/// Version 7, since its segments are fMP4 and stand behind `EXT-X-MAP`. `Packaging` makes one per update; it is never kept.
package struct MediaPlaylist: Sendable, Equatable {
    /// One media segment with the tags that stand before it.
    package struct Segment: Sendable, Equatable {
        package var name: String
        /// Its share of the programme; must round to at most the target duration (§4.3.3.1).
        package var duration: MediaTime
        /// A discontinuity lies between this segment and the one before it (§4.3.2.3).
        package var isDiscontinuous: Bool
        /// The init section that this segment needs (§4.3.2.5).
        package var initializationName: String
        /// When its first picture is shown, on the wall's clock (§4.3.2.6).
        package var programDateTime: WallTime
        /// It starts with a key frame, so it can be decoded without the one before.
        package var isIndependent: Bool

        package init(
            name: String, duration: MediaTime, isDiscontinuous: Bool, initializationName: String,
            programDateTime: WallTime, isIndependent: Bool
        ) {
            self.name = name
            self.duration = duration
            self.isDiscontinuous = isDiscontinuous
            self.initializationName = initializationName
            self.programDateTime = programDateTime
            self.isIndependent = isIndependent
        }
    }

    /// In whole seconds; fixed for a playlist's life (§6.2.1).
    package var targetDuration: Int
    /// Of the first segment listed.
    package var mediaSequence: Int64
    /// How many discontinuities lie before the first segment's own (§6.2.2).
    package var discontinuitySequence: Int64
    package var segments: [Segment]

    package init(targetDuration: Int, mediaSequence: Int64, discontinuitySequence: Int64, segments: [Segment]) {
        self.targetDuration = targetDuration
        self.mediaSequence = mediaSequence
        self.discontinuitySequence = discontinuitySequence
        self.segments = segments
    }

    /// The playlist's UTF-8 text, lines ended by LF, without `EXT-X-ENDLIST`.
    ///
    /// `EXT-X-INDEPENDENT-SEGMENTS` stands there only while it is true of every segment listed (§4.3.5.1).
    package func rendered() -> String {
        var text = "#EXTM3U\n#EXT-X-VERSION:7\n"
        text.reserveCapacity(256 + segments.count * 160)
        if !segments.isEmpty, segments.allSatisfy(\.isIndependent) { text += "#EXT-X-INDEPENDENT-SEGMENTS\n" }
        text += "#EXT-X-TARGETDURATION:\(targetDuration)\n"
        text += "#EXT-X-MEDIA-SEQUENCE:\(mediaSequence)\n"
        text += "#EXT-X-DISCONTINUITY-SEQUENCE:\(discontinuitySequence)\n"
        var map: String?
        for segment in segments {
            if segment.isDiscontinuous { text += "#EXT-X-DISCONTINUITY\n" }
            if segment.initializationName != map {
                map = segment.initializationName
                text += "#EXT-X-MAP:URI=\"\(segment.initializationName)\"\n"
            }
            text += "#EXT-X-PROGRAM-DATE-TIME:\(segment.programDateTime)\n"
            text += "#EXTINF:\(decimalSeconds(segment.duration)),\n\(segment.name)\n"
        }
        return text
    }
}

/// Seconds with six decimals, rounded to the nearest microsecond; never with a locale's comma.
func decimalSeconds(_ time: MediaTime) -> String {
    let microseconds = max(0, time.ticks(timescale: 1_000_000))
    let (whole, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    let digits = String(rest)
    return "\(whole)." + String(repeating: "0", count: 6 - digits.count) + digits
}
