package import Domain

extension PostgresStore: QueueStore {
    /// What was stored of a channel: version, settings, live entries by position.
    ///
    /// A publisher's connection does not outlive the process that held it, so an entry that was connected when it was written
    /// comes back as `.connected` with a random session that no publisher has: the caller turns those into a grace of its own.
    /// Readiness is not stored either: every entry is not ready.
    package func load(_ channel: ChannelName) async throws -> QueueRecord {
        try await queueLane.perform { link in
            try link.transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") {
                let channels = try link.query(
                    "SELECT queue_version, settings FROM channels WHERE name = $1", [.text(channel.text)])
                guard let row = channels.first else { throw QueueStoreError.unknownChannel }
                return QueueRecord(
                    version: try row.integer(0),
                    settings: try StoredQueueSettings.settings(from: try row.optionalText(1)),
                    entries: try link.query(Self.liveEntries, [.text(channel.text)]).map(Self.entry))
            }
        }
    }

    private static let liveEntries = """
        SELECT id, user_id, name, state, \(epochMilliseconds("grace_until")), position, \(epochMilliseconds("joined_at")),
            \(epochMilliseconds("on_air_since")), used_on_air_ns
        FROM queue_entries WHERE channel = $1 AND state <> 'ended' ORDER BY position, id
        """

    private static func entry(_ row: PostgresRow) throws(PostgresError) -> QueueEntry {
        let graceUntil = try row.optionalTime(4)
        return QueueEntry(
            id: try row.id(0), user: try row.id(1), name: try row.text(2),
            state: try row.text(3) == "on_air" ? .onAir : .waiting,
            presence: graceUntil.map { .grace(until: $0) } ?? .connected(.random()),
            readiness: .notReady(["not connected yet"]), position: try row.integer(5), joinedAt: try row.time(6),
            onAirSince: try row.optionalTime(7), usedOnAir: .nanoseconds(try row.integer(8)))
    }

    package func commit(_ transition: QueueTransition) async throws {
        let stored = try StoredTransition(transition)
        try await queueLane.perform { link in
            try link.transaction {
                guard try Self.takeVersion(stored, link) else { return }
                for parameters in stored.entries { try link.query(StoredTransition.upsert, parameters) }
                for (ordinal, event) in stored.events.enumerated() {
                    try link.query(
                        """
                        INSERT INTO events (channel, version, ordinal, kind, payload, at, epoch, sequence)
                        SELECT $1, $2, $3, $4, $5::jsonb, $6, 0, coalesce(max(sequence), 0) + 1
                        FROM events WHERE channel = $1 AND epoch = 0
                        """,
                        [
                            .text(transition.channel.text), .integer(transition.version), .integer(Int64(ordinal)),
                            .text(event.kind), .text(event.payload), .time(transition.at),
                        ])
                }
            }
        }
    }

    /// Moves the channel's version on; the row's lock then orders writers.
    /// - Returns: `false` when this very transition was committed before.
    private static func takeVersion(_ stored: StoredTransition, _ link: PostgresLink) throws -> Bool {
        let transition = stored.transition
        let updated = try link.query(
            """
            UPDATE channels SET queue_version = $3, queue_fingerprint = sha256($4::bytea),
                settings = coalesce($5::jsonb, settings)
            WHERE name = $1 AND queue_version = $2 RETURNING 1
            """,
            [
                .text(transition.channel.text), .integer(transition.fromVersion), .integer(transition.version),
                .bytes(Array(stored.canonicalText.utf8)), .optional(stored.settings),
            ])
        guard updated.isEmpty else { return true }
        let present = try link.query(
            "SELECT queue_version, coalesce(queue_fingerprint = sha256($2::bytea), false) FROM channels WHERE name = $1",
            [.text(transition.channel.text), .bytes(Array(stored.canonicalText.utf8))])
        guard let row = present.first else { throw QueueStoreError.unknownChannel }
        let version = try row.integer(0)
        guard version == transition.version, try row.boolean(1) else {
            throw QueueStoreError.versionConflict(found: version)
        }
        return false
    }

    package func heartbeat(
        _ entry: EntryID, usedOnAir: Duration, in channel: ChannelName, epoch: Int64
    ) async throws {
        try await queueLane.perform { link in
            _ = try link.query(
                "UPDATE queue_entries SET used_on_air_ns = $2 WHERE id = $1 AND state = 'on_air'",
                [.id(entry), .integer(usedOnAir.wholeNanoseconds)])
        }
    }
}

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
