import Domain

/// A message as Discord takes it, within its limits whatever went in (Discord API, Execute Webhook and Embed Limits).
///
/// Nobody is mentioned but those in `mentions`: `allowed_mentions.parse` is always empty.
struct DiscordMessage: Sendable, Equatable {
    struct Field: Sendable, Equatable {
        var name: String
        var value: String
    }

    enum Limits {
        static let content = 2000
        static let title = 256
        static let description = 2048
        static let fieldName = 256
        static let fieldValue = 1024
        static let fields = 25
        static let url = 2048
        /// All texts of the embeds of a message together.
        static let total = 6000
        static let mentions = 100
    }

    var content: String?
    var title: String?
    var description: String?
    var url: String?
    /// 0…0xFFFFFF.
    var color = 0
    var fields: [Field] = []
    /// Users' ids, checked to be snowflakes.
    var mentions: [String] = []

    /// The request's body.
    var json: String {
        var parts: [String] = []
        if let content { parts.append("\"content\":" + Self.text(content, Limits.content)) }
        if let embed { parts.append("\"embeds\":[\(embed)]") } else { parts.append("\"embeds\":[]") }
        let users = mentions.filter { DiscordAddress.isSnowflake($0) }.prefix(Limits.mentions).map { "\"\($0)\"" }
        parts.append("\"allowed_mentions\":{\"parse\":[],\"users\":[\(users.joined(separator: ","))]}")
        return "{" + parts.joined(separator: ",") + "}"
    }

    private var embed: String? {
        guard let title else { return nil }
        var left = Limits.total
        var parts: [String] = []
        func add(_ name: String, _ value: String, _ limit: Int) {
            let clipped = Self.clipped(value, to: min(limit, left))
            left -= clipped.utf16.count
            parts.append("\"\(name)\":" + Self.quoted(clipped))
        }
        add("title", title, Limits.title)
        if let description, !description.isEmpty { add("description", description, Limits.description) }
        if let url, url.utf16.count <= Limits.url { parts.append("\"url\":" + Self.quoted(url)) }
        parts.append("\"color\":\(min(max(color, 0), 0xFF_FFFF))")
        var rows: [String] = []
        for field in fields.prefix(Limits.fields) {
            let name = Self.clipped(field.name, to: Limits.fieldName)
            let value = Self.clipped(field.value, to: Limits.fieldValue)
            let size = name.utf16.count + value.utf16.count
            guard !name.isEmpty, !value.isEmpty, size <= left else { continue }
            left -= size
            rows.append("{\"name\":\(Self.quoted(name)),\"value\":\(Self.quoted(value)),\"inline\":true}")
        }
        parts.append("\"fields\":[\(rows.joined(separator: ","))]")
        return "{" + parts.joined(separator: ",") + "}"
    }

    /// Counted in UTF-16, of which Discord's own count is never more.
    static func clipped(_ text: String, to limit: Int) -> String {
        guard text.utf16.count > limit else { return text }
        guard limit > 0 else { return "" }
        var result = ""
        var left = limit - 1
        for character in text {
            left -= character.utf16.count
            guard left >= 0 else { break }
            result.append(character)
        }
        return result + "…"
    }

    /// What makes emphasis, code, quotes, links, headings, mentions and timestamps of a text.
    private static let markup: Set<Character> = [
        "\\", "*", "_", "~", "`", "|", "<", ">", "[", "]", "(", ")", "#", "@", ":",
    ]

    /// A name that says what it says and nothing else: no markup, link or mention comes of it.
    static func plain(_ name: String) -> String {
        var result = ""
        for character in name {
            if character.isNewline {
                result += " "
                continue
            }
            if Self.markup.contains(character) { result += "\\" }
            result.append(character)
        }
        return result
    }

    private static func text(_ text: String, _ limit: Int) -> String { quoted(clipped(text, to: limit)) }

    private static func quoted(_ text: String) -> String {
        var object = JSONObjectText()
        object.add("t", text)
        return String(object.text.dropFirst(5).dropLast())
    }

    /// Tells two messages apart (FNV-1a); what is shown already is not sent again.
    var digest: String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in json.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }
}
