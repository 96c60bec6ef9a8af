package import Domain

extension PostgresStore: Outbox, DiscordLinks {
    /// Taken for as long as the connection lives: one server of those that share the database delivers.
    private static let deliveryLock: Int64 = 0x6C69_6E65_7570_6F62

    package func pending(for target: TargetID, limit: Int) async throws -> PendingDeliveries? {
        let count = Int64(min(max(limit, 1), 1000))
        return try await outboxLane.perform { link in
            guard try Self.holdsDelivery(link) else { return nil }
            let replays = try link.query(
                """
                SELECT d.channel, d.epoch, d.sequence, d.kind, coalesce(e.version, 0), \(epochMilliseconds("d.at")),
                    coalesce(e.payload::text, ''), d.id
                FROM deliveries d LEFT JOIN events e
                    ON e.channel = d.channel AND e.epoch = d.epoch AND e.sequence = d.sequence
                WHERE d.target = $1 AND d.state = 'replay' ORDER BY d.id LIMIT $2
                """, [.id(target), .integer(count)]
            ).map { row in ReplayedEvent(row: try row.integer(7), event: try Self.event(row)) }
            let events = try link.query(
                """
                SELECT ch.name, e.epoch, e.sequence, e.kind, e.version, \(epochMilliseconds("e.at")), e.payload
                FROM channels ch LEFT JOIN target_cursors c ON c.target = $1 AND c.channel = ch.name
                CROSS JOIN LATERAL (SELECT * FROM events WHERE channel = ch.name
                    AND (epoch, sequence) > (coalesce(c.epoch, 0), coalesce(c.sequence, 0))
                    ORDER BY epoch, sequence LIMIT $2) e
                WHERE EXISTS (SELECT 1 FROM targets WHERE id = $1 AND enabled AND parked_at IS NULL)
                ORDER BY e.id LIMIT $2
                """, [.id(target), .integer(count)]
            ).map(Self.event)
            return PendingDeliveries(replays: replays, events: events)
        }
    }

    package func report(_ report: DeliveryReport, of target: TargetID, version: Int64) async throws -> Bool {
        let progress = report.progress
        let parameters: [PostgresValue] = [
            .id(target), .integer(version), .integer(Int64(progress.attempts)), .time(progress.failingSince),
            .time(progress.nextTry), .optional(progress.lastError?.withoutNUL), .time(progress.lastDeliveredAt),
            .integer(progress.delivered), .integer(progress.refused), .time(progress.parkedAt),
            .optional(progress.parkedReason?.withoutNUL), .optional(progress.memory),
        ]
        return try await outboxLane.perform { link in
            try link.transaction {
                // Parking is a change that people and other servers are told of, as if a person had made it.
                let changed = try link.query(
                    """
                    UPDATE targets SET attempts = $3, failing_since = $4, next_try = $5, last_error = $6,
                        last_delivered_at = $7, delivered = $8, refused = $9, parked_at = $10, parked_reason = $11,
                        memory = $12, version = version + CASE WHEN $10::timestamptz IS NULL THEN 0 ELSE 1 END
                    WHERE id = $1 AND version = $2 RETURNING 1
                    """, parameters)
                guard !changed.isEmpty else { return false }
                for (channel, id) in report.cursors.sorted(by: { $0.key.text < $1.key.text }) {
                    try link.query(
                        """
                        INSERT INTO target_cursors (target, channel, epoch, sequence) VALUES ($1, $2, $3, $4)
                        ON CONFLICT (target, channel) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence
                        WHERE (excluded.epoch, excluded.sequence) > (target_cursors.epoch, target_cursors.sequence)
                        """, [.id(target), .text(channel.text), .integer(id.epoch), .integer(id.sequence)])
                }
                for row in report.finishedReplays {
                    try link.query(
                        "DELETE FROM deliveries WHERE id = $1 AND target = $2", [.integer(row), .id(target)])
                }
                try Self.keep(report.failures, of: target, link)
                return true
            }
        }
    }

    package func discordID(of user: UserID) async throws -> String? {
        try await outboxLane.perform { link in
            try link.query("SELECT discord_id FROM users WHERE id = $1", [.id(user)]).first?.optionalText(0)
        }
    }

    package func linkDiscord(_ id: String?, to user: UserID, audit: AuditRecord) async throws {
        try await accountLane.perform { link in
            try link.transaction {
                try link.query("UPDATE users SET discord_id = $2 WHERE id = $1", [.id(user), .optional(id)])
                try StoredAudit.insert(audit, link)
            }
        }
    }

    package func channels() async throws -> [ChannelName] {
        try await outboxLane.perform { link in
            try link.query("SELECT name FROM channels ORDER BY created_at, name").compactMap { row in
                ChannelName(try row.text(0))
            }
        }
    }

    /// Whether this connection has the right to deliver, taken now if nobody has it.
    private static func holdsDelivery(_ link: PostgresLink) throws -> Bool {
        let rows = try link.query(
            """
            SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
                    AND granted AND (classid::bigint << 32 | objid::bigint) = $1 AND objsubid = 1)
                THEN true ELSE pg_try_advisory_lock($1) END
            """, [.integer(deliveryLock)])
        return try rows.first?.boolean(0) ?? false
    }

    private static func keep(_ failures: [FailedDelivery], of target: TargetID, _ link: PostgresLink) throws {
        guard !failures.isEmpty else { return }
        for failure in failures {
            try link.query(
                """
                INSERT INTO deliveries (target, channel, epoch, sequence, state, kind, at, error)
                VALUES ($1, $2, $3, $4, 'refused', $5, $6, $7)
                ON CONFLICT ON CONSTRAINT deliveries_once DO UPDATE SET error = excluded.error
                """,
                [
                    .id(target), .text(failure.channel.text), .integer(failure.id.epoch), .integer(failure.id.sequence),
                    .text(failure.kind), .time(failure.at), .text(failure.error.withoutNUL),
                ])
        }
        try link.query(
            """
            DELETE FROM deliveries WHERE target = $1 AND state = 'refused' AND id NOT IN (SELECT id FROM deliveries
                WHERE target = $1 AND state = 'refused' ORDER BY id DESC LIMIT \(TargetLimits.keptFailures))
            """, [.id(target)])
    }

    private static func event(_ row: PostgresRow) throws(PostgresError) -> EventRecord {
        guard let channel = ChannelName(try row.text(0)) else { throw PostgresError(.shape, "no channel's name") }
        return EventRecord(
            id: EventID(epoch: try row.integer(1), sequence: try row.integer(2)), channel: channel,
            kind: try row.text(3), version: try row.integer(4), at: try row.time(5), payload: try row.text(6))
    }
}
