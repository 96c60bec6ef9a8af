package import Domain

extension PostgresStore: SlotViewingStore {
    /// Written by nobody else, and by no move of the queue. An entry that is not stored (yet) is left out.
    package func add(_ viewing: SlotViewing) async throws {
        let parameters: [PostgresValue] = [
            .id(viewing.entry), .integer(Int64(viewing.peak)), .text(String(viewing.viewerSeconds)),
            .text(String(viewing.airSeconds)),
        ]
        try await accountLane.perform { link in
            _ = try link.query(
                """
                UPDATE queue_entries SET viewers_peak = greatest(coalesce(viewers_peak, 0), $2),
                    viewer_seconds = coalesce(viewer_seconds, 0) + $3::double precision,
                    viewers_counted_seconds = coalesce(viewers_counted_seconds, 0) + $4::double precision
                WHERE id = $1
                """, parameters)
        }
    }
}
