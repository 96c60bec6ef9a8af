import Domain

/// The sentences of Discord messages that a target may have in its own words (docs/discord.md).
///
/// `{dj}`, `{next}`, `{channel}`, `{reason}` and `{minutes}` are filled in; names come without markup.
enum DiscordSentence: String, Sendable, CaseIterable {
    case onAir
    case away
    case ended
    case headsUp
    case unhealthy
    case healthyAgain
    case queueOpened
    case queueClosed

    var standard: String {
        switch self {
        case .onAir: "🔴 {dj} is on air"
        case .away: "🟠 {dj} dropped out; their place is kept"
        case .ended: "{dj} was on air for {minutes} min: {reason}"
        case .headsUp: "{dj}, you are next on {channel}: about {minutes} min to go."
        case .unhealthy: "⚠️ {dj} on air: {reason}"
        case .healthyAgain: "✅ {dj} on air: all fine again"
        case .queueOpened: "The queue of {channel} is open: DJs can join."
        case .queueClosed: "The queue of {channel} is closed: nobody can join now."
        }
    }

    func text(_ options: DiscordOptions, _ values: [String: String]) -> String {
        var result = ""
        var rest = (options.templates[rawValue] ?? standard)[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            result += rest[..<open]
            let name = String(rest[rest.index(after: open)..<close])
            // What is no placeholder stands as it was written.
            result += values[name] ?? "{\(name)}"
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }
}

extension QueueEntry.EndReason {
    /// How a listener is told; nobody is shamed in public.
    static func publicWords(_ reason: String?) -> String {
        switch reason.flatMap({ QueueEntry.EndReason(rawValue: $0) }) {
        case .finished: "they finished"
        case .slotOver: "the slot was over"
        case .dropped, .unhealthy: "the connection was lost"
        case .skipped, .removed, .banned: "an operator moved on"
        case .channelClosed: "the channel closed"
        default: "the slot ended"
        }
    }
}
