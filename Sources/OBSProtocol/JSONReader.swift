extension JSON {
    /// Reads one value and nothing behind it.
    /// - Throws: `OBSProtocolError(.notJSON)`, `(.tooLarge)` beyond a limit.
    package init(_ text: some StringProtocol, limits: Limits = Limits()) throws(OBSProtocolError) {
        try self.init(bytes: Array(text.utf8), limits: limits)
    }

    package init(bytes: [UInt8], limits: Limits = Limits()) throws(OBSProtocolError) {
        guard bytes.count <= limits.maximumBytes else {
            throw OBSProtocolError(.tooLarge, "\(bytes.count) bytes of JSON")
        }
        var reader = Reader(bytes: bytes, limits: limits)
        reader.skipSpace()
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.isAtEnd else { throw reader.broken("something stands behind the value") }
        self = value
    }

    /// RFC 8259, strictly: no comments, no trailing commas, no NaN. Depth, values and bytes are counted before anything is kept.
    private struct Reader {
        let bytes: [UInt8]
        let limits: Limits
        var position = 0
        var values = 0

        var isAtEnd: Bool { position >= bytes.count }
        private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

        init(bytes: [UInt8], limits: Limits) {
            self.bytes = bytes
            self.limits = limits
        }

        func broken(_ what: String) -> OBSProtocolError {
            OBSProtocolError(.notJSON, "\(what), at byte \(position)")
        }

        mutating func skipSpace() {
            while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
        }

        mutating func value(depth: Int) throws(OBSProtocolError) -> JSON {
            guard depth <= limits.maximumDepth else { throw OBSProtocolError(.tooLarge, "JSON nests too deep") }
            values += 1
            guard values <= limits.maximumValues else { throw OBSProtocolError(.tooLarge, "too many JSON values") }
            switch next {
            case UInt8(ascii: "{"): return try object(depth: depth)
            case UInt8(ascii: "["): return try array(depth: depth)
            case UInt8(ascii: "\""): return .string(try string())
            case UInt8(ascii: "t"): return try word("true", .bool(true))
            case UInt8(ascii: "f"): return try word("false", .bool(false))
            case UInt8(ascii: "n"): return try word("null", .null)
            case .some(let byte) where byte == UInt8(ascii: "-") || Self.isDigit(byte): return try number()
            default: throw broken("no value")
            }
        }

        private mutating func object(depth: Int) throws(OBSProtocolError) -> JSON {
            position += 1
            var fields: [String: JSON] = [:]
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(fields) }
            while true {
                skipSpace()
                guard next == UInt8(ascii: "\"") else { throw broken("no name") }
                let name = try string()
                skipSpace()
                guard take(UInt8(ascii: ":")) else { throw broken("no colon") }
                skipSpace()
                // Of a name given twice the last counts, as everywhere.
                fields[name] = try value(depth: depth + 1)
                skipSpace()
                if take(UInt8(ascii: ",")) { continue }
                guard take(UInt8(ascii: "}")) else { throw broken("an object without its end") }
                return .object(fields)
            }
        }

        private mutating func array(depth: Int) throws(OBSProtocolError) -> JSON {
            position += 1
            var list: [JSON] = []
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(list) }
            while true {
                skipSpace()
                list.append(try value(depth: depth + 1))
                skipSpace()
                if take(UInt8(ascii: ",")) { continue }
                guard take(UInt8(ascii: "]")) else { throw broken("an array without its end") }
                return .array(list)
            }
        }

        private mutating func take(_ byte: UInt8) -> Bool {
            guard next == byte else { return false }
            position += 1
            return true
        }

        private mutating func word(_ text: StaticString, _ value: JSON) throws(OBSProtocolError) -> JSON {
            let wanted = text.withUTF8Buffer { Array($0) }
            guard bytes[position...].starts(with: wanted) else { throw broken("no value") }
            position += wanted.count
            return value
        }

        private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

        /// §6: `Double` takes more than JSON does, so the form is checked first.
        private mutating func number() throws(OBSProtocolError) -> JSON {
            let start = position
            _ = take(UInt8(ascii: "-"))
            if !take(UInt8(ascii: "0")) { try digits() }
            if take(UInt8(ascii: ".")) { try digits() }
            if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
                if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
                try digits()
            }
            guard position - start <= 64, let value = Double(String(decoding: bytes[start..<position], as: UTF8.self)),
                value.isFinite
            else { throw broken("a number beyond bounds") }
            return .number(value)
        }

        private mutating func digits() throws(OBSProtocolError) {
            let start = position
            while let byte = next, Self.isDigit(byte) { position += 1 }
            guard position > start else { throw broken("no digit") }
        }

        private mutating func string() throws(OBSProtocolError) -> String {
            position += 1
            var text: [UInt8] = []
            while let byte = next {
                position += 1
                switch byte {
                case UInt8(ascii: "\""):
                    guard let result = String(validating: text, as: UTF8.self) else { throw broken("no UTF-8") }
                    return result
                case UInt8(ascii: "\\"): try escape(into: &text)
                case 0..<0x20: throw broken("a control character in a string")
                default: text.append(byte)
                }
            }
            throw broken("a string without its end")
        }

        private mutating func escape(into text: inout [UInt8]) throws(OBSProtocolError) {
            guard let byte = next else { throw broken("half an escape") }
            position += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0C)
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "u"): text += Array(String(try scalar()).utf8)
            default: throw broken("an unknown escape")
            }
        }

        /// §7: two escapes make one scalar beyond the first plane. Half of such a pair becomes U+FFFD.
        private mutating func scalar() throws(OBSProtocolError) -> Unicode.Scalar {
            let first = try unit()
            if let scalar = Unicode.Scalar(first) { return scalar }
            guard (0xD800..<0xDC00).contains(first), bytes[position...].starts(with: [0x5C, 0x75]) else {
                return "\u{FFFD}"
            }
            let mark = position
            position += 2
            let second = try unit()
            guard (0xDC00..<0xE000).contains(second) else {
                position = mark
                return "\u{FFFD}"
            }
            return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
        }

        private mutating func unit() throws(OBSProtocolError) -> UInt32 {
            guard position + 4 <= bytes.count,
                let value = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16),
                bytes[position] != UInt8(ascii: "+"), bytes[position] != UInt8(ascii: "-")
            else { throw broken("no four hexadecimal digits") }
            position += 4
            return value
        }
    }
}
