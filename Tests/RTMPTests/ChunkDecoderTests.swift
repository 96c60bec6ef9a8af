import NIOCore
import RTMP
import TestKit
import Testing

/// A decoder for a publisher that was let in.
func openDecoder(_ limits: RTMPLimits = RTMPLimits()) -> ChunkDecoder {
    var decoder = ChunkDecoder(limits: limits)
    decoder.mediaIsAllowed = true
    decoder.maximumHeldBytes = limits.maximumHeldBytes
    return decoder
}

private func messages(_ hexadecimal: String) throws -> [RTMPMessage] {
    var decoder = openDecoder()
    return try decode(&decoder, buffer(hexadecimal))
}

private func decode(_ decoder: inout ChunkDecoder, _ bytes: ByteBuffer) throws -> [RTMPMessage] {
    decoder.append(bytes)
    var result: [RTMPMessage] = []
    while let message = try decoder.next() { result.append(message) }
    return result
}

struct ChunkDecoderTests {
    @Test func readsAMessageOfOneChunk() throws {
        // fmt 0 csid 3 · timestamp 16 · length 2 · type 20 · stream 1 · payload
        #expect(
            try messages("03 000010 000002 14 01000000 aabb")
                == [RTMPMessage(type: 20, streamID: 1, timestamp: 16, payload: buffer("aabb"))])
    }

    @Test func readsAllFourHeaderKinds() throws {
        let stream = """
            04 0003e8 000001 08 01000000 aa
            44 000010 000002 08 bbcc
            84 000020 ddee
            c4 ff00
            """
        let result = try messages(stream)
        #expect(result.map(\.timestamp) == [1000, 1016, 1048, 1080])
        #expect(result.map(\.payload) == [buffer("aa"), buffer("bbcc"), buffer("ddee"), buffer("ff00")])
        #expect(result.allSatisfy { $0.streamID == 1 && $0.type == 8 })
    }

    /// §5.3.1.2.4: after a type 0 chunk, its timestamp is the delta of a type 3 chunk that begins a message.
    @Test func takesTheFirstTimestampForADelta() throws {
        #expect(try messages("04 000028 000001 08 01000000 aa c4 bb").map(\.timestamp) == [40, 80])
    }

    @Test func readsWideChunkStreamIDs() throws {
        #expect(try messages("00 00 000000 000001 08 00000000 aa").count == 1)
        #expect(try messages("01 ffff 000000 000001 08 00000000 aa c1 ffff bb").count == 2)
    }

    @Test func joinsInterleavedMessages() throws {
        let half = String(repeating: "11", count: 128)
        let other = String(repeating: "22", count: 128)
        let stream = "04 000000 000082 09 01000000 \(half) 05 000000 000081 08 01000000 \(other) c4 3333 c5 44"
        let result = try messages(stream)
        #expect(result.map(\.type) == [9, 8])
        #expect(result.map(\.payload) == [buffer(half + "3333"), buffer(other + "44")])
    }

    @Test func readsExtendedTimestampsOnEveryChunk() throws {
        let half = String(repeating: "11", count: 128)
        let stream = "04 ffffff 000082 09 01000000 01000000 \(half) c4 01000000 3333"
        let result = try messages(stream)
        #expect(result.map(\.timestamp) == [0x0100_0000])
        #expect(result.map(\.payload) == [buffer(half + "3333")])
    }

    @Test func readsEncodersThatLeaveTheRepeatedExtendedTimestampOut() throws {
        let half = String(repeating: "11", count: 128)
        let stream = "04 ffffff 000086 09 01000000 01000000 \(half) c4 333333333333"
        #expect(try messages(stream).map(\.payload) == [buffer(half + "333333333333")])
    }

    @Test func addsExtendedDeltas() throws {
        let stream = "04 000001 000001 08 01000000 aa 84 ffffff 01000000 bb c4 01000000 cc"
        #expect(try messages(stream).map(\.timestamp) == [1, 0x0100_0001, 0x0200_0001])
    }

    @Test func wrapsTimestampsAtTheirEnd() throws {
        let stream = "04 ffffff 000001 08 01000000 fffffff0 aa 84 000020 bb"
        #expect(try messages(stream).map(\.timestamp) == [0xFFFF_FFF0, 0x10])
    }

    @Test func obeysSetChunkSize() throws {
        let payload = String(repeating: "11", count: 200)
        let stream = "02 000000 000004 01 00000000 00000100 04 000000 0000c8 09 01000000 \(payload)"
        #expect(try messages(stream).map(\.payload) == [buffer(payload)])
    }

    @Test func dropsTheAbortedMessage() throws {
        let half = String(repeating: "11", count: 128)
        let stream = """
            04 000000 000082 09 01000000 \(half) 02 000000 000004 02 00000000 00000004
            04 000000 000001 09 01000000 55
            """
        var decoder = openDecoder()
        #expect(try decode(&decoder, buffer(stream)).map(\.payload) == [buffer("55")])
        #expect(decoder.heldBytes == 0)
    }

    @Test func readsEmptyMessages() throws {
        #expect(try messages("04 000000 000000 08 01000000 c4 c4").count == 3)
    }
}

struct ChunkDecoderHostilityTests {
    private func code(_ hexadecimal: String, limits: RTMPLimits = RTMPLimits()) -> RTMPError.Code? {
        var decoder = openDecoder(limits)
        decoder.append(buffer(hexadecimal))
        do throws(RTMPError) {
            while try decoder.next() != nil {}
            return nil
        } catch {
            return error.code
        }
    }

    @Test func refusesChunksWithoutAPredecessor() {
        #expect(code("c3") == .malformedChunk)
        #expect(code("83 000000") == .malformedChunk)
        #expect(code("43 000000 000001 08") == .malformedChunk)
    }

    @Test func refusesAMessageInsideAMessage() {
        let half = String(repeating: "11", count: 128)
        #expect(code("04 000000 000082 09 01000000 \(half) 04 000000 000001 09 01000000 55") == .malformedChunk)
    }

    @Test(arguments: ["7fffffff", "80000000", "ffffffff", "00010001", "0000007f", "00000001", "00000000"])
    func refusesChunkSizesOutsideTheLimits(size: String) {
        #expect(code("02 000000 000004 01 00000000 \(size)") == .chunkSize)
    }

    @Test func refusesCommandsAndMediaOverTheirLimits() {
        #expect(code("03 000000 010001 14 00000000") == .messageTooLarge)
        #expect(code("03 000000 ffffff 12 00000000") == .messageTooLarge)
        var limits = RTMPLimits()
        limits.maximumMediaBytes = 1000
        #expect(code("04 000000 0003e9 09 01000000", limits: limits) == .messageTooLarge)
    }

    @Test func claimsMemoryAsBytesArriveAndNotAsTheyAreDeclared() throws {
        var decoder = openDecoder()
        decoder.append(buffer("04 000000 ffffff 09 01000000 11223344"))
        #expect(try decoder.next() == nil)
        #expect(decoder.heldBytes == 4)
    }

    @Test func refusesMoreChunkStreamsThanALiveEncoderNeeds() {
        let many = (0..<65).map { "00" + hexadecimal([UInt8($0)]) + "000000 000001 14 00000000 05" }.joined()
        #expect(code(many) == .tooManyChunkStreams)
    }

    @Test func boundsAllUnfinishedMessagesTogether() {
        var limits = RTMPLimits()
        limits.maximumHeldBytes = 1000
        let part = String(repeating: "11", count: 128)
        let many = (3..<12).map { hexadecimal([UInt8($0)]) + "000000 000400 14 00000000" + part }.joined()
        #expect(code(many, limits: limits) == .tooMuchHeld)
    }

    @Test func refusesMediaAtItsHeaderBeforeThePublish() {
        var decoder = ChunkDecoder(limits: RTMPLimits())
        decoder.append(buffer("04 000000 ffffff 09 01000000"))
        let error = #expect(throws: RTMPError.self) { try decoder.next() }
        #expect(error?.code == .mediaBeforePublish)
    }
}

struct ChunkPropertyTests {
    /// Any chunk size, any cut of the bytes, any mixture of headers: what was written is read.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func readsWhatWasWrittenHoweverItIsCut(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var encoder = ChunkEncoder()
        var wire = ByteBuffer()
        var sent: [RTMPMessage] = []
        var clock: UInt32 = seed % 2 == 0 ? 0xFFFF_FF00 : 0
        for _ in 0..<60 {
            if Int.random(in: 0..<6, using: &generator) == 0 {
                let size = Int.random(in: 128...65_536, using: &generator)
                let message = RTMPMessage(
                    type: 1, streamID: 0, timestamp: 0, payload: ByteBuffer(integer: UInt32(size)))
                encoder.encode(message, on: 2, into: &wire)
                encoder.chunkSize = size
            }
            clock &+= UInt32.random(in: 0...(Bool.random(using: &generator) ? 40 : 0x0180_0000), using: &generator)
            let message = RTMPMessage(
                type: Bool.random(using: &generator) ? 8 : 9, streamID: 1, timestamp: clock,
                payload: ByteBuffer(
                    bytes: filler([0, 1, 7, 127, 128, 129, 900, 70_000].randomElement(using: &generator) ?? 0)))
            encoder.encode(
                message, on: [4, 5, 64, 319, 320, 65_000].randomElement(using: &generator) ?? 4, into: &wire)
            sent.append(message)
        }
        var decoder = openDecoder()
        var received: [RTMPMessage] = []
        while wire.readableBytes > 0 {
            let count = min(
                wire.readableBytes,
                Int.random(in: 1...([3, 40, 5000].randomElement(using: &generator) ?? 1), using: &generator))
            received += try decode(&decoder, wire.readSlice(length: count) ?? ByteBuffer())
        }
        #expect(received == sent, "seed \(seed)")
        #expect(decoder.heldBytes == 0)
    }
}
