import NIOCore
import RTMP
import TestKit
import Testing

struct SharedMessageTests {
    private func decode(_ bytes: ByteBuffer) throws -> [RTMPMessage] {
        var decoder = ChunkDecoder(limits: RTMPLimits())
        decoder.mediaIsAllowed = true
        decoder.maximumHeldBytes = RTMPLimits().maximumHeldBytes
        decoder.append(buffer("02 000000 000004 01 00000000 0000ea60"))
        #expect(try decoder.next() == nil)
        decoder.append(bytes)
        var result: [RTMPMessage] = []
        while let message = try decoder.next() { result.append(message) }
        return result
    }

    @Test func writesOneChunkWithAWholeHeader() throws {
        let message = try #require(
            SharedMessage(.video, timestamp: 40, header: buffer("27 01 000000"), payload: buffer("aabb")))
        // csid 6 · timestamp 40 · length 7 · type 9 · stream 1 · header · payload
        #expect(message.bytes == buffer("06 000028 000007 09 01000000 2701000000 aabb"))
        #expect(message.bytes(streamID: 1) == message.bytes)
        #expect(message.bytes(streamID: 5) == buffer("06 000028 000007 09 05000000 2701000000 aabb"))
    }

    @Test(arguments: [0, 1, 59_994, 59_995, 59_996, 60_000, 119_995, 119_996, 180_001])
    func isReadAsItWasWritten(size: Int) throws {
        let header = buffer("27 01 000000")
        let payload = ByteBuffer(bytes: filler(size))
        var body = header
        body.writeImmutableBuffer(payload)
        for timestamp in [0, 0xFF_FFFE, 0xFF_FFFF, 0x0100_0000, .max] as [UInt32] {
            for kind in SharedMessage.Kind.allCases where kind == .video || size < 60_000 {
                let message = try #require(
                    SharedMessage(kind, timestamp: timestamp, header: header, payload: payload))
                let read = try decode(message.bytes)
                #expect(read.map(\.payload) == [body])
                #expect(read.map(\.timestamp) == [timestamp])
                #expect(read.map(\.streamID) == [1])
            }
        }
    }

    @Test func claimsItsMemoryOnce() throws {
        let message = try #require(SharedMessage(.video, timestamp: .max, payload: ByteBuffer(bytes: filler(65_000))))
        #expect(message.bytes.storageCapacity == 65_536)
    }

    @Test func refusesWhatTheWireCannotSay() {
        let most = ByteBuffer(repeating: 0, count: SharedMessage.maximumBodyBytes)
        #expect(SharedMessage(.video, timestamp: 0, payload: most) != nil)
        #expect(SharedMessage(.video, timestamp: 0, header: buffer("00"), payload: most) == nil)
    }
}
