import Domain
import Glibc
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct DeliveryTests {
    private static let path = "/hls/main/segment-1.m4s"

    static func fill(_ site: TestSite) {
        site.origin.set(
            "index.m3u8", body: Array("#EXTM3U\n".utf8), contentType: "application/vnd.apple.mpegurl",
            caching: .seconds(1))
        site.origin.set("segment-1.m4s", body: Array("0123456789".utf8), contentType: "video/mp4", caching: .immutable)
        site.origin.set("soon.m3u8", to: .notYet(retryAfterSeconds: 2))
    }

    @Test func playlistIsShortLivedAndOpenToOtherSites() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            let answer = try await site.send("GET", "/hls/main/index.m3u8?x=1")
            #expect(answer.status == 200)
            #expect(answer.body == "#EXTM3U\n")
            #expect(answer.headers["content-type"] == "application/vnd.apple.mpegurl")
            #expect(answer.headers["cache-control"] == "public, max-age=1")
            #expect(answer.headers["access-control-allow-origin"] == "*")
            #expect(answer.headers["etag"] == "\"index.m3u8\"")
        }
    }

    @Test func segmentIsImmutableAndHasRanges() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            let whole = try await site.send("GET", Self.path)
            #expect(whole.body == "0123456789")
            #expect(whole.headers["cache-control"] == "public, max-age=600, immutable")
            #expect(whole.headers["accept-ranges"] == "bytes")
            let part = try await site.send("GET", Self.path, headers: [("Range", "bytes=2-4")])
            #expect(part.status == 206)
            #expect(part.body == "234")
            #expect(part.headers["content-range"] == "bytes 2-4/10")
            let beyond = try await site.send("GET", Self.path, headers: [("Range", "bytes=10-")])
            #expect(beyond.status == 416)
            #expect(beyond.headers["content-range"] == "bytes */10")
            let changed = try await site.send(
                "GET", Self.path, headers: [("Range", "bytes=2-4"), ("If-Range", "\"other\"")])
            #expect(changed.status == 200)
        }
    }

    @Test func headAndEntityTagSpareTheBody() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            let head = try await site.send("HEAD", Self.path)
            #expect(head.status == 200)
            #expect(head.headers["content-length"] == "10")
            #expect(head.body.isEmpty)
            let same = try await site.send("GET", Self.path, headers: [("If-None-Match", "\"segment-1.m4s\"")])
            #expect(same.status == 304)
            #expect(same.body.isEmpty)
        }
    }

    @Test func nothingYetSaysWhenToComeBack() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            let answer = try await site.send("GET", "/hls/main/soon.m3u8")
            #expect(answer.status == 503)
            #expect(answer.headers["retry-after"] == "2")
            #expect(answer.headers["access-control-allow-origin"] == "*")
        }
    }

    @Test(arguments: ["/hls/main/none.m4s", "/hls/other/index.m3u8", "/hls/main/", "/hls/main", "/hls/UP/index.m3u8"])
    func whatIsNotThereIsNotFound(path: String) async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            #expect(try await site.send("GET", path).status == 404)
        }
    }

    /// The files of both are the same; only the one that is off has none of them.
    @Test func anOutputThatIsOffHasNothingAndTheOtherGoesOn() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            site.origin.set("manifest.mpd", body: [0x3C], contentType: "application/dash+xml", caching: .seconds(1))
            _ = site.outputs.set([.hls])
            for name in ["manifest.mpd", "segment-1.m4s", "time"] {
                let answer = try await site.send("GET", "/dash/main/\(name)")
                #expect(answer.status == 404 && answer.headers["content-type"] == "application/problem+json")
                #expect(answer.headers["cache-control"] == "no-store")
            }
            #expect(try await site.send("GET", Self.path).status == 200)
            _ = site.outputs.set([.dash])
            #expect(try await site.send("GET", "/dash/main/segment-1.m4s").status == 200)
            #expect(try await site.send("GET", "/hls/main/index.m3u8").status == 404)
        }
    }

    @Test func whoWaitsForAnOutputThatIsSwitchedOffIsLetGo() async throws {
        try await TestSite.run { site async throws in
            site.origin.set("media.m3u8", to: .later(withinSeconds: 30))
            async let answer = site.send("GET", "/hls/main/media.m3u8?_HLS_msn=7")
            try await Self.isAsked(site, .init(mediaSequence: 7))
            _ = site.outputs.set([.dash])
            // It may be asked for before it waits; then the channel's next part lets it go.
            let moving = Task {
                while !Task.isCancelled {
                    site.origin.set("other", to: .notFound)
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            #expect(try await answer.status == 404)
            moving.cancel()
        }
    }

    @Test func theListOffersWhatIsOn() async throws {
        try await TestSite.run { site async throws in
            _ = site.outputs.set([.transportStream, .rtmp])
            let list = try await site.send("GET", "/playlist.m3u")
            #expect(list.status == 200 && list.body.contains("/stream/main"))
            #expect(!list.body.contains("/hls/") && !list.body.contains("/audio/"))
            #expect(try await site.send("GET", "/playlist.m3u?variants=false").body.contains("/stream/main"))
            _ = site.outputs.set([.rtmp])
            #expect(try await site.send("GET", "/playlist.m3u").body.contains("main") == false)
            let channel = try await site.send("GET", "/api/v1/channels/main")
            #expect(channel.body.contains(#""outputs":["rtmp"]"#))
        }
    }

    @Test func preflightAllowsRanges() async throws {
        try await TestSite.run { site async throws in
            let answer = try await site.send("OPTIONS", Self.path, headers: [("Origin", "https://other.example")])
            #expect(answer.status == 204)
            #expect(answer.headers["access-control-allow-headers"] == "Range, If-None-Match, X-Region")
        }
    }

    @Test(
        arguments: [
            (nil, ByteRange.everything), ("bytes=0-0", .part(0..<1)), ("bytes=0-", .part(0..<10)),
            ("bytes=8-99", .part(8..<10)), ("bytes=-3", .part(7..<10)), ("bytes=-99", .part(0..<10)),
            ("bytes=-0", .unsatisfiable), ("bytes=10-12", .unsatisfiable), ("bytes=4-2", .everything),
            ("bytes=1-2,4-5", .everything), ("items=1-2", .everything), ("bytes=", .everything),
            ("bytes=-", .everything),
            ("bytes=a-b", .everything), ("bytes=+1-2", .everything), ("bytes=1-2-3", .everything),
            ("bytes=99999999999999999999-", .everything), ("bytes=999999999999999999-", .unsatisfiable),
        ] as [(String?, ByteRange)])
    func readsRanges(header: String?, range: ByteRange) {
        #expect(ByteRange(header, length: 10) == range)
    }

    @Test func aBlockedRequestIsAnsweredWhenTheChannelMovesOn() async throws {
        try await TestSite.run { site async throws in
            site.origin.set("media.m3u8", to: .later(withinSeconds: 30))
            async let answer = site.send("GET", "/hls/main/media.m3u8?_HLS_msn=7&_HLS_part=2&_HLS_skip=YES&x=y")
            try await Self.isAsked(site, .init(mediaSequence: 7, part: 2, skip: .segments))
            site.origin.set("other", to: .notFound)
            Self.fill(site)
            site.origin.set(
                "media.m3u8", body: Array("#EXTM3U\n#1\n".utf8), contentType: "application/vnd.apple.mpegurl",
                caching: .seconds(24))
            let received = try await answer
            #expect(received.status == 200)
            #expect(received.body == "#EXTM3U\n#1\n")
            #expect(received.headers["cache-control"] == "public, max-age=24")
        }
    }

    @Test func whoWaitsTooLongIsToldToComeAgain() async throws {
        try await TestSite.run { site async throws in
            site.origin.set("media.m3u8", to: .later(withinSeconds: 0))
            let answer = try await site.send("GET", "/hls/main/media.m3u8?_HLS_msn=7")
            #expect(answer.status == 503)
            #expect(answer.headers["retry-after"] == "1")
        }
    }

    @Test func whenTheChannelStopsWhoWaitsIsToldToComeAgain() async throws {
        try await TestSite.run { site async throws in
            site.origin.set("part-1.0.m4s", to: .later(withinSeconds: 30))
            async let answer = site.send("GET", "/hls/main/part-1.0.m4s")
            try await Self.isAsked(site, .none)
            site.origin.set("part-1.0.m4s", to: .notYet(retryAfterSeconds: 1))
            #expect(try await answer.status == 503)
        }
    }

    @Test(arguments: [
        "_HLS_msn=x", "_HLS_msn=-1", "_HLS_msn=1&_HLS_part=", "_HLS_msn=9999999999999999999999",
        // A cache that reads the first, or the last, would keep the answer to another question.
        "_HLS_msn=1&_HLS_msn=1", "_HLS_msn=1&_HLS_part=0&_HLS_part=1",
    ])
    func nonsenseInADirectiveIsRefused(query: String) async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            #expect(try await site.send("GET", "/hls/main/index.m3u8?" + query).status == 400)
            site.origin.set("media.m3u8", to: .impossible("too far"))
            let answer = try await site.send("GET", "/hls/main/media.m3u8?_HLS_msn=9")
            #expect(answer.status == 400)
            #expect(answer.body.contains("too far"))
        }
    }

    @Test func textsAreCompressedOnceForWhoeverTakesIt() async throws {
        try await TestSite.run { site async throws in
            let made = Atomics(0)
            let text = DeliveredText(
                gzip: { _ in
                    made.add(1)
                    return ByteBuffer(string: "packed")
                }, render: { "#EXTM3U\n" })
            site.origin.set(
                "a.m3u8", to: .found(.init(content: .text(text), contentType: "x/y", caching: .seconds(1))))
            for coding in ["gzip", "br, gzip;q=0.5", "deflate,gzip", "GZip"] {
                let answer = try await site.send("GET", "/hls/main/a.m3u8", headers: [("Accept-Encoding", coding)])
                #expect(answer.body == "packed")
                #expect(answer.headers["content-encoding"] == "gzip")
                #expect(answer.headers["vary"] == "Accept-Encoding")
            }
            #expect(made.value == 1)
            for coding in ["gzip;q=0", "br", "identity"] {
                let answer = try await site.send("GET", "/hls/main/a.m3u8", headers: [("Accept-Encoding", coding)])
                #expect(answer.body == "#EXTM3U\n")
                #expect(answer.headers["content-encoding"] == nil)
                let tag = try #require(answer.headers["etag"])
                let same = try await site.send("GET", "/hls/main/a.m3u8", headers: [("If-None-Match", tag)])
                #expect(same.status == 304)
            }
        }
    }

    @Test func otherMethodsAreRefused() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            let answer = try await site.send("POST", Self.path, body: "abc")
            #expect(answer.status == 405)
            #expect(answer.headers["allow"] == "GET, HEAD")
        }
    }

    /// A file's bytes go by `sendfile`, whole and in part, many times at once.
    @Test func memoryFilesAreSentWholeAndInPart() async throws {
        try await TestSite.run { site async throws in
            let file = try #require(TemporaryFile())
            let bytes = (0..<300_000).map { UInt8(48 + ($0 &* 31 >> 3) % 64) }
            let text = { @Sendable (range: Range<Int>) in String(decoding: bytes[range], as: UTF8.self) }
            file.write(bytes)
            site.origin.set(
                "segment-9.m4s",
                to: .found(
                    .init(
                        content: .file(file, 1000..<201_000), contentType: "video/mp4", caching: .immutable,
                        entityTag: "\"x\"")))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<16 {
                    group.addTask {
                        let whole = try await site.send("GET", "/hls/main/segment-9.m4s").body
                        #expect(whole == text(1000..<201_000))
                        let first = 17 + index * 1000
                        let part = try await site.send(
                            "GET", "/hls/main/segment-9.m4s",
                            headers: [("Range", "bytes=\(first)-\(first + 99_999)")]
                        ).body
                        #expect(part == text(1000 + first..<1000 + first + 100_000))
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// Bytes and pieces of a file, as one body.
    @Test func piecesAreSentAsOneWholeAndInPart() async throws {
        try await TestSite.run { site async throws in
            let file = try #require(TemporaryFile())
            let bytes = (0..<300_000).map { UInt8(48 + ($0 &* 31 >> 3) % 64) }
            file.write(bytes)
            let text = { @Sendable (range: Range<Int>) in String(decoding: bytes[range], as: UTF8.self) }
            let large = String(repeating: "B", count: 100_000)
            let whole = "head" + text(5..<50_005) + "then" + text(60_000..<60_100) + large + text(70_000..<170_000)
            site.origin.set(
                "video-segment-9.m4s",
                to: .found(
                    .init(
                        content: .pieces([
                            .bytes(ByteBuffer(string: "head")), .file(file, 5..<50_005),
                            .bytes(ByteBuffer(string: "then")), .file(file, 60_000..<60_100),
                            .bytes(ByteBuffer(string: large)), .file(file, 70_000..<170_000),
                        ]), contentType: "video/mp4", caching: .immutable, entityTag: "\"x\"")))
            let path = "/dash/main/video-segment-9.m4s"
            let answer = try await site.send("GET", path)
            #expect(answer.headers["content-length"] == String(whole.utf8.count) && answer.body == whole)
            for (first, last) in [(0, 3), (3, 4), (2, 50_020), (50_004, 50_007), (55_000, 200_000), (250_099, 250_115)]
            {
                let range = try await site.send("GET", path, headers: [("Range", "bytes=\(first)-\(last)")])
                #expect(
                    range.body
                        == String(decoding: Array(whole.utf8)[first...min(last, whole.utf8.count - 1)], as: UTF8.self))
            }
            #expect(try await site.send("HEAD", path).headers["content-length"] == String(whole.utf8.count))
        }
    }

    @Test func aManifestTellsAViewerWhereToAskFromNowOn() async throws {
        let viewers = FakeViewers()
        let text = "<?xml version=\"1.0\"?>\n<MPD a=\"b\">\n  <Period id=\"p1\"/>\n</MPD>\n"
        try await TestSite.run(viewers: viewers) { site async throws in
            site.origin.set(
                "manifest.mpd", body: Array(text.utf8), contentType: "application/dash+xml", caching: .seconds(1))
            let first = try await site.send("GET", "/dash/main/manifest.mpd")
            #expect(
                first.body
                    == text.replacing("\">\n  <P", with: "\">\n  <Location>manifest.mpd?viewer=t-1</Location>\n  <P"))
            #expect(first.headers["cache-control"] == "private, no-store")
            let later = try await site.send("GET", "/dash/main/manifest.mpd?viewer=t-1")
            #expect(later.body == text && later.headers["content-type"] == "application/dash+xml")
            #expect(later.headers["cache-control"] == "public, max-age=1")
            #expect(viewers.seen.map(\.request.kind) == [.multivariantPlaylist, .mediaPlaylist])
            #expect(viewers.seen.allSatisfy { $0.request.wrapping == .dash })
            // Neither wrapping has the other's lists.
            #expect(try await site.send("GET", "/hls/main/manifest.mpd").status == 404)
            #expect(try await site.send("GET", "/dash/main/index.m3u8").status == 404)
        }
    }

    @Test func theServersClockCanBeAsked() async throws {
        try await TestSite.run { site async throws in
            let answer = try await site.send("GET", "/dash/main/time")
            #expect(answer.status == 200 && answer.headers["cache-control"] == "no-store")
            #expect(answer.headers["access-control-allow-origin"] == "*")
            #expect(answer.body == FixedClock().now().description)
        }
    }

    /// A cache between would give to everybody what one of the invited got.
    @Test func whatIsForInvitedViewersIsKeptByNoCacheBetween() async throws {
        try await TestSite.run(viewers: FakeViewers(needsToken: true)) { site async throws in
            Self.fill(site)
            site.origin.set("media.m3u8", body: [35], contentType: "text/plain", caching: .seconds(1))
            let segment = try await site.send("GET", Self.path)
            #expect(segment.headers["cache-control"] == "private, max-age=600, immutable")
            let list = try await site.send("GET", "/hls/main/media.m3u8")
            #expect(list.headers["cache-control"] == "private, max-age=1")
        }
    }

    @Test func viewersAreAdmittedCountedAndGivenTheirToken() async throws {
        let viewers = FakeViewers()
        try await TestSite.run(viewers: viewers) { site async throws in
            Self.fill(site)
            site.origin.set(
                "index.m3u8", body: Array("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8\n".utf8),
                contentType: "application/vnd.apple.mpegurl", caching: .seconds(10))
            let index = try await site.send("GET", "/hls/main/index.m3u8", headers: [("User-Agent", "tv/1")])
            #expect(index.body == "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8?viewer=t-1\n")
            #expect(index.headers["cache-control"] == "private, no-store")
            #expect(try await site.send("GET", Self.path).body == "0123456789")
            #expect(try await site.send("HEAD", Self.path).status == 200)
            let seen = viewers.seen
            #expect(seen.map(\.request.kind) == [.multivariantPlaylist, .segment])
            #expect(seen.map(\.bytes) == [index.body.utf8.count, 10])
            #expect(seen.first?.request.agent == "tv/1")
            #expect(seen.first?.request.place == ViewerPlace(address: "127.0.0.1"))
            let refused = try await site.send("GET", "/hls/main/segment-1.m4s?viewer=bad")
            #expect(refused.status == 403 && refused.body.contains("/problems/sent-away"))
            #expect(refused.body.contains("you were sent away"))
            let unknown = try await site.send("GET", "/hls/main/segment-1.m4s?viewer=none")
            #expect(unknown.status == 401 && unknown.headers["www-authenticate"] == #"Bearer realm="lineup""#)
            #expect(unknown.headers["cache-control"] == "no-store" && unknown.body.contains("/problems/viewer-token"))
        }
    }

    /// What a client writes to the left of it changes neither how it is counted nor whom a kick meets.
    @Test(arguments: [
        [("X-Forwarded-For", "LIE, 198.51.100.7")], [("X-Forwarded-For", "LIE"), ("x-forwarded-for", "198.51.100.7")],
        [("Forwarded", "for=LIE;proto=https, For=\"198.51.100.7:4711\"; proto=http")],
        [("Forwarded", "for=\"LIE"), ("Forwarded", "for=198.51.100.7")],
        [("Forwarded", "for=203.0.113.1"), ("X-Forwarded-For", "198.51.100.7")],
    ])
    func aViewerIsWhomADeclaredProxyForwards(headers: [(String, String)]) async throws {
        let (viewers, trusted) = (FakeViewers(), try #require(TrustedProxies("127.0.0.1")))
        try await TestSite.run(viewers: viewers, adjust: { $0.trustedProxies = trusted }) { site async throws in
            Self.fill(site)
            for lie in ["203.0.113.9", "nonsense", "127.0.0.1"] {
                let headers = headers.map { ($0.0, $0.1.replacing("LIE", with: lie)) }
                #expect(try await site.send("GET", Self.path, headers: headers).status == 200)
            }
            let place = ViewerPlace(address: "198.51.100.7", forwardedFor: "198.51.100.7")
            #expect(viewers.seen.map(\.request.place) == [place, place, place])
        }
    }

    /// A proxy asks for many viewers on one connection: the token of one neither bars the others nor lets them in.
    @Test func behindAProxyATokenIsOfItsRequestOnly() async throws {
        let (viewers, trusted) = (FakeViewers(), try #require(TrustedProxies("127.0.0.1")))
        for isProxy in [true, false] {
            let adjust: @Sendable (inout WebServerConfiguration) -> Void = {
                $0.trustedProxies = isProxy ? trusted : .none
            }
            try await TestSite.run(viewers: viewers, adjust: adjust) { site async throws in
                Self.fill(site)
                let text = try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                    for (query, end) in [("?viewer=bad", ""), ("", "Connection: close\r\n")] {
                        let forwarded = isProxy ? "X-Forwarded-For: 198.51.100.\(query.utf8.count)\r\n" : ""
                        try await writer.write(
                            ByteBuffer(string: "GET \(Self.path)\(query) HTTP/1.1\r\nHost: x\r\n\(forwarded)\(end)\r\n")
                        )
                    }
                    await reader.readToEnd()
                    return reader.text
                }
                #expect(text.hasPrefix("HTTP/1.1 403 "))
                #expect(text.hasSuffix("0123456789") == isProxy)
            }
        }
    }

    /// Waits until the origin was asked with these directives.
    private static func isAsked(_ site: TestSite, _ directives: PlaylistDirectives) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while !site.origin.directives.contains(directives) {
            try #require(ContinuousClock.now < deadline, "the origin was not asked")
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

/// Counts; any thread.
private final class Atomics: Sendable {
    private let count: Mutex<Int>
    init(_ count: Int) { self.count = Mutex(count) }
    func add(_ more: Int) { count.withLock { $0 += more } }
    var value: Int { count.withLock { $0 } }
}

/// Hands out tokens, refuses one.
private final class FakeViewers: DeliveryObserving {
    private let deliveries = Mutex<[(request: DeliveryRequest, bytes: Int)]>([])
    var seen: [(request: DeliveryRequest, bytes: Int)] { deliveries.withLock { $0 } }

    let needsToken: Bool

    init(needsToken: Bool = false) { self.needsToken = needsToken }

    func admit(_ request: DeliveryRequest) -> DeliveryAdmission {
        switch request.token {
        case "bad": .refused(reason: "you were sent away")
        case "none": .unauthorized(reason: "no token")
        default: .admitted
        }
    }
    func token(for request: DeliveryRequest) -> String? { "t-1" }
    func delivered(_ request: DeliveryRequest, bytes: Int) {
        deliveries.withLock { $0.append((request, bytes)) }
    }
}
