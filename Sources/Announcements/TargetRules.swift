import Domain

/// What a target may be made of.
enum TargetRules {
    static let maximumNameCharacters = 40
    static let maximumURLBytes = 2048
    static let secretCharacters = 16...200
    static let maximumHeaders = 16
    static let maximumHeaderBytes = 1024
    static let maximumPatterns = 50
    static let maximumTemplateCharacters = 500

    /// Headers that HTTP or Lineup itself sets.
    private static let reservedHeaders: Set<String> = [
        "host", "content-length", "content-type", "transfer-encoding", "connection", "te", "trailer", "upgrade",
        "expect",
        "keep-alive", "proxy-connection", "accept-encoding", "user-agent",
    ]

    static func name(_ text: String) throws(TargetError) -> String {
        let isPlain = text.unicodeScalars.allSatisfy {
            !$0.properties.isWhitespace && $0.properties.generalCategory != .control || $0 == " "
        }
        guard (1...maximumNameCharacters).contains(text.count), isPlain, text.first != " ", text.last != " " else {
            throw .invalid(
                field: "name", reason: "This takes 1 to 40 characters on one line, without a space at the ends.")
        }
        return text
    }

    /// A plain file name, so that nobody writes elsewhere than into the folder of event files.
    static func file(_ text: String) throws(TargetError) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")].contains(byte)
        }
        guard (1...64).contains(text.utf8.count), isPlain, text.first != "." else {
            throw .invalid(
                field: "file", reason: "This is a file's name: up to 64 letters, digits, dots, hyphens and underscores."
            )
        }
        return text
    }

    static func secret(_ secret: Secret) throws(TargetError) -> Secret {
        guard secretCharacters.contains(secret.exposed.count) else {
            throw .invalid(field: "secret", reason: "This takes 16 to 200 characters.")
        }
        return secret
    }

    static func headers(_ headers: [TargetHeader]) throws(TargetError) -> [TargetHeader] {
        guard headers.count <= maximumHeaders else {
            throw .invalid(field: "headers", reason: "This takes at most \(maximumHeaders) headers.")
        }
        for header in headers {
            let name = header.name.lowercased()
            guard !name.isEmpty, name.utf8.count <= 64, name.utf8.allSatisfy(isTokenByte) else {
                throw .invalid(field: "headers", reason: "A header's name takes letters, digits and hyphens.")
            }
            guard !reservedHeaders.contains(name), !name.hasPrefix("x-lineup-") else {
                throw .invalid(field: "headers", reason: "\(header.name) is set by the server itself.")
            }
            let value = header.value.exposed.utf8
            guard value.count <= maximumHeaderBytes, value.allSatisfy({ (0x20...0x7E).contains($0) }) else {
                throw .invalid(
                    field: "headers", reason: "A header's value takes up to \(maximumHeaderBytes) plain characters.")
            }
        }
        guard Set(headers.map { $0.name.lowercased() }).count == headers.count else {
            throw .invalid(field: "headers", reason: "A header can be given once.")
        }
        return headers
    }

    static func kinds(_ kinds: [String]) throws(TargetError) -> [String] {
        guard kinds.count <= maximumPatterns, kinds.allSatisfy(EventFilter.isPattern) else {
            throw .invalid(
                field: "kinds", reason: "A kind is one of docs/events.md, or the beginning of some as in queue.*, or *."
            )
        }
        return kinds
    }

    static func channels(_ channels: [String]) throws(TargetError) -> [ChannelName] {
        let names = channels.compactMap { ChannelName($0) }
        guard names.count == channels.count, names.count <= maximumPatterns else {
            throw .invalid(field: "channels", reason: "These are names of channels.")
        }
        return names
    }

    static func batch(_ batch: Int) throws(TargetError) -> Int {
        guard (1...TargetLimits.maximumBatch).contains(batch) else {
            throw .invalid(field: "batch", reason: "This takes 1 to \(TargetLimits.maximumBatch) events a request.")
        }
        return batch
    }

    static func discord(_ options: DiscordOptions) throws(TargetError) -> DiscordOptions {
        for (name, text) in options.templates {
            guard DiscordSentence(rawValue: name) != nil else {
                throw .invalid(
                    field: "templates",
                    reason: "A template is one of \(DiscordSentence.allCases.map(\.rawValue).joined(separator: ", ")).")
            }
            guard text.count <= maximumTemplateCharacters else {
                throw .invalid(
                    field: "templates", reason: "A template takes up to \(maximumTemplateCharacters) characters.")
            }
        }
        return options
    }

    /// RFC 9110 §5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || [UInt8(ascii: "-"), UInt8(ascii: "_")].contains(byte)
    }
}
