/// Builds one small JSON object as text, fields in the order of their adding. Domain has no Foundation, and the text of an
/// event must be the same whoever asks.
package struct JSONObjectText: Sendable {
    private var fields = ""

    package init() {}

    package var text: String { "{\(fields)}" }
    package var isEmpty: Bool { fields.isEmpty }

    /// Nothing is added for `nil`.
    package mutating func add(_ name: String, _ value: String?) {
        if let value { add(name, json: Self.quoted(value)) }
    }

    package mutating func add(_ name: String, _ value: Int?) {
        if let value { add(name, json: String(value)) }
    }

    /// With three decimals; nothing for what is no number.
    package mutating func add(_ name: String, _ value: Double?) {
        guard let value, value.isFinite, abs(value) < 1e12 else { return }
        let thousandths = Int((value * 1000).rounded())
        let fraction = String(abs(thousandths) % 1000)
        let zeros = String(repeating: "0", count: 3 - fraction.count)
        add(name, json: (thousandths < 0 ? "-" : "") + "\(abs(thousandths) / 1000).\(zeros)\(fraction)")
    }

    package mutating func add(_ name: String, _ value: Bool?) {
        if let value { add(name, json: String(value)) }
    }

    package mutating func add(_ name: String, _ values: [String]?) {
        if let values { add(name, json: "[\(values.map(Self.quoted).joined(separator: ","))]") }
    }

    private mutating func add(_ name: String, json: String) {
        if !fields.isEmpty { fields += "," }
        fields += Self.quoted(name) + ":" + json
    }

    /// RFC 8259 §7.
    private static func quoted(_ text: String) -> String {
        var result = "\""
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
        return result + "\""
    }
}
