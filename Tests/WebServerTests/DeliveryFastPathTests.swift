import Domain
import NIOCore
import NIOEmbedded
import NIOPosix
import PrometheusMetrics
import Synchronization
import TestKit
import Testing

@testable import WebServer

/// The short way to an answer and the long one give the same bytes, and follow each other in any order.
@Suite(.timeLimit(.minutes(1))) struct DeliveryFastPathTests {
    private static func fill(_ site: TestSite) {
        DeliveryTests.fill(site)
        site.origin.set("bad.m3u8", to: .impossible("No."))
        site.origin.set(
            "text.m3u8",
            to: .found(
                DeliveredResource(
                    content: .text(
                        DeliveredText(gzip: { _ in ByteBuffer(string: "packed") }) { "#EXTM3U\n#EXT-X-ENDLIST\n" }),
                    contentType: "application/vnd.apple.mpegurl", caching: .seconds(0))))
    }

    /// This line leads past the short way and changes nothing else.
    private static let detour = "Trailer: none\r\n"
    private static let goodbye = "GET /hls/main/none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    /// What is answered to each of these, one after the other, each sent when the one before is answered.
    private static func answers(_ site: TestSite, _ requests: [String]) async throws -> String {
        try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
            var text = ""
            for request in requests {
                try await writer.write(ByteBuffer(string: request))
                _ = try await reader.read(until: "\r\n\r\n")
                if let rest = RawAnswer(reader.text).flatMap({ $0.headers["content-length"] }).flatMap({ Int($0) }),
                    !request.hasPrefix("HEAD"), let end = reader.text.firstRange(of: "\r\n\r\n")
                {
                    while reader.text[end.upperBound...].utf8.count < rest {
                        let before = reader.text
                        guard try await reader.readMore() else { break }
                        #expect(reader.text != before)
                    }
                }
                text += reader.text
                reader.forget()
            }
            try await writer.write(ByteBuffer(string: goodbye))
            await reader.readToEnd()
            return text + reader.text
        }
    }

    @Test(arguments: [
        "/hls/main/index.m3u8", "/hls/main/text.m3u8?_HLS_skip=YES", "/hls/main/segment-1.m4s", "/hls/main/none.m4s",
        "/hls/main/soon.m3u8",
        "/hls/main/bad.m3u8", "/hls/main/text.m3u8?_HLS_msn=x", "/hls/other/index.m3u8", "/hls/main", "/hls/UP/x",
        "/dash/main/time",
        "/dash/main/index.m3u8", "/hls/main/text.m3u8?region=xx1", "/livez",
    ])
    func bothWaysAnswerTheSame(path: String) async throws {
        try await TestSite.run(adjust: { $0.crossOrigin = CrossOriginPolicy("https://a.example") ?? $0.crossOrigin }) {
            site async throws in
            Self.fill(site)
            let fields = [
                "", "Range: bytes=2-4\r\n", "Range: bytes=10-\r\n", "If-None-Match: \"segment-1.m4s\"\r\n",
                "If-None-Match: *\r\n",
                "Accept-Encoding: gzip\r\nUser-Agent: a\r\n", "Origin: https://a.example\r\n",
                "Origin: https://b.example\r\n",
                "X-Region: DE\r\n", "X-Region: ?\r\n",
            ]
            for method in ["GET", "HEAD"] {
                let short = fields.map { "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\($0)\r\n" }
                let long = fields.map { "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\($0)\(Self.detour)\r\n" }
                #expect(try await Self.answers(site, short) == Self.answers(site, long))
            }
        }
    }

    @Test func theShortWayIsFoundAgainBehindWhatWaits() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            site.origin.set("media.m3u8", to: .later(withinSeconds: 30))
            try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                for turn in 0..<3 {
                    try await writer.write(
                        ByteBuffer(string: "GET /hls/main/segment-1.m4s HTTP/1.1\r\nHost: x\r\n\r\n"))
                    #expect(try await reader.read(until: "0123456789"))
                    reader.forget()
                    try await writer.write(
                        ByteBuffer(string: "GET /hls/main/media.m3u8?_HLS_msn=\(turn) HTTP/1.1\r\nHost: x\r\n\r\n"))
                    while !site.origin.directives.contains(.init(mediaSequence: Int64(turn))) {
                        try await Task.sleep(for: .milliseconds(2))
                    }
                    // What is asked for meanwhile waits for its turn.
                    if turn == 2 {
                        try await writer.write(
                            ByteBuffer(string: "GET /hls/main/index.m3u8 HTTP/1.1\r\nHost: x\r\n\r\n"))
                        try await Task.sleep(for: .milliseconds(50))
                        #expect(reader.text.isEmpty)
                    }
                    site.origin.set(
                        "media.m3u8", body: Array("turn \(turn)".utf8), contentType: "text/plain", caching: .seconds(0))
                    #expect(try await reader.read(until: "turn \(turn)"))
                    site.origin.set("media.m3u8", to: .later(withinSeconds: 30))
                    if turn == 2 { #expect(try await reader.read(until: "#EXTM3U\n")) }
                    reader.forget()
                }
            }
            // In both ways, each once.
            let metrics = site.metrics.render()
            #expect(
                metrics.contains(
                    #"lineup_http_requests_total{method="GET",route="/hls/{channel}/{name...}",status="2xx"} 4"#))
            #expect(
                metrics.contains(
                    #"lineup_http_requests_total{method="GET",route="/hls/{channel}/{name...} blocked",status="2xx"} 3"#
                ))
        }
    }

    @Test func whoWaitsAndGoesIsForgotten() async throws {
        try await TestSite.run { site async throws in
            site.origin.set("media.m3u8", to: .later(withinSeconds: 30))
            for turn in 1...3 {
                try await RawConnection.open(port: site.port, group: TestSite.group) { _, writer in
                    try await writer.write(
                        ByteBuffer(string: "GET /hls/main/media.m3u8?_HLS_msn=7 HTTP/1.1\r\nHost: x\r\n\r\n"))
                    while site.origin.directives.count < turn { try await Task.sleep(for: .milliseconds(2)) }
                }
            }
            let gauge = "lineup_hls_blocked_requests 0"
            while !site.metrics.render().contains(gauge) { try await Task.sleep(for: .milliseconds(20)) }
            site.origin.set("media.m3u8", body: Array("here".utf8), contentType: "text/plain", caching: .seconds(0))
            #expect(!site.metrics.render().contains("blocked\",status=\"2xx\""))
        }
    }

    /// A server that stops answers who waits.
    @Test func whoWaitsIsAnsweredByAServerThatStops() async throws {
        let client = Mutex<Task<String, any Error>?>(nil)
        try await TestSite.run { site async throws in
            site.origin.set("media.m3u8", to: .later(withinSeconds: 1))
            let port = site.port
            let reading = Task {
                try await RawConnection.open(port: port, group: TestSite.group) { reader, writer in
                    try await writer.write(
                        ByteBuffer(string: "GET /hls/main/media.m3u8?_HLS_msn=7 HTTP/1.1\r\nHost: x\r\n\r\n"))
                    await reader.readToEnd()
                    return reader.text
                }
            }
            client.withLock { $0 = reading }
            while site.origin.directives.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
        }
        let text = try await client.withLock { $0 }?.value
        #expect(text?.hasPrefix("HTTP/1.1 503 ") == true)
    }

    @Test func requestsThatComeTogetherAreAnsweredInOrder() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            func get(_ name: String) -> String { "GET /hls/main/\(name) HTTP/1.1\r\nHost: x\r\n\r\n" }
            let text = try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                try await writer.write(ByteBuffer(string: get("segment-1.m4s")))
                _ = try await reader.read(until: "0123456789")
                try await writer.write(
                    ByteBuffer(
                        string: get("index.m3u8") + get("segment-1.m4s") + "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
                            + get("none")))
                _ = try await reader.read(until: "404 Not Found")
                try await writer.write(ByteBuffer(string: get("text.m3u8") + Self.goodbye))
                await reader.readToEnd()
                return reader.text
            }
            let marks = ["0123456789", "#EXTM3U\n", "0123456789", "404 Not Found", "#EXT-X-ENDLIST", "404 Not Found"]
            var rest = text[...]
            for mark in marks {
                let range = try #require(rest.firstRange(of: mark), "\(mark) in \(text)")
                rest = rest[range.upperBound...]
            }
        }
    }

    /// A client that is too slow to say what it wants, one that says it in two pieces, and one that closes its half behind it.
    @Test func piecesAndHalfClosedConnectionsAreAnswered() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            let text = try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                try await writer.write(ByteBuffer(string: "GET /hls/main/index.m3u8 HTTP/1.1\r\nHo"))
                try await Task.sleep(for: .milliseconds(30))
                try await writer.write(ByteBuffer(string: "st: x\r\n\r\n"))
                _ = try await reader.read(until: "#EXTM3U\n")
                try await writer.write(ByteBuffer(string: "GET /hls/main/segment-1.m4s HTTP/1.1\r\nHost: x\r\n\r\n"))
                _ = try await reader.read(until: "0123456789")
                return reader.text
            }
            #expect(text.contains("#EXTM3U\n") && text.hasSuffix("0123456789"))
            let half = try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                try await writer.write(ByteBuffer(string: "GET /hls/main/segment-1.m4s HTTP/1.1\r\nHost: x\r\n\r\n"))
                writer.finish()
                await reader.readToEnd()
                return reader.text
            }
            #expect(half.hasSuffix("0123456789"))
        }
    }

    /// Counts what goes on to the codec, and keeps it.
    private final class Behind: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var count = 0

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { count += 1 }
    }

    @Test func plainRequestsNeverReachTheCodec() throws {
        let (origin, behind, channel) = (FakeDeliveryOrigin(), Behind(), EmbeddedChannel())
        origin.set("segment-1.m4s", body: Array("0123456789".utf8), contentType: "video/mp4", caching: .immutable)
        origin.set("media.m3u8", to: .later(withinSeconds: 30))
        try DeliveryFastPath.add(to: channel, origin, behind: behind)
        func answer(_ name: String, _ fields: String = "") throws -> String {
            try channel.writeInbound(
                ByteBuffer(string: "GET /hls/main/\(name) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"))
            return try written()
        }
        func written() throws -> String {
            var text = ""
            while case .byteBuffer(let bytes)? = try channel.readOutbound(as: IOData.self) {
                text += String(buffer: bytes)
            }
            return text
        }
        #expect(try answer("segment-1.m4s").hasSuffix("0123456789") && behind.count == 0)
        #expect(try answer("media.m3u8?_HLS_msn=7").isEmpty && behind.count == 0)
        origin.set("media.m3u8", body: Array("here".utf8), contentType: "text/plain", caching: .seconds(0))
        channel.embeddedEventLoop.run()
        #expect(try written().hasSuffix("here") && behind.count == 0)
        #expect(try answer("segment-1.m4s", Self.detour).isEmpty && behind.count == 1)
        // From then on the connection is the codec's.
        #expect(try answer("segment-1.m4s").isEmpty && behind.count == 2)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    private final class Patient: DeliveryWaiter {
        func resume(_ answer: DeliveryAnswer?) {}
    }

    /// Then the handler behind refuses.
    @Test func whoFindsTheListFullGoesOn() throws {
        let (origin, behind, channel) = (FakeDeliveryOrigin(), Behind(), EmbeddedChannel())
        origin.set("media.m3u8", to: .later(withinSeconds: 30))
        let desk = try DeliveryFastPath.add(to: channel, origin, behind: behind)
        let list = desk.waitList(on: channel.eventLoop)
        let key = DeliveryWaitList.Key(
            channel: try #require(ChannelName("main")), wrapping: .hls, name: "media.m3u8",
            directives: .init(mediaSequence: 7))
        let crowd = (0..<DeliveryWaitList.maximum).map { _ in Patient() }
        for waiter in crowd.dropLast() { #expect(list.add(waiter, for: key, withinSeconds: 30)) }
        let request = "GET /hls/main/media.m3u8?_HLS_msn=7 HTTP/1.1\r\nHost: x\r\n\r\n"
        try channel.writeInbound(ByteBuffer(string: request))
        #expect(behind.count == 0 && list.count == DeliveryWaitList.maximum)
        let late = EmbeddedChannel(loop: channel.embeddedEventLoop)
        try DeliveryFastPath.add(to: late, desk, behind: behind)
        try late.writeInbound(ByteBuffer(string: request))
        #expect(behind.count == 1 && list.count == DeliveryWaitList.maximum)
        for waiter in crowd { list.remove(waiter, from: key) }
        _ = try late.finish(acceptAlreadyClosed: true)
        _ = try channel.finish(acceptAlreadyClosed: true)
        #expect(list.count == 0)
    }
}

extension DeliveryFastPath {
    /// In front of a desk of its own that serves `origin`.
    @discardableResult
    static func add(
        to channel: any Channel, _ origin: FakeDeliveryOrigin, behind: (any ChannelInboundHandler)? = nil
    ) throws -> DeliveryDesk {
        let factory = PrometheusMetrics()
        let desk = DeliveryDesk(
            origin: origin, observer: NoDeliveryObserver(), outputs: OutputSwitches(), regions: ChannelRegions(),
            trustedProxies: .none, crossOrigin: .everybody, clock: FixedClock(),
            metrics: RequestMetrics(factory: factory), factory: factory)
        try add(to: channel, desk, behind: behind)
        return desk
    }

    /// - Parameter behind: in the codec's place.
    static func add(to channel: any Channel, _ desk: DeliveryDesk, behind: (any ChannelInboundHandler)? = nil) throws {
        let watchman = Watchman(
            registry: ConnectionRegistry(), idleTimeout: .seconds(60), requestTimeout: .seconds(30))
        let delivery = DeliveryHandler<PlainHTTP1Wire>(desk: desk)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(DeliveryFastPath(watchman, delivery))
        if let behind { try pipeline.addHandler(behind) }
        try pipeline.addHandlers([watchman, delivery])
    }
}
