import Domain
import NIOCore
import NIOEmbedded
import PrometheusMetrics
import RTMPTransport
import Testing

/// Who gets a connection at all, and how each refusal is counted.
@Suite(.timeLimit(.minutes(1)))
struct AdmissionTests {
    private static func refusals(_ metrics: PrometheusMetrics, _ reason: String) -> Int {
        let prefix = "lineup_rtmp_refusals_total{reason=\"\(reason)\"} "
        let line = metrics.render().split(separator: "\n").first { $0.hasPrefix(prefix) }
        return line.flatMap { Int($0.dropFirst(prefix.count)) } ?? 0
    }

    @Test func countsConnectionsOverTheLimitOfTheirAddress() async throws {
        var limits = RTMPServerConfiguration.Limits()
        limits.maximumConnectionsPerAddress = 2
        let metrics = PrometheusMetrics()
        try await withServer(RecordingGate(.acceptEach), limits: limits, metrics: metrics) { port in
            let first = try await RawClient.connect(port: port)
            let second = try await RawClient.connect(port: port)
            try await first.send(PeerBytes.handshake())
            try await second.send(PeerBytes.handshake())
            let third = try await RawClient.connect(port: port)
            #expect(try await third.received().readableBytes == 0)
            #expect(Self.refusals(metrics, "tooManyConnectionsFromAddress") == 1)
            await first.close()
            await second.close()
        }
    }

    @Test func countsConnectionsThatComeTooFast() async throws {
        var limits = RTMPServerConfiguration.Limits()
        limits.handshakesPerAddress = .init(perSecond: 1, burst: 5)
        let metrics = PrometheusMetrics()
        try await withServer(RecordingGate(), limits: limits, metrics: metrics) { port in
            for _ in 0..<40 {
                let client = try await RawClient.connect(port: port)
                await client.flood(ByteBuffer(repeating: 0xFF, count: 1), limit: 1)
                _ = try await client.received()
            }
        }
        // One more a second would be let in on a slow machine.
        #expect(Self.refusals(metrics, "tooManyHandshakesFromAddress") >= 10)
    }

    @Test func anotherAddressIsNotSlowedDown() async throws {
        var limits = RTMPServerConfiguration.Limits()
        limits.handshakesPerAddress = .init(perSecond: 1, burst: 1)
        let gate = RecordingGate(.acceptEach)
        try await withServer(gate, limits: limits) { port in
            for _ in 0..<5 { await (try RawClient.connect(port: port)).close() }
            let other = try await RawClient.connect(port: port, source: "127.0.0.9")
            try await other.send(PeerBytes.publish("key"))
            _ = try #require(await gate.nextSink())
            await other.close()
        }
    }

    @Test func idleStrangersGiveWayButPublishersDoNot() async throws {
        var limits = RTMPServerConfiguration.Limits()
        limits.maximumConnections = 3
        let metrics = PrometheusMetrics()
        let gate = RecordingGate(.acceptEach)
        try await withServer(gate, limits: limits, metrics: metrics) { port in
            let publisher = try await RawClient.connect(port: port)
            try await publisher.send(PeerBytes.publish("key"))
            // The gate has said yes a moment before the connection is no stranger's any more.
            try #require(try await publisher.published())
            let oldest = try await RawClient.connect(port: port)
            try await oldest.send(PeerBytes.handshake())
            var others: [RawClient] = []
            for _ in 0..<2 {
                let client = try await RawClient.connect(port: port)
                try await client.send(PeerBytes.publish("key"))
                try #require(try await client.published())
                others.append(client)
            }
            _ = try await oldest.received()
            #expect(Self.refusals(metrics, "displaced") == 1)
            let late = try await RawClient.connect(port: port)
            #expect(try await late.received().readableBytes == 0)
            #expect(Self.refusals(metrics, "tooManyConnections") == 1)
            #expect(gate.sinks.allSatisfy { $0.record.endings.isEmpty })
            for client in [publisher] + others { await client.close() }
        }
    }

    @Test func countsRefusedKeysByReason() async throws {
        let metrics = PrometheusMetrics()
        try await withServer(RecordingGate(.refuse(.slowDown(retryAfter: .seconds(3)))), metrics: metrics) { port in
            let client = try await RawClient.connect(port: port)
            try await client.send(PeerBytes.publish("key"))
            #expect(String(buffer: try await client.received()).contains("try again in 3 s"))
        }
        #expect(Self.refusals(metrics, "slowDown") == 1)
    }

    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"), ("::1", "0:0:0:0::/64"),
    ])
    func countsAnIPv6NetworkAsOne(address: String, network: String) throws {
        #expect(PeerNetwork(try SocketAddress(ipAddress: address, port: 1)).description == network)
    }
}
