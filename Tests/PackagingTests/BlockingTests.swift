import Domain
import Logging
import NIOCore
import Packaging
import Synchronization
import TestKit
import Testing

/// Who waits, for what, and who is turned away (draft-pantos-hls-rfc8216bis §6.2.5).
@Suite struct BlockingTests {
    private let store = HLSChannelStore()

    private func makePackager() -> HLSPackager {
        HLSPackager(
            channel: .main, muxers: FakeMuxers(failures: .init()), store: store,
            memory: NoMemory(), firstMediaSequence: 10, firstDiscontinuitySequence: 0,
            wallTimeAtProgrammeZero: WallTime(milliseconds: 1_700_000_000_000), logger: Logger(label: "test"))
    }

    private func play(_ packager: HLSPackager, from start: Double, seconds: Double) {
        packager.joined(
            ProgrammeJoin(session: nil, at: .seconds(start), formatChanged: false), format: Script.formatA)
        for unit in Script.source(from: .seconds(start), seconds: seconds, gop: 60) { packager.unit(unit) }
    }

    private func status(_ sequence: Int64?, _ part: Int? = nil, name: String = "media.m3u8") -> String {
        switch store.resource(
            .main, name: name, directives: PlaylistDirectives(mediaSequence: sequence, part: part))
        {
        case .found: "found"
        case .notFound: "not found"
        case .notYet: "not yet"
        case .later(let seconds): "later \(seconds)"
        case .impossible: "impossible"
        }
    }

    /// After a restart, while the slate is made: 404 would send players away for good, and so would a second or third refusal.
    @Test func aChannelThatComesIsNotMissing() {
        let names = ["index.m3u8", "media.m3u8", "audio.m3u8", "ts.m3u8", "index-ts.m3u8", "manifest.mpd"]
        #expect(!store.knows(.main))
        #expect(names.map { status(nil, name: $0) } == Array(repeating: "not found", count: 6))
        store.declare(Envelope(), for: .main, memory: NoMemory())
        #expect(store.knows(.main))
        #expect(names.map { status(nil, name: $0) } == Array(repeating: "later 6", count: 6))
        #expect(status(7, 1) == "later 6")
        #expect([status(nil, name: "segment-7.m4s"), status(nil, name: "other.m3u8")] == ["not found", "not found"])
    }

    /// Segments 10 and 11 are complete; of 12 the parts 0 and 1 are there.
    @Test func answersWaitsAndRefuses() {
        let packager = makePackager()
        #expect(status(10) == "later 6")
        play(packager, from: 0, seconds: 5.1)
        #expect(status(nil) == "found")
        #expect([status(9), status(10), status(11), status(11, 3)] == Array(repeating: "found", count: 4))
        #expect(status(12) == "later 12")
        #expect([status(12, 0), status(12, 1)] == ["found", "found"])
        #expect([status(12, 2), status(12, 7)] == ["later 12", "later 12"])
        #expect(status(12, 8) == "impossible")
        // The segment that is being made is asked for by its number; the one behind it is not known of.
        let files = ["segment-12.m4s", "video-segment-12.m4s", "audio-12.m4s", "segment-12.ts"]
        #expect(files.map { status(nil, name: $0) } == Array(repeating: "later 12", count: 4))
        #expect(
            ["segment-13.m4s", "video-segment-13.m4s", "segment-12.mp4"].map { status(nil, name: $0) }
                == Array(repeating: "not found", count: 3))
        #expect([status(13), status(13, 0), status(13, 5)] == Array(repeating: "later 12", count: 3))
        #expect([status(13, 6), status(14), status(14, 0), status(.max)] == Array(repeating: "impossible", count: 4))
        #expect(status(nil, 0) == "impossible")
        // A part behind its segment's end is the first of the next segment: there already.
        #expect(status(11, 4) == "found")
        #expect(status(11, 99) == "found")
    }

    @Test func aPartBehindTheEndWaitsForTheNextSegmentsFirst() {
        let packager = makePackager()
        play(packager, from: 0, seconds: 2.2)
        #expect(status(10, 3) == "found")
        // Segment 11 has no part yet.
        #expect(status(10, 4) == "later 12")
        play(packager, from: 2.2, seconds: 1.0)
        #expect(status(10, 4) == "found")
    }

    @Test func thePromisedPartIsWaitedForAndAStalePromiseIsNot() {
        let packager = makePackager()
        play(packager, from: 0, seconds: 3.3)
        #expect(status(nil, name: "part-11.2.m4s") == "later 12")
        #expect(status(nil, name: "audio-part-11.2.m4s") == "later 12")
        #expect(status(nil, name: "part-11.3.m4s") == "not found")
        play(packager, from: 3.3, seconds: 0.8)
        // The hand-over came before part 3 of segment 11 was begun.
        #expect(status(nil, name: "part-11.2.m4s") == "found")
        #expect(status(nil, name: "part-11.3.m4s") == "not found")
        #expect(status(nil, name: "part-12.1.m4s") == "later 12")
    }

    @Test func aPlaylistWithoutPartsTakesNoDirectives() {
        let packager = makePackager()
        play(packager, from: 0, seconds: 5.1)
        #expect(status(99, 99, name: "ts.m3u8") == "found")
    }

    @Test func whenTheChannelStopsNobodyIsKeptWaiting() {
        let packager = makePackager()
        play(packager, from: 0, seconds: 5.1)
        packager.finished()
        #expect(status(nil) == "found")
        #expect(status(13) == "not yet")
        #expect(status(nil, name: "part-13.0.m4s") == "not yet")
        // And a new start goes on.
        _ = makePackager()
        #expect(status(13) == "later 6")
    }

    @Test func aChangeIsToldAfterItCanBeRead() {
        final class Watcher: DeliveryWatching {
            let store: HLSChannelStore
            let seen = Mutex<[Int]>([])
            init(_ store: HLSChannelStore) { self.store = store }
            func deliveryChanged(_ channel: ChannelName) {
                guard case .found(let playlist) = store.resource(channel, name: "media.m3u8") else { return }
                let text = String(buffer: playlist.body)
                seen.withLock { $0.append(text.components("#EXT-X-PART:")) }
            }
        }
        let watcher = Watcher(store)
        store.watch(watcher)
        let packager = makePackager()
        play(packager, from: 0, seconds: 1.9)
        // Before the first whole segment there is no playlist.
        #expect(status(nil) == "later 6")
        play(packager, from: 1.9, seconds: 2.2)
        #expect(watcher.seen.withLock { $0 } == [4, 5, 6, 7, 8])
    }
}

extension String {
    fileprivate func components(_ separator: String) -> Int {
        split(separator: separator, omittingEmptySubsequences: false).count - 1
    }
}
