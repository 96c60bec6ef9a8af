import Domain
import NIOCore
import RTMP
import TestKit
import Testing

/// One regression test per attack that felled a server of this field, against the whole machine.
struct AttackTests {
    private func transcript(_ script: ClientScript) throws -> Transcript {
        var transcript = Transcript()
        try transcript.receive(script.bytes)
        if transcript.lines.last?.hasPrefix("authorise") == true {
            transcript.connection.authorised()
            try transcript.drain()
        }
        return transcript
    }

    private func connected() -> ClientScript {
        var script = ClientScript()
        script.handshake()
        script.connect()
        return script
    }

    private func publishing() -> ClientScript {
        var script = ClientScript()
        script.publish("key")
        return script
    }

    @Test(arguments: ["7fffffff", "00000001", "00010001"])
    func chunkSizesOfTwoGigabytesAndOfOneByte(size: String) throws {
        for start in [connected(), publishing()] {
            var script = start
            script.raw("02 000000 000004 01 00000000 \(size)")
            #expect(try transcript(script).lines.last == "close chunkSize")
        }
    }

    @Test func aChunkSizeThatTheOperatorAllows() throws {
        var limits = RTMPLimits()
        limits.maximumChunkSize = 1 << 30  // Taken as 16 MB.
        for (size, isTaken) in [("01000000", true), ("01000001", false), ("0000007f", false)] {
            var decoder = ChunkDecoder(limits: limits)
            decoder.append(buffer("02 000000 000004 01 00000000 \(size)"))
            if isTaken {
                #expect(throws: Never.self) { try decoder.next() }
            } else {
                #expect(throws: RTMPError.self) { try decoder.next() }
            }
        }
    }

    @Test func oneByteChunks() throws {
        var script = connected()
        // Messages of one byte: cheap to send, and each is one of the few granted before a publish.
        for _ in 0..<300 { script.raw("03 000000 000001 12 00000000 00") }
        #expect(try transcript(script).lines.last == "close tooMuchBeforePublish")
    }

    @Test func aDeclaredGigabyte() throws {
        // The wire has 24 bits for a length; the most they can say, for a command and for a picture.
        var command = connected()
        command.raw("03 000000 ffffff 14 00000000")
        #expect(try transcript(command).lines.last == "close messageTooLarge")
        var picture = publishing()
        picture.raw("06 000000 ffffff 09 01000000" + String(repeating: "11", count: 128))
        let transcript = try transcript(picture)
        #expect(transcript.connection.isPublishing)
        #expect(transcript.connection.heldBytes == 128)
    }

    /// As many levels as 32 KB can say; `AMF0Tests` and `AMF3Tests` have 200,000.
    @Test(arguments: ["03 0001 61", "0a 00000001", "08 00000001 0001 61"])
    func thousandsOfNestedValuesInConnect(level: String) throws {
        var payload = ByteBuffer()
        payload.writeAMF0([.string("connect"), .number(1)])
        payload.writeBytes(bytes(String(repeating: level, count: 6000)).prefix(30_000))
        var script = ClientScript()
        script.handshake()
        script.message(20, payload, streamID: 0, on: 3)
        #expect(try transcript(script).lines.last == "close amfLimit")
    }

    @Test(arguments: ["0a ffffffff", "08 ffffffff", "11 09 ffffffff 01", "11 0f ffffffff 00"])
    func hugeCounts(value: String) throws {
        var payload = ByteBuffer()
        payload.writeAMF0([.string("connect"), .number(1)])
        payload.writeBytes(bytes(value))
        var script = ClientScript()
        script.handshake()
        script.message(20, payload, streamID: 0, on: 3)
        #expect(try transcript(script).lines.last?.hasPrefix("close") == true)
    }

    @Test func sixtyThousandChunkStreams() throws {
        for start in [connected(), publishing()] {
            var script = start
            for id in 0..<60_000 {
                let wide = UInt16(id)
                script.raw(
                    "01" + hexadecimal([UInt8(wide & 0xFF), UInt8(wide >> 8)]) + "000000 000004 03 00000000 00000000")
            }
            #expect(try transcript(script).lines.last == "close tooManyChunkStreams")
        }
    }

    @Test func aConnectOfSixteenMegabytes() throws {
        var script = ClientScript()
        script.handshake()
        script.raw("03 000000 ffffff 14 00000000")
        #expect(try transcript(script).lines.last == "close messageTooLarge")
        // And in as many commands of the size that is granted.
        var many = connected()
        for number in 0..<300 { many.command("call", Double(number), [.string(String(repeating: "x", count: 20_000))]) }
        #expect(try transcript(many).lines.last == "close tooMuchBeforePublish")
    }

    @Test(arguments: [3, 0, 2000, 3072])
    func halfAHandshakeHoldsWhatCame(count: Int) {
        var connection = ServerConnection(seed: 1)
        connection.bytesReceived(ByteBuffer(bytes: [3] + filler(count)))
        while connection.next() != nil {}
        #expect(connection.heldBytes <= 1537)
        connection.deadlinePassed()
        var causes: [ServerConnection.CloseCause] = []
        while let action = connection.next() { if case .close(let cause) = action { causes.append(cause) } }
        #expect(causes == [.deadline])
    }

    @Test func neverHoldsMoreThan32KBBeforeThePublishHoweverItIsCut() throws {
        for piece in [1, 1000, 8192] {
            var script = connected()
            for stream in 3..<12 as Range<UInt16> {
                script.message(20, ByteBuffer(bytes: filler(30_000)), streamID: 0, on: stream)
            }
            var bytes = script.bytes
            var connection = ServerConnection(seed: 1)
            while let part = bytes.readSlice(length: min(piece, bytes.readableBytes)), part.readableBytes > 0 {
                connection.bytesReceived(part)
                while connection.next() != nil {}
                if connection.heldBytes > RTMPLimits().maximumHeldBytesBeforePublish {
                    Issue.record("\(connection.heldBytes) bytes are held.")
                    return
                }
            }
        }
    }

    @Test(arguments: ["c3", "c0 01", "c1 0101", "43 000000 000001 14", "83 000000"])
    func aChunkThatLeansOnNothing(header: String) throws {
        var script = ClientScript()
        script.handshake()
        script.raw(header)
        #expect(try transcript(script).lines.last == "close malformedChunk")
    }

    @Test(arguments: [0x00FF_FFF0, 0xFFFF_FFF0] as [UInt32])
    func timestampsThatWrapOrNeedMoreRoom(start: UInt32) throws {
        var script = publishing()
        script.video(ClientScript.avcHeader, at: start)
        for step in 0..<4 as Range<UInt32> { script.video("17 01 000000 00000002 6588", at: start &+ step * 10) }
        let times = try transcript(script).lines.filter { $0.hasPrefix("video") }
            .compactMap { Int($0.split(separator: " ")[1]) }
        #expect(times == (0..<4).map { Int(start) + $0 * 10 })
    }

    @Test func timestampsThatLeapForEver() throws {
        var script = publishing()
        script.video(ClientScript.avcHeader, at: 0)
        var time: UInt32 = 0
        for _ in 0..<2000 {
            time &+= 0x7FFF_FFFF
            script.video("17 01 000000 00000002 6588", at: time)
        }
        #expect(try transcript(script).lines.last == "close timestampRange")
    }

    @Test func aPublishOnTwoStreams() throws {
        var script = publishing()
        script.command("createStream", 6, [.null])
        script.command("publish", 7, [.null, .string("other"), .string("live")], streamID: 2)
        script.message(9, buffer(ClientScript.avcHeader), streamID: 2, on: 8)
        script.video(ClientScript.avcHeader, at: 0)
        let lines = try transcript(script).lines
        #expect(lines.suffix(2) == ["onStatus NetStream.Publish.BadName", "format video"])
        #expect(lines.filter { $0.hasPrefix("authorise") }.count == 1)
    }

    @Test func aFloodOfUnknownCommands() throws {
        var script = publishing()
        for number in 0..<5000 { script.command("call\(number)", Double(number), [.null]) }
        let transcript = try transcript(script)
        #expect(transcript.lines.last == "onStatus NetStream.Publish.Start")
        #expect(transcript.connection.isPublishing)
    }

    @Test(arguments: ["../../etc/passwd", "..", "live/../../x", "/live/../..", "\u{0}live", "%2e%2e"])
    func traversalInTheApplicationsName(application: String) throws {
        var script = ClientScript()
        script.publish("key", application: application)
        let lines = try transcript(script).lines
        #expect(lines.last == "close unknownApplication")
        #expect(!lines.contains { $0.hasPrefix("authorise") })
    }

    /// A key is compared by its digest and names no file, so any text is only a wrong key.
    @Test func traversalInTheKey() throws {
        var script = ClientScript()
        script.publish("../../etc/passwd")
        #expect(try transcript(script).lines.contains("authorise live ../../etc/passwd"))
    }

    @Test func anAggregateOfTensOfThousandsOfMessages() throws {
        var script = publishing()
        script.chunkSize(65_536)
        let part = bytes("08 000000 000000 00 000000 0000000b")
        var payload = ByteBuffer()
        for _ in 0..<20_000 { payload.writeBytes(part) }
        script.message(22, payload, on: 8)
        script.video(ClientScript.avcHeader, at: 0)
        #expect(try transcript(script).lines.last == "format video")
    }
}

struct AggregateTests {
    private func lines(_ payload: String, at timestamp: UInt32) throws -> [String] {
        var script = ClientScript()
        script.publish("key")
        script.video(ClientScript.avcHeader, at: 0)
        script.audio(ClientScript.aacHeader, at: 0)
        script.message(22, buffer(payload), timestamp: timestamp, on: 8)
        var transcript = Transcript()
        try transcript.receive(script.bytes)
        transcript.connection.authorised()
        try transcript.drain()
        return Array(transcript.lines.drop { $0 != "format audio" }.dropFirst())
    }

    private static let video = "09 00000b 000064 00 000000 17 01 000000 00000002 6588 00000016"
    private static let audio = "08 000004 000078 00 000000 af 01 2110"

    @Test func splitsItIntoItsMessages() throws {
        // The first begins at the aggregate's 1,000 ms, the second 20 ms later; the last size may be missing.
        #expect(
            try lines(Self.video + Self.audio + "0000000f", at: 1000) == ["video 1000 1000 key 6", "audio 1020 1020 2"])
        #expect(try lines(Self.video + Self.audio, at: 1000) == ["video 1000 1000 key 6", "audio 1020 1020 2"])
    }

    @Test func readsTheUpperByteOfTimestamps() throws {
        let late = "08 000004 000000 01 000000 af 01 2110"
        let earlier = "08 000004 fffff6 00 000000 af 01 2110 0000000f"
        #expect(try lines(earlier + late, at: 0) == ["audio 0 0 2", "audio 10 10 2"])
    }

    /// Whoever keeps a few bytes of sound does not keep the megabyte that came with them.
    @Test func aSmallPartLeavesTheLargeOneBesideIt() throws {
        var script = ClientScript()
        script.publish("key")
        script.audio(ClientScript.aacHeader, at: 0)
        var transcript = Transcript()
        try transcript.receive(script.bytes)
        transcript.connection.authorised()
        try transcript.drain()
        var payload = buffer(Self.audio + "0000000f 08 100000 000078 00 000000")
        payload.writeRepeatingByte(0, count: 1 << 20)
        var rest = ClientScript()
        rest.message(22, payload, timestamp: 0, on: 8)
        transcript.connection.bytesReceived(rest.bytes)
        var units: [AccessUnit] = []
        while let action = transcript.connection.next() {
            if case .media(.unit(let unit)) = action { units.append(unit) }
        }
        let unit = try #require(units.first)
        #expect(unit.payload == buffer("2110"))
        #expect(unit.payload.storageCapacity < 64)
    }

    @Test(arguments: [
        "09", "09 00000b 000064 00 000000 17", "16 000000 000000 00 000000", "08 ffffff 000000 00 000000 00",
    ])
    func refusesWhatIsNoMessage(payload: String) throws {
        #expect(try lines(payload, at: 0).last == "close malformedMessage")
    }
}

struct MessageFormTests {
    private func lines(_ fill: (inout ClientScript) -> Void) throws -> [String] {
        var script = ClientScript()
        script.publish("key")
        fill(&script)
        var transcript = Transcript()
        try transcript.receive(script.bytes)
        transcript.connection.authorised()
        try transcript.drain()
        return Array(transcript.lines.drop { $0 != "onStatus NetStream.Publish.Start" }.dropFirst())
    }

    private func metadata(_ name: AMF0Value...) -> ByteBuffer {
        var payload = ByteBuffer()
        payload.writeAMF0(name + [.string("onMetaData"), .object(["width": .number(640)])])
        return payload
    }

    @Test func readsMetadataInEveryForm() throws {
        let plain = metadata()
        let wrapped = metadata(.string("@setDataFrame"))
        var marked = ByteBuffer(bytes: [0])
        marked.writeImmutableBuffer(wrapped)
        let forms: [(UInt8, ByteBuffer)] = [(18, plain), (18, wrapped), (15, marked), (15, wrapped)]
        for (type, payload) in forms {
            #expect(try lines { $0.message(type, payload) } == ["metadata 640"])
        }
    }

    @Test func readsMetadataInAMF3() throws {
        // 00 · "onMetaData" · avmplus · dynamic object: width = 640
        let payload = buffer("00 02 000a 6f6e4d65746144617461 11 0a 0b 01 0b 7769647468 04 8500 01")
        #expect(try lines { $0.message(15, payload) } == ["metadata 640"])
    }

    @Test func ignoresOtherData() throws {
        var clear = ByteBuffer()
        clear.writeAMF0([.string("@clearDataFrame"), .string("onMetaData")])
        #expect(try lines { $0.message(18, clear) }.isEmpty)
        #expect(try lines { $0.message(18, buffer("02 ffff")) }.isEmpty)
        #expect(try lines { $0.message(15, ByteBuffer()) }.isEmpty)
    }

    @Test func readsCommandsOfTypeSeventeen() throws {
        // 00 · "FCUnpublish" · 6 · null
        let payload = buffer("00 02 000b 4643556e7075626c697368 00 4018000000000000 05")
        #expect(try lines { $0.message(17, payload, streamID: 0, on: 3) }.last == "close finished")
    }

    @Test func answersSetPeerBandwidthOncePerSize() throws {
        let result = try lines {
            $0.message(6, buffer("00010000 02"), streamID: 0, on: 2)
            $0.message(6, buffer("00010000 02"), streamID: 0, on: 2)
            $0.message(6, buffer("0001"), streamID: 0, on: 2)
        }
        #expect(result == ["control 5"])
    }

    /// Neither the short nor the unknown of them is more than a few bytes to throw away.
    @Test(arguments: [3, 4, 5, 6, 7, 16, 19, 99] as [UInt8])
    func ignoresControlMessagesThatAreTooShort(type: UInt8) throws {
        #expect(try lines { $0.message(type, buffer("00"), streamID: 0, on: 2) }.isEmpty)
    }
}
