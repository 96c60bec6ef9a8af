package import Domain

/// A media playlist (draft-pantos-hls-rfc8216bis §4.4.3) of a programme that never ends, as a value that renders itself.
///
/// `Packaging` makes one per update. Sections are those of the draft unless another document is named.
package struct MediaPlaylist: Sendable, Equatable {
    /// A partial segment (§4.4.4.9).
    package struct Part: Sendable, Equatable {
        package var name: String
        package var duration: MediaTime
        /// A player can begin with it.
        package var isIndependent: Bool

        package init(name: String, duration: MediaTime, isIndependent: Bool) {
            self.name = name
            self.duration = duration
            self.isIndependent = isIndependent
        }
    }

    /// One media segment with the tags that stand before it.
    package struct Segment: Sendable, Equatable {
        /// `nil` for the last one while it is being made: only its parts are listed.
        package var name: String?
        /// Its share of the programme; must round to at most the target duration (§4.4.4.1).
        package var duration: MediaTime
        /// A discontinuity lies between this segment and the one before it (§4.4.4.3).
        package var isDiscontinuous: Bool
        /// The init section that this segment needs (§4.4.4.5); `nil` in a transport stream.
        package var initializationName: String?
        /// When its first picture is shown, on the wall's clock (§4.4.4.6).
        package var programDateTime: WallTime
        /// It starts with a key frame, so it can be decoded without the one before.
        package var isIndependent: Bool
        /// There is nothing in it for this playlist (§4.4.4.7).
        package var isGap: Bool
        /// Listed by `rendered` where they are near the end (§6.2.2).
        package var parts: [Part]

        package init(
            name: String?, duration: MediaTime, isDiscontinuous: Bool, initializationName: String?,
            programDateTime: WallTime, isIndependent: Bool, isGap: Bool = false, parts: [Part] = []
        ) {
            self.name = name
            self.duration = duration
            self.isDiscontinuous = isDiscontinuous
            self.initializationName = initializationName
            self.programDateTime = programDateTime
            self.isIndependent = isIndependent
            self.isGap = isGap
            self.parts = parts
        }
    }

    /// What another rendition has reached (§4.4.5.4).
    package struct RenditionReport: Sendable, Equatable {
        package var name: String
        package var lastMediaSequence: Int64
        package var lastPart: Int

        package init(name: String, lastMediaSequence: Int64, lastPart: Int) {
            self.name = name
            self.lastMediaSequence = lastMediaSequence
            self.lastPart = lastPart
        }
    }

    /// What makes a playlist a low-latency one.
    package struct LowLatency: Sendable, Equatable {
        /// No part is longer (§4.4.3.7).
        package var partTarget: MediaTime
        /// The part that comes next (§4.4.5.3).
        package var preloadHint: String?
        package var reports: [RenditionReport]

        package init(partTarget: MediaTime, preloadHint: String?, reports: [RenditionReport] = []) {
            self.partTarget = partTarget
            self.preloadHint = preloadHint
            self.reports = reports
        }
    }

    /// `EXT-X-VERSION`: 3 for a transport stream, 9 where a delta update may come (§8).
    package var version: Int
    /// In whole seconds; fixed for a playlist's life (§6.2.1).
    package var targetDuration: Int
    /// Of the first segment listed.
    package var mediaSequence: Int64
    /// How many discontinuities lie before the first segment's own (§6.2.2).
    package var discontinuitySequence: Int64
    package var segments: [Segment]
    package var dateRanges: [DateRange]
    /// Ids of date ranges that left it within the skip boundary (§4.4.5.2).
    package var recentlyRemovedDateRanges: [String]
    /// `nil` for an ordinary playlist.
    package var lowLatency: LowLatency?

    package init(
        version: Int = 9, targetDuration: Int, mediaSequence: Int64, discontinuitySequence: Int64,
        segments: [Segment], dateRanges: [DateRange] = [], recentlyRemovedDateRanges: [String] = [],
        lowLatency: LowLatency? = nil
    ) {
        self.version = version
        self.targetDuration = targetDuration
        self.mediaSequence = mediaSequence
        self.discontinuitySequence = discontinuitySequence
        self.segments = segments
        self.dateRanges = dateRanges
        self.recentlyRemovedDateRanges = recentlyRemovedDateRanges
        self.lowLatency = lowLatency
    }

    /// `CAN-SKIP-UNTIL`, in seconds: the least that is allowed (§4.4.3.8).
    package var skipBoundary: Int { targetDuration * 6 }
}

// MARK: - Text

extension MediaPlaylist {
    /// The playlist's UTF-8 text, lines ended by LF, without `EXT-X-ENDLIST`.
    ///
    /// `EXT-X-INDEPENDENT-SEGMENTS` stands there only while it is true of every segment listed (§4.4.2.1).
    ///
    /// - Parameter skip: a delta update (§5.2) that leaves out what is older than the skip boundary; the whole playlist where
    ///   nothing is, or where the playlist is no low-latency one.
    package func rendered(skip: PlaylistDirectives.Skip? = nil) -> String {
        let skipped = skip == nil || lowLatency == nil ? 0 : skippableSegments
        let withoutDateRanges = skipped > 0 && skip == .segmentsAndDateRanges
        var text = "#EXTM3U\n#EXT-X-VERSION:\(withoutDateRanges ? max(version, 10) : version)\n"
        text.reserveCapacity(512 + (segments.count - skipped) * 384)
        if !segments.isEmpty, segments.allSatisfy(\.isIndependent) { text += "#EXT-X-INDEPENDENT-SEGMENTS\n" }
        text += "#EXT-X-TARGETDURATION:\(targetDuration)\n"
        if let lowLatency { text += control(lowLatency) }
        text += "#EXT-X-MEDIA-SEQUENCE:\(mediaSequence)\n"
        text += "#EXT-X-DISCONTINUITY-SEQUENCE:\(discontinuitySequence)\n"
        if skipped > 0 { text += skipTag(skipped, withoutDateRanges: withoutDateRanges) }
        let boundary = skipped > 0 ? segments[skipped].programDateTime : WallTime(milliseconds: .min)
        for range in dateRanges where !(withoutDateRanges && range.changedAt < boundary) { text += range.rendered() }
        // The init section is named again behind what was skipped: it costs a line, and no reader has to look back.
        render(segments[skipped...], into: &text)
        if let hint = lowLatency?.preloadHint { text += "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"\(hint)\"\n" }
        for report in lowLatency?.reports ?? [] {
            text += "#EXT-X-RENDITION-REPORT:URI=\"\(report.name)\",LAST-MSN=\(report.lastMediaSequence),"
            text += "LAST-PART=\(report.lastPart)\n"
        }
        return text
    }

    /// §4.4.3.7 and §4.4.3.8. A player stays three parts behind the end, or three segments where it does without parts.
    private func control(_ lowLatency: LowLatency) -> String {
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=\(shortSeconds(lowLatency.partTarget * 3)),"
            + "HOLD-BACK=\(targetDuration * 3),CAN-SKIP-UNTIL=\(skipBoundary),CAN-SKIP-DATERANGES=YES\n"
            + "#EXT-X-PART-INF:PART-TARGET=\(shortSeconds(lowLatency.partTarget))\n"
    }

    private func skipTag(_ count: Int, withoutDateRanges: Bool) -> String {
        var text = "#EXT-X-SKIP:SKIPPED-SEGMENTS=\(count)"
        if withoutDateRanges {
            text += ",RECENTLY-REMOVED-DATERANGES=\"\(recentlyRemovedDateRanges.joined(separator: "\t"))\""
        }
        return text + "\n"
    }

    /// Segments that end further from the playlist's end than the skip boundary (§6.2.5.1).
    private var skippableSegments: Int {
        var fromEnd = MediaTime.zero
        for (index, segment) in segments.enumerated().reversed() {
            if fromEnd >= .seconds(Double(skipBoundary)) { return segment.name == nil ? index : index + 1 }
            fromEnd = fromEnd + segment.duration
        }
        return 0
    }

    private func render(_ shown: ArraySlice<Segment>, into text: inout String) {
        let firstWithParts = lowLatency == nil ? shown.endIndex : firstSegmentWithParts
        var map: String?
        for (index, segment) in zip(shown.indices, shown) {
            if segment.isDiscontinuous { text += "#EXT-X-DISCONTINUITY\n" }
            if let name = segment.initializationName, name != map {
                map = name
                text += "#EXT-X-MAP:URI=\"\(name)\"\n"
            }
            if segment.name != nil || !segment.parts.isEmpty {
                text += "#EXT-X-PROGRAM-DATE-TIME:\(segment.programDateTime)\n"
            }
            if index >= firstWithParts {
                for part in segment.parts {
                    text += "#EXT-X-PART:DURATION=\(shortSeconds(part.duration)),URI=\"\(part.name)\""
                    text += part.isIndependent ? ",INDEPENDENT=YES\n" : "\n"
                }
            }
            guard let name = segment.name else { continue }
            if segment.isGap { text += "#EXT-X-GAP\n" }
            text += "#EXTINF:\(decimalSeconds(segment.duration)),\n\(name)\n"
        }
    }

    /// Parts that end further than three target durations from the playlist's end are not listed (§6.2.2).
    private var firstSegmentWithParts: Int {
        var fromEnd = MediaTime.zero
        for (index, segment) in segments.enumerated().reversed() {
            if fromEnd >= .seconds(Double(targetDuration * 3)) { return index + 1 }
            fromEnd = fromEnd + segment.duration
        }
        return 0
    }
}

/// Seconds with six decimals, rounded to the nearest microsecond; never with a locale's comma.
func decimalSeconds(_ time: MediaTime) -> String {
    let microseconds = max(0, time.ticks(timescale: 1_000_000))
    let (whole, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    let digits = String(rest)
    return "\(whole)." + String(repeating: "0", count: 6 - digits.count) + digits
}

/// As `decimalSeconds`, with five decimals: a part stands in the text a hundred times.
private func shortSeconds(_ time: MediaTime) -> String {
    let ticks = max(0, time.ticks(timescale: 100_000))
    let (whole, rest) = ticks.quotientAndRemainder(dividingBy: 100_000)
    let digits = String(rest)
    return "\(whole)." + String(repeating: "0", count: 5 - digits.count) + digits
}
