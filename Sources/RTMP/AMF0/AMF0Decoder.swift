package import NIOCore

/// Reads AMF 0 values from bytes of a peer (AMF 0 specification §2). Depth and count are bounded; declared counts claim no memory.
package struct AMF0Decoder: Sendable {
    package static let maximumDepth = 16
    /// Of values in one message, nested ones included.
    package static let maximumValues = 1024

    private enum Marker {
        static let number: UInt8 = 0
        static let boolean: UInt8 = 1
        static let string: UInt8 = 2
        static let object: UInt8 = 3
        static let null: UInt8 = 5
        static let undefined: UInt8 = 6
        static let associativeArray: UInt8 = 8
        static let objectEnd: UInt8 = 9
        static let strictArray: UInt8 = 10
        static let date: UInt8 = 11
        static let longString: UInt8 = 12
        static let unsupported: UInt8 = 13
        static let xmlDocument: UInt8 = 15
        static let typedObject: UInt8 = 16
        static let amf3: UInt8 = 17
    }

    private var bytes: ByteBuffer
    private var valuesLeft = Self.maximumValues

    package init(_ bytes: ByteBuffer) { self.bytes = bytes }

    /// Every value up to the end of the bytes.
    package static func values(in bytes: ByteBuffer) throws(RTMPError) -> [AMF0Value] {
        var decoder = Self(bytes)
        var values: [AMF0Value] = []
        while let value = try decoder.next() { values.append(value) }
        return values
    }

    /// The next value; `nil` at the end.
    package mutating func next() throws(RTMPError) -> AMF0Value? {
        bytes.readableBytes == 0 ? nil : try readValue(depth: 1)
    }

    private mutating func readValue(depth: Int) throws(RTMPError) -> AMF0Value {
        guard depth <= Self.maximumDepth else { throw Self.tooDeep }
        guard valuesLeft > 0 else { throw Self.tooMany }
        valuesLeft -= 1
        switch try readInteger(UInt8.self) {
        case Marker.number: return .number(Double(bitPattern: try readInteger(UInt64.self)))
        case Marker.boolean: return .boolean(try readInteger(UInt8.self) != 0)
        case Marker.string: return .string(try readText(length: Int(try readInteger(UInt16.self))))
        case Marker.longString, Marker.xmlDocument:
            return .string(try readText(length: Int(try readInteger(UInt32.self))))
        case Marker.object: return .object(try readMembers(depth: depth))
        case Marker.typedObject:
            _ = try readText(length: Int(try readInteger(UInt16.self)))
            return .object(try readMembers(depth: depth))
        case Marker.associativeArray:
            _ = try readInteger(UInt32.self)
            return .associativeArray(try readMembers(depth: depth, mayEndWithMessage: depth == 1))
        case Marker.strictArray: return .array(try readElements(depth: depth))
        case Marker.date:
            let milliseconds = Double(bitPattern: try readInteger(UInt64.self))
            _ = try readInteger(UInt16.self)
            return .date(milliseconds)
        case Marker.null: return .null
        case Marker.undefined, Marker.unsupported: return .undefined
        case Marker.amf3: return try readAMF3(depth: depth)
        case let other: throw RTMPError(.malformedAMF, "An AMF value has the unknown marker \(other).")
        }
    }

    /// Members up to the end mark. An associative array may leave the mark out where the message ends (old encoders do).
    private mutating func readMembers(depth: Int, mayEndWithMessage: Bool = false) throws(RTMPError) -> AMF0Object {
        var members: [AMF0Object.Member] = []
        while bytes.readableBytes > 0 {
            let name = try readText(length: Int(try readInteger(UInt16.self)))
            if name.isEmpty, bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) == Marker.objectEnd {
                bytes.moveReaderIndex(forwardBy: 1)
                return AMF0Object(members)
            }
            members.append(.init(name, try readValue(depth: depth + 1)))
        }
        guard mayEndWithMessage else { throw Self.truncated }
        return AMF0Object(members)
    }

    /// The "avmplus" marker: one AMF 3 value follows, with references of its own (AMF 0 §3.1).
    private mutating func readAMF3(depth: Int) throws(RTMPError) -> AMF0Value {
        var decoder = AMF3Decoder(bytes, valuesLeft: valuesLeft + 1)  // The marker was counted for the value.
        let value = try decoder.readValue(depth: depth)
        bytes = decoder.bytes
        valuesLeft = decoder.valuesLeft
        return value
    }

    private mutating func readElements(depth: Int) throws(RTMPError) -> [AMF0Value] {
        let count = Int(try readInteger(UInt32.self))
        guard count <= valuesLeft else {
            throw RTMPError(
                .amfLimit, "An AMF array announces \(count) values; at most \(Self.maximumValues) are taken.")
        }
        var elements: [AMF0Value] = []
        for _ in 0..<count { elements.append(try readValue(depth: depth + 1)) }
        return elements
    }

    private mutating func readInteger<T: FixedWidthInteger>(_: T.Type) throws(RTMPError) -> T {
        guard let value = bytes.readInteger(as: T.self) else { throw Self.truncated }
        return value
    }

    /// Damaged UTF-8 becomes replacement characters.
    private mutating func readText(length: Int) throws(RTMPError) -> String {
        guard let text = bytes.readString(length: length) else { throw Self.truncated }
        return text
    }

    static let tooDeep = RTMPError(.amfLimit, "AMF values nest deeper than \(maximumDepth) levels.")
    static let tooMany = RTMPError(.amfLimit, "One message holds more than \(maximumValues) AMF values.")
    private static let truncated = RTMPError(.malformedAMF, "An AMF value ends too early.")
}
