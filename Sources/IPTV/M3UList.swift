/// An IPTV playlist: extended M3U as television applications read it (`#EXTINF:-1` with attributes, features PL-01…11).
package struct M3UList: Sendable, Equatable {
    /// One thing to watch. `nil` and empty values are left out.
    package struct Entry: Sendable, Equatable {
        package var title: String
        /// Absolute.
        package var address: String
        /// As the guide names the channel.
        package var guideID: String?
        package var guideName: String?
        /// Absolute.
        package var logo: String?
        package var group: String?
        package var number: Int?
        /// The rendition's label, when it is not the channel itself: stands behind the title in brackets.
        package var variant: String?
        package var next: Next?
        /// Where the schedule is, absolute.
        package var programmeFeed: String?
        package var description: String?
        /// Country codes the channel is for, and those it is not for.
        package var allowedRegions: [String] = []
        package var blockedRegions: [String] = []

        package init(title: String, address: String) {
            self.title = title
            self.address = address
        }
    }

    /// What comes next.
    package struct Next: Sendable, Equatable {
        package var title: String
        /// RFC 3339; `nil` when nobody can say.
        package var start: String?
        package var description: String?

        package init(title: String, start: String? = nil, description: String? = nil) {
            self.title = title
            self.start = start
            self.description = description
        }
    }

    package var entries: [Entry]
    /// Where the guide to these channels is, absolute. Half of the applications look for it under one name, half under the other.
    package var guide: String?

    package init(_ entries: [Entry], guide: String? = nil) {
        self.entries = entries
        self.guide = guide
    }

    /// UTF-8 text, lines ended by LF.
    ///
    /// The format has no escapes, so what would break it is replaced: in attributes a double quote by ”,
    /// everywhere line breaks and other control characters by one space. A title may hold quotes
    /// and commas: it stands behind the first comma that is outside quotes.
    package func rendered() -> String {
        var text = "#EXTM3U"
        if let guide = guide.map(Self.address) { text += " url-tvg=\"\(guide)\" x-tvg-url=\"\(guide)\"" }
        text += "\n"
        for entry in entries {
            text += Self.information(entry)
            if let label = Self.label(entry) { text += "#EXTREM:AMP-VARIANT \(label)\n" }
            if let next = entry.next { text += "#EXTREM:AMP-NEXT \(Self.fields(next))\n" }
            if let feed = entry.programmeFeed { text += "#EXTREM:AMP-PROGRAM-FEED \(Self.address(feed))\n" }
            if let words = entry.description, !Self.line(words).isEmpty {
                text += "#EXTREM:AMP-DESCRIPTION \(Self.line(words))\n"
            }
            if !entry.allowedRegions.isEmpty || !entry.blockedRegions.isEmpty {
                text += "#EXTREM:AMP-REGION allow=\"\(Self.codes(entry.allowedRegions))\""
                text += " block=\"\(Self.codes(entry.blockedRegions))\"\n"
            }
            text += Self.address(entry.address) + "\n"
        }
        return text
    }

    private static func information(_ entry: Entry) -> String {
        var line = "#EXTINF:-1"
        let attributes = [
            ("tvg-id", entry.guideID), ("tvg-name", entry.guideName), ("tvg-logo", entry.logo.map(address)),
            ("group-title", entry.group), ("channel-number", entry.number.map(String.init)),
        ]
        for (name, value) in attributes {
            guard let value = value.map(attribute), !value.isEmpty else { continue }
            line += " \(name)=\"\(value)\""
        }
        let label = label(entry).map { "[\($0)]" }
        return line + ","
            + [self.line(entry.title), label].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: " ") + "\n"
    }

    private static func label(_ entry: Entry) -> String? {
        entry.variant.map(line).flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func fields(_ next: Next) -> String {
        var parts = ["title=\"\(attribute(next.title))\""]
        if let start = next.start { parts.append("start=\"\(attribute(start))\"") }
        if let words = next.description { parts.append("description=\"\(attribute(words))\"") }
        return parts.joined(separator: " ")
    }

    /// `text` as it stands in an attribute: what else names the same thing, as the guide does, writes it likewise.
    package static func attribute(_ text: String) -> String { line(text).replacing("\"", with: "”") }

    /// Nothing of `text` would be seen: spaces, line breaks and signs without a picture only.
    package static func isBlank(_ text: String) -> Bool {
        line(text).unicodeScalars.allSatisfy {
            $0.properties.isWhitespace || $0.properties.isDefaultIgnorableCodePoint
                || $0.properties.generalCategory == .format
        }
    }

    private static func codes(_ codes: [String]) -> String { codes.map(attribute).joined(separator: ",") }

    /// One line without anything that a reader could take for the end of one (Unicode's own line ends among them) or that XML
    /// cannot hold, trimmed.
    private static func line(_ text: String) -> String {
        var line = ""
        for scalar in text.unicodeScalars {
            let isBreak =
                scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0x2028
                || scalar.value == 0x2029 || scalar.value & 0xFFFE == 0xFFFE
            if isBreak || scalar == " " {
                if !line.isEmpty, !line.hasSuffix(" ") { line.unicodeScalars.append(" ") }
            } else {
                line.unicodeScalars.append(scalar)
            }
        }
        return line.hasSuffix(" ") ? String(line.dropLast()) : line
    }

    /// An address has no spaces, quotes or control characters (RFC 3986 §2): whatever of them is there is percent-encoded.
    static func address(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        var made = ""
        for byte in text.utf8 {
            if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "<"),
                byte != UInt8(ascii: ">")
            {
                made.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                made += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return made
    }
}
