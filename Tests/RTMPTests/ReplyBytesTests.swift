import NIOCore
import RTMP
import TestKit
import Testing

/// What the server writes, byte by byte.
struct ReplyBytesTests {
    /// A connection after its handshake, and what it wrote since.
    private func start() -> ServerConnection {
        var connection = ServerConnection(seed: 1)
        connection.bytesReceived(ByteBuffer(bytes: [3] + filler(3072)))
        _ = output(&connection)
        return connection
    }

    private func output(_ connection: inout ServerConnection) -> ByteBuffer {
        var bytes = ByteBuffer()
        while let action = connection.next() { if case .send(let part) = action { bytes.writeImmutableBuffer(part) } }
        return bytes
    }

    private func answer(
        of connection: inout ServerConnection, to fill: (inout ClientScript) -> Void
    ) -> ByteBuffer {
        var script = ClientScript()
        fill(&script)
        connection.bytesReceived(script.bytes)
        return output(&connection)
    }

    @Test func answersConnect() {
        var connection = start()
        let bytes = answer(of: &connection) { $0.connect() }
        // Window 2,500,000 · bandwidth the same, dynamic · chunk size 4,096 · _result for transaction 1
        let control = buffer(
            """
            02 000000 000004 05 00000000 002625a0
            42 000000 000005 06 002625a0 02
            42 000000 000004 01 00001000
            03 000000 0000b3 14 00000000
            02 0007 5f726573756c74 00 3ff0000000000000
            03 0006 666d73566572 02 000d 464d532f332c302c312c313233
               000c 6361706162696c6974696573 00 403f000000000000 0000 09
            03 0005 6c6576656c 02 0006 737461747573
               0004 636f6465 02 001d 4e6574436f6e6e656374696f6e2e436f6e6e6563742e53756363657373
               000b 6465736372697074696f6e 02 000a 436f6e6e65637465642e
               000e 6f626a656374456e636f64696e67 00 0000000000000000 0000 09
            """)
        #expect(hexadecimal(bytes.readableBytesView) == hexadecimal(control.readableBytesView))
    }

    @Test func tellsItsCapabilitiesToThoseWhoTellTheirs() throws {
        var connection = start()
        let bytes = answer(of: &connection) {
            $0.command("connect", 1, [.object(["app": .string("live"), "capsEx": .number(15)])])
        }
        var decoder = ChunkDecoder(limits: RTMPLimits())
        decoder.append(bytes)
        var result: [AMF0Value] = []
        while let message = try decoder.next() {
            if message.type == 20 { result = try AMF0Decoder.values(in: message.payload) }
        }
        let information = try #require(result.last?.object)
        #expect(information["capsEx"] == .number(13))
        #expect(information["fourCcList"] == .array([.string("avc1"), .string("hvc1"), .string("mp4a")]))
        #expect(information["videoFourCcInfoMap"] == .object(["avc1": .number(5), "hvc1": .number(5)]))
        #expect(information["audioFourCcInfoMap"] == .object(["mp4a": .number(5)]))
    }

    @Test func answersCreateStream() {
        var connection = start()
        _ = answer(of: &connection) { $0.connect() }
        let bytes = answer(of: &connection) { $0.command("createStream", 4, [.null]) }
        // fmt 1 on chunk stream 3: _result · 4 · null · 1
        let result = "43 000000 00001d 14 02 0007 5f726573756c74 00 4010000000000000 05 00 3ff0000000000000"
        #expect(bytes == buffer(result))
    }

    @Test func answersPingsAndAcknowledges() {
        var connection = start()
        _ = answer(of: &connection) { $0.publishAfterHandshake("key") }
        connection.authorised()
        // Stream begin of stream 1, then the status on chunk stream 5.
        let begin = output(&connection)
        #expect(begin.getSlice(at: 0, length: 14) == buffer("42 000000 000006 04 0000 00000001"))
        #expect(begin.getSlice(at: 14, length: 4) == buffer("05 000000"))
        // A pong is like the message before it: one header byte.
        let pong = answer(of: &connection) { $0.message(4, buffer("0006 00000010"), streamID: 0, on: 2) }
        #expect(pong == buffer("c2 0007 00000010"))
        let quiet = answer(of: &connection) { $0.message(5, buffer("00010000"), streamID: 0, on: 2) }
        #expect(quiet.readableBytes == 0)
        let acknowledgement = answer(of: &connection) {
            for _ in 0..<2 { $0.message(18, ByteBuffer(bytes: filler(40_000)), on: 4) }
        }
        #expect(acknowledgement.getSlice(at: 0, length: 8) == buffer("42 000000 000004 03"))
        #expect(acknowledgement.readableBytes == 12)
    }

    @Test func beginsPlaying() {
        var connection = start()
        _ = answer(of: &connection) {
            $0.connect(application: "play")
            $0.command("play", 4, [.null, .string("main")], streamID: 1)
        }
        connection.playAccepted()
        let bytes = output(&connection)
        // Chunk size 60,000 in a header like the one before · stream begin · the first status, on stream 1
        #expect(
            bytes.getSlice(at: 0, length: 31)
                == buffer("c2 0000ea60 42 000000 000006 04 0000 00000001 05 000000 000064 14 01000000"))
    }
}
