import Domain
private import Foundation

/// A queue transition as rows: built before the transaction begins, so that the thread of the connection only writes.
struct StoredTransition: Sendable {
    struct Event: Sendable {
        var kind: String
        var payload: String
    }

    let transition: QueueTransition
    /// Each entry's parameters, in the order of `upsert`; ended ones first and the one on air last, so that no moment of
    /// the transaction has two live entries of one user or two on air.
    let entries: [[PostgresValue]]
    let events: [Event]
    let settings: String?
    /// Says everything that is written; its SHA-256 tells a repeated transition from another with the same version.
    let canonicalText: String

    static let upsert = """
        INSERT INTO queue_entries (id, channel, user_id, name, state, end_reason, grace_until, position, joined_at,
            on_air_since, used_on_air_ns, ended_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, state = EXCLUDED.state, end_reason = EXCLUDED.end_reason,
            grace_until = EXCLUDED.grace_until, position = EXCLUDED.position, on_air_since = EXCLUDED.on_air_since,
            used_on_air_ns = EXCLUDED.used_on_air_ns, ended_at = EXCLUDED.ended_at
        """

    init(_ transition: QueueTransition) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        self.transition = transition
        self.entries = transition.changed.sorted { Self.rank($0.state) < Self.rank($1.state) }
            .map { Self.parameters(of: $0, in: transition) }
        self.events = try transition.events.map { event in
            Event(kind: event.kind, payload: String(decoding: try encoder.encode(event.payload), as: UTF8.self))
        }
        self.settings = try transition.settings.map(StoredQueueSettings.json(of:))
        self.canonicalText =
            "\(transition.channel) \(transition.fromVersion) \(transition.version) \(transition.at) \(entries) \(events) "
            + (settings ?? "-")
    }

    private static func rank(_ state: QueueEntry.State) -> Int {
        switch state {
        case .ended: 0
        case .waiting: 1
        case .onAir: 2
        }
    }

    private static func parameters(of entry: QueueEntry, in transition: QueueTransition) -> [PostgresValue] {
        let (state, reason): (String, String?) =
            switch entry.state {
            case .waiting: ("waiting", nil)
            case .onAir: ("on_air", nil)
            case .ended(let reason): ("ended", reason.rawValue)
            }
        let graceUntil: WallTime? =
            switch entry.presence {
            case .connected: nil
            case .grace(let until): until
            }
        // The history is ordered by it, so an ended entry always has one.
        let endedAt = entry.endedAt ?? (entry.state.isLive ? nil : transition.at)
        return [
            .id(entry.id), .text(transition.channel.text), .id(entry.user), .text(entry.name), .text(state),
            .optional(reason),
            .time(graceUntil), .integer(entry.position), .time(entry.joinedAt), .time(entry.onAirSince),
            .integer(entry.usedOnAir.wholeNanoseconds), .time(endedAt),
        ]
    }
}
