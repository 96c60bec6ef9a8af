import Domain
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import WebServer

/// What HTTP itself wants of those who answer for media (RFC 9110, RFC 9112, RFC 6455).
@Suite(.timeLimit(.minutes(1))) struct DeliveryMannersTests {
    private static let segment = "/hls/main/segment-1.m4s"

    private static func run(
        clock: any WallClock = FixedClock(), viewing: any StreamViewing = NoStreamViewing(),
        _ body: @Sendable (TestSite) async throws -> Void
    ) async throws {
        let streams = ProgrammeStreams(viewing: viewing) { channel, _ in
            channel == .main ? FakeHub(first: [FakeHub.packet("first "), FakeHub.packet("second"), .finished]) : nil
        }
        try await TestSite.run(streams: streams, clock: clock) { site async throws in
            site.origin.set(
                "segment-1.m4s", body: Array("0123456789".utf8), contentType: "video/mp4", caching: .immutable)
            try await body(site)
        }
    }

    private static func exchange(_ site: TestSite, _ request: String) async throws -> String {
        try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
            try await writer.write(ByteBuffer(string: request))
            await reader.readToEnd()
            return reader.text
        }
    }

    private static let handshake =
        "GET /ws/main HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    // MARK: Date

    /// RFC 9110 §6.6.1: an origin server with a clock.
    @Test(arguments: [
        ("GET", segment, 200), ("HEAD", segment, 200), ("OPTIONS", segment, 204), ("PUT", segment, 405),
        ("GET", "/hls/main/none", 404), ("GET", "/dash/main/time", 200), ("GET", "/stream/main", 200),
        ("HEAD", "/stream/main", 200), ("GET", "/audio/main", 200), ("GET", "/stream/nobody", 404),
        ("OPTIONS", "/stream/main", 204), ("GET", "/ws/main", 426),
    ])
    func everyAnswerSaysWhenItWasMade(method: String, path: String, status: Int) async throws {
        try await Self.run { site async throws in
            let answer = try await site.send(method, path)
            #expect(answer.status == status)
            #expect(answer.headers["date"] == "Fri, 15 Jan 2027 08:00:00 GMT")
        }
    }

    @Test func aHandshakeSaysSoToo() async throws {
        try await Self.run { site async throws in
            let answer = try #require(RawAnswer(try await Self.exchange(site, Self.handshake)))
            #expect(answer.status == 101 && answer.headers["date"] == "Fri, 15 Jan 2027 08:00:00 GMT")
        }
    }

    private final class Clock: WallClock {
        private let time = Mutex(WallTime(milliseconds: 951_782_399_000))
        func now() -> WallTime { time.withLock { $0 } }
        func advance(_ span: Duration) { time.withLock { $0 = $0 + span } }
    }

    @Test func theDateFollowsTheClock() async throws {
        let clock = Clock()
        try await Self.run(clock: clock) { site async throws in
            for date in ["Mon, 28 Feb 2000 23:59:59 GMT", "Tue, 29 Feb 2000 00:00:00 GMT"] {
                for _ in 0..<3 { #expect(try await site.send("GET", Self.segment).headers["date"] == date) }
                clock.advance(.seconds(1))
            }
        }
    }

    // MARK: HTTP/1.0

    /// RFC 9112 §6.1: it knows no chunks; the connection's end is the body's.
    @Test(arguments: ["/stream/main", "/audio/main"])
    func whoSpeaksHTTP10IsSentNoChunks(path: String) async throws {
        try await Self.run { site async throws in
            for more in ["", "Connection: keep-alive\r\n"] {
                let text = try await Self.exchange(site, "GET \(path) HTTP/1.0\r\nHost: x\r\n\(more)\r\n")
                let answer = try #require(RawAnswer(text))
                #expect(answer.status == 200 && answer.headers["transfer-encoding"] == nil)
                #expect(answer.headers["connection"] == "close" && answer.body == "first second")
            }
            let newer = try #require(
                RawAnswer(try await Self.exchange(site, "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")))
            #expect(newer.headers["transfer-encoding"] == "chunked")
        }
    }

    // MARK: Methods and ranges

    @Test func aClockOfNoChannelIsNotThere() async throws {
        try await Self.run { site async throws in
            #expect(try await site.send("GET", "/dash/other/time").status == 404)
            #expect(try await site.send("GET", "/dash/main/time").status == 200)
        }
    }

    @Test(arguments: ["/stream/main", "/audio/main", "/ws/main", "/stream/nobody"])
    func aStreamSaysWhichMethodsItTakes(path: String) async throws {
        try await Self.run { site async throws in
            for method in ["POST", "PUT", "DELETE"] {
                let answer = try await site.send(method, path, body: "abc")
                #expect(answer.status == 405 && answer.headers["allow"] == "GET, HEAD")
                #expect(answer.headers["content-type"] == "application/problem+json")
            }
        }
    }

    /// RFC 9110 §14.2: a range is asked for with GET only.
    @Test func aHeadTellsOfTheWhole() async throws {
        try await Self.run { site async throws in
            for range in ["bytes=2-4", "bytes=10-"] {
                let answer = try await site.send("HEAD", Self.segment, headers: [("Range", range)])
                #expect(answer.status == 200 && answer.headers["content-length"] == "10")
                #expect(answer.headers["content-range"] == nil && answer.headers["accept-ranges"] == "bytes")
            }
        }
    }

    // MARK: Sent away

    /// Sends whoever comes away at once.
    private final class Bouncer: StreamViewing {
        private let ends = Mutex<[@Sendable () -> Void]>([])
        func refusal(of viewer: StreamViewer) -> StreamAdmission? { nil }
        func opened(_ viewer: StreamViewer, end: @escaping @Sendable () -> Void) -> StreamAdmission {
            ends.withLock { $0.append(end) }
            return .admitted(1)
        }
        func sendAway() { for end in ends.withLock({ $0 }) { end() } }
        func sent(_ bytes: Int, in session: StreamSessionNumber) {}
        func closed(_ session: StreamSessionNumber) {}
    }

    /// 1008, a policy (RFC 6455 §7.4.1), so that a page need not guess that the network broke.
    @Test func aWebSocketThatIsSentAwayIsToldSo() async throws {
        let (bouncer, hub) = (Bouncer(), FakeHub(first: [FakeHub.packet("first")]))
        try await TestSite.run(streams: ProgrammeStreams(viewing: bouncer) { _, _ in hub }) { site async throws in
            let text = try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                try await writer.write(ByteBuffer(string: Self.handshake))
                #expect(try await reader.read(until: "first"))
                reader.drop(through: "first")
                bouncer.sendAway()
                await reader.readToEnd()
                return reader.text
            }
            // FIN and close; 16 bytes; 1008; why. Above 0x7F the reader's text has a substitute.
            let reason = "sent away"
            #expect(text.hasSuffix("\u{3}\u{FFFD}" + reason))
            #expect(text == "\u{FFFD}\u{B}\u{3}\u{FFFD}" + reason)
        }
    }

    @Test func aStreamThatIsSentAwayEnds() async throws {
        let (bouncer, hub) = (Bouncer(), FakeHub(first: [FakeHub.packet("first")]))
        try await TestSite.run(streams: ProgrammeStreams(viewing: bouncer) { _, _ in hub }) { site async throws in
            try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                try await writer.write(ByteBuffer(string: "GET /stream/main HTTP/1.1\r\nHost: x\r\n\r\n"))
                #expect(try await reader.read(until: "first"))
                bouncer.sendAway()
                await reader.readToEnd()
            }
        }
    }

    // MARK: Lists

    /// What is left is the channel, not a variant of something.
    @Test func withoutVariantsTheOneWayThatIsOnIsTheChannel() async throws {
        try await Self.run { site async throws in
            _ = site.outputs.set([.transportStream, .audio])
            let list = try await site.send("GET", "/playlist.m3u?variants=false")
            #expect(list.body.contains("/stream/main") && !list.body.contains("/audio/main"))
            #expect(!list.body.contains("[MPEG-TS]"))
            #expect(try await site.send("GET", "/playlist.m3u").body.contains("[MPEG-TS]"))
        }
    }
}
