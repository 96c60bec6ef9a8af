/// A JSON value (RFC 8259), for obs-websocket's messages. Protocols have no Foundation; this one is bounded, and takes nothing that is
/// not JSON.
package enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// What a peer's text may hold.
    package struct Limits: Sendable {
        package var maximumBytes = 2 * 1024 * 1024
        package var maximumDepth = 32
        /// Values of all kinds, nested ones too.
        package var maximumValues = 50_000

        package init() {}
    }

    package subscript(name: String) -> JSON? {
        guard case .object(let fields) = self else { return nil }
        return fields[name]
    }

    package var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    package var number: Double? {
        guard case .number(let value) = self else { return nil }
        return value
    }

    /// A whole number; `nil` for a fraction and beyond 2^53.
    package var integer: Int? {
        guard case .number(let value) = self, value.rounded() == value, abs(value) <= 9_007_199_254_740_992 else {
            return nil
        }
        return Int(value)
    }

    package var array: [JSON]? {
        guard case .array(let values) = self else { return nil }
        return values
    }

    package var object: [String: JSON]? {
        guard case .object(let fields) = self else { return nil }
        return fields
    }

    package static func integer(_ value: Int) -> JSON { .number(Double(value)) }

    // MARK: Writing

    /// Without spaces, keys in order: the same value is the same text.
    package var text: String {
        var result = ""
        write(into: &result)
        return result
    }

    private func write(into result: inout String) {
        switch self {
        case .null: result += "null"
        case .bool(let value): result += value ? "true" : "false"
        case .number(let value): result += Self.text(of: value)
        case .string(let text): Self.write(text, into: &result)
        case .array(let values):
            result += "["
            for (index, value) in values.enumerated() {
                if index > 0 { result += "," }
                value.write(into: &result)
            }
            result += "]"
        case .object(let fields):
            result += "{"
            for (index, field) in fields.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { result += "," }
                Self.write(field.key, into: &result)
                result += ":"
                field.value.write(into: &result)
            }
            result += "}"
        }
    }

    /// Whole numbers without a fraction; JSON has no infinity, and none is ever read.
    private static func text(of value: Double) -> String {
        guard value.isFinite else { return "null" }
        guard value.rounded() == value, abs(value) < 9_007_199_254_740_992 else { return "\(value)" }
        return "\(Int(value))"
    }

    private static func write(_ text: String, into result: inout String) {
        result += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        result += "\""
    }
}
