/// Names and label values as the text format wants them (Prometheus exposition format 0.0.4).
enum MetricName {
    /// `name` with every character outside `[a-zA-Z0-9_:]` made `_`, and a `_` before a leading digit.
    static func sanitized(_ name: String) -> String {
        var text = ""
        text.reserveCapacity(name.utf8.count)
        for byte in name.utf8 {
            if text.isEmpty, isDigit(byte) { text.append("_") }
            let isKept = isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ":")
            text.unicodeScalars.append(isKept ? Unicode.Scalar(byte) : "_")
        }
        return text.isEmpty ? "_" : text
    }

    /// A label's name: as a metric's, without `:`.
    static func sanitizedLabel(_ name: String) -> String {
        String(sanitized(name).map { $0 == ":" ? "_" : $0 })
    }

    /// `{a="1",b="2"}` in order of name, or nothing; a repeated name keeps its first value.
    static func labels(_ dimensions: [(String, String)]) -> [(String, String)] {
        var seen: Set<String> = []
        return dimensions.map { (sanitizedLabel($0.0), $0.1) }
            .filter { seen.insert($0.0).inserted }
            .sorted { $0.0 < $1.0 }
    }

    static func rendered(_ labels: [(String, String)]) -> String {
        labels.map { "\($0.0)=\"\(escapedValue($0.1))\"" }.joined(separator: ",")
    }

    static func escapedValue(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    static func escapedHelp(_ help: String) -> String {
        var text = ""
        for scalar in help.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// A sample's value: whole numbers without a fraction, and the format's own words for what is no number.
    static func value(_ number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: number) { return String(whole) }
        return String(number)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
