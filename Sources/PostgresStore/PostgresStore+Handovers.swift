package import Domain

extension PostgresStore: HandoverLog {
    package func handovers(of channel: ChannelName, before: Int64?, limit: Int) async throws -> [StoredHandover] {
        let parameters: [PostgresValue] = [
            .text(channel.text), .integer(before ?? .max), .integer(Int64(min(max(limit, 1), 500))),
        ]
        return try await accountLane.perform { link in
            try link.query(
                """
                SELECT id, from_entry, from_user, from_name, to_entry, to_user, to_name, reason, cause,
                    \(epochMilliseconds("decided_at")), \(epochMilliseconds("on_air_at")), video_gap_frames::text,
                    audio_gap_ms::text, sound_offset_ms::text
                FROM handovers WHERE channel = $1 AND id < $2 ORDER BY id DESC LIMIT $3
                """, parameters
            ).map(StoredHandovers.handover)
        }
    }
}

/// Hand-overs as rows, written with the queue's moves: in order, once, and not while the database is away.
enum StoredHandovers {
    /// Rows of a channel that are kept: with one every minute, more than two months.
    static let kept = 100_000
    /// Every so many versions the oldest are looked for.
    private static let sweepInterval: Int64 = 64

    static func statements(of transition: QueueTransition) -> [StoredTransition.Statement] {
        guard !transition.handovers.isEmpty else { return [] }
        let channel = PostgresValue.text(transition.channel.text)
        var statements = transition.handovers.map { handover in
            StoredTransition.Statement(
                sql: """
                    INSERT INTO handovers (channel, from_entry, from_user, from_name, to_entry, to_user, to_name, reason,
                        cause, decided_at, on_air_at, video_gap_frames, audio_gap_ms, sound_offset_ms)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::double precision, $13::double precision,
                        $14::double precision)
                    """,
                parameters: [
                    channel, .optional(handover.from?.entry.description), .optional(handover.from?.user.description),
                    .optional(handover.from?.name.withoutNUL), .optional(handover.to?.entry.description),
                    .optional(handover.to?.user.description), .optional(handover.to?.name.withoutNUL),
                    .text(handover.reason.rawValue), .optional(handover.cause?.rawValue), .time(handover.decidedAt),
                    .time(handover.onAirAt), .text("\(handover.videoGapFrames)"),
                    .text("\(handover.audioGapMilliseconds)"), .text("\(handover.soundOffsetMilliseconds)"),
                ])
        }
        if transition.version.isMultiple(of: sweepInterval) {
            statements.append(
                StoredTransition.Statement(
                    sql: """
                        DELETE FROM handovers WHERE channel = $1 AND id <= (
                            SELECT id FROM handovers WHERE channel = $1 ORDER BY id DESC OFFSET $2 LIMIT 1)
                        """, parameters: [channel, .integer(Int64(kept))]))
        }
        return statements
    }

    static func handover(_ row: PostgresRow) throws(PostgresError) -> StoredHandover {
        guard let reason = HandoverRecord.Reason(rawValue: try row.text(7)) else {
            throw PostgresError(.shape, "a hand-over has no known reason")
        }
        return StoredHandover(
            id: try row.integer(0),
            handover: HandoverEntry(
                from: try side(row, 1), to: try side(row, 4), reason: reason,
                cause: try row.optionalText(8).flatMap { HandoverEntry.Cause(rawValue: $0) },
                decidedAt: try row.time(9), onAirAt: try row.time(10), videoGapFrames: try number(row, 11),
                audioGapMilliseconds: try number(row, 12), soundOffsetMilliseconds: try number(row, 13)))
    }

    private static func side(_ row: PostgresRow, _ first: Int) throws(PostgresError) -> HandoverEntry.Side? {
        guard let name = try row.optionalText(first + 2) else { return nil }
        return HandoverEntry.Side(entry: try row.id(first), user: try row.id(first + 1), name: name)
    }

    private static func number(_ row: PostgresRow, _ column: Int) throws(PostgresError) -> Double {
        guard let number = Double(try row.text(column)) else {
            throw PostgresError(.shape, "a hand-over's figure is no number")
        }
        return number
    }
}
