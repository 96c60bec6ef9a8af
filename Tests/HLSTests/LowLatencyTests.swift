import Domain
import HLS
import Testing

/// What draft-pantos-hls-rfc8216bis adds to a media playlist, as whole texts.
@Suite struct LowLatencyTests {
    private static let epoch = WallTime(milliseconds: 1_700_000_000_000)

    /// Segments of 2 s from `first` on, each of 2 parts, the last of them still being made with one part.
    private func playlist(_ first: Int64, count: Int, dateRanges: [DateRange] = []) -> MediaPlaylist {
        let segments = (0..<count).map { index in
            let number = first + Int64(index)
            let isOpen = index == count - 1
            let parts = (0..<(isOpen ? 1 : 2)).map {
                MediaPlaylist.Part(name: "p\(number).\($0).m4s", duration: .seconds(1), isIndependent: $0 == 0)
            }
            return MediaPlaylist.Segment(
                name: isOpen ? nil : "s\(number).m4s", duration: .seconds(isOpen ? 1 : 2), isDiscontinuous: false,
                initializationName: "i.mp4", programDateTime: Self.epoch + .seconds(2 * number), isIndependent: true,
                parts: parts)
        }
        return MediaPlaylist(
            targetDuration: 2, mediaSequence: first, discontinuitySequence: 3, segments: segments,
            dateRanges: dateRanges, recentlyRemovedDateRanges: ["old", "older"],
            lowLatency: .init(
                partTarget: .milliseconds(1002), preloadHint: "p\(first + Int64(count) - 1).1.m4s",
                reports: [.init(name: "audio.m3u8", lastMediaSequence: 7, lastPart: 2)]))
    }

    private let head = """
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-TARGETDURATION:2
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3.00600,HOLD-BACK=6,CAN-SKIP-UNTIL=12,CAN-SKIP-DATERANGES=YES
        #EXT-X-PART-INF:PART-TARGET=1.00200
        """

    @Test func listsPartsHintAndReport() {
        #expect(
            playlist(5, count: 2).rendered() == """
                #EXTM3U
                #EXT-X-VERSION:9
                \(head)
                #EXT-X-MEDIA-SEQUENCE:5
                #EXT-X-DISCONTINUITY-SEQUENCE:3
                #EXT-X-MAP:URI="i.mp4"
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:30.000Z
                #EXT-X-PART:DURATION=1.00000,URI="p5.0.m4s",INDEPENDENT=YES
                #EXT-X-PART:DURATION=1.00000,URI="p5.1.m4s"
                #EXTINF:2.000000,
                s5.m4s
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:32.000Z
                #EXT-X-PART:DURATION=1.00000,URI="p6.0.m4s",INDEPENDENT=YES
                #EXT-X-PRELOAD-HINT:TYPE=PART,URI="p6.1.m4s"
                #EXT-X-RENDITION-REPORT:URI="audio.m3u8",LAST-MSN=7,LAST-PART=2

                """)
    }

    @Test func aDeltaUpdateLeavesOutWhatIsBehindTheSkipBoundary() {
        // 8 segments of 2 s and a part: those that end more than 12 s before the end may be left out.
        let text = playlist(0, count: 9).rendered(skip: .segments)
        #expect(
            text.hasPrefix(
                """
                #EXTM3U
                #EXT-X-VERSION:9
                \(head)
                #EXT-X-MEDIA-SEQUENCE:0
                #EXT-X-DISCONTINUITY-SEQUENCE:3
                #EXT-X-SKIP:SKIPPED-SEGMENTS=2
                #EXT-X-MAP:URI="i.mp4"
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:24.000Z
                #EXTINF:2.000000,
                s2.m4s

                """))
        #expect(text.hasSuffix("LAST-PART=2\n"))
    }

    @Test func aShortPlaylistHasNoDelta() {
        let playlist = playlist(0, count: 6)
        #expect(playlist.rendered(skip: .segments) == playlist.rendered())
        #expect(playlist.rendered(skip: .segmentsAndDateRanges) == playlist.rendered())
    }

    @Test func aDeltaUpdateOfTheSecondKindLeavesOutOldDateRangesToo() {
        let early = DateRange(
            id: "a", name: "A", start: Self.epoch, plannedEnd: nil, end: Self.epoch + .seconds(9),
            changedAt: Self.epoch + .seconds(1))
        let late = DateRange(
            id: "b", name: "B", start: Self.epoch + .seconds(9), plannedEnd: Self.epoch + .seconds(99), end: nil,
            changedAt: Self.epoch + .seconds(9))
        let playlist = playlist(0, count: 9, dateRanges: [early, late])
        #expect(playlist.rendered(skip: .segments).contains("ID=\"a\""))
        let text = playlist.rendered(skip: .segmentsAndDateRanges)
        #expect(text.hasPrefix("#EXTM3U\n#EXT-X-VERSION:10\n"))
        #expect(text.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=2,RECENTLY-REMOVED-DATERANGES=\"old\tolder\"\n"))
        #expect(!text.contains("ID=\"a\"") && text.contains("ID=\"b\""))
        #expect(
            playlist.rendered().contains(
                "#EXT-X-DATERANGE:ID=\"a\",CLASS=\"org.lineup.slot\",START-DATE=\"2023-11-14T22:13:20.000Z\","
                    + "END-DATE=\"2023-11-14T22:13:29.000Z\",DURATION=9.000,X-DJ=\"A\"\n"))
    }

    @Test func aSegmentWithNothingInItIsAGap() {
        var playlist = playlist(0, count: 2)
        playlist.segments[0].isGap = true
        #expect(playlist.rendered().contains("#EXT-X-GAP\n#EXTINF:2.000000,\ns0.m4s\n"))
    }
}
