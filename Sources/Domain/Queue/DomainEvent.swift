/// A change of state that others are told of, written to the outbox with the move that caused it (design §8).
package enum DomainEvent: Sendable, Equatable {
    case queueJoined(entry: EntryID, name: String)
    case queueLeft(entry: EntryID, name: String, reason: QueueEntry.EndReason)
    case queueReady(entry: EntryID, name: String)
    case queueUnready(entry: EntryID, name: String, missing: [String])
    case handoverPlanned(entry: EntryID?, name: String?)
    case onAirStarted(entry: EntryID, name: String)
    case onAirEnded(entry: EntryID, name: String)
    case djDropped(entry: EntryID, name: String, until: WallTime)
    case djReturned(entry: EntryID, name: String)
    case slateStarted
    case slateEnded
    case settingsChanged

    /// The name in the catalogue: `queue.joined`.
    package var kind: String {
        switch self {
        case .queueJoined: "queue.joined"
        case .queueLeft: "queue.left"
        case .queueReady: "queue.ready"
        case .queueUnready: "queue.unready"
        case .handoverPlanned: "handover.planned"
        case .onAirStarted: "onair.started"
        case .onAirEnded: "onair.ended"
        case .djDropped: "dj.dropped"
        case .djReturned: "dj.returned"
        case .slateStarted: "slate.started"
        case .slateEnded: "slate.ended"
        case .settingsChanged: "settings.changed"
        }
    }

    /// The typed payload as flat JSON fields; `EventPayload` is `Encodable`.
    package var payload: EventPayload {
        switch self {
        case .queueJoined(let entry, let name), .queueReady(let entry, let name), .onAirStarted(let entry, let name),
            .onAirEnded(let entry, let name), .djReturned(let entry, let name):
            EventPayload(entry: entry, name: name)
        case .queueLeft(let entry, let name, let reason):
            EventPayload(entry: entry, name: name, reason: reason.rawValue)
        case .queueUnready(let entry, let name, let missing):
            EventPayload(entry: entry, name: name, missing: missing)
        case .handoverPlanned(let entry, let name): EventPayload(entry: entry, name: name)
        case .djDropped(let entry, let name, let until): EventPayload(entry: entry, name: name, until: until)
        case .slateStarted, .slateEnded, .settingsChanged: EventPayload()
        }
    }
}

/// An event's payload; absent fields are left out of the JSON.
package struct EventPayload: Sendable, Equatable, Encodable {
    package var entry: EntryID?
    package var name: String?
    package var reason: String?
    package var missing: [String]?
    package var until: WallTime?
}
