/// Keeps one DJ out of the queue after a turn that was ended for them (design §4, rules 5 and 6). Made and lifted by rules,
/// or lifted by an operator; a ban is another thing.
package struct QueueBlock: Sendable, Equatable {
    /// What lifts it. A DJ may have one of each kind.
    package enum Rule: Sendable, Equatable {
        case until(WallTime)
        case someoneElsePlayed
        /// `rejoin: afterQuiet`.
        case encoderQuiet

        package var kind: Kind {
            switch self {
            case .until: .until
            case .someoneElsePlayed: .someoneElsePlayed
            case .encoderQuiet: .encoderQuiet
            }
        }
    }

    package enum Kind: String, Sendable, Encodable, CaseIterable {
        case until, someoneElsePlayed, encoderQuiet
    }

    /// Names one block of a channel.
    package struct Key: Sendable, Hashable {
        package var user: UserID
        package var kind: Kind

        package init(user: UserID, kind: Kind) {
            self.user = user
            self.kind = kind
        }
    }

    package var user: UserID
    /// The DJ's public name when the turn ended.
    package var name: String
    package var since: WallTime
    package var rule: Rule

    package init(user: UserID, name: String, since: WallTime, rule: Rule) {
        self.user = user
        self.name = name
        self.since = since
        self.rule = rule
    }

    package var key: Key { Key(user: user, kind: rule.kind) }
}

/// Keeps one person out of a channel's queue by an operator's word; at most one per channel and user.
package struct QueueBan: Sendable, Equatable {
    /// Characters of `reason`.
    package static let longestReason = 200

    package var user: UserID
    /// The DJ's public name, where the queue knew it.
    package var name: String?
    package var since: WallTime
    /// `nil`: until unbanned.
    package var until: WallTime?
    /// For the DJ; at most `longestReason` characters, none of them a control character.
    package var reason: String?

    package init(user: UserID, name: String?, since: WallTime, until: WallTime?, reason: String?) {
        self.user = user
        self.name = name
        self.since = since
        self.until = until
        self.reason = reason
    }
}

/// One DJ's own slot length in a channel; outranks the channel's.
package struct UserSlot: Sendable, Equatable {
    package var user: UserID
    /// 1…86,400. In a transition, `nil` takes the channel's again.
    package var seconds: Int?

    package init(user: UserID, seconds: Int?) {
        self.user = user
        self.seconds = seconds
    }
}

/// What a live publisher's media lacks, as its ingest measures it; times by the wall clock. For `deadAfter`.
package struct MediaHealth: Sendable, Equatable {
    /// Since when no picture came although there was video; `nil` while pictures come.
    package var videoAbsentSince: WallTime?
    /// Since when the sound is silent or absent although there was audio; `nil` while it is heard.
    package var silentSince: WallTime?

    package init(videoAbsentSince: WallTime? = nil, silentSince: WallTime? = nil) {
        self.videoAbsentSince = videoAbsentSince
        self.silentSince = silentSince
    }
}
