package import Domain

/// Removes what is older than it has to be kept. In small batches, each a transaction of its own, so that nobody waits for it.
extension PostgresStore {
    /// Removes at most `limit` (1…10,000) events from before `time`, the oldest first: none that `events_in_use` names, and
    /// never a channel's last, which says where its numbers stand.
    /// - Returns: how many went; fewer than `limit` when no more are to go.
    package func removeEvents(before time: WallTime, limit: Int) async throws -> Int {
        try await remove(
            """
            WITH gone AS (
                DELETE FROM events WHERE id IN (
                    SELECT e.id FROM events e WHERE e.at < $1::timestamptz
                        AND NOT EXISTS (SELECT FROM events_in_use u WHERE u.id = e.id)
                        AND EXISTS (SELECT FROM events l WHERE l.channel = e.channel
                            AND (l.epoch, l.sequence) > (e.epoch, e.sequence))
                    ORDER BY e.at LIMIT $2)
                RETURNING 1)
            SELECT count(*) FROM gone
            """, before: time, limit: limit)
    }

    /// Removes at most `limit` (1…10,000) lines of the audit log from before `time`, the oldest first.
    /// - Returns: how many went; fewer than `limit` when no more are to go.
    package func removeAuditRecords(before time: WallTime, limit: Int) async throws -> Int {
        try await remove(
            """
            WITH gone AS (
                DELETE FROM audit_log WHERE id IN (
                    SELECT id FROM audit_log WHERE at < $1::timestamptz ORDER BY at LIMIT $2)
                RETURNING 1)
            SELECT count(*) FROM gone
            """, before: time, limit: limit)
    }

    private func remove(_ sql: String, before time: WallTime, limit: Int) async throws -> Int {
        let parameters: [PostgresValue] = [.time(time), .integer(Int64(min(max(limit, 1), 10_000)))]
        return try await accountLane.perform { link in
            Int(clamping: try link.query(sql, parameters).first?.integer(0) ?? 0)
        }
    }
}
