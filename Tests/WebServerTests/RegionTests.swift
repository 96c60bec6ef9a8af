import Domain
import NIOCore
import TestKit
import Testing

@testable import WebServer

/// Where a viewer is, on every way to media; the decision itself is `RegionRule`'s, and held by `AudienceTests`.
@Suite(.timeLimit(.minutes(2))) struct RegionTests {
    /// Lets in whom the rule admits, and counts nobody.
    private struct Doorkeeper: DeliveryObserving, StreamViewing {
        let regions: ChannelRegions
        let needsToken = false

        func refusal(of viewer: StreamViewer) -> StreamAdmission? {
            let isIn = regions.rule(of: viewer.channel)?.admits(viewer.region) ?? true
            return isIn ? nil : .outside(reason: "outside")
        }
        func opened(_ viewer: StreamViewer, end: @escaping @Sendable () -> Void) -> StreamAdmission {
            refusal(of: viewer) ?? .admitted(1)
        }
        func sent(_ bytes: Int, in session: StreamSessionNumber) {}
        func closed(_ session: StreamSessionNumber) {}
        func admit(_ request: DeliveryRequest) -> DeliveryAdmission {
            let isIn = regions.rule(of: request.channel)?.admits(request.region) ?? true
            return isIn ? .admitted : .outside(reason: "outside")
        }
        func token(for request: DeliveryRequest) -> String? { "v.x" }
        func delivered(_ request: DeliveryRequest, bytes: Int) {}
    }

    private func run(
        allowed: [String] = ["GB"], blocked: [String] = [], trusted: String = "",
        _ body: @Sendable (TestSite) async throws -> Void
    ) async throws {
        let regions = ChannelRegions()
        var listing = ChannelListing()
        (listing.allowedRegions, listing.blockedRegions) = (allowed, blocked)
        regions.set([.main: listing])
        let door = Doorkeeper(regions: regions)
        let streams = ProgrammeStreams(viewing: door) { channel, _ in
            channel == .main ? FakeHub(first: [FakeHub.packet("media"), .finished]) : nil
        }
        let proxies = try #require(TrustedProxies(trusted))
        let adjust: (inout WebServerConfiguration) -> Void = { $0.trustedProxies = proxies }
        try await TestSite.run(streams: streams, viewers: door, regions: regions, adjust: adjust) {
            [listing] site async throws in
            site.listings.set(listing)
            let playlist = "application/vnd.apple.mpegurl"
            site.origin.set(
                "index.m3u8", body: Array("#EXTM3U\nmedia.m3u8\n".utf8), contentType: playlist, caching: .seconds(1))
            site.origin.set("media.m3u8", body: Array("#EXTM3U\n".utf8), contentType: playlist, caching: .seconds(1))
            site.origin.set(
                "manifest.mpd", body: Array("<MPD x=\"y\">\n</MPD>\n".utf8), contentType: "application/dash+xml",
                caching: .seconds(1))
            site.origin.set("segment-1.m4s", body: [1, 2], contentType: "video/mp4", caching: .immutable)
            try await body(site)
        }
    }

    private static let ways = [
        "/hls/main/index.m3u8", "/hls/main/media.m3u8?viewer=v.x", "/hls/main/segment-1.m4s", "/dash/main/manifest.mpd",
        "/dash/main/segment-1.m4s", "/stream/main", "/audio/main",
    ]

    @Test(arguments: ["GET", "HEAD"]) func everyWayIsClosedOutsideAndOpenInside(method: String) async throws {
        try await run { site async throws in
            for path in Self.ways {
                let mark = path.contains("?") ? "&" : "?"
                let good = [path + mark + "region=gb", path + mark + "x=1&region=GB&region=US"]
                for path in good { #expect(try await site.send(method, path).status == 200, "\(path)") }
                #expect(try await site.send(method, path, headers: [("X-Region", "gb")]).status == 200, "\(path)")
                for path in [path, path + mark + "region=US", path + mark + "region="] {
                    let answer = try await site.send(method, path)
                    #expect(answer.status == 403, "\(path)")
                    #expect(answer.headers["cache-control"] == "no-store" && answer.headers["vary"] == "X-Region")
                    #expect(method == "HEAD" || answer.body.contains("/problems/region"))
                }
                #expect(try await site.send(method, path + mark + "region=England").status == 400, "\(path)")
            }
            for path in ["/stream/none?region=US", "/audio/none"] {
                #expect(try await site.send(method, path).status == 404)
            }
        }
    }

    @Test func aWebSocketIsRefusedBeforeItIsOne() async throws {
        try await run { site async throws in
            let handshake = [
                ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ]
            let answer = try await site.send("GET", "/ws/main?region=US", headers: handshake)
            #expect(answer.status == 403 && answer.body.contains("/problems/region"))
        }
    }

    /// The list a viewer begins with says the region again, so that what it names is given too; what all share is the same for all.
    @Test func theFirstListCarriesTheRegionAndSharedAnswersVaryByIt() async throws {
        try await run { site async throws in
            let first = try await site.send("GET", "/hls/main/index.m3u8", headers: [("X-Region", "GB")])
            #expect(first.body == "#EXTM3U\nmedia.m3u8?viewer=v.x&region=GB\n")
            #expect(first.headers["cache-control"] == "private, no-store")
            let manifest = try await site.send("GET", "/dash/main/manifest.mpd?region=GB")
            #expect(manifest.body.contains("<Location>manifest.mpd?viewer=v.x&amp;region=GB</Location>"))
            for path in ["/hls/main/media.m3u8?viewer=v.x&region=GB", "/hls/main/segment-1.m4s?region=GB"] {
                let shared = try await site.send("GET", path)
                #expect(shared.status == 200 && shared.headers["vary"]?.contains("X-Region") == true, "\(path)")
                #expect(shared.headers["cache-control"]?.hasPrefix("public") == true)
            }
        }
    }

    @Test func aChannelForEverybodyNeitherVariesNorCarriesARegion() async throws {
        try await run(allowed: []) { site async throws in
            let first = try await site.send("GET", "/hls/main/index.m3u8?region=US")
            #expect(first.body == "#EXTM3U\nmedia.m3u8?viewer=v.x\n")
            #expect(first.headers["vary"]?.contains("X-Region") != true)
            for path in Self.ways { #expect(try await site.send("GET", path).status == 200) }
            #expect(try await site.send("GET", "/playlist.m3u?region=US").body.contains("/stream/main\n"))
        }
    }

    /// What a trusted proxy says stands; from anybody else the header is a claim as good as the address.
    @Test func theAddressChangesNothingOfWhatATrustedProxySays() async throws {
        @Sendable func status(_ site: TestSite, _ path: String, _ regions: String...) async throws -> Int {
            try await site.send("GET", path, headers: regions.map { ("X-Region", $0) }).status
        }
        for path in ["/hls/main/index.m3u8", "/stream/main"] {
            try await run(trusted: "127.0.0.1") { site async throws in
                #expect(try await status(site, path + "?region=GB", "US") == 403)
                #expect(try await status(site, path + "?region=US", "GB") == 200)
                #expect(try await status(site, path + "?region=GB", "T1") == 403)
                #expect(try await status(site, path, "GB", "GB") == 403)
                #expect(try await status(site, path + "?region=GB") == 200)
                let list = try await site.send("GET", "/playlist.m3u?region=GB", headers: [("X-Region", "US")])
                #expect(!list.body.contains("/main"))
            }
            try await run { site async throws in
                #expect(try await status(site, path + "?region=GB", "US") == 200)
                #expect(try await status(site, path + "?region=US", "GB") == 403)
                #expect(try await status(site, path, "T1") == 403)
            }
        }
    }

    @Test func aListedLinkPlays() async throws {
        try await run { site async throws in
            let list = try await site.send("GET", "/playlist.m3u?region=gb").body
            let links = list.split(separator: "\n").filter { $0.hasPrefix("http") }
            #expect(links.count == 3)
            for link in links {
                let path = try #require(link.firstRange(of: "/main").map { _ in link.drop { $0 != "/" }.dropFirst(2) })
                let target = "/" + path.split(separator: "/").dropFirst().joined(separator: "/")
                #expect(target.hasSuffix("?region=GB"))
                #expect(try await site.send("GET", target).status == 200, "\(target)")
            }
        }
        // Who says nothing is not in a list of those it is not for: nothing to carry.
        try await run(allowed: [], blocked: ["US"]) { site async throws in
            #expect(try await site.send("GET", "/playlist.m3u?region=GB").body.contains("/stream/main\n"))
            #expect(try await site.send("GET", "/stream/main?region=US").status == 403)
        }
    }

    @Test func theChannelTellsWhoIsOutside() async throws {
        try await run { site async throws in
            let path = "/api/v1/channels/main"
            #expect(try await site.send("GET", path + "?region=GB").body.contains("outside") == false)
            let outside = try await site.send("GET", path, headers: [("X-Region", "US")]).body
            #expect(outside.contains(#""outside":"This channel is not offered in your region.""#))
            #expect(try await site.send("GET", path).body.contains("yours is not known"))
        }
    }
}
