package import Domain

/// Something that was committed to the database, by this process or another, and that the server acts on at once (I10).
package enum StoreNotice: Sendable, Equatable {
    case keyRevoked(KeyID)
    case accountDisabled(UserID)
    case queueChanged(ChannelName)
    case targetChanged(TargetID)
    case studioChanged(StudioID)
    case listingChanged(ChannelName)

    /// Reads what the triggers of `migrations/` send: `key UUID`, `user UUID`, `queue NAME`, `target UUID`, `studio UUID`,
    /// `listing NAME`.
    init?(payload: String) {
        let words = payload.split(separator: " ", maxSplits: 1)
        guard words.count == 2 else { return nil }
        switch words[0] {
        case "key":
            guard let id = KeyID(words[1]) else { return nil }
            self = .keyRevoked(id)
        case "user":
            guard let id = UserID(words[1]) else { return nil }
            self = .accountDisabled(id)
        case "queue":
            guard let name = ChannelName(words[1]) else { return nil }
            self = .queueChanged(name)
        case "target":
            guard let id = TargetID(words[1]) else { return nil }
            self = .targetChanged(id)
        case "studio":
            guard let id = StudioID(words[1]) else { return nil }
            self = .studioChanged(id)
        case "listing":
            guard let name = ChannelName(words[1]) else { return nil }
            self = .listingChanged(name)
        default: return nil  // Of a newer binary.
        }
    }
}
