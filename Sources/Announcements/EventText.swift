import Domain

/// An event as targets get it: the same JSON object as in the event stream of the API.
enum EventText {
    static func json(_ event: EventRecord) -> String {
        var head = JSONObjectText()
        head.add("id", event.id.description)
        head.add("kind", event.kind)
        head.add("channel", event.channel.text)
        head.add("at", event.at.description)
        head.add("version", Int(clamping: event.version))
        // The payload is an object already, as it was stored.
        return head.text.dropLast() + ",\"payload\":" + event.payload + "}"
    }

    /// One event as an object; with `isArray` any number as an array.
    static func body(_ events: [EventRecord], isArray: Bool) -> [UInt8] {
        let texts = events.map(json)
        return Array((isArray ? "[" + texts.joined(separator: ",") + "]" : texts.joined()).utf8)
    }

    /// Unique over channels: what a receiver recognises a repeated event by.
    static func globalID(_ event: EventRecord) -> String { "\(event.channel)/\(event.id)" }

    /// What the test button sends.
    static func test(now: WallTime) -> EventRecord {
        EventRecord(
            id: EventID(epoch: 0, sequence: 0), channel: .main, kind: "target.test", version: 0, at: now, payload: "{}")
    }
}
