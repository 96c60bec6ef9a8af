import Domain

/// A queue transition as statements: built before the transaction begins, so that the thread of the connection only writes.
struct StoredTransition: Sendable {
    struct Statement: Sendable {
        var sql: String
        var parameters: [PostgresValue]
    }

    let transition: QueueTransition
    /// What follows the taking of the version, in order.
    let statements: [Statement]
    let settings: String?
    /// Says everything that is written; its SHA-256 tells a repeated transition from another with the same version.
    let canonicalText: String

    init(_ transition: QueueTransition) throws {
        self.transition = transition
        self.settings = try transition.settings.map(StoredQueueSettings.json(of:))
        self.statements =
            Self.entries(of: transition) + Self.bars(of: transition) + Self.events(of: transition)
            + StoredHandovers.statements(of: transition)
            + transition.audit.map {
                Statement(sql: StoredAudit.insertion, parameters: StoredAudit.parameters(of: $0))
            }
        let parameters = statements.map { "\($0.sql.utf8.count) \($0.parameters)" }.joined(separator: "\n")
        self.canonicalText =
            "\(transition.channel) \(transition.epoch) \(transition.fromVersion) \(transition.version) "
            + "\(transition.at) \(settings ?? "-")\n\(parameters)"
    }

    // MARK: Entries

    private static let upsertEntry = """
        INSERT INTO queue_entries (id, channel, user_id, name, state, end_reason, grace_until, position, joined_at,
            on_air_since, used_on_air_ns, ended_at, held, slot_override_ns, extra_time_ns, warned_at, called_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, state = EXCLUDED.state, end_reason = EXCLUDED.end_reason,
            grace_until = EXCLUDED.grace_until, position = EXCLUDED.position, on_air_since = EXCLUDED.on_air_since,
            used_on_air_ns = EXCLUDED.used_on_air_ns, ended_at = EXCLUDED.ended_at, held = EXCLUDED.held,
            slot_override_ns = EXCLUDED.slot_override_ns, extra_time_ns = EXCLUDED.extra_time_ns,
            warned_at = EXCLUDED.warned_at, called_until = EXCLUDED.called_until
        """

    /// Ended ones first and the one on air last, so that no moment of the transaction has two live entries of one user or two
    /// on air.
    private static func entries(of transition: QueueTransition) -> [Statement] {
        transition.changed.sorted { rank(of: $0) < rank(of: $1) }
            .map { Statement(sql: upsertEntry, parameters: parameters(of: $0, in: transition)) }
    }

    /// Whoever leaves the air does so before another takes it.
    private static func rank(of entry: QueueEntry) -> Int {
        switch entry.state {
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
            .id(entry.id), .text(transition.channel.text), .id(entry.user), .text(entry.name.withoutNUL), .text(state),
            .optional(reason), .time(graceUntil), .integer(entry.position), .time(entry.joinedAt),
            .time(entry.onAirSince), .integer(entry.usedOnAir.wholeNanoseconds), .time(endedAt),
            .boolean(entry.isHeld), .optional(entry.slotOverride?.wholeNanoseconds),
            .integer(entry.extraTime.wholeNanoseconds), .optional(entry.warnedAt.map(Int64.init)),
            .time(entry.calledUntil),
        ]
    }

    // MARK: Blocks, bans, slot lengths

    private static func bars(of transition: QueueTransition) -> [Statement] {
        let channel = PostgresValue.text(transition.channel.text)
        var statements = transition.unblocked.map { key in
            Statement(
                sql: "DELETE FROM queue_blocks WHERE channel = $1 AND user_id = $2 AND rule = $3",
                parameters: [channel, .id(key.user), .text(key.kind.rawValue)])
        }
        statements += transition.blocked.map { block in
            let until: WallTime? =
                switch block.rule {
                case .until(let time): time
                case .someoneElsePlayed, .encoderQuiet: nil
                }
            return Statement(
                sql: """
                    INSERT INTO queue_blocks (channel, user_id, rule, name, since, until) VALUES ($1, $2, $3, $4, $5, $6)
                    ON CONFLICT (channel, user_id, rule) DO UPDATE SET name = EXCLUDED.name, since = EXCLUDED.since,
                        until = EXCLUDED.until
                    """,
                parameters: [
                    channel, .id(block.user), .text(block.rule.kind.rawValue), .text(block.name.withoutNUL),
                    .time(block.since), .time(until),
                ])
        }
        statements += transition.unbanned.map { user in
            Statement(
                sql: "DELETE FROM queue_bans WHERE channel = $1 AND user_id = $2", parameters: [channel, .id(user)])
        }
        statements += transition.banned.map { ban in
            Statement(
                sql: """
                    INSERT INTO queue_bans (channel, user_id, name, since, until, reason) VALUES ($1, $2, $3, $4, $5, $6)
                    ON CONFLICT (channel, user_id) DO UPDATE SET name = EXCLUDED.name, since = EXCLUDED.since,
                        until = EXCLUDED.until, reason = EXCLUDED.reason
                    """,
                parameters: [
                    channel, .id(ban.user), .optional(ban.name?.withoutNUL), .time(ban.since), .time(ban.until),
                    .optional(ban.reason?.withoutNUL),
                ])
        }
        statements += transition.userSlots.map { slot in
            guard let seconds = slot.seconds else {
                return Statement(
                    sql: "DELETE FROM queue_user_slots WHERE channel = $1 AND user_id = $2",
                    parameters: [channel, .id(slot.user)])
            }
            return Statement(
                sql: """
                    INSERT INTO queue_user_slots (channel, user_id, seconds) VALUES ($1, $2, $3)
                    ON CONFLICT (channel, user_id) DO UPDATE SET seconds = EXCLUDED.seconds
                    """, parameters: [channel, .id(slot.user), .integer(Int64(seconds))])
        }
        return statements
    }

    // MARK: Events

    private static func events(of transition: QueueTransition) -> [Statement] {
        transition.eventRecords.enumerated().map { ordinal, event in
            Statement(
                sql: """
                    INSERT INTO events (channel, version, ordinal, kind, payload, at, epoch, sequence)
                    VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8)
                    """,
                parameters: [
                    .text(event.channel.text), .integer(event.version), .integer(Int64(ordinal)), .text(event.kind),
                    .text(event.payload), .time(event.at), .integer(event.id.epoch), .integer(event.id.sequence),
                ])
        }
    }
}
