/// A channel's stable public name, as it stands in URLs: 1…64 of `a-z`, `0-9` and `-`, not at the ends.
package struct ChannelName: Hashable, Sendable, CustomStringConvertible, Codable {
    package let text: String

    /// `nil` when `text` is no channel name.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard (1...64).contains(bytes.count), bytes.first != UInt8(ascii: "-"), bytes.last != UInt8(ascii: "-") else {
            return nil
        }
        for byte in bytes {
            let isLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            guard isLetter || isDigit || byte == UInt8(ascii: "-") else { return nil }
        }
        self.text = String(text)
    }

    private init(unchecked text: String) { self.text = text }

    /// The channel every installation has.
    package static let main = ChannelName(unchecked: "main")

    package var description: String { text }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let name = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a channel name")
        }
        self = name
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
