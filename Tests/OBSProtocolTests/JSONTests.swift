import Testing

@testable import OBSProtocol

struct JSONTests {
    @Test(arguments: [
        ("null", JSON.null), (" true ", .bool(true)), ("-0.5e1", .number(-5)), ("1e-3", .number(0.001)),
        (#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#, .string("a\"\\/\u{8}\u{C}\n\r\té😀")), ("[]", .array([])),
        (
            #"{"a":[1,{"b":null}],"c":""}"#,
            .object(["a": .array([.number(1), .object(["b": .null])]), "c": .string("")])
        ),
        (#""\ud800x""#, .string("\u{FFFD}x")), (#"{"a":1,"a":2}"#, .object(["a": .number(2)])),
    ])
    func reads(_ text: String, _ value: JSON) throws {
        #expect(try JSON(text) == value)
        #expect(try JSON(value.text) == value)
    }

    @Test(arguments: [
        "", "nul", "01", "1.", ".5", "+1", "NaN", "1e", "1e999", "[1,]", "{\"a\":}", "{a:1}", "[1 2]", "\"", "\"\\x\"",
        "\"\n\"",
        "\"\\u12\"", "\"\\u+123\"", "1 2", "{\"a\" 1}", "0x10", "-",
    ])
    func refusesWhatIsNoJSON(_ text: String) {
        #expect(throws: OBSProtocolError.self) { try JSON(text) }
    }

    @Test func refusesBytesThatAreNoText() {
        #expect(throws: OBSProtocolError.self) { try JSON(bytes: [0x22, 0xFF, 0x22]) }
    }

    @Test func isBoundedInBytesDepthAndValues() throws {
        var limits = JSON.Limits()
        limits.maximumBytes = 10
        #expect(try JSON("\"12345678\"", limits: limits) == .string("12345678"))
        #expect(throws: OBSProtocolError.self) { try JSON("\"123456789\"", limits: limits) }
        limits = JSON.Limits()
        limits.maximumDepth = 3
        #expect(try JSON("[[[1]]]", limits: limits) == .array([.array([.array([.number(1)])])]))
        #expect(throws: OBSProtocolError.self) { try JSON("[[[[1]]]]", limits: limits) }
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: OBSProtocolError.self) { try JSON(deep) }
        limits = JSON.Limits()
        limits.maximumValues = 4
        #expect(try JSON("[1,2,3]", limits: limits).array?.count == 3)
        #expect(throws: OBSProtocolError.self) { try JSON("[1,2,3,4]", limits: limits) }
    }

    @Test func writesWholeNumbersWithoutAFraction() {
        #expect(JSON.array([.number(7), .number(0.5), .number(.infinity), .integer(-3)]).text == "[7,0.5,null,-3]")
    }

    @Test func base64IsItsOwnInverse() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
            #expect(Base64.bytes(of: Base64.text(of: bytes)) == bytes)
        }
        #expect(Base64.text(of: Array("light wor".utf8)) == "bGlnaHQgd29y")
        #expect(Base64.text(of: Array("light w".utf8)) == "bGlnaHQgdw==")
        for text in ["a", "====", "ab=c", "a b=", "ab\n="] { #expect(Base64.bytes(of: text) == nil) }
    }
}
