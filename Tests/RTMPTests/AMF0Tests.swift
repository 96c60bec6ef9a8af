import NIOCore
import RTMP
import TestKit
import Testing

struct AMF0Tests {
    private func values(_ hexadecimal: String) throws -> [AMF0Value] { try AMF0Decoder.values(in: buffer(hexadecimal)) }

    private func code(_ body: ByteBuffer) -> RTMPError.Code? {
        do throws(RTMPError) {
            _ = try AMF0Decoder.values(in: body)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func readsEveryKindOfValue() throws {
        #expect(try values("00 3ff0000000000000") == [.number(1)])
        #expect(try values("01 01 01 00") == [.boolean(true), .boolean(false)])
        #expect(try values("02 0004 6c697665") == [.string("live")])
        #expect(try values("03 0003 617070 02 0004 6c697665 0000 09") == [.object(["app": .string("live")])])
        #expect(try values("05 06 0d") == [.null, .undefined, .undefined])
        #expect(
            try values("08 00000001 0001 77 00 4094000000000000 0000 09") == [.associativeArray(["w": .number(1280)])])
        #expect(try values("0a 00000002 05 01 01") == [.array([.null, .boolean(true)])])
        #expect(try values("0b 0000000000000000 0000") == [.date(0)])
        #expect(try values("0c 00000002 6869") == [.string("hi")])
        #expect(try values("10 0001 43 0001 61 05 0000 09") == [.object(["a": .null])])
    }

    @Test func readsAnAssociativeArrayThatEndsWithTheMessage() throws {
        #expect(try values("08 00000001 0001 61 05") == [.associativeArray(["a": .null])])
    }

    @Test func writesWhatItReads() throws {
        let value: [AMF0Value] = [
            .string("connect"), .number(1.5), .boolean(true), .null, .undefined, .date(12),
            .object(["a": .array([.number(1), .string("ü")]), "b": .associativeArray(["c": .null])]),
            .string(String(repeating: "x", count: 70_000)),
        ]
        var body = ByteBuffer()
        body.writeAMF0(value)
        #expect(try AMF0Decoder.values(in: body) == value)
    }

    @Test func refusesNestingBeyondSixteen() {
        func nested(_ depth: Int) -> ByteBuffer {
            buffer(
                String(repeating: "03 0001 61", count: depth - 1) + "05"
                    + String(repeating: "0000 09", count: depth - 1))
        }
        #expect(code(nested(16)) == nil)
        #expect(code(nested(17)) == .amfLimit)
        #expect(code(buffer(String(repeating: "03 0001 61", count: 200_000))) == .amfLimit)
        #expect(code(buffer(String(repeating: "0a 00000001", count: 13_000))) == .amfLimit)
    }

    @Test func refusesHugeCountsWithoutClaimingMemory() {
        #expect(code(buffer("0a ffffffff 05")) == .amfLimit)
        #expect(code(buffer(String(repeating: "05", count: 1025))) == .amfLimit)
        #expect(code(buffer("0c ffffffff 05")) == .malformedAMF)
    }

    @Test func refusesUnknownMarkersAndEveryTruncation() {
        #expect(code(buffer("11")) == .malformedAMF)
        #expect(code(buffer("07 0000")) == .malformedAMF)
        let whole = bytes("03 0003 617070 02 0004 6c697665 0001 62 0a 00000001 00 3ff0000000000000 0000 09")
        for length in 1..<whole.count {
            #expect(code(ByteBuffer(bytes: whole.prefix(length))) == .malformedAMF, "\(length) bytes")
        }
    }
}
