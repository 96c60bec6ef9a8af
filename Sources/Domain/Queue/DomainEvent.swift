/// A change of state that others are told of, written to the outbox with the move that caused it (design §8).
package enum DomainEvent: Sendable, Equatable {
    case queueJoined(entry: EntryID, name: String)
    case queueLeft(entry: EntryID, name: String, reason: QueueEntry.EndReason)
    /// `place` counts those waiting, from 0.
    case queueMoved(entry: EntryID, name: String, place: Int)
    case queueReady(entry: EntryID, name: String)
    case queueUnready(entry: EntryID, name: String, missing: [String])
    case queueHeld(entry: EntryID, name: String)
    case queueReleased(entry: EntryID, name: String)
    /// An operator put a DJ on air who was not ready: they are waited for until then.
    case queueCalled(entry: EntryID, name: String, until: WallTime)
    /// Who was to go on air did not become ready in time; the ordinary order goes on.
    case queueNoShow(entry: EntryID, name: String)
    /// An operator changed this slot; `seconds` are left of it, or it has no limit.
    case queueSlotChanged(entry: EntryID, name: String, seconds: Int?)
    case handoverPlanned(entry: EntryID?, name: String?)
    /// The output has gone over to another source, or the same in another form, with what it cost.
    case handoverDone(HandoverEntry)
    /// What is wrong with a publisher's stream has changed.
    case healthChanged(entry: EntryID, name: String, HealthSummary)
    case onAirStarted(entry: EntryID, name: String)
    case onAirEnded(entry: EntryID, name: String)
    /// `seconds` are left (design §4: 10, 5 and 1 minute unless set otherwise).
    case onAirWarning(entry: EntryID, name: String, seconds: Int)
    /// `deadAfter`: the slot ends then unless what is missing comes back.
    case onAirUnhealthy(entry: EntryID, name: String, missing: [String], until: WallTime)
    /// What was missing is back in time.
    case onAirHealthy(entry: EntryID, name: String)
    case djDropped(entry: EntryID, name: String, until: WallTime)
    case djReturned(entry: EntryID, name: String)
    /// `until` is set for the rule of that name.
    case djBlocked(user: UserID, name: String, rule: QueueBlock.Kind, until: WallTime?)
    case djUnblocked(user: UserID, name: String, rule: QueueBlock.Kind)
    case djBanned(user: UserID, name: String?, until: WallTime?, reason: String?)
    case djUnbanned(user: UserID, name: String?)
    /// The DJ's own slot length; `nil`: the channel's again.
    case djSlotChanged(user: UserID, seconds: Int?)
    case slateStarted
    case slateEnded
    case settingsChanged
    /// An operator took the output, or gave it back. What is seen of it follows as `slate.started`, `onair.started`.
    case emergencyChanged(state: ProgrammeEmergency)
    /// What an OBS that follows the programme has to tell.
    case studio(StudioNews)
    /// So many came since the last such event; no name, address or agent.
    case viewersOpened(count: Int, viewers: Int)
    case viewersClosed(count: Int, viewers: Int)
    /// More than ever since the server's start.
    case viewersPeaked(viewers: Int)
    case viewerKicked(kind: ViewerProtocol, seconds: Int)

    /// The name in the catalogue: `queue.joined`.
    package var kind: String {
        switch self {
        case .queueJoined: "queue.joined"
        case .queueLeft: "queue.left"
        case .queueMoved: "queue.moved"
        case .queueReady: "queue.ready"
        case .queueUnready: "queue.unready"
        case .queueHeld: "queue.held"
        case .queueReleased: "queue.released"
        case .queueCalled: "queue.called"
        case .queueNoShow: "queue.noShow"
        case .queueSlotChanged: "queue.slotChanged"
        case .handoverPlanned: "handover.planned"
        case .handoverDone: "handover.done"
        case .healthChanged: "health.changed"
        case .onAirStarted: "onair.started"
        case .onAirEnded: "onair.ended"
        case .onAirWarning: "onair.warning"
        case .onAirUnhealthy: "onair.unhealthy"
        case .onAirHealthy: "onair.healthy"
        case .djDropped: "dj.dropped"
        case .djReturned: "dj.returned"
        case .djBlocked: "dj.blocked"
        case .djUnblocked: "dj.unblocked"
        case .djBanned: "dj.banned"
        case .djUnbanned: "dj.unbanned"
        case .djSlotChanged: "dj.slotChanged"
        case .slateStarted: "slate.started"
        case .slateEnded: "slate.ended"
        case .settingsChanged: "settings.changed"
        case .emergencyChanged: "emergency.changed"
        case .studio(.connected): "obs.connected"
        case .studio(.disconnected): "obs.disconnected"
        case .studio(.refused): "obs.refused"
        case .studio(.outputStopped): "obs.outputStopped"
        case .studio(.framesDropped): "obs.framesDropped"
        case .viewersOpened: "viewer.opened"
        case .viewersClosed: "viewer.closed"
        case .viewersPeaked: "viewer.peak"
        case .viewerKicked: "viewer.kicked"
        }
    }

    /// The typed payload as flat JSON fields.
    package var payload: EventPayload {
        switch self {
        case .queueJoined(let entry, let name), .queueReady(let entry, let name), .onAirStarted(let entry, let name),
            .onAirEnded(let entry, let name), .djReturned(let entry, let name), .queueHeld(let entry, let name),
            .queueReleased(let entry, let name), .queueNoShow(let entry, let name), .onAirHealthy(let entry, let name):
            EventPayload(entry: entry, name: name)
        case .queueLeft(let entry, let name, let reason):
            EventPayload(entry: entry, name: name, reason: reason.rawValue)
        case .queueMoved(let entry, let name, let place): EventPayload(entry: entry, name: name, place: place)
        case .queueUnready(let entry, let name, let missing):
            EventPayload(entry: entry, name: name, missing: missing)
        case .queueCalled(let entry, let name, let until): EventPayload(entry: entry, name: name, until: until)
        case .queueSlotChanged(let entry, let name, let seconds):
            EventPayload(entry: entry, name: name, seconds: seconds)
        case .onAirWarning(let entry, let name, let seconds):
            EventPayload(entry: entry, name: name, seconds: seconds)
        case .onAirUnhealthy(let entry, let name, let missing, let until):
            EventPayload(entry: entry, name: name, missing: missing, until: until)
        case .handoverPlanned(let entry, let name): EventPayload(entry: entry, name: name)
        case .handoverDone(let done):
            EventPayload(entry: done.to?.entry, name: done.to?.name, reason: done.reason.rawValue, handover: done)
        case .healthChanged(let entry, let name, let health):
            EventPayload(
                entry: entry, name: name, state: health.status.rawValue, issues: health.issues.map(\.type.rawValue))
        case .djDropped(let entry, let name, let until): EventPayload(entry: entry, name: name, until: until)
        case .djBlocked(let user, let name, let rule, let until):
            EventPayload(user: user, name: name, until: until, rule: rule.rawValue)
        case .djUnblocked(let user, let name, let rule): EventPayload(user: user, name: name, rule: rule.rawValue)
        case .djBanned(let user, let name, let until, let reason):
            EventPayload(user: user, name: name, reason: reason, until: until)
        case .djUnbanned(let user, let name): EventPayload(user: user, name: name)
        case .djSlotChanged(let user, let seconds): EventPayload(user: user, seconds: seconds)
        case .slateStarted, .slateEnded, .settingsChanged: EventPayload()
        case .emergencyChanged(let state): EventPayload(state: state.rawValue)
        case .studio(.connected(let name)): EventPayload(name: name)
        case .studio(.disconnected(let name, let reason)), .studio(.refused(let name, let reason)):
            EventPayload(name: name, reason: reason)
        case .studio(.outputStopped(let name, let output)): EventPayload(name: name, output: output)
        case .studio(.framesDropped(let name, let percent)): EventPayload(name: name, percent: percent)
        case .viewersOpened(let count, let viewers), .viewersClosed(let count, let viewers):
            EventPayload(count: count, viewers: viewers)
        case .viewersPeaked(let viewers): EventPayload(viewers: viewers)
        case .viewerKicked(let kind, let seconds): EventPayload(seconds: seconds, watching: kind)
        }
    }
}

/// An event's payload; absent fields are left out of the JSON.
package struct EventPayload: Sendable, Equatable {
    package var entry: EntryID?
    package var user: UserID?
    package var name: String?
    package var reason: String?
    package var missing: [String]?
    package var until: WallTime?
    package var rule: String?
    package var place: Int?
    package var seconds: Int?
    package var state: String?
    package var issues: [String]?
    package var output: String?
    package var percent: Int?
    package var count: Int?
    package var viewers: Int?
    /// `protocol` in JSON.
    package var watching: ViewerProtocol?
    /// Its `to` and reason stand in the fields above.
    package var handover: HandoverEntry?

    /// The JSON object as it is stored and sent.
    package var json: String {
        var object = JSONObjectText()
        object.add("entry", entry?.description)
        object.add("user", user?.description)
        object.add("name", name)
        object.add("reason", reason)
        object.add("missing", missing)
        object.add("until", until?.description)
        object.add("rule", rule)
        object.add("place", place)
        object.add("seconds", seconds)
        object.add("state", state)
        object.add("issues", issues)
        object.add("output", output)
        object.add("percent", percent)
        object.add("count", count)
        object.add("viewers", viewers)
        object.add("protocol", watching?.rawValue)
        if let handover {
            object.add("from", handover.from?.entry.description)
            object.add("fromName", handover.from?.name)
            object.add("cause", handover.cause?.rawValue)
            object.add("decidedAt", handover.decidedAt.description)
            object.add("onAirAt", handover.onAirAt.description)
            object.add("videoGapFrames", handover.videoGapFrames)
            object.add("audioGapMilliseconds", handover.audioGapMilliseconds)
            object.add("soundOffsetMilliseconds", handover.soundOffsetMilliseconds)
        }
        return object.text
    }
}
