import Domain
import NIOCore
import RTMP
import TestKit
import Testing

struct ServerConnectionTests {
    private func transcript(_ script: ClientScript, accept: Bool = true) throws -> Transcript {
        var transcript = Transcript()
        try transcript.receive(script.bytes)
        if accept, transcript.lines.last?.hasPrefix("authorise") == true {
            transcript.connection.authorised()
            try transcript.drain()
        }
        return transcript
    }

    @Test func holdsTheConversationOfFFmpegAndOBS() throws {
        var script = ClientScript()
        script.publish("my-key")
        let lines = try transcript(script).lines
        #expect(
            lines == [
                "control 5", "control 6", "_result NetConnection.Connect.Success", "_result",
                "onFCPublish NetStream.Publish.Start", "_result", "authorise live my-key", "control 4",
                "onStatus NetStream.Publish.Start",
            ])
    }

    @Test func deliversMediaInOrder() throws {
        var script = ClientScript()
        script.publish("k")
        script.chunkSize(4096)
        script.metadata(["width": .number(320), "height": .number(180), "videocodecid": .number(7)])
        script.video(ClientScript.avcHeader, at: 0)
        script.audio(ClientScript.aacHeader, at: 0)
        script.video("17 01 000028 00000002 6588", at: 0)
        script.audio("af 01 2110", at: 10)
        script.video("27 01 000000 00000002 419a", at: 40)
        #expect(
            try transcript(script).lines.suffix(7) == [
                "onStatus NetStream.Publish.Start", "metadata 320", "format video", "format audio", "video 0 40 key 6",
                "audio 10 10 2", "video 40 40 6",
            ])
    }

    @Test(arguments: [
        ("live", "key"), ("live/", "key"), ("live?a=b", "key?c=d"), ("live/key", ""), ("live/key", "key"),
        ("/live", "/key"),
    ])
    func findsTheKeyWhereEncodersPutIt(application: String, name: String) throws {
        var script = ClientScript()
        script.publish(name, application: application)
        #expect(try transcript(script).lines.contains("authorise live key"))
    }

    @Test func refusesAnotherApplicationAtOnce() throws {
        var script = ClientScript()
        script.publish("key", application: "stage/live")
        #expect(
            try transcript(script).lines == [
                "_error NetConnection.Connect.Rejected", "close unknownApplication",
            ])
    }

    @Test func refusesASecondApplicationName() throws {
        var script = ClientScript()
        script.publish("key", application: "live/other")
        #expect(try transcript(script).decisions.suffix(2).first == "onStatus NetStream.Publish.Denied")
    }

    @Test func refusesAPublishWithoutAKey() throws {
        var script = ClientScript()
        script.publish("")
        #expect(
            try transcript(script).decisions.suffix(2) == [
                "onStatus NetStream.Publish.Denied", "close missingKey",
            ])
    }

    @Test func passesTheGatesRefusalOn() throws {
        var script = ClientScript()
        script.publish("key")
        var transcript = try transcript(script, accept: false)
        transcript.connection.refused(.tooManyReplacements(retryAfter: .seconds(30)))
        try transcript.drain()
        #expect(transcript.decisions.suffix(2).first == "onStatus NetStream.Publish.BadName")
    }

    @Test(arguments: ["FCUnpublish", "deleteStream", "closeStream"])
    func endsAStreamThatIsStoppedOnPurpose(command: String) throws {
        var script = ClientScript()
        script.publish("key")
        script.command(command, 6, [.null, command == "deleteStream" ? .number(1) : .string("key")], streamID: 1)
        script.stop("key")
        #expect(
            try transcript(script).decisions.suffix(3) == [
                "onStatus NetStream.Unpublish.Success", "ended finished", "close finished",
            ])
    }

    @Test func goesOnWhenAnotherStreamIsDeleted() throws {
        var script = ClientScript()
        script.publish("key")
        script.command("deleteStream", 6, [.null, .number(2)])
        #expect(try transcript(script).connection.isPublishing)
    }

    @Test func refusesASecondPublishAndKeepsTheFirst() throws {
        var script = ClientScript()
        script.publish("key")
        script.command("publish", 8, [.null, .string("other"), .string("live")], streamID: 2)
        let transcript = try transcript(script)
        #expect(transcript.lines.last == "onStatus NetStream.Publish.BadName")
        #expect(transcript.connection.isPublishing)
    }

    @Test func answersPingsAndIgnoresWhatItDoesNotKnow() throws {
        var script = ClientScript()
        script.publish("key")
        script.message(4, buffer("0006 00000010"), streamID: 0, on: 2)
        script.command("_checkbw", 9, [.null])
        script.command("somethingElse", 10, [.null])
        script.message(99, buffer("aabb"), streamID: 0, on: 2)
        #expect(
            try transcript(script).lines.suffix(3) == ["onStatus NetStream.Publish.Start", "control 4", "_result"])
    }

    @Test func acknowledgesWhatItReceived() throws {
        var script = ClientScript()
        script.publish("key")
        script.message(5, ByteBuffer(integer: UInt32(100_000)), streamID: 0, on: 2)
        script.chunkSize(65_536)
        script.video(ClientScript.avcHeader, at: 0)
        for step in 0..<3 {
            script.video(ByteBuffer(bytes: bytes("27 01 000000 0000fffc 41") + filler(0xFFFB)), at: UInt32(step))
        }
        #expect(try transcript(script).lines.last == "control 3")
    }

    @Test func reportsADeadConnectionAsDropped() throws {
        var script = ClientScript()
        script.publish("key")
        var transcript = try transcript(script)
        transcript.connection.inputClosed()
        transcript.connection.inputClosed()
        try transcript.drain()
        #expect(transcript.decisions.suffix(2) == ["ended dropped", "close peerLeft"])
    }

    @Test func endsAPublisherWhoLeftWhileTheKeyWasChecked() throws {
        var script = ClientScript()
        script.publish("key")
        var transcript = try transcript(script, accept: false)
        transcript.connection.inputClosed()
        try transcript.drain()
        #expect(transcript.lines.last == "close peerLeft")
        transcript.connection.authorised()
        try transcript.drain()
        #expect(transcript.lines.last == "ended dropped")
    }

    @Test func sendsAPublisherAwayOnce() throws {
        var script = ClientScript()
        script.publish("key")
        var transcript = try transcript(script)
        transcript.connection.closeRequested(reason: "Over.")
        transcript.connection.closeRequested(reason: "Over.")
        transcript.connection.idleLimitPassed()
        try transcript.drain()
        #expect(
            transcript.decisions.suffix(3) == [
                "onStatus NetConnection.Connect.Closed", "ended closedByServer", "close closedByServer",
            ])
        try transcript.receive(script.bytes)
        #expect(transcript.lines.last == "close closedByServer")
    }

    /// Enhanced RTMP v2, "Reconnect Request": a stop is not the end for who understands it.
    @Test(arguments: [true, false])
    func asksWhoUnderstandsItToComeBackAfterAStop(understands: Bool) throws {
        var script = ClientScript()
        script.handshake()
        script.command(
            "connect", 1, [.object(["app": .string("live"), "capsEx": .number(understands ? 1 : 0)])])
        script.command("createStream", 2, [.null])
        script.command("publish", 3, [.null, .string("key"), .string("live")], streamID: 1)
        var transcript = try transcript(script)
        transcript.connection.closeRequested(reason: "The server stops.", comesBack: true)
        try transcript.drain()
        let asked = "onStatus NetConnection.Connect.ReconnectRequest"
        #expect(transcript.lines.contains(asked) == understands)
        #expect(transcript.lines.last == "close closedByServer")
    }

    @Test func closesAfterTheDeadlineUnlessItPublishes() throws {
        var half = ClientScript()
        half.handshake()
        var waiting = try transcript(half)
        waiting.connection.deadlinePassed()
        try waiting.drain()
        #expect(waiting.lines.last == "close deadline")
        var script = ClientScript()
        script.publish("key")
        var publishing = try transcript(script)
        publishing.connection.deadlinePassed()
        try publishing.drain()
        #expect(publishing.connection.isPublishing)
    }
}

struct ServerConnectionHostilityTests {
    private func decisions(_ script: ClientScript) throws -> [String] {
        var transcript = Transcript()
        try transcript.receive(script.bytes)
        return transcript.decisions
    }

    @Test func closesOnWhatIsNotRTMPAtTheFirstByte() throws {
        var transcript = Transcript()
        try transcript.receive(ByteBuffer(string: "GET / HTTP/1.1\r\n"))
        #expect(transcript.lines == ["close handshakeVersion"])
    }

    @Test func refusesMediaBeforeThePublish() throws {
        var script = ClientScript()
        script.handshake()
        script.connect()
        script.video("17 00 000000", at: 0)
        #expect(try decisions(script).last == "close mediaBeforePublish")
    }

    @Test func tellsWhyAChunkSizeIsRefused() throws {
        var script = ClientScript()
        script.handshake()
        script.connect()
        script.raw("02 000000 000004 01 00000000 7fffffff")
        #expect(try decisions(script) == ["onStatus NetConnection.Connect.Closed", "close chunkSize"])
    }

    @Test func refusesNestingInConnect() throws {
        var script = ClientScript()
        script.handshake()
        var payload = ByteBuffer()
        payload.writeAMF0([.string("connect"), .number(1)])
        payload.writeBytes(bytes(String(repeating: "03 0001 61", count: 8000)))
        script.message(20, payload, streamID: 0, on: 3)
        #expect(try decisions(script).last == "close amfLimit")
    }

    @Test func holdsAtMost32KBBeforeThePublish() throws {
        var script = ClientScript()
        script.handshake()
        script.message(20, ByteBuffer(bytes: filler(60_000)), streamID: 0, on: 3)
        #expect(try decisions(script).last == "close tooMuchHeld")
        var held = Transcript()
        var publish = ClientScript()
        publish.publish("key")
        try held.receive(publish.bytes)
        try held.receive(ByteBuffer(repeating: 0, count: 32_000))
        #expect(held.connection.heldBytes == 32_000)
        try held.receive(ByteBuffer(repeating: 0, count: 1000))
        #expect(held.lines.last == "close tooMuchHeld")
    }

    @Test func boundsTheTalkBeforeThePublish() throws {
        var script = ClientScript()
        script.handshake()
        script.connect()
        for transaction in 0..<300 { script.command("createStream", Double(transaction), [.null]) }
        #expect(try decisions(script).last == "close tooMuchBeforePublish")
    }

    @Test func refusesACommandBeforeConnect() throws {
        var script = ClientScript()
        script.handshake()
        script.command("createStream", 1, [.null])
        #expect(try decisions(script).last == "close malformedMessage")
    }
}

/// One recorded session, cut in every way.
struct SessionCutTests {
    private static func session() -> ByteBuffer {
        var script = ClientScript()
        script.publish("key")
        script.metadata(["width": .number(320), "height": .number(180)])
        script.video(ClientScript.avcHeader, at: 0)
        script.audio(ClientScript.aacHeader, at: 0)
        for step in 0..<4 as Range<UInt32> {
            script.video(ByteBuffer(bytes: bytes("27 01 000000 000000c8 41") + filler(199)), at: step * 40)
            script.audio("af 01 21101122", at: step * 21)
        }
        script.stop("key")
        return script.bytes
    }

    /// Feeds `session` in pieces of `size` bytes and lets the publisher in when it asks.
    private func run(_ session: ByteBuffer, piece size: Int) throws -> Transcript {
        var session = session
        var transcript = Transcript()
        while let piece = session.readSlice(length: min(size, session.readableBytes)), piece.readableBytes > 0 {
            try transcript.receive(piece)
            if transcript.lines.last?.hasPrefix("authorise") == true {
                transcript.connection.authorised()
                try transcript.drain()
            }
        }
        return transcript
    }

    @Test func givesTheSameResultByteByByte() throws {
        let whole = try run(Self.session(), piece: .max)
        #expect(whole.lines.last == "close finished")
        #expect(whole.lines.filter { $0.hasPrefix("video") }.count == 4)
        for size in [1, 2, 3, 7, 100, 129] { #expect(try run(Self.session(), piece: size).lines == whole.lines) }
    }

    @Test func survivesEveryTruncation() throws {
        let session = Self.session()
        for length in 0..<session.readableBytes where length > 3000 || length % 97 == 0 {
            var transcript = try run(session.getSlice(at: 0, length: length) ?? ByteBuffer(), piece: .max)
            transcript.connection.inputClosed()
            try transcript.drain()
            #expect(transcript.lines.last?.hasPrefix("close") == true)
            let endings = transcript.lines.filter { $0.hasPrefix("ended") }
            #expect(endings.count == (transcript.lines.contains("authorise live key") ? 1 : 0), "\(length) bytes")
        }
    }

    @Test func survivesDamagedBytes() throws {
        var generator = SeededGenerator(seed: 11)
        let session = Self.session()
        for _ in 0..<400 {
            var damaged = session
            for _ in 0..<3 {
                let index = Int.random(in: 3073..<session.readableBytes, using: &generator)
                damaged.setInteger(UInt8.random(in: .min ... .max, using: &generator), at: index)
            }
            _ = try? run(damaged, piece: 50)
        }
    }
}
