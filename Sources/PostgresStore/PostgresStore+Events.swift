package import Domain

extension PostgresStore: EventLog {
    package func events(of channel: ChannelName, after id: EventID?, limit: Int) async throws -> [EventRecord] {
        // Nothing is numbered below (0, 1).
        let start = id ?? EventID(epoch: 0, sequence: 0)
        let parameters: [PostgresValue] = [
            .text(channel.text), .integer(start.epoch), .integer(start.sequence),
            .integer(Int64(min(max(limit, 1), 1000))),
        ]
        return try await accountLane.perform { link in
            try link.query(
                """
                SELECT epoch, sequence, kind, version, \(epochMilliseconds("at")), payload FROM events
                WHERE channel = $1 AND (epoch, sequence) > ($2, $3) ORDER BY epoch, sequence LIMIT $4
                """, parameters
            ).map { row in
                EventRecord(
                    id: EventID(epoch: try row.integer(0), sequence: try row.integer(1)), channel: channel,
                    kind: try row.text(2), version: try row.integer(3), at: try row.time(4), payload: try row.text(5))
            }
        }
    }
}

extension PostgresStore: QueueHistory {
    package func pastEntries(
        of channel: ChannelName, before cursor: HistoryCursor?, user: UserID?, limit: Int
    ) async throws -> [PastEntry] {
        var parameters: [PostgresValue] = [.text(channel.text), .integer(Int64(min(max(limit, 1), 500)))]
        var conditions = "channel = $1 AND state = 'ended'"
        if let cursor {
            parameters += [.time(cursor.endedAt), .id(cursor.id)]
            conditions += " AND (ended_at, id) < ($3::timestamptz, $4::uuid)"
        }
        if let user {
            parameters.append(.id(user))
            conditions += " AND user_id = $\(parameters.count)"
        }
        let sql = """
            SELECT id, user_id, name, end_reason, \(epochMilliseconds("joined_at")),
                \(epochMilliseconds("on_air_since")), \(epochMilliseconds("ended_at")), used_on_air_ns,
                viewers_peak, round(viewer_seconds)::bigint, round(viewers_counted_seconds)::bigint
            FROM queue_entries WHERE \(conditions) ORDER BY ended_at DESC, id DESC LIMIT $2
            """
        return try await accountLane.perform { [parameters] link in try link.query(sql, parameters).map(Self.pastEntry)
        }
    }

    static func pastEntry(_ row: PostgresRow) throws(PostgresError) -> PastEntry {
        guard let reason = QueueEntry.EndReason(rawValue: try row.text(3)) else {
            throw PostgresError(.shape, "an entry ended for an unknown reason")
        }
        let watched = try row.optionalInteger(9).map(Double.init)
        let counted = try row.optionalInteger(10).map(Double.init)
        return PastEntry(
            id: try row.id(0), user: try row.id(1), name: try row.text(2), reason: reason, joinedAt: try row.time(4),
            onAirSince: try row.optionalTime(5), endedAt: try row.time(6),
            onAirSeconds: Double(try row.integer(7)) / 1_000_000_000,
            viewersPeak: try row.optionalInteger(8).map(Int.init),
            viewersAverage: watched.flatMap { watched in
                counted.map { $0 > 0 ? (watched / $0 * 100).rounded() / 100 : 0 }
            }, viewerMinutes: watched.map { ($0 / 60 * 100).rounded() / 100 })
    }
}
