import Domain

/// A mail as it goes over the wire: ASCII, CRLF, no line over 78 characters (RFC 5322, 2045, 2047).
struct MailText {
    let to: String
    /// Without the closing dot.
    let text: String

    /// - Parameters:
    ///   - date: RFC 5322 §3.3, with the zone.
    ///   - identifier: unique, of letters, digits and dots.
    /// - Throws: `SMTPError` for a recipient that cannot stand in a command.
    init(_ mail: Mail, from configuration: SMTPConfiguration, date: String, identifier: String) throws(SMTPError) {
        guard SMTPConfiguration.isAddress(mail.to) else {
            throw SMTPError(.refused, "the recipient is no address that mail can go to")
        }
        to = mail.to
        let domain = configuration.from.split(separator: "@").last ?? "localhost"
        let sender =
            configuration.fromName.isEmpty
            ? "<\(configuration.from)>" : "\(Self.word(configuration.fromName)) <\(configuration.from)>"
        var lines = [
            "Date: \(date)", "From: \(sender)", "To: <\(mail.to)>", "Subject: \(Self.word(mail.subject))",
            "Message-ID: <\(identifier)@\(domain)>", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64",
            // RFC 3834: nobody's holiday answers it.
            "Auto-Submitted: auto-generated", "",
        ]
        // MIME's text has CRLF inside as well.
        let body = Base64.text(Array(mail.text.exposed.replacing("\n", with: "\r\n").utf8))
        var rest = body[...]
        while !rest.isEmpty {
            lines.append(String(rest.prefix(76)))
            rest = rest.dropFirst(76)
        }
        text = lines.joined(separator: "\r\n")
    }

    /// As it is when it is plain, else in encoded words of at most 75 characters (RFC 2047 §2).
    static func word(_ text: String) -> String {
        let isPlain =
            text.utf8.count <= 60
            && text.utf8.allSatisfy { byte in
                (32..<127).contains(byte) && !"()<>[]:;@\\,.\"=?_".utf8.contains(byte)
            }
        if isPlain { return text }
        var words: [String] = []
        var part: [UInt8] = []
        for character in text where !character.isNewline {
            let bytes = Array(String(character).utf8)
            // 45 bytes are 60 of base64.
            if part.count + bytes.count > 45 {
                words.append("=?utf-8?B?\(Base64.text(part))?=")
                part = []
            }
            part += bytes.prefix(45)
        }
        words.append("=?utf-8?B?\(Base64.text(part))?=")
        return words.joined(separator: "\r\n ")
    }
}

/// RFC 4648 §4.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var number = UInt32(0)
            for index in 0..<3 { number = number << 8 | (index < group.count ? UInt32(group[start + index]) : 0) }
            for index in 0..<4 {
                let isPadding = index > group.count
                text.append(isPadding ? UInt8(ascii: "=") : alphabet[Int(number >> UInt32(18 - 6 * index) & 63)])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
