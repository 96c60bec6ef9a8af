import Domain
import NIOCore
import RTMP
import RTMPTransport
import Testing

/// What the socket side does with peers that are not publishers, or not yet.
@Suite(.timeLimit(.minutes(1)))
struct ConnectionLimitTests {
    private static func handshake() -> ByteBuffer {
        var bytes = ByteBuffer(integer: UInt8(3))
        bytes.writeRepeatingByte(7, count: 2 * 1536)
        return bytes
    }

    private static func publish(_ key: String) -> ByteBuffer {
        var bytes = handshake()
        var encoder = ChunkEncoder()
        for (values, stream) in [
            ([.string("connect"), .number(1), .object(["app": .string("live")])], 0),
            ([.string("createStream"), .number(2), .null], 0),
            ([.string("publish"), .number(3), .null, .string(key), .string("live")], 1),
        ] as [([AMF0Value], UInt32)] {
            var payload = ByteBuffer()
            payload.writeAMF0(values)
            let message = RTMPMessage(type: 20, streamID: stream, timestamp: 0, payload: payload)
            encoder.encode(message, on: 3, into: &bytes)
        }
        return bytes
    }

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
            var bytes = Self.handshake()
            bytes.writeRepeatingByte(0xFF, count: 100_000)
            try await client.send(bytes)
            let answer = try await client.received()
            #expect(answer.readableBytes > 3073)
        }
    }

    @Test func closesOnAPeerThatIsSilentOverTheDeadline() async throws {
        var limits = RTMPServerConfiguration.Limits()
        limits.publishDeadline = .seconds(5)
        try await withServer(RecordingGate(), limits: limits) { port in
            let silent = try await RawClient.connect(port: port)
            let half = try await RawClient.connect(port: port)
            try await half.send(Self.handshake())
            #expect(try await silent.received().readableBytes == 0)
            #expect(try await half.received().readableBytes >= 3073)
        }
    }

    @Test func closesOnAPublisherThatFallsSilent() async throws {
        let gate = RecordingGate()
        var limits = RTMPServerConfiguration.Limits()
        limits.idleLimit = .milliseconds(100)
        try await withServer(gate, limits: limits) { port in
            let client = try await RawClient.connect(port: port)
            try await client.send(Self.publish("key"))
            #expect(await gate.sink.waitForEnd() == .dropped)
            #expect(String(buffer: try await client.received()).contains("Nothing was received for too long."))
        }
    }

    @Test func takesAHalfCloseForAnEnd() async throws {
        let gate = RecordingGate()
        try await withServer(gate) { port in
            let client = try await RawClient.connect(port: port)
            try await client.send(Self.publish("key"))
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
            var bytes = Self.publish("key")
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
            try await first.send(Self.handshake())
            // Two connections may be counted in on two loops in either order.
            try await first.answered()
            let second = try await RawClient.connect(port: port)
            #expect(try await second.received().readableBytes == 0)
            // The first is served all the same, and its place is free once it is gone.
            try await first.send(ByteBuffer(repeating: 0xFF, count: 100))
            #expect(try await first.received().readableBytes > 3073)
        }
    }

    @Test func endsEveryPublisherItLetIn() async throws {
        let gate = RecordingGate()
        var limits = RTMPServerConfiguration.Limits()
        limits.maximumConnections = 1
        limits.lingerLimit = .milliseconds(50)
        try await withServer(gate, limits: limits) { port in
            for _ in 0..<3 {
                let client = try await RawClient.connect(port: port)
                try await client.send(Self.publish("key"))
                try await client.closeOutput()
                // Closed by the server after it counted the connection out, or refused: then the gate was not asked.
                _ = try await client.received()
            }
        }
        #expect(!gate.requests.isEmpty)
        #expect(gate.sink.record.endings.count == gate.requests.count)
    }
}
