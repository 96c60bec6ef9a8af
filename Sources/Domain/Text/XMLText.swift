/// Text for XML documents that we write.
package enum XMLText {
    /// Fit for content and for an attribute in double quotes (XML 1.0 §2.2, §2.4). What XML cannot hold at all becomes a space, and so
    /// does what a reader would make one of in an attribute (§3.3.3).
    package static func escaped(_ text: String) -> String {
        var made = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": made += "&amp;"
            case "<": made += "&lt;"
            case ">": made += "&gt;"
            case "\"": made += "&quot;"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value & 0xFFFE == 0xFFFE:
                made += " "
            default: made.unicodeScalars.append(scalar)
            }
        }
        return made
    }
}
