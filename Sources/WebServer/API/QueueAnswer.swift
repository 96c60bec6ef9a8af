import Domain
import HTTPTypes
import Hummingbird

/// The queue as one audience sees it. Everybody: who plays, in what order, since when and for how long. Whom an entry belongs
/// to, what it lacks and till when its place is kept: operators, and a DJ of the own entry.
struct QueueAnswer: Encodable, Sendable {
    private var view: QueueView
    private var audience: Audience

    init(_ view: QueueView, for audience: Audience) {
        self.view = view
        self.audience = audience
    }

    func encode(to encoder: any Encoder) throws {
        guard audience != .operators else { return try view.encode(to: encoder) }
        try PublicQueue(view, for: audience).encode(to: encoder)
    }

    /// With the version as entity tag, which `If-Match` of an act names.
    static func response(_ view: QueueView, for audience: Audience) -> Response {
        var response = JSONAnswer.response(QueueAnswer(view, for: audience))
        response.headers[.eTag] = "\"\(view.version)\""
        return response
    }
}

/// What everybody may know. Fields are named one by one, so that one added to `QueueView` stays inside until somebody decides
/// otherwise.
private struct PublicQueue: Encodable {
    struct Entry: Encodable {
        var id: EntryID
        var name: String
        var state: QueueView.Entry.State
        var connected: Bool
        var ready: Bool
        var joinedAt: WallTime
        var onAirSince: WallTime?
        var remainingSeconds: Double?
        var clockRuns: Bool
        // Of the own entry only.
        var user: UserID?
        var missing: [String]?
        var graceUntil: WallTime?

        init(_ entry: QueueView.Entry, isOwn: Bool) {
            id = entry.id
            name = entry.name
            state = entry.state
            connected = entry.connected
            ready = entry.ready
            joinedAt = entry.joinedAt
            onAirSince = entry.onAirSince
            remainingSeconds = entry.remainingSeconds
            clockRuns = entry.clockRuns
            guard isOwn else { return }
            user = entry.user
            missing = entry.missing
            graceUntil = entry.graceUntil
        }
    }

    var channel: ChannelName
    var version: Int64
    var at: WallTime
    var showing: QueueView.Showing
    var isOpen: Bool
    var slotSeconds: Int?
    var entries: [Entry]

    init(_ view: QueueView, for audience: Audience) {
        channel = view.channel
        version = view.version
        at = view.at
        showing = view.showing
        isOpen = view.isOpen
        slotSeconds = view.slotSeconds
        entries = view.entries.map { entry in
            switch audience {
            case .operators: Entry(entry, isOwn: true)
            case .dj(let user): Entry(entry, isOwn: entry.user == user)
            case .everyone: Entry(entry, isOwn: false)
            }
        }
    }
}

/// A queue's settings with the version they stand in.
enum SettingsAnswer {
    static func response(_ settings: QueueSettings, version: Int64) -> Response {
        var response = JSONAnswer.response(settings)
        response.headers[.eTag] = "\"\(version)\""
        return response
    }
}
