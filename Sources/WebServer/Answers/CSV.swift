/// Comma-separated values (RFC 4180) that a spreadsheet may open: a cell that it would take for a formula gets an apostrophe
/// before it, since DJs choose their names themselves.
enum CSV {
    static func line(_ cells: [String]) -> String {
        cells.map(cell).joined(separator: ",") + "\r\n"
    }

    private static func cell(_ text: String) -> String {
        var text = text
        // Spreadsheets look past white space, and take full-width forms for the ASCII ones. A negative number is no formula.
        if !(text.hasPrefix("-") && Double(text) != nil),
            let first = text.unicodeScalars.first(where: { !$0.properties.isWhitespace }), formulaStarts.contains(first)
        {
            text = "'" + text
        }
        guard text.unicodeScalars.contains(where: { special.contains($0) || $0.properties.isWhitespace }) else {
            return text
        }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    private static let special: Set<Unicode.Scalar> = [",", "\"", "\r", "\n", ";", "'"]
    private static let formulaStarts: Set<Unicode.Scalar> = ["=", "+", "-", "@", "＝", "＋", "－", "＠", "|", "%"]
}
