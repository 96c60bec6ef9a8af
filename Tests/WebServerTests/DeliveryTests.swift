import Domain
import NIOCore
import TestKit
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct DeliveryTests {
    private static let path = "/hls/main/segment-1.m4s"

    private static func fill(_ site: TestSite) {
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

    @Test func preflightAllowsRanges() async throws {
        try await TestSite.run { site async throws in
            let answer = try await site.send("OPTIONS", Self.path, headers: [("Origin", "https://other.example")])
            #expect(answer.status == 204)
            #expect(answer.headers["access-control-allow-headers"] == "Range, If-None-Match")
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
}
