import Domain

/// A Discord webhook's URL, taken apart: `https://HOST/api[/vN]/webhooks/ID/TOKEN[?thread_id=ID]`.
///
/// The URL is the credential. Any host will do, so that a stand-in can be tried.
struct DiscordAddress: Sendable {
    private let base: String
    private let thread: String?

    /// `nil` for what is no such URL.
    init?(_ url: Secret) {
        let halves = url.exposed.split(separator: "?", maxSplits: 1)
        guard let whole = halves.first, whole.hasPrefix("https://") || whole.hasPrefix("http://") else { return nil }
        let parts = whole.split(separator: "/", omittingEmptySubsequences: false)
        guard let place = parts.firstIndex(of: "webhooks"), place >= 4, place + 3 == parts.count, parts[3] == "api",
            place == 4 || (place == 5 && parts[4].hasPrefix("v"))
        else { return nil }
        guard Self.isSnowflake(parts[place + 1]), !parts[place + 2].isEmpty,
            parts[place + 2].utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        base = String(whole)
        var thread: String?
        if halves.count == 2 {
            for pair in halves[1].split(separator: "&") where pair.hasPrefix("thread_id=") {
                guard Self.isSnowflake(pair.dropFirst("thread_id=".count)) else { return nil }
                thread = String(pair)
            }
        }
        self.thread = thread
    }

    /// Discord's ids: decimal digits of a 64-bit number.
    static func isSnowflake(_ text: some StringProtocol) -> Bool {
        (1...20).contains(text.utf8.count) && text.utf8.allSatisfy { (48...57).contains($0) }
    }

    /// To post to, with the message in the answer.
    var posting: Secret { Secret(base + "?wait=true" + (thread.map { "&" + $0 } ?? "")) }

    func editing(_ message: String) -> Secret {
        Secret(base + "/messages/" + message + (thread.map { "?" + $0 } ?? ""))
    }
}
