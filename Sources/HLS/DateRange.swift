package import Domain

/// A span of the programme with a name: one DJ's slot (draft-pantos-hls-rfc8216bis §4.4.5.1).
package struct DateRange: Sendable, Equatable {
    /// Unique in the playlist; letters, digits and hyphens.
    package var id: String
    /// The DJ's public name; any characters.
    package var name: String
    package var start: WallTime
    /// When it should end; left out once it has.
    package var plannedEnd: WallTime?
    package var end: WallTime?
    /// When one of its attributes last changed; not written. A delta update leaves out what is unchanged for long.
    package var changedAt: WallTime

    package init(
        id: String, name: String, start: WallTime, plannedEnd: WallTime?, end: WallTime?, changedAt: WallTime
    ) {
        self.id = id
        self.name = name
        self.start = start
        self.plannedEnd = plannedEnd
        self.end = end
        self.changedAt = changedAt
    }

    /// One line with its LF.
    func rendered() -> String {
        var text = "#EXT-X-DATERANGE:ID=\"\(id)\",CLASS=\"org.lineup.slot\",START-DATE=\"\(start)\""
        if let end {
            text += ",END-DATE=\"\(max(end, start))\",DURATION=\(seconds(from: start, to: end))"
        } else if let plannedEnd {
            text += ",PLANNED-DURATION=\(seconds(from: start, to: plannedEnd))"
        }
        return text + ",X-DJ=\"\(Self.quotable(name))\"\n"
    }

    private func seconds(from start: WallTime, to end: WallTime) -> String {
        let milliseconds = max(0, end.milliseconds - start.milliseconds)
        let digits = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
    }

    /// What a quoted-string can hold (§4.2): no line ends and no quotation mark; it knows no escape, so a typographic one
    /// stands in. Other control characters go, too: a name is shown, not obeyed.
    static func quotable(_ name: String) -> String {
        var text = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "\"": text.unicodeScalars.append("\u{201D}")
            case "\u{2028}", "\u{2029}": text += " "
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value): text += " "
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
