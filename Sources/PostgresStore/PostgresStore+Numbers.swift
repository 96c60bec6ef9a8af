package import Domain

/// Where a channel's segment numbers start (design §5, Numbers survive).
package struct ChannelNumbers: Sendable, Equatable {
    package var createdAt: WallTime
    /// At least what was published last; 0 at first.
    package var mediaSequence: Int64
    package var discontinuitySequence: Int64

    package init(createdAt: WallTime, mediaSequence: Int64, discontinuitySequence: Int64) {
        self.createdAt = createdAt
        self.mediaSequence = mediaSequence
        self.discontinuitySequence = discontinuitySequence
    }
}

extension PostgresStore {
    /// - Throws: `QueueStoreError.unknownChannel`.
    package func channelNumbers(_ channel: ChannelName) async throws -> ChannelNumbers {
        let sql = """
            SELECT \(epochMilliseconds("created_at")), media_sequence, discontinuity_sequence FROM channels WHERE name = $1
            """
        return try await queueLane.perform { link in
            guard let row = try link.query(sql, [.text(channel.text)]).first else {
                throw QueueStoreError.unknownChannel
            }
            return ChannelNumbers(
                createdAt: try row.time(0), mediaSequence: try row.integer(1),
                discontinuitySequence: try row.integer(2))
        }
    }

    /// Keeps the higher of the stored and the given, so that numbers never go back (I7).
    /// - Throws: `QueueStoreError.unknownChannel`.
    package func storeChannelNumbers(
        _ channel: ChannelName, mediaSequence: Int64, discontinuitySequence: Int64
    ) async throws {
        try await queueLane.perform { link in
            let updated = try link.query(
                """
                UPDATE channels SET media_sequence = greatest(media_sequence, $2),
                    discontinuity_sequence = greatest(discontinuity_sequence, $3)
                WHERE name = $1 RETURNING 1
                """, [.text(channel.text), .integer(mediaSequence), .integer(discontinuitySequence)])
            guard !updated.isEmpty else { throw QueueStoreError.unknownChannel }
        }
    }
}
