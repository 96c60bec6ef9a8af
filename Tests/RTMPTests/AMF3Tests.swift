import NIOCore
import RTMP
import TestKit
import Testing

struct AMF3Tests {
    private func values(_ hexadecimal: String) throws -> [AMF0Value] { try AMF3Decoder.values(in: buffer(hexadecimal)) }

    private func code(_ hexadecimal: String) -> RTMPError.Code? {
        do throws(RTMPError) {
            _ = try AMF3Decoder.values(in: buffer(hexadecimal))
            return nil
        } catch {
            return error.code
        }
    }

    @Test func readsEveryKindOfValue() throws {
        #expect(try values("00 01 02 03") == [.undefined, .null, .boolean(false), .boolean(true)])
        #expect(try values("05 3ff0000000000000") == [.number(1)])
        #expect(try values("06 09 6c697665") == [.string("live")])
        #expect(try values("07 05 3c2f 0b 05 3c2f") == [.string("</"), .string("</")])
        #expect(try values("08 01 4059000000000000") == [.date(100)])
        // Array: two dense elements, no names.
        #expect(try values("09 05 01 04 07 03") == [.array([.number(7), .boolean(true)])])
        // Array with a name: an associative one.
        #expect(
            try values("09 03 03 61 04 01 01 04 02") == [.associativeArray(["a": .number(1), "0": .number(2)])])
        // Dynamic object without a class: a = 1.
        #expect(try values("0a 0b 01 03 61 04 01 01") == [.object(["a": .number(1)])])
        // Sealed object of class "C" with one name.
        #expect(try values("0a 13 03 43 03 62 04 05") == [.object(["b": .number(5)])])
        #expect(try values("0c 05 aabb 03") == [.undefined, .boolean(true)])
        #expect(try values("0d 05 00 00000001 ffffffff") == [.array([.number(1), .number(-1)])])
        #expect(try values("0e 03 00 ffffffff") == [.array([.number(4_294_967_295)])])
        #expect(try values("0f 03 01 3ff0000000000000") == [.array([.number(1)])])
        #expect(try values("10 03 00 01 06 03 61") == [.array([.string("a")])])
        #expect(try values("11 03 00 06 03 61 04 01 03") == [.undefined, .boolean(true)])
        // flex.messaging.io.ArrayCollection around an array.
        let name = "flex.messaging.io.ArrayCollection"
        let text = hexadecimal([UInt8(name.utf8.count * 2 + 1)] + Array(name.utf8))
        #expect(try values("0a 07 \(text) 09 03 01 01") == [.array([.null])])
    }

    @Test(
        arguments: [
            ("04 00", 0), ("04 7f", 127), ("04 8100", 128), ("04 ff7f", 16_383), ("04 818000", 16_384),
            ("04 80c08000", 2_097_152), ("04 bfffffff", 268_435_455), ("04 ffffffff", -1),
            ("04 c0808000", -268_435_456),
        ] as [(String, Double)])
    func readsIntegersOfOneToFourBytes(encoded: String, number: Double) throws {
        #expect(try values(encoded) == [.number(number)])
    }

    @Test func followsReferences() throws {
        // "live", then the same by reference, as value and as name.
        #expect(try values("06 09 6c697665 06 00") == [.string("live"), .string("live")])
        #expect(try values("06 03 61 0a 0b 01 00 04 01 01") == [.string("a"), .object(["a": .number(1)])])
        // An object and itself again; an object with the traits of the first.
        #expect(try values("0a 0b 01 03 61 04 01 01 0a 00").last == .object(["a": .number(1)]))
        #expect(try values("0a 13 03 43 03 62 04 05 0a 01 04 06").last == .object(["b": .number(6)]))
        // A cycle ends at once.
        #expect(try values("09 03 01 09 00") == [.array([.undefined])])
    }

    @Test func readsWithinAMF0() throws {
        let body = buffer("02 0001 63 11 0a 0b 01 03 61 04 01 01 00 3ff0000000000000")
        #expect(try AMF0Decoder.values(in: body) == [.string("c"), .object(["a": .number(1)]), .number(1)])
    }

    @Test func refusesNestingBeyondSixteen() {
        func nested(_ depth: Int) -> String { String(repeating: "09 03 01", count: depth - 1) + "01" }
        #expect(code(nested(16)) == nil)
        #expect(code(nested(17)) == .amfLimit)
        #expect(code(String(repeating: "09 03 01", count: 200_000)) == .amfLimit)
        #expect(code(String(repeating: "11 03 00", count: 20_000)) == .amfLimit)
        // An object within an object, and AMF 3 within AMF 0, count together.
        let mixed = String(repeating: "03 0001 61", count: 10) + "11" + String(repeating: "09 03 01", count: 10)
        #expect(throws: RTMPError.self) { try AMF0Decoder.values(in: buffer(mixed)) }
    }

    @Test func boundsWhatReferencesStandFor() {
        // Each array holds the one before it ten times: 10^n values in a few bytes.
        var bomb = "09 01 01"
        for level in 0..<12 {
            bomb += "09 15 01" + String(repeating: "09" + hexadecimal([UInt8(level * 2)]), count: 10)
        }
        #expect(code(bomb) == .amfLimit)
        // Each holds the one before it once: as deep as if it were written out.
        var chain = "09 01 01"
        for level in 0..<20 { chain += "09 03 01 09" + hexadecimal([UInt8(level * 2)]) }
        #expect(code(chain) == .amfLimit)
    }

    @Test(arguments: [
        "09 ffffffff 01", "0d ffffffff 00", "0f ffffffff 00", "10 ffffffff 00 01", "11 ffffffff 00", "0a fffffffb 01",
    ])
    func refusesHugeCountsWithoutClaimingMemory(value: String) { #expect(code(value) == .amfLimit) }

    @Test(arguments: [
        "0c ffffffff", "06 ffffffff", "0b ffffffff", "12", "ff", "06 02", "09 02", "0a 05", "0a 07 03 43",
    ])
    func refusesWhatIsNotThere(value: String) { #expect(code(value) == .malformedAMF) }

    @Test func refusesEveryTruncation() {
        let whole = bytes(
            "0a 1b 03 43 03 62 09 05 01 04 8100 0f 03 01 3ff0000000000000 03 64 08 01 4059000000000000 01")
        #expect((try? AMF3Decoder.values(in: ByteBuffer(bytes: whole))) != nil)
        for length in 1..<whole.count {
            #expect(code(hexadecimal(Array(whole.prefix(length)))) == .malformedAMF, "\(length) bytes")
        }
    }
}
