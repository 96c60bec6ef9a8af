import Domain
import FoundationEssentials
import NIOCore

/// One event of the queue as a reader gets it. For everyone but operators only what the public queue shows too: the kinds and
/// payload fields listed here, so that a field added later stays inside until somebody decides otherwise.
struct EventAnswer: Encodable {
    private var id: String
    private var kind: String
    private var channel: ChannelName
    private var version: Int64
    private var at: WallTime
    private var payload: JSONValue

    private static let publicKinds: Set<String> = [
        "queue.joined", "queue.left", "queue.moved", "queue.ready", "queue.unready", "handover.planned",
        "handover.done", "onair.started", "onair.ended", "onair.warning", "dj.dropped", "dj.returned", "slate.started",
        "slate.ended",
    ]
    private static let publicFields: Set<String> = ["entry", "name", "place", "reason", "seconds", "until"]

    /// `nil` when this audience does not get it.
    init?(_ record: EventRecord, for audience: Audience) {
        // Our own text; what cannot be read is shown to nobody.
        guard let payload = try? JSONDecoder().decode(JSONValue.self, from: Data(record.payload.utf8)) else {
            return nil
        }
        switch audience {
        case .operators: self.payload = payload
        case .everyone, .dj:
            guard Self.publicKinds.contains(record.kind), case .object(let fields) = payload else { return nil }
            self.payload = .object(fields.filter { Self.publicFields.contains($0.key) })
        }
        id = record.id.description
        kind = record.kind
        channel = record.channel
        version = record.version
        at = record.at
    }
}
