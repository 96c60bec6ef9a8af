import Domain
import Foundation
import Logging
import NIOCore
import Packaging
import Synchronization
import Testing

/// The packager with a muxer that writes down what it was given: playlists, names, numbers and what is kept how long.
@Suite struct HLSPackagerTests {
    private let store = HLSChannelStore()
    private let failures = FakeMuxers.Failures()
    private let slots = DateRanges()

    private let outputs = OutputSwitches()

    private func makePackager(media: Int64 = 100, discontinuity: Int64 = 5) -> HLSPackager {
        store.declare(Envelope(), for: .main, memory: NoMemory())
        return HLSPackager(
            channel: .main, muxers: FakeMuxers(failures: failures), store: store, memory: NoMemory(), slots: slots,
            outputs: outputs, firstMediaSequence: media, firstDiscontinuitySequence: discontinuity,
            wallTimeAtProgrammeZero: WallTime(milliseconds: 1_700_000_000_000), logger: Logger(label: "test"))
    }

    private func play(
        _ packager: HLSPackager, _ format: ProgrammeFormat, from start: Double, seconds: Double, gop: Int = 60
    ) {
        let at = MediaTime.seconds(start)
        packager.joined(ProgrammeJoin(session: nil, at: at, formatChanged: false), format: format)
        for unit in Script.source(from: at, seconds: seconds, gop: gop) { packager.unit(unit) }
    }

    private func text(_ name: String) -> String? { found(name).map { String(buffer: $0.body) } }

    private func found(_ name: String, _ directives: PlaylistDirectives = .none) -> DeliveredResource? {
        switch store.resource(.main, name: name, directives: directives) {
        case .found(let resource): resource
        case .notFound, .notYet, .later, .impossible: nil
        }
    }

    @Test func hasNothingYetBeforeTheFirstSegment() throws {
        let packager = makePackager()
        for name in ["index.m3u8", "media.m3u8"] {
            guard case .later(withinSeconds: 6) = store.resource(.main, name: name) else {
                Issue.record("\(name) is there already")
                continue
            }
        }
        guard case .notFound = store.resource(.main, name: "segment-100.m4s") else {
            Issue.record("a segment that is not there was found")
            return
        }
        let other = try #require(ChannelName("other"))
        guard case .notFound = store.resource(other, name: "index.m3u8") else {
            Issue.record("a channel nobody opened was found")
            return
        }
        #expect(store.numbers(of: .main) == packager.currentNumbers)
        #expect(packager.currentNumbers == .init(mediaSequence: 100, discontinuitySequence: 5))
    }

    @Test func declaresTheChannelsOwnEnvelopeFromWhenItIsToldOn() {
        let packager = makePackager()
        play(packager, Script.formatA, from: 0, seconds: 5)
        #expect(text("index.m3u8")?.contains("RESOLUTION=1920x1080,FRAME-RATE=60.000") == true)
        var envelope = Envelope()
        (envelope.maximumWidth, envelope.maximumHeight, envelope.maximumFrameRate) = (1280, 720, 30)
        envelope.maximumBitsPerSecond = 4_000_000
        store.declare(envelope, for: .main, memory: NoMemory())
        let declared = text("index.m3u8") ?? ""
        #expect(declared.contains("BANDWIDTH=4040000,"))
        #expect(declared.contains("avc1.64001F,mp4a.40.2"))
        #expect(declared.contains("RESOLUTION=1280x720,FRAME-RATE=30.000"))
        packager.finished()
    }

    @Test func writesAHandOverWithFormatChangeIntoThePlaylist() {
        let packager = makePackager()
        play(packager, Script.formatA, from: 0, seconds: 5)
        play(packager, Script.formatA, from: 5, seconds: 2)
        play(packager, Script.formatB, from: 7, seconds: 2)
        packager.finished()
        #expect(
            text("media.m3u8") == """
                #EXTM3U
                #EXT-X-VERSION:9
                #EXT-X-INDEPENDENT-SEGMENTS
                #EXT-X-TARGETDURATION:4
                #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.50600,HOLD-BACK=12,CAN-SKIP-UNTIL=24,CAN-SKIP-DATERANGES=YES
                #EXT-X-PART-INF:PART-TARGET=0.50200
                #EXT-X-MEDIA-SEQUENCE:100
                #EXT-X-DISCONTINUITY-SEQUENCE:5
                #EXT-X-DISCONTINUITY
                #EXT-X-MAP:URI="init-100.mp4"
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z
                \(parts(100, 4))
                #EXTINF:2.000000,
                segment-100.m4s
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.000Z
                \(parts(101, 4))
                #EXTINF:2.000000,
                segment-101.m4s
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:24.000Z
                \(parts(102, 2))
                #EXTINF:1.000000,
                segment-102.m4s
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:25.000Z
                \(parts(103, 4))
                #EXTINF:2.000000,
                segment-103.m4s
                #EXT-X-DISCONTINUITY
                #EXT-X-MAP:URI="init-104.mp4"
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:27.000Z
                \(parts(104, 4))
                #EXTINF:2.000000,
                segment-104.m4s
                #EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-105.0.m4s"
                #EXT-X-RENDITION-REPORT:URI="audio.m3u8",LAST-MSN=104,LAST-PART=3

                """)
        #expect(packager.currentNumbers == .init(mediaSequence: 105, discontinuitySequence: 7))
        #expect(text("init-100.mp4") == "init 1280")
        #expect(text("init-104.mp4") == "init 1920")
        // VLC needs it again behind a discontinuity, and only there.
        #expect(text("segment-104.m4s")?.hasPrefix("init 1920[") == true)
        #expect(text("segment-101.m4s")?.hasPrefix("[15 ") == true)
        #expect(text("part-101.3.m4s").map { text("segment-101.m4s")?.hasSuffix($0) == true } == true)
    }

    /// The lines of a segment's parts of half a second, the first of which is independent.
    private func parts(_ segment: Int, _ count: Int) -> String {
        (0..<count).map { index in
            "#EXT-X-PART:DURATION=0.50000,URI=\"part-\(segment).\(index).m4s\"" + (index == 0 ? ",INDEPENDENT=YES" : "")
        }.joined(separator: "\n")
    }

    @Test func writesThePlaylistOfOldBoxesWithoutParts() {
        let packager = makePackager()
        play(packager, Script.formatA, from: 0, seconds: 3)
        play(packager, Script.formatB, from: 3, seconds: 2)
        packager.finished()
        #expect(
            text("ts.m3u8") == """
                #EXTM3U
                #EXT-X-VERSION:3
                #EXT-X-INDEPENDENT-SEGMENTS
                #EXT-X-TARGETDURATION:4
                #EXT-X-MEDIA-SEQUENCE:100
                #EXT-X-DISCONTINUITY-SEQUENCE:5
                #EXT-X-DISCONTINUITY
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z
                #EXTINF:2.000000,
                segment-100.ts
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.000Z
                #EXTINF:1.000000,
                segment-101.ts
                #EXT-X-DISCONTINUITY
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:23.000Z
                #EXTINF:2.000000,
                segment-102.ts

                """)
        #expect(text("segment-101.ts") == "tables[39][37]end")
    }

    @Test func writesTheSoundAlone() {
        let packager = makePackager()
        play(packager, Script.formatA, from: 0, seconds: 2)
        packager.finished()
        #expect(
            text("audio.m3u8") == """
                #EXTM3U
                #EXT-X-VERSION:9
                #EXT-X-INDEPENDENT-SEGMENTS
                #EXT-X-TARGETDURATION:4
                #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.57800,HOLD-BACK=12,CAN-SKIP-UNTIL=24,CAN-SKIP-DATERANGES=YES
                #EXT-X-PART-INF:PART-TARGET=0.52600
                #EXT-X-MEDIA-SEQUENCE:100
                #EXT-X-DISCONTINUITY-SEQUENCE:5
                #EXT-X-DISCONTINUITY
                #EXT-X-MAP:URI="audio-init-100.mp4"
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z
                #EXT-X-PART:DURATION=0.51200,URI="audio-part-100.0.m4s",INDEPENDENT=YES
                #EXT-X-PART:DURATION=0.49067,URI="audio-part-100.1.m4s",INDEPENDENT=YES
                #EXT-X-PART:DURATION=0.51200,URI="audio-part-100.2.m4s",INDEPENDENT=YES
                #EXT-X-PART:DURATION=0.46933,URI="audio-part-100.3.m4s",INDEPENDENT=YES
                #EXTINF:1.984000,
                audio-100.m4s
                #EXT-X-PRELOAD-HINT:TYPE=PART,URI="audio-part-101.0.m4s"
                #EXT-X-RENDITION-REPORT:URI="media.m3u8",LAST-MSN=100,LAST-PART=3

                """)
        #expect(text("audio-100.m4s") == "init sound[24][23][24][22]")
    }

    @Test func namesTheSlotsWithNamesThatCannotBreakThePlaylist() throws {
        let packager = makePackager()
        let start = WallTime(milliseconds: 1_700_000_000_000)
        let slot = ProgrammeSlot(
            id: "slot-1", name: "DJ \"A\"\n#EXT-X-ENDLIST \u{85}\u{2028}é", start: start,
            plannedEnd: start + .seconds(60))
        slots.show(slot, now: start)
        play(packager, Script.formatA, from: 0, seconds: 2.6)
        #expect(
            try #require(text("media.m3u8")).contains(
                "#EXT-X-DATERANGE:ID=\"slot-1\",CLASS=\"org.lineup.slot\",START-DATE=\"2023-11-14T22:13:20.000Z\","
                    + "PLANNED-DURATION=60.000,X-DJ=\"DJ \u{201D}A\u{201D} #EXT-X-ENDLIST   é\"\n"))
        slots.show(nil, now: start + .seconds(3))
        play(packager, Script.formatA, from: 2.6, seconds: 3)
        #expect(
            try #require(text("media.m3u8")).contains(",END-DATE=\"2023-11-14T22:13:23.000Z\",DURATION=3.000,X-DJ="))
        play(packager, Script.formatA, from: 5.6, seconds: 50)
        #expect(try #require(text("media.m3u8")).contains("DATERANGE:") == false)
        let delta = try #require(found("media.m3u8", PlaylistDirectives(skip: .segmentsAndDateRanges)))
        #expect(String(buffer: delta.body).contains(",RECENTLY-REMOVED-DATERANGES=\"slot-1\"\n"))
    }

    @Test func describesItsFiles() throws {
        let packager = makePackager()
        play(packager, Script.formatA, from: 0, seconds: 5)
        let playlist = try #require(found("media.m3u8"))
        #expect(playlist.contentType == "application/vnd.apple.mpegurl")
        #expect(playlist.caching == .seconds(1))
        let initialization = try #require(found("init-100.mp4"))
        #expect(initialization.contentType == "video/mp4")
        #expect(initialization.caching == .immutable)
        let segment = try #require(found("segment-100.m4s"))
        #expect(segment.contentType == "video/mp4")
        #expect(segment.caching == .immutable)
        for resource in [playlist, initialization, segment] {
            #expect(
                resource.entityTag.hasPrefix("\"") && resource.entityTag.hasSuffix("\"") && resource.entityTag.count > 2
            )
        }
        play(packager, Script.formatA, from: 5, seconds: 5)
        #expect(try #require(found("media.m3u8")).entityTag != playlist.entityTag)
    }

    @Test func listsThirtySixSecondsAndKeepsTheOthersForAsLongAgain() throws {
        let packager = makePackager(media: 0)
        play(packager, Script.formatA, from: 0, seconds: 121)
        let lines = try #require(text("media.m3u8")).split(separator: "\n")
        #expect(lines.filter { $0.hasSuffix(".m4s") } == (42..<60).map { "segment-\($0).m4s" })
        #expect(lines.contains("#EXT-X-MEDIA-SEQUENCE:42"))
        // A segment that left is kept for 19 segments of 2 s (it and the 18 after it) and 2 s of its own.
        #expect((0..<60).filter { found("segment-\($0).m4s") != nil } == Array(22..<60))
        #expect((0..<60).filter { found("part-\($0).3.m4s") != nil } == Array(22..<60))
        #expect((0..<60).filter { found("segment-\($0).ts") != nil } == Array(22..<60))
        #expect(found("init-0.mp4") != nil)
        // Parts are listed for the last three target durations.
        let parts = lines.filter { $0.hasPrefix("#EXT-X-PART:") }
        #expect(parts.count == 6 * 4 + 1)
        #expect(parts.first?.contains("\"part-54.0.m4s\"") == true)
    }

    @Test func neverListsLessThanNineTargetDurations() throws {
        let packager = makePackager(media: 0)
        // Hand-overs every half second.
        for turn in 0..<160 {
            play(packager, turn % 2 == 0 ? Script.formatA : Script.formatB, from: Double(turn) / 2, seconds: 0.5)
        }
        packager.finished()
        let playlist = try #require(text("media.m3u8"))
        #expect(playlist.components(separatedBy: "#EXTINF:0.500000,").count - 1 == 72)
        #expect(playlist.contains("#EXT-X-MEDIA-SEQUENCE:88\n#EXT-X-DISCONTINUITY-SEQUENCE:93\n"))
        for line in playlist.split(separator: "\n") where line.hasPrefix("#EXT-X-MAP") {
            #expect(found(String(line.dropFirst(16).dropLast())) != nil)
        }
        #expect(found("init-0.mp4") == nil)
    }

    @Test func withdrawsTheClaimOfIndependenceWhileItIsFalse() throws {
        let packager = makePackager()
        play(packager, Script.formatA, from: 0, seconds: 9, gop: 250)
        #expect(try #require(text("media.m3u8")).contains("INDEPENDENT-SEGMENTS") == false)
        play(packager, Script.formatA, from: 9, seconds: 60)
        #expect(try #require(text("media.m3u8")).contains("INDEPENDENT-SEGMENTS"))
    }

    @Test func losesOnlyWhatTheMuxerRefuses() throws {
        let packager = makePackager(media: 0)
        failures.set { $0.appendAt = .seconds(1) }
        play(packager, Script.formatA, from: 0, seconds: 5)
        #expect(try #require(text("segment-0.m4s")) == "init 1280[15 24][15 23][14 24][15 23]")
        failures.set {
            $0.appendAt = nil
            $0.flush = true
        }
        play(packager, Script.formatA, from: 5, seconds: 5)
        failures.set { $0.flush = false }
        play(packager, Script.formatA, from: 10, seconds: 5)
        packager.finished()
        let playlist = try #require(text("media.m3u8"))
        // What was lost leaves a break, not a number.
        #expect(playlist.components(separatedBy: "#EXT-X-DISCONTINUITY\n").count - 1 == 2)
        let numbers = packager.currentNumbers.mediaSequence
        #expect((0..<numbers).allSatisfy { found("segment-\($0).m4s") != nil })
    }

    @Test func recoversWhenNoMuxerCouldBeMade() throws {
        let packager = makePackager(media: 0)
        failures.set { $0.make = true }
        play(packager, Script.formatA, from: 0, seconds: 5)
        #expect(found("media.m3u8") == nil)
        failures.set { $0.make = false }
        play(packager, Script.formatA, from: 5, seconds: 5)
        #expect(try #require(text("media.m3u8")).contains("#EXT-X-DISCONTINUITY\n"))
        #expect(packager.currentNumbers.discontinuitySequence == 6)
    }

    @Test func anotherRenditionsFailureLeavesTheMainOneWhole() throws {
        let packager = makePackager(media: 0)
        play(packager, Script.formatA, from: 0, seconds: 4.1)
        #expect(found("segment-0.ts") != nil)
        failures.set { $0.transportStream = true }
        play(packager, Script.formatA, from: 4.1, seconds: 3)
        #expect(found("ts.m3u8") == nil && found("segment-0.ts") == nil)
        failures.set { $0.transportStream = false }
        play(packager, Script.formatA, from: 7.1, seconds: 4.1)
        let playlist = try #require(text("media.m3u8"))
        #expect(playlist.components(separatedBy: "#EXT-X-DISCONTINUITY\n").count - 1 == 1)
        #expect(try #require(text("ts.m3u8")).contains("#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-DISCONTINUITY-SEQUENCE:6\n"))
    }

    /// What is off is not made; what is back has the others' numbers, whatever happened meanwhile.
    @Test func whatNobodyCanAskForIsNotMuxedAndComesBackWithTheNumbersOfTheOthers() throws {
        let packager = makePackager()
        func numbers(_ name: String) -> [String]? {
            text(name)?.split(separator: "\n").map(String.init)
                .filter { $0.hasPrefix("#EXT-X-DISCONTINUITY-SEQUENCE") }
        }
        func segments(_ name: String) -> [String] {
            (text(name) ?? "").split(separator: "\n")
                .filter { !$0.hasPrefix("#") }.map { String($0.prefix { $0 != "." }.filter(\.isNumber)) }
        }
        play(packager, Script.formatA, from: 0, seconds: 8)
        #expect(text("ts.m3u8") != nil && text("audio.m3u8") != nil)
        _ = outputs.set([.dash])
        play(packager, Script.formatA, from: 8, seconds: 8)
        #expect(text("ts.m3u8") == nil && found("segment-100.ts") == nil, "HLS is off")
        #expect(text("audio.m3u8") != nil, "DASH needs the sound")
        _ = outputs.set([.rtmp])
        play(packager, Script.formatB, from: 16, seconds: 8)
        #expect(text("audio.m3u8") == nil && text("manifest.mpd") == nil && text("ts.m3u8") == nil)
        #expect(text("media.m3u8") != nil)
        _ = outputs.set([.hls])
        play(packager, Script.formatA, from: 24, seconds: 12)
        let main = segments("media.m3u8")
        for name in ["ts.m3u8", "audio.m3u8"] {
            let own = segments(name)
            #expect(!own.isEmpty && own == Array(main.suffix(own.count)), "\(name): \(own) of \(main)")
        }
        #expect(numbers("ts.m3u8") == numbers("audio.m3u8") && numbers("ts.m3u8")?.count == 1)
        #expect(numbers("ts.m3u8")?.first?.hasSuffix(":7") == true)
    }
}
