package import Domain

extension PostgresStore: LeaseStore {
    /// One statement, so that of many who ask at once one finds the lease free and the others, waiting for the row, find it
    /// taken. `clock_timestamp()`, because the time to compare with is the one after that wait.
    package func acquire(
        _ channel: ChannelName, as instance: InstanceID, for span: Duration
    ) async throws -> LeaseOutcome {
        try await queueLane.perform { link in
            let taken = try link.query(
                """
                UPDATE channels SET owner = $2, owner_epoch = owner_epoch + 1,
                    owned_until = clock_timestamp() + make_interval(secs => $3::bigint / 1000.0)
                WHERE name = $1 AND (owner IS NULL OR owner = $2 OR owned_until <= clock_timestamp())
                RETURNING owner_epoch
                """, [.text(channel.text), .id(instance), .integer(span.wholeMilliseconds)])
            if let row = taken.first { return .owned(epoch: try row.integer(0)) }
            let present = try link.query(
                "SELECT owner, \(epochMilliseconds("owned_until")) FROM channels WHERE name = $1 AND owner IS NOT NULL",
                [.text(channel.text)])
            guard let row = present.first else { throw QueueStoreError.unknownChannel }
            return .ownedByOther(try row.id(0), until: try row.time(1))
        }
    }

    package func renew(
        _ channel: ChannelName, as instance: InstanceID, epoch: Int64, for span: Duration
    ) async throws -> Bool {
        try await queueLane.perform { link in
            let renewed = try link.query(
                """
                UPDATE channels SET owned_until = clock_timestamp() + make_interval(secs => $4::bigint / 1000.0)
                WHERE name = $1 AND owner = $2 AND owner_epoch = $3 RETURNING 1
                """, [.text(channel.text), .id(instance), .integer(epoch), .integer(span.wholeMilliseconds)])
            return !renewed.isEmpty
        }
    }

    package func release(_ channel: ChannelName, as instance: InstanceID, epoch: Int64) async throws {
        try await queueLane.perform { link in
            _ = try link.query(
                """
                UPDATE channels SET owned_until = clock_timestamp() WHERE name = $1 AND owner = $2 AND owner_epoch = $3
                """, [.text(channel.text), .id(instance), .integer(epoch)])
        }
    }
}
