/// One range of a `Range` header (RFC 9110 §14.1.2).
enum ByteRange: Equatable {
    /// No range, one we do not understand, or several: answer with everything, as the RFC allows.
    case everything
    case part(Range<Int>)
    /// Lies beyond the end: 416.
    case unsatisfiable

    /// - Parameter length: of the whole, in bytes.
    init(_ header: String?, length: Int) {
        guard let header, header.hasPrefix("bytes="), !header.contains(",") else {
            self = .everything
            return
        }
        let ends = header.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, ends.allSatisfy({ $0.utf8.count <= 18 }) else {
            self = .everything
            return
        }
        self = Self.read(first: ends[0], last: ends[1], length: length)
    }

    private static func read(first: Substring, last: Substring, length: Int) -> Self {
        if first.isEmpty {
            guard let count = number(last) else { return .everything }
            return count == 0 || length == 0 ? .unsatisfiable : .part(max(0, length - count)..<length)
        }
        guard let start = number(first) else { return .everything }
        if last.isEmpty { return start < length ? .part(start..<length) : .unsatisfiable }
        guard let end = number(last), end >= start else { return .everything }
        return start < length ? .part(start..<(min(end, length - 1) + 1)) : .unsatisfiable
    }

    /// Digits only: `Int` would take a sign.
    private static func number(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
    }
}
