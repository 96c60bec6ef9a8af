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

    private func makePackager(media: Int64 = 100, discontinuity: Int64 = 5) -> HLSPackager {
        HLSPackager(
            channel: .main, muxers: FakeMuxers(failures: failures), envelope: Envelope(), store: store,
            firstMediaSequence: media, firstDiscontinuitySequence: discontinuity,
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

    private func found(_ name: String) -> DeliveredResource? {
        switch store.resource(.main, name: name) {
        case .found(let resource): resource
        case .notFound, .notYet: nil
        }
    }

    @Test func hasNothingYetBeforeTheFirstSegment() throws {
        let packager = makePackager()
        for name in ["index.m3u8", "media.m3u8"] {
            guard case .notYet(retryAfterSeconds: 1) = store.resource(.main, name: name) else {
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

    @Test func writesAHandOverWithFormatChangeIntoThePlaylist() {
        let packager = makePackager()
        play(packager, Script.formatA, from: 0, seconds: 5)
        play(packager, Script.formatA, from: 5, seconds: 2)
        play(packager, Script.formatB, from: 7, seconds: 2)
        packager.finished()
        #expect(
            text("media.m3u8") == """
                #EXTM3U
                #EXT-X-VERSION:7
                #EXT-X-INDEPENDENT-SEGMENTS
                #EXT-X-TARGETDURATION:4
                #EXT-X-MEDIA-SEQUENCE:100
                #EXT-X-DISCONTINUITY-SEQUENCE:5
                #EXT-X-DISCONTINUITY
                #EXT-X-MAP:URI="init-100.mp4"
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z
                #EXTINF:2.000000,
                segment-100.m4s
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.000Z
                #EXTINF:2.000000,
                segment-101.m4s
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:24.000Z
                #EXTINF:1.000000,
                segment-102.m4s
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:25.000Z
                #EXTINF:2.000000,
                segment-103.m4s
                #EXT-X-DISCONTINUITY
                #EXT-X-MAP:URI="init-104.mp4"
                #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:27.000Z
                #EXTINF:2.000000,
                segment-104.m4s

                """)
        #expect(packager.currentNumbers == .init(mediaSequence: 105, discontinuitySequence: 7))
        #expect(text("init-100.mp4") == "init 1280")
        #expect(text("init-104.mp4") == "init 1920")
        // VLC needs it again behind a discontinuity, and only there.
        #expect(text("segment-104.m4s")?.hasPrefix("init 1920") == true)
        #expect(text("segment-101.m4s")?.hasPrefix("init") == false)
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
        #expect(segment.contentType == "video/iso.segment")
        #expect(segment.caching == .immutable)
        for resource in [playlist, initialization, segment] {
            #expect(
                resource.entityTag.hasPrefix("\"") && resource.entityTag.hasSuffix("\"") && resource.entityTag.count > 2
            )
        }
        play(packager, Script.formatA, from: 5, seconds: 5)
        #expect(try #require(found("media.m3u8")).entityTag != playlist.entityTag)
    }

    @Test func listsEightSegmentsAndKeepsTheOthersForAsLongAgain() throws {
        let packager = makePackager(media: 0)
        play(packager, Script.formatA, from: 0, seconds: 121)
        let lines = try #require(text("media.m3u8")).split(separator: "\n")
        #expect(lines.filter { $0.hasSuffix(".m4s") } == (52..<60).map { "segment-\($0).m4s" })
        #expect(lines.contains("#EXT-X-MEDIA-SEQUENCE:52"))
        // A segment that left is kept for 9 segments of 2 s (it and the 8 after it) and 2 s of its own.
        #expect((0..<60).filter { found("segment-\($0).m4s") != nil } == Array(42..<60))
        #expect(found("init-0.mp4") != nil)
    }

    @Test func neverListsLessThanThreeTargetDurations() throws {
        let packager = makePackager(media: 0)
        // Hand-overs every half second.
        for turn in 0..<60 {
            play(packager, turn % 2 == 0 ? Script.formatA : Script.formatB, from: Double(turn) / 2, seconds: 0.5)
        }
        packager.finished()
        let playlist = try #require(text("media.m3u8"))
        #expect(playlist.components(separatedBy: "#EXTINF:0.500000,").count - 1 == 24)
        #expect(playlist.contains("#EXT-X-MEDIA-SEQUENCE:36\n#EXT-X-DISCONTINUITY-SEQUENCE:41\n"))
        for line in playlist.split(separator: "\n") where line.hasPrefix("#EXT-X-MAP") {
            #expect(found(String(line.dropFirst(16).dropLast())) != nil)
        }
        #expect(found("init-0.mp4") == nil)
    }

    @Test func withdrawsTheClaimOfIndependenceWhileItIsFalse() throws {
        let packager = makePackager()
        play(packager, Script.formatA, from: 0, seconds: 9, gop: 250)
        #expect(try #require(text("media.m3u8")).contains("INDEPENDENT") == false)
        play(packager, Script.formatA, from: 9, seconds: 30)
        #expect(try #require(text("media.m3u8")).contains("INDEPENDENT"))
    }

    @Test func losesOnlyWhatTheMuxerRefuses() throws {
        let packager = makePackager(media: 0)
        failures.set { $0.appendAt = .seconds(1) }
        play(packager, Script.formatA, from: 0, seconds: 5)
        #expect(try #require(text("segment-0.m4s")) == "init 128059 94")
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
}

/// Makes muxers that count: a segment's bytes are its numbers of pictures and frames of audio.
private struct FakeMuxers: FragmentMuxerFactory {
    final class Failures: Sendable {
        struct Wanted: Sendable {
            var make = false
            var flush = false
            var appendAt: MediaTime?
        }
        private let wanted = Mutex(Wanted())
        func set(_ change: (inout Wanted) -> Void) { wanted.withLock { change(&$0) } }
        var now: Wanted { wanted.withLock { $0 } }
    }

    struct Failure: Error {}

    let failures: Failures

    func makeMuxer(for format: ProgrammeFormat) throws -> any FragmentMuxer {
        if failures.now.make { throw Failure() }
        return Muxer(format: format, failures: failures)
    }

    private final class Muxer: FragmentMuxer {
        let initializationSection: ByteBuffer
        private let failures: Failures
        private var counts: [TrackKind: Int] = [:]

        init(format: ProgrammeFormat, failures: Failures) {
            self.initializationSection = ByteBuffer(string: "init \(format.video.width)")
            self.failures = failures
        }

        func append(_ unit: ProgrammeUnit) throws {
            if unit.decodeTime == failures.now.appendAt, unit.track == .video { throw Failure() }
            counts[unit.track, default: 0] += 1
        }

        func flush() throws -> ByteBuffer {
            if failures.now.flush { throw Failure() }
            defer { counts = [:] }
            return ByteBuffer(string: "\(counts[.video] ?? 0) \(counts[.audio] ?? 0)")
        }
    }
}
