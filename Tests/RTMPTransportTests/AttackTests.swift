import Domain
import NIOCore
import PrometheusMetrics
import RTMPTransport
import Testing

/// One test per known way to hold or hurt a server through its sockets.
@Suite(.timeLimit(.minutes(1)))
struct AttackTests {
    private static func limits(deadline: Duration) -> RTMPServerConfiguration.Limits {
        var limits = RTMPServerConfiguration.Limits()
        limits.publishDeadline = deadline
        limits.lingerLimit = .milliseconds(50)
        return limits
    }

    /// Nothing, C0, C0 and half of C1, all but C2's last byte, and a handshake with nothing behind it.
    @Test(arguments: [0, 1, 800, 3072, 3073])
    func closesAtTheDeadlineWhoStopsAfter(bytes: Int) async throws {
        let metrics = PrometheusMetrics()
        try await withServer(RecordingGate(), limits: Self.limits(deadline: .milliseconds(300)), metrics: metrics) {
            port in
            let client = try await RawClient.connect(port: port)
            var handshake = PeerBytes.handshake()
            try await client.send(handshake.readSlice(length: bytes) ?? ByteBuffer())
            _ = try await client.received()
        }
        #expect(metrics.render().contains(#"lineup_rtmp_refusals_total{reason="deadline"} 1"#))
    }

    @Test func aSlowHandshakeDoesNotMoveTheDeadline() async throws {
        let metrics = PrometheusMetrics()
        try await withServer(RecordingGate(), limits: Self.limits(deadline: .milliseconds(300)), metrics: metrics) {
            port in
            let client = try await RawClient.connect(port: port)
            client.drip(ByteBuffer(repeating: 3, count: 1), each: .milliseconds(20))
            _ = try await client.received()
        }
        #expect(metrics.render().contains(#"lineup_rtmp_refusals_total{reason="deadline"} 1"#))
    }

    @Test func aSlowConnectDoesNotMoveTheDeadline() async throws {
        try await withServer(RecordingGate(), limits: Self.limits(deadline: .milliseconds(300))) { port in
            let client = try await RawClient.connect(port: port)
            try await client.send(PeerBytes.handshake())
            // Pings: whole messages, each of which is answered.
            client.drip(
                ByteBuffer(bytes: [2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1]), each: .milliseconds(2))
            _ = try await client.received()
        }
    }

    @Test func aConnectOfSixteenMegabytesIsCutShort() async throws {
        let gate = RecordingGate()
        try await withServer(gate, limits: Self.limits(deadline: .seconds(30))) { port in
            let client = try await RawClient.connect(port: port)
            var bytes = PeerBytes.handshake()
            bytes.writeBytes([3, 0, 0, 0, 0xFF, 0xFF, 0xFF, 20, 0, 0, 0, 0])
            try await client.send(bytes)
            await client.flood(ByteBuffer(repeating: 0x02, count: 65_536), limit: 16 << 20)
            _ = try await client.received()
        }
        #expect(gate.requests.isEmpty)
    }

    @Test func mediaBeforeItsPublishIsCutShort() async throws {
        try await withServer(RecordingGate(), limits: Self.limits(deadline: .seconds(30))) { port in
            let client = try await RawClient.connect(port: port)
            var bytes = PeerBytes.handshake()
            for _ in 0..<20_000 { bytes.writeImmutableBuffer(PeerBytes.sound(at: 0)) }
            await client.flood(bytes, limit: 64 << 20)
            _ = try await client.received()
        }
    }

    @Test func aResetInTheMiddleOfAMessageEndsThePublisher() async throws {
        let gate = RecordingGate()
        try await withServer(gate) { port in
            let client = try await RawClient.connect(port: port)
            try await client.send(PeerBytes.publish("key"))
            try await client.send(PeerBytes.sound(at: 0))
            await gate.sink.waitForUnit()
            // A picture of a megabyte of which only the beginning comes.
            try await client.send(ByteBuffer(bytes: [6, 0, 0, 0, 0x10, 0, 0, 9, 1, 0, 0, 0, 0x17, 1]))
            try await client.reset()
            #expect(await gate.sink.waitForEnd() == .dropped)
        }
        #expect(gate.sink.record.endings == [.dropped])
    }

    @Test(arguments: ["../../etc", "live/../..", "live\0x", "%2e%2e/live", "/", "live/\u{202E}"])
    func applicationsThatClimbAreUnknownOrAKey(application: String) async throws {
        let gate = RecordingGate(.refuse(.unknownKey))
        try await withServer(gate) { port in
            let client = try await RawClient.connect(port: port)
            try await client.send(PeerBytes.publish("key", application: application))
            let answer = String(buffer: try await client.received())
            #expect(answer.contains("There is no application") || answer.contains(PublishRefusal.unknownKey.message))
        }
        #expect(gate.requests.allSatisfy { $0.application == "live" })
    }

    @Test(arguments: ["../../../etc/passwd", "..", "a/b/c", "\0", "key?x=../..", String(repeating: "k", count: 60_000)])
    func streamNamesThatClimbAreOnlyWrongKeys(name: String) async throws {
        let gate = RecordingGate(.refuse(.unknownKey))
        try await withServer(gate) { port in
            let client = try await RawClient.connect(port: port)
            await client.flood(PeerBytes.publish(name), limit: 1)
            _ = try await client.received()
        }
        #expect(gate.sink.record.endings.isEmpty)
    }

    @Test(arguments: 0..<8)
    func closesOnNoise(seed: UInt64) async throws {
        var generator = SystemRandomNumberGenerator()
        let seed = seed == 0 ? UInt64.random(in: 0 ... .max, using: &generator) : seed
        var state = seed
        var noise = ByteBuffer()
        for _ in 0..<30_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            noise.writeInteger(UInt8(truncatingIfNeeded: state >> 56))
        }
        var bytes = seed % 2 == 0 ? ByteBuffer() : PeerBytes.handshake()
        bytes.writeImmutableBuffer(noise)
        let sent = bytes
        try await withServer(RecordingGate(), limits: Self.limits(deadline: .milliseconds(500))) { port in
            let client = try await RawClient.connect(port: port)
            await client.flood(sent, limit: 1)
            _ = try await client.received()
        }
    }
}
