import Domain
import HTTPTypes
import NIOCore
import NIOPosix
import NIOWebSocket
import Synchronization
import TestKit
import Testing

@testable import WebServer

/// A hub in memory: what it is given goes to whoever reads, each on its own loop.
final class FakeHub: ProgrammeHub {
    private struct Member {
        var loop: any EventLoop
        var reader: NIOLoopBound<any HubReader>
        var feed: NIOLoopBound<Feed>
    }

    private let members = Mutex<[Member]>([])
    private let first: [HubEvent]

    init(first: [HubEvent] = []) { self.first = first }

    func subscribe(_ reader: any HubReader, on eventLoop: any EventLoop) -> any HubFeed {
        let feed = Feed(events: first)
        let member = Member(
            loop: eventLoop, reader: NIOLoopBound(reader, eventLoop: eventLoop),
            feed: NIOLoopBound(feed, eventLoop: eventLoop))
        members.withLock { $0.append(member) }
        return feed
    }

    func send(_ events: [HubEvent]) {
        for member in members.withLock({ $0 }) {
            member.loop.execute {
                let feed = member.feed.value
                guard !feed.isCancelled else { return }
                feed.events += events
                member.reader.value.hubMovedOn()
            }
        }
    }

    static func packet(_ text: String) -> HubEvent {
        .packet(
            HubPacket(
                track: .video, decodeTime: .zero, presentationTime: .zero, isKeyFrame: true,
                bytes: ByteBuffer(string: text)))
    }

    final class Feed: HubFeed {
        var events: [HubEvent]
        var isCancelled = false
        let lostPackets = 0

        init(events: [HubEvent]) { self.events = events }

        func next() -> HubEvent? { isCancelled || events.isEmpty ? nil : events.removeFirst() }
        func nextJoined() -> ByteBuffer? { nil }
        func restart() {}
        func cancel() { isCancelled = true }
    }
}

@Suite(.timeLimit(.minutes(2))) struct StreamTests {
    private func site(
        _ hub: FakeHub, limits: ProgrammeStreams.Limits = .init(), viewing: any StreamViewing = NoStreamViewing(),
        _ body: @Sendable (TestSite) async throws -> Void
    ) async throws {
        let streams = ProgrammeStreams(limits: limits, viewing: viewing) { channel, _ in channel == .main ? hub : nil }
        try await TestSite.run(streams: streams, body)
    }

    @Test func aStreamIsOneEndlessBodyThatEndsWithTheProgramme() async throws {
        let hub = FakeHub(first: [FakeHub.packet("first ")])
        try await site(hub) { site async throws in
            let text = try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                try await writer.write(ByteBuffer(string: "GET /stream/main HTTP/1.1\r\nHost: x\r\n\r\n"))
                #expect(try await reader.read(until: "first"))
                hub.send([FakeHub.packet("second "), .finished])
                await reader.readToEnd()
                return reader.text
            }
            let answer = try #require(RawAnswer(text))
            #expect(answer.status == 200 && answer.headers["content-type"] == "video/mp2t")
            #expect(
                answer.headers["access-control-allow-origin"] == "*" && answer.headers["cache-control"] == "no-store")
            #expect(answer.body == "6\r\nfirst \r\n7\r\nsecond \r\n0\r\n\r\n")
        }
    }

    private final class Viewings: StreamViewing {
        let seen = Mutex<[StreamViewer]>([])
        let answer: StreamAdmission?
        init(refusing answer: StreamAdmission? = nil) { self.answer = answer }
        func refusal(of viewer: StreamViewer) -> StreamAdmission? { answer }
        func opened(_ viewer: StreamViewer, end: @escaping @Sendable () -> Void) -> StreamAdmission {
            seen.withLock { $0.append(viewer) }
            return answer ?? .admitted(1)
        }
        func sent(_ bytes: Int, in session: StreamSessionNumber) {}
        func closed(_ session: StreamSessionNumber) {}
    }

    /// A kick must meet the viewer, not the proxy in front of all of them.
    @Test(arguments: [
        ("127.0.0.1", ViewerPlace(address: "198.51.100.7", forwardedFor: "198.51.100.7")),
        (
            "192.0.2.0/24",
            ViewerPlace(address: "127.0.0.1", isCertain: false, forwardedFor: "203.0.113.9, 198.51.100.7")
        ),
    ])
    func aViewersAddressIsTheOneATrustedProxyForwards(trusted: String, place: ViewerPlace) async throws {
        let (hub, viewings) = (FakeHub(first: [FakeHub.packet("media"), .finished]), Viewings())
        let streams = ProgrammeStreams(viewing: viewings) { _, _ in hub }
        let proxies = try #require(TrustedProxies(trusted))
        try await TestSite.run(streams: streams, adjust: { $0.trustedProxies = proxies }) { site async throws in
            _ = try await site.send(
                "GET", "/audio/main",
                headers: [("X-Forwarded-For", "203.0.113.9, 198.51.100.7"), ("Accept", "audio/mp4")])
            #expect(viewings.seen.withLock { $0 }.map(\.place) == [place])
        }
    }

    @Test func theSoundsTypeDependsOnWhatIsAccepted() async throws {
        let hub = FakeHub(first: [FakeHub.packet("media"), .finished])
        try await site(hub) { site async throws in
            for (accept, type) in [
                ("audio/mp4", "audio/mp4"), ("*/*", "audio/aac"), ("AUDIO/MP4 ; q=0.5", "audio/mp4"),
                ("audio/mp4;q=0", "audio/aac"), ("audio/mp4;q=0.1, audio/aac", "audio/aac"),
                ("audio/aac, audio/mp4", "audio/mp4"),
            ] {
                let answer = try await site.send("GET", "/audio/main", headers: [("Accept", accept)])
                #expect(answer.headers["content-type"] == type && answer.headers["vary"] == "Accept")
            }
        }
    }

    @Test(arguments: [true, false])
    func whoIsOneTooManyIsSentToHLSWhereThereIsSome(offersPlaylist: Bool) async throws {
        let hub = FakeHub()
        var limits = ProgrammeStreams.Limits()
        limits.maximumViewers = 0
        let streams = ProgrammeStreams(limits: limits, offersPlaylist: { _ in offersPlaylist }, hub: { _, _ in hub })
        try await TestSite.run(streams: streams) { site async throws in
            for path in ["/stream/main", "/ws/main"] {
                let answer = try await site.send("GET", path)
                #expect(answer.status == 503 && answer.headers["retry-after"] == "10")
                #expect(answer.body.contains("/problems/full"))
                #expect(answer.body.contains("HLS") == offersPlaylist)
            }
        }
    }

    private struct Closed: StreamViewing {
        func refusal(of viewer: StreamViewer) -> StreamAdmission? { .unauthorized(reason: "no token") }
        func opened(_ viewer: StreamViewer, end: @escaping @Sendable () -> Void) -> StreamAdmission {
            .unauthorized(reason: "no token")
        }
        func sent(_ bytes: Int, in session: StreamSessionNumber) {}
        func closed(_ session: StreamSessionNumber) {}
    }

    @Test func whoHasNoTokenIsToldWhichSchemeToUse() async throws {
        let hub = FakeHub()
        try await TestSite.run(streams: ProgrammeStreams(viewing: Closed()) { _, _ in hub }) { site async throws in
            for (method, path) in [("GET", "/stream/main"), ("HEAD", "/stream/main"), ("GET", "/audio/main")] {
                let answer = try await site.send(method, path)
                #expect(answer.status == 401 && answer.headers["www-authenticate"] == #"Bearer realm="lineup""#)
                #expect(method == "HEAD" || answer.body.contains("/problems/viewer-token"))
            }
        }
    }

    @Test func pipelinedRequestsAreAnsweredInTheirOrder() async throws {
        let hub = FakeHub(first: [FakeHub.packet("media"), .finished])
        try await site(hub) { site async throws in
            let text = try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                let requests = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /stream/main HTTP/1.1\r\nHost: x\r\n\r\n"
                try await writer.write(ByteBuffer(string: requests))
                await reader.readToEnd()
                return reader.text
            }
            let health = try #require(text.firstRange(of: "ok\n"))
            let media = try #require(text.firstRange(of: "media"))
            #expect(health.lowerBound < media.lowerBound)
        }
    }

    @Test func anOrdinaryRequestBehindARefusalIsAnswered() async throws {
        try await site(FakeHub()) { site async throws in
            let text = try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                let requests =
                    "GET /stream/nobody HTTP/1.1\r\nHost: x\r\n\r\nGET /ws/main HTTP/1.1\r\nHost: x\r\n\r\n"
                    + "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                try await writer.write(ByteBuffer(string: requests))
                await reader.readToEnd()
                return reader.text
            }
            #expect(text.contains("404 Not Found") && text.contains("426 Upgrade Required"))
            #expect(text.hasSuffix("ok\n"))
        }
    }

    @Test func aSocketsAddressTellsWithoutAHandshakeWhoIsRefused() async throws {
        for (admission, status, slug) in [
            (StreamAdmission.unauthorized(reason: "no"), 401, "viewer-token"),
            (.refused(reason: "no"), 403, "sent-away"),
        ] {
            try await site(FakeHub(), viewing: Viewings(refusing: admission)) { site async throws in
                let answer = try await site.send("GET", "/ws/main")
                #expect(answer.status == status && answer.body.contains("/problems/\(slug)"))
            }
        }
        try await site(FakeHub()) { site async throws in
            #expect(try await site.send("GET", "/ws/main").status == 426)
            #expect(try await site.send("GET", "/ws/nobody").status == 404)
        }
    }

    @Test func whoIsOneTooManyIsToldWhenToComeBack() async throws {
        var limits = ProgrammeStreams.Limits()
        limits.maximumViewersPerChannel = 0
        try await site(FakeHub(), limits: limits) { site async throws in
            let answer = try await site.send("GET", "/stream/main")
            #expect(answer.status == 503 && answer.headers["retry-after"] == "10")
            #expect(answer.headers["content-type"] == "application/problem+json")
        }
    }

    @Test func aHeadIsNoViewer() async throws {
        try await site(FakeHub()) { site async throws in
            let head = try await site.send("HEAD", "/audio/main", headers: [("Accept", "audio/mp4")])
            #expect(head.status == 200 && head.headers["content-type"] == "audio/mp4" && head.body.isEmpty)
            #expect(try await site.send("OPTIONS", "/stream/main").headers["access-control-allow-origin"] == "*")
        }
    }

    @Test func aWebSocketGetsTheHubsFramesAndItsPingsBack() async throws {
        let frame = WebSocketBytes.frame(.binary, ByteBuffer(string: "fragment"))
        let hub = FakeHub(first: [FakeHub.packet(String(buffer: frame))])
        try await site(hub) { site async throws in
            let text = try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                let handshake =
                    "GET /ws/main HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                try await writer.write(ByteBuffer(string: handshake))
                #expect(try await reader.read(until: "fragment"))
                // A masked ping (RFC 6455 §5.7's mask and word), then a close.
                let ping: [UInt8] = [0x89, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
                try await writer.write(ByteBuffer(bytes: ping))
                #expect(try await reader.read(until: "Hello"))
                try await writer.write(ByteBuffer(bytes: [0x88, 0x80, 1, 2, 3, 4]))
                await reader.readToEnd()
                return reader.text
            }
            #expect(text.hasPrefix("HTTP/1.1 101 "))
            // The answer that the RFC gives for this key (§1.3).
            #expect(text.lowercased().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="))
        }
    }

    @Test func targetsAreReadStrictly() {
        func read(_ path: String, _ method: HTTPRequest.Method = .get, accept: String? = nil) -> StreamRequest.Reading {
            var head = HTTPRequest(method: method, scheme: "http", authority: "x", path: path)
            head.headerFields[.accept] = accept
            return StreamRequest.read(head)
        }
        for path in [
            "/", "/stream", "/stream/main/", "/streams/main", "/stream/main/x", "//stream/main", "/hls/main/x",
        ] {
            #expect(read(path) == .notOurs, "\(path)")
        }
        for path in ["/stream/", "/stream/%6dain", "/stream/MAIN", "/ws/.."] {
            #expect(read(path) == .problem(.noChannel), "\(path)")
        }
        guard case .stream(let request) = read("/stream/main?a&viewer=x.y&viewer=z#f") else {
            Issue.record("not read")
            return
        }
        #expect(request.token == "x.y" && request.channel == .main && request.wantsBody)
        #expect(read("/stream/main", .delete) == .problem(.wrongMethod) && read("/stream/main", .options) == .preflight)
    }
}
