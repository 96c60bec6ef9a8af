package import NIOCore

/// Reads AMF 3 values from bytes of a peer (AMF 3 specification, January 2013), into the values AMF 0 has.
///
/// Integers become numbers, XML becomes text, vectors become arrays; byte arrays and dictionaries are read past and become
/// undefined, since no command or metadata uses them. Depth and count are bounded as in AMF 0. A reference counts as much and
/// nests as deep as what it refers to, so that a few bytes cannot stand for a value nobody could walk through.
package struct AMF3Decoder: Sendable {
    private enum Marker {
        static let undefined: UInt8 = 0
        static let null: UInt8 = 1
        static let no: UInt8 = 2
        static let yes: UInt8 = 3
        static let integer: UInt8 = 4
        static let double: UInt8 = 5
        static let string: UInt8 = 6
        static let xmlDocument: UInt8 = 7
        static let date: UInt8 = 8
        static let array: UInt8 = 9
        static let object: UInt8 = 10
        static let xml: UInt8 = 11
        static let byteArray: UInt8 = 12
        static let integerVector: UInt8 = 13
        static let unsignedVector: UInt8 = 14
        static let doubleVector: UInt8 = 15
        static let objectVector: UInt8 = 16
        static let dictionary: UInt8 = 17
    }

    private struct Traits {
        var className: String
        var names: [String]
        var isDynamic: Bool
        var isExternal: Bool
    }

    /// A complex value that can be referred to. While it is being read it stands for undefined: cycles end there.
    private struct Reference {
        var value = AMF0Value.undefined
        /// Of values, itself included.
        var count = 1
        /// Levels below itself.
        var height = 0
    }

    package private(set) var bytes: ByteBuffer
    private(set) var valuesLeft: Int
    private var deepest = 0
    private var strings: [String] = []
    private var references: [Reference] = []
    private var traits: [Traits] = []

    package init(_ bytes: ByteBuffer) { self.init(bytes, valuesLeft: AMF0Decoder.maximumValues) }

    init(_ bytes: ByteBuffer, valuesLeft: Int) {
        self.bytes = bytes
        self.valuesLeft = valuesLeft
    }

    /// Every value up to the end of the bytes; they share their references.
    package static func values(in bytes: ByteBuffer) throws(RTMPError) -> [AMF0Value] {
        var decoder = Self(bytes)
        var values: [AMF0Value] = []
        while decoder.bytes.readableBytes > 0 { values.append(try decoder.readValue(depth: 1)) }
        return values
    }

    /// - Parameter depth: the value's own level; 1 at the top.
    mutating func readValue(depth: Int) throws(RTMPError) -> AMF0Value {
        try checkDepth(depth)
        try count(1)
        deepest = max(deepest, depth)
        let marker = try readByte()
        switch marker {
        case Marker.undefined: return .undefined
        case Marker.null: return .null
        case Marker.no: return .boolean(false)
        case Marker.yes: return .boolean(true)
        case Marker.integer: return .number(Double(Int32(bitPattern: try readU29() << 3) >> 3))
        case Marker.double: return .number(try readDouble())
        case Marker.string: return .string(try readString())
        case Marker.xmlDocument, Marker.date, Marker.array, Marker.object, Marker.xml, Marker.byteArray,
            Marker.integerVector, Marker.unsignedVector, Marker.doubleVector, Marker.objectVector, Marker.dictionary:
            return try readComplex(marker, depth: depth)
        default: throw RTMPError(.malformedAMF, "An AMF 3 value has the unknown marker \(marker).")
        }
    }

    // MARK: Complex values

    private mutating func readComplex(_ marker: UInt8, depth: Int) throws(RTMPError) -> AMF0Value {
        let head = Int(try readU29())
        guard head & 1 == 1 else { return try refer(to: head >> 1, depth: depth) }
        let index = references.count
        references.append(Reference())
        let before = (deepest, valuesLeft)
        deepest = depth
        let value = try readBody(marker, head >> 1, depth: depth)
        references[index] = Reference(value: value, count: before.1 - valuesLeft + 1, height: deepest - depth)
        deepest = max(deepest, before.0)
        return value
    }

    private mutating func refer(to index: Int, depth: Int) throws(RTMPError) -> AMF0Value {
        guard index < references.count else {
            throw RTMPError(.malformedAMF, "An AMF 3 reference names a value that did not come.")
        }
        let reference = references[index]
        try checkDepth(depth + reference.height)
        try count(reference.count - 1)
        deepest = max(deepest, depth + reference.height)
        return reference.value
    }

    /// - Parameter size: what the head says besides "not a reference".
    private mutating func readBody(_ marker: UInt8, _ size: Int, depth: Int) throws(RTMPError) -> AMF0Value {
        switch marker {
        case Marker.date: return .date(try readDouble())
        case Marker.array: return try readArray(count: size, depth: depth)
        case Marker.object: return try readObject(head: size, depth: depth)
        case Marker.xmlDocument, Marker.xml: return .string(try readText(length: size))
        case Marker.byteArray:
            try skip(size)
            return .undefined
        case Marker.dictionary:
            _ = try readByte()  // Whether its keys are weak.
            try checkCount(size)
            for _ in 0..<size {
                _ = try readValue(depth: depth + 1)
                _ = try readValue(depth: depth + 1)
            }
            return .undefined
        default: return try readVector(marker, count: size, depth: depth)
        }
    }

    private mutating func readArray(count: Int, depth: Int) throws(RTMPError) -> AMF0Value {
        var members: [AMF0Object.Member] = []
        try readDynamicMembers(into: &members, depth: depth)
        let elements = try readElements(count, depth: depth)
        guard !members.isEmpty else { return .array(elements) }
        for (index, element) in elements.enumerated() { members.append(.init("\(index)", element)) }
        return .associativeArray(AMF0Object(members))
    }

    private mutating func readVector(_ marker: UInt8, count: Int, depth: Int) throws(RTMPError) -> AMF0Value {
        _ = try readByte()  // Whether its length is fixed.
        if marker == Marker.objectVector {
            _ = try readString()
            return .array(try readElements(count, depth: depth))
        }
        try checkCount(count)
        try self.count(count)
        try checkDepth(depth + 1)
        deepest = max(deepest, depth + 1)
        var elements: [AMF0Value] = []
        for _ in 0..<count {
            switch marker {
            case Marker.integerVector:
                elements.append(.number(Double(Int32(bitPattern: try readInteger(UInt32.self)))))
            case Marker.unsignedVector: elements.append(.number(Double(try readInteger(UInt32.self))))
            default: elements.append(.number(try readDouble()))
            }
        }
        return .array(elements)
    }

    private mutating func readElements(_ count: Int, depth: Int) throws(RTMPError) -> [AMF0Value] {
        try checkCount(count)
        var elements: [AMF0Value] = []
        for _ in 0..<count { elements.append(try readValue(depth: depth + 1)) }
        return elements
    }

    /// - Parameter head: is it traits of its own 1 · external 1 · dynamic 1 · count of names; or 0 · index of earlier traits.
    private mutating func readObject(head: Int, depth: Int) throws(RTMPError) -> AMF0Value {
        let traits = try readTraits(head)
        if traits.isExternal {
            // Flex's collections are one value in a wrapping; how long any other is, only its class knows.
            guard ["flex.messaging.io.ArrayCollection", "flex.messaging.io.ObjectProxy"].contains(traits.className)
            else { throw RTMPError(.malformedAMF, "An AMF 3 object has a form of its own.") }
            return try readValue(depth: depth + 1)
        }
        var members: [AMF0Object.Member] = []
        for name in traits.names { members.append(.init(name, try readValue(depth: depth + 1))) }
        if traits.isDynamic { try readDynamicMembers(into: &members, depth: depth) }
        return .object(AMF0Object(members))
    }

    private mutating func readTraits(_ head: Int) throws(RTMPError) -> Traits {
        guard head & 1 == 1 else {
            guard head >> 1 < traits.count else {
                throw RTMPError(.malformedAMF, "AMF 3 traits are named that did not come.")
            }
            return traits[head >> 1]
        }
        let count = head & 2 == 0 ? head >> 3 : 0
        try checkCount(count)
        var new = Traits(
            className: try readString(), names: [], isDynamic: head & 4 != 0, isExternal: head & 2 != 0)
        for _ in 0..<count { new.names.append(try readString()) }
        traits.append(new)
        return new
    }

    private mutating func readDynamicMembers(
        into members: inout [AMF0Object.Member], depth: Int
    ) throws(RTMPError) {
        while true {
            let name = try readString()
            guard !name.isEmpty else { return }
            members.append(.init(name, try readValue(depth: depth + 1)))
        }
    }

    // MARK: Primitives

    /// §1.3.1: seven bits a byte with a mark to go on, eight in the fourth.
    private mutating func readU29() throws(RTMPError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<3 {
            let byte = try readByte()
            value = value << 7 | UInt32(byte & 0x7F)
            if byte & 0x80 == 0 { return value }
        }
        return value << 8 | UInt32(try readByte())
    }

    private mutating func readString() throws(RTMPError) -> String {
        let head = Int(try readU29())
        guard head & 1 == 1 else {
            guard head >> 1 < strings.count else {
                throw RTMPError(.malformedAMF, "An AMF 3 reference names a string that did not come.")
            }
            return strings[head >> 1]
        }
        let text = try readText(length: head >> 1)
        if !text.isEmpty { strings.append(text) }
        return text
    }

    /// Damaged UTF-8 becomes replacement characters.
    private mutating func readText(length: Int) throws(RTMPError) -> String {
        guard let text = bytes.readString(length: length) else { throw Self.truncated }
        return text
    }

    private mutating func skip(_ length: Int) throws(RTMPError) {
        guard bytes.readableBytes >= length else { throw Self.truncated }
        bytes.moveReaderIndex(forwardBy: length)
    }

    private mutating func readByte() throws(RTMPError) -> UInt8 { try readInteger(UInt8.self) }

    private mutating func readDouble() throws(RTMPError) -> Double {
        Double(bitPattern: try readInteger(UInt64.self))
    }

    private mutating func readInteger<T: FixedWidthInteger>(_: T.Type) throws(RTMPError) -> T {
        guard let value = bytes.readInteger(as: T.self) else { throw Self.truncated }
        return value
    }

    // MARK: Limits

    private func checkDepth(_ depth: Int) throws(RTMPError) {
        guard depth <= AMF0Decoder.maximumDepth else { throw AMF0Decoder.tooDeep }
    }

    private mutating func count(_ values: Int) throws(RTMPError) {
        guard values <= valuesLeft else { throw AMF0Decoder.tooMany }
        valuesLeft -= values
    }

    /// Of a declared count, before anything is read for it.
    private func checkCount(_ declared: Int) throws(RTMPError) {
        guard declared <= valuesLeft else { throw AMF0Decoder.tooMany }
    }

    private static let truncated = RTMPError(.malformedAMF, "An AMF 3 value ends too early.")
}
