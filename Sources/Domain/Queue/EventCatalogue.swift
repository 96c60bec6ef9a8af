/// What each kind of event means, with an example of its payload: `docs/events.md` is made from it.
package enum EventCatalogue {
    package struct Row: Sendable, Equatable {
        package var kind: String
        /// One sentence.
        package var meaning: String
        /// The payload's JSON, as a target gets it.
        package var payload: String
    }

    private static let entry = EntryID(high: 0x0190_0000_0000_4000, low: 0x8000_0000_0000_0001)
    private static let user = UserID(high: 0x0190_0000_0000_4000, low: 0x8000_0000_0000_0002)
    private static let until = WallTime(milliseconds: 1_795_291_200_000)
    private static let name = "DJ Mira"
    private static let studio = "studio"

    /// One of every case, each with what it means. A case that is missing here fails a test.
    private static let examples: [(event: DomainEvent, meaning: String)] = [
        (.queueJoined(entry: entry, name: name), "A DJ has a place in the queue."),
        (
            .queueLeft(entry: entry, name: name, reason: .finished),
            "A DJ's place has ended; `reason` is one of \(QueueEntry.EndReason.list)."
        ),
        (
            .queueMoved(entry: entry, name: name, place: 0),
            "A DJ waits at another place; 0 is the first of those who wait."
        ),
        (.queueReady(entry: entry, name: name), "A DJ could go on air now."),
        (
            .queueUnready(entry: entry, name: name, missing: ["no key frame yet"]),
            "A DJ could not go on air now; `missing` says why, in words for them."
        ),
        (.queueHeld(entry: entry, name: name), "An operator holds a DJ: they are passed over until released."),
        (.queueReleased(entry: entry, name: name), "A DJ who was held has their turn again."),
        (
            .queueCalled(entry: entry, name: name, until: until),
            "An operator put a DJ on air who was not ready: they are waited for until then."
        ),
        (.queueNoShow(entry: entry, name: name), "Who was called did not become ready in time."),
        (
            .queueSlotChanged(entry: entry, name: name, seconds: 600),
            "An operator changed the slot; `seconds` are left of it, absent: no limit."
        ),
        (
            .handoverPlanned(entry: entry, name: name),
            "The programme goes over to this DJ as soon as their picture can be joined; without `entry`: to the slate."
        ),
        (
            .handoverDone(
                HandoverEntry(
                    from: .init(entry: EntryID(high: entry.high, low: entry.low + 7), user: user, name: "DJ Noah"),
                    to: .init(entry: entry, user: user, name: name), reason: .ordered, cause: .slotOver,
                    decidedAt: until, onAirAt: until + .milliseconds(1980), videoGapFrames: 0,
                    audioGapMilliseconds: -3.5, soundOffsetMilliseconds: 1.25)),
            "The programme has gone over, and what it cost; without `entry`: to the slate, without `from`: from it. `reason` is "
                + "the programme's, `cause` the queue's."
        ),
        (
            .healthChanged(
                entry: entry, name: name,
                HealthSummary(issues: [.init(type: .videoIngestionStarved, advice: "")])),
            "What is wrong with a DJ's stream has changed; `state` is good, ok, bad or noData, `issues` as in docs/health.md."
        ),
        (.onAirStarted(entry: entry, name: name), "The DJ's first picture has left: they are on air."),
        (.onAirEnded(entry: entry, name: name), "The programme shows somebody or something else now."),
        (
            .onAirWarning(entry: entry, name: name, seconds: 300),
            "So much is left of the slot (10, 5 and 1 minute, unless set otherwise)."
        ),
        (
            .onAirUnhealthy(entry: entry, name: name, missing: ["no picture for 10 s"], until: until),
            "The slot ends at `until` unless what is missing comes back (`deadAfter`)."
        ),
        (.onAirHealthy(entry: entry, name: name), "What was missing is back in time."),
        (.djDropped(entry: entry, name: name, until: until), "The connection was lost; the place is kept until then."),
        (.djReturned(entry: entry, name: name), "Who had dropped is connected again."),
        (
            .djBlocked(user: user, name: name, rule: .until, until: until),
            "A DJ may not join again yet, by `rule`: until a time, until someone else has played, or until the encoder was quiet."
        ),
        (.djUnblocked(user: user, name: name, rule: .until), "That rule is lifted."),
        (
            .djBanned(user: user, name: name, until: until, reason: "spam"),
            "An operator keeps a person out; without `until`: until unbanned."
        ),
        (.djUnbanned(user: user, name: name), "A person may join again."),
        (.djSlotChanged(user: user, seconds: 1800), "A DJ's own slot length; without `seconds`: the channel's again."),
        (.slateStarted, "The programme shows the slate."),
        (.slateEnded, "The programme shows a DJ again."),
        (.settingsChanged, "Settings of the queue have changed, whether it is open among them."),
        (
            .emergencyChanged(state: .slate),
            "An operator took the output or gave it back; what is seen follows as `slate.started` or `onair.started`."
        ),
        (.studio(.connected(name: studio)), "An OBS that follows the programme is connected; `name` is the studio's."),
        (
            .studio(.disconnected(name: studio, reason: "nobody answers there")),
            "The connection to an OBS is lost; it is tried again by itself. At most one such word in ten seconds."
        ),
        (
            .studio(.refused(name: studio, reason: "SetCurrentProgramScene: No source was found by that name.")),
            "An OBS does not show what it should, after three tries; `reason` has OBS's words."
        ),
        (
            .studio(.outputStopped(name: studio, output: "stream")),
            "An OBS stopped to `stream` or to `record`, and no rule had asked for that."
        ),
        (
            .studio(.framesDropped(name: studio, percent: 12)),
            "So many hundredths of an OBS's streamed frames did not leave within five seconds; told once until they do."
        ),
        (
            .viewersOpened(count: 12, viewers: 340),
            "So many began to watch since the last event of this kind; at most one in `LINEUP_VIEWER_EVENT_SECONDS`."
        ),
        (.viewersClosed(count: 3, viewers: 337), "So many left, likewise."),
        (.viewersPeaked(viewers: 340), "More watch than ever since the server's start; as seldom."),
        (.viewerKicked(kind: .hls, seconds: 600), "An operator sent a viewer away for so long."),
    ]

    package static var rows: [Row] {
        examples.map { Row(kind: $0.event.kind, meaning: $0.meaning, payload: $0.event.payload.json) }
    }
}

extension QueueEntry.EndReason {
    fileprivate static var list: String { allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ") }
}
