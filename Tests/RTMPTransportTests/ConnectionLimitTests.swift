import Domain
import NIOCore
import PrometheusMetrics
import RTMP
import RTMPTransport
import Testing

/// What the socket side does with peers that are not publishers, or not yet.
@Suite(.timeLimit(.minutes(1)))
struct ConnectionLimitTests {
    @Test func closesOnGarbageWithoutAnAnswer() async throws {
        try await withServer(RecordingGate()) { port in
            let client = try await RawClient.connect(port: port)
            try await client.send(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
            #expect(try await client.received().readableBytes == 0)
        }
    }

    @Test func closesOnGarbageBehindTheHandshake() async throws {
        try await withServer(RecordingGate()) { port in
            let client = try await RawClient.connect(port: port)
            var bytes = PeerBytes.handshake()
            bytes.writeRepeatingByte(0xFF, count: 100_000)
            try await client.send(bytes)
            let answer = try await client.received()
            #expect(answer.readableBytes > 3073)
        }
    }

    @Test func tellsOfEachSilenceOnce() async throws {
        let gate = RecordingGate()
        var limits = RTMPServerConfiguration.Limits()
        limits.silenceLimit = .milliseconds(50)
        try await withServer(gate, limits: limits) { port in
            let client = try await RawClient.connect(port: port)
            try await client.send(PeerBytes.publish("key"))
            await gate.sink.waitForSilence()
            try await client.send(PeerBytes.sound(at: 0))
            await gate.sink.waitForUnit()
            await gate.sink.waitForSilence()
            await client.close()
            #expect(await gate.sink.waitForEnd() == .dropped)
        }
        #expect(gate.sink.record.silences == 2)
    }

    /// What it sends then waits in the kernel, below the threshold that its bitrate had set.
    @Test func hearsAPublisherWhoseBitrateFalls() async throws {
        let gate = RecordingGate()
        var limits = RTMPServerConfiguration.Limits()
        limits.silenceLimit = .seconds(1)
        try await withServer(gate, limits: limits) { port in
            let client = try await RawClient.connect(port: port)
            try await client.send(PeerBytes.publish("key"))
            let pieces = (0..<1000).map { PeerBytes.sound(at: $0 * 5, padding: $0 < 500 ? 2500 : 0) }
            client.send(pieces, each: .milliseconds(5))
            #expect(await gate.sink.waitForEnd() == .dropped)
        }
        #expect(gate.sink.record.silences == 0)
        #expect(gate.sink.record.units.count == 1000)
    }

    @Test func closesOnAPublisherThatFallsSilent() async throws {
        let gate = RecordingGate()
        let metrics = PrometheusMetrics()
        var limits = RTMPServerConfiguration.Limits()
        limits.idleLimit = .milliseconds(100)
        try await withServer(gate, limits: limits, metrics: metrics) { port in
            let client = try await RawClient.connect(port: port)
            try await client.send(PeerBytes.publish("key"))
            #expect(await gate.sink.waitForEnd() == .dropped)
            #expect(String(buffer: try await client.received()).contains("Nothing was received for too long."))
        }
        #expect(metrics.render().contains(#"lineup_rtmp_refusals_total{reason="idle"} 1"#))
    }

    @Test func bytesWithoutMediaDoNotKeepAPublisher() async throws {
        let gate = RecordingGate()
        var limits = RTMPServerConfiguration.Limits()
        limits.idleLimit = .milliseconds(300)
        try await withServer(gate, limits: limits) { port in
            let client = try await RawClient.connect(port: port)
            try await client.send(PeerBytes.publish("key"))
            // Acknowledgements, which mean nothing to us, over and over.
            client.drip(
                ByteBuffer(bytes: [2, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0, 0, 0, 0, 1]), each: .milliseconds(1))
            #expect(await gate.sink.waitForEnd() == .dropped)
        }
    }

    @Test func takesAHalfCloseForAnEnd() async throws {
        let gate = RecordingGate()
        try await withServer(gate) { port in
            let client = try await RawClient.connect(port: port)
            try await client.send(PeerBytes.publish("key"))
            try await client.closeOutput()
            #expect(await gate.sink.waitForEnd() == .dropped)
            _ = try await client.received()
        }
        #expect(gate.sink.record.endings == [.dropped])
    }

    @Test func deliversLastWordsThoughThePeerGoesOnSending() async throws {
        let gate = RecordingGate(.refuse(.revokedKey))
        try await withServer(gate) { port in
            let client = try await RawClient.connect(port: port)
            var bytes = PeerBytes.publish("key")
            bytes.writeRepeatingByte(0x55, count: 20_000)
            try await client.send(bytes)
            #expect(String(buffer: try await client.received()).contains(PublishRefusal.revokedKey.message))
        }
    }

    @Test func boundsConnectionsFromOneAddress() async throws {
        var limits = RTMPServerConfiguration.Limits()
        limits.maximumConnectionsPerAddress = 1
        try await withServer(RecordingGate(), limits: limits) { port in
            let first = try await RawClient.connect(port: port)
            try await first.send(PeerBytes.handshake())
            // Two connections may be counted in on two loops in either order.
            try await first.answered()
            let second = try await RawClient.connect(port: port)
            #expect(try await second.received().readableBytes == 0)
            // The first is served all the same, and its place is free once it is gone.
            try await first.send(ByteBuffer(repeating: 0xFF, count: 100))
            #expect(try await first.received().readableBytes > 3073)
        }
    }

    @Test func endsEveryPublisherItLetInOnceAndForItsReason() async throws {
        let gate = RecordingGate(.acceptEach)
        let metrics = PrometheusMetrics()
        var limits = RTMPServerConfiguration.Limits()
        limits.lingerLimit = .milliseconds(50)
        let ways: [(PublisherEnd, @Sendable (RawClient, any PublisherConnection) async throws -> Void)] = [
            (.dropped, { client, _ in try await client.closeOutput() }),
            (.dropped, { client, _ in try await client.reset() }),
            (.dropped, { client, _ in try await client.send(ByteBuffer(repeating: 0xFF, count: 4000)) }),
            (.closedByServer, { _, connection in connection.close(reason: "Your slot is over.") }),
            (
                .closedByServer,
                { _, connection in
                    connection.close(reason: "Your slot is over.")
                    connection.close(reason: "Twice.")
                }
            ),
        ]
        try await withServer(gate, limits: limits, metrics: metrics) { port in
            for (expected, end) in ways + ways {
                let client = try await RawClient.connect(port: port)
                try await client.send(PeerBytes.publish("key"))
                let sink = try #require(await gate.nextSink())
                try await end(client, try #require(gate.connections.last))
                #expect(await sink.waitForEnd() == expected)
            }
        }
        #expect(gate.sinks.count == 10)
        #expect(gate.sinks.allSatisfy { $0.record.endings.count == 1 })
        #expect(metrics.render().contains("lineup_rtmp_connections 0"))
    }
}
