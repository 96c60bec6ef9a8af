import Domain

/// What a Discord target knows of its messages; stored with its cursor, so that nothing is told twice after a crash.
struct DiscordMemory: Sendable, Equatable, Codable {
    /// One DJ's time on air and the message about it.
    struct Slot: Sendable, Equatable, Codable {
        var entry: String
        var name: String
        var startedAt: Int64
        var endedAt: Int64?
        var reason: String?
        /// The place of who dropped is kept.
        var isDropped = false
        /// Something else is shown meanwhile.
        var isOffAir = false
        /// When the slot should end, as last shown; milliseconds since 1970.
        var until: Int64?
        var message = Posted()
        /// Its message says how it ended.
        var isClosed = false
    }

    /// A message that was posted, or is to be.
    struct Posted: Sendable, Equatable, Codable {
        var id: String?
        /// `DiscordMessage.digest` of what it shows.
        var shown: String?
        var sentAt: Int64?
        /// Somebody deleted it there, or Discord did not take it: left alone.
        var isGivenUp = false
    }

    /// Something that is true or not, and what was said of it.
    struct Notice: Sendable, Equatable, Codable {
        /// What was said last: the queue is open; all is well.
        var told: Bool?
        var message = Posted()
    }

    struct HeadsUp: Sendable, Equatable, Codable {
        /// The warning that asks for one.
        var wantedAt: Int64?
        /// Who was told last.
        var toldEntry: String?
    }

    struct Channel: Sendable, Equatable, Codable {
        var slots: [Slot] = []
        var queue = Notice()
        var headsUp = HeadsUp()
        var health = Notice()
        /// What is wrong on air now, in words, and with whom; `nil` when nothing is.
        var trouble: String?
        var troubleName: String?
        var troubleSince: Int64?
    }

    var channels: [String: Channel] = [:]
}
