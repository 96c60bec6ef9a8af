package import Domain

extension PostgresStore: QueueStore {
    /// What was stored of a channel, in one consistent look: version, epoch, settings, live entries by position, and who is
    /// kept out.
    ///
    /// A publisher's connection does not outlive the process that held it, so an entry that was connected when it was written
    /// comes back as `.connected` with a random session that no publisher has: the caller turns those into a grace of its own.
    /// Readiness is not stored either: every entry is not ready.
    package func load(_ channel: ChannelName) async throws -> QueueRecord {
        let name: [PostgresValue] = [.text(channel.text)]
        return try await queueLane.perform { link in
            try link.transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") {
                let channels = try link.query(
                    """
                    SELECT queue_version, settings, owner_epoch, (SELECT coalesce(max(sequence), 0) FROM events e
                        WHERE e.channel = c.name AND e.epoch = c.owner_epoch) FROM channels c WHERE name = $1
                    """, name)
                guard let row = channels.first else { throw QueueStoreError.unknownChannel }
                return QueueRecord(
                    version: try row.integer(0), epoch: try row.integer(2), eventSequence: try row.integer(3),
                    settings: try StoredQueueSettings.settings(from: try row.optionalText(1)),
                    entries: try link.query(StoredQueue.liveEntries, name).map(StoredQueue.entry),
                    blocks: try link.query(StoredQueue.blocks, name).map(StoredQueue.block),
                    bans: try link.query(StoredQueue.bans, name).map(StoredQueue.ban),
                    userSlots: try link.query(StoredQueue.userSlots, name).map(StoredQueue.userSlot))
            }
        }
    }

    package func commit(_ transition: QueueTransition) async throws {
        let stored = try StoredTransition(transition)
        try await queueLane.perform { link in
            try link.transaction {
                guard try Self.takeVersion(stored, link) else { return }
                for statement in stored.statements { try link.query(statement.sql, statement.parameters) }
            }
        }
    }

    /// Moves the channel's version on, on the condition that nobody else did and that nobody took the channel. The row's lock
    /// then orders writers, and makes who would take the channel wait until this is committed.
    /// - Returns: `false` when this very transition was committed before.
    private static func takeVersion(_ stored: StoredTransition, _ link: PostgresLink) throws -> Bool {
        let transition = stored.transition
        let canonicalText = PostgresValue.bytes(Array(stored.canonicalText.utf8))
        let updated = try link.query(
            """
            UPDATE channels SET queue_version = $3, queue_fingerprint = sha256($4::bytea),
                settings = coalesce($5::jsonb, settings)
            WHERE name = $1 AND queue_version = $2 AND owner_epoch = $6 RETURNING 1
            """,
            [
                .text(transition.channel.text), .integer(transition.fromVersion), .integer(transition.version),
                canonicalText, .optional(stored.settings), .integer(transition.epoch),
            ])
        guard updated.isEmpty else { return true }
        let present = try link.query(
            """
            SELECT queue_version, coalesce(queue_fingerprint = sha256($2::bytea), false), owner_epoch
            FROM channels WHERE name = $1
            """, [.text(transition.channel.text), canonicalText])
        guard let row = present.first else { throw QueueStoreError.unknownChannel }
        let version = try row.integer(0)
        // Written is written, even when the channel was taken since: the next move finds that out.
        if version == transition.version, try row.boolean(1) { return false }
        let epoch = try row.integer(2)
        guard epoch <= transition.epoch else { throw QueueStoreError.epochLost(present: epoch) }
        throw QueueStoreError.versionConflict(found: version)
    }

    /// The channel's row is locked as a commit locks it, so that a heartbeat of an owner who has lost the channel never comes
    /// after what the new one read.
    package func heartbeat(
        _ entry: EntryID, usedOnAir: Duration, in channel: ChannelName, epoch: Int64
    ) async throws {
        try await queueLane.perform { link in
            // One statement, which is a transaction of its own: this comes twice a second.
            let owner = try link.query(
                """
                WITH owner AS (SELECT owner_epoch FROM channels WHERE name = $1 FOR SHARE),
                    kept AS (
                        UPDATE queue_entries SET used_on_air_ns = $3
                        WHERE id = $2 AND state = 'on_air' AND used_on_air_ns < $3
                            AND (SELECT owner_epoch FROM owner) <= $4)
                SELECT owner_epoch FROM owner
                """, [.text(channel.text), .id(entry), .integer(usedOnAir.wholeNanoseconds), .integer(epoch)])
            guard let present = try owner.first?.integer(0) else { throw QueueStoreError.unknownChannel }
            guard present <= epoch else { throw QueueStoreError.epochLost(present: present) }
        }
    }
}

/// The rows of a channel's queue as values.
private enum StoredQueue {
    static let liveEntries = """
        SELECT id, user_id, name, state, \(epochMilliseconds("grace_until")), position, \(epochMilliseconds("joined_at")),
            \(epochMilliseconds("on_air_since")), used_on_air_ns, held, slot_override_ns, extra_time_ns, warned_at,
            \(epochMilliseconds("called_until"))
        FROM queue_entries WHERE channel = $1 AND state <> 'ended' ORDER BY position, id
        """

    static func entry(_ row: PostgresRow) throws(PostgresError) -> QueueEntry {
        let graceUntil = try row.optionalTime(4)
        return QueueEntry(
            id: try row.id(0), user: try row.id(1), name: try row.text(2),
            state: try row.text(3) == "on_air" ? .onAir : .waiting,
            presence: graceUntil.map { .grace(until: $0) } ?? .connected(.random()),
            readiness: .notReady(["not connected yet"]), position: try row.integer(5), joinedAt: try row.time(6),
            onAirSince: try row.optionalTime(7), usedOnAir: .nanoseconds(try row.integer(8)),
            isHeld: try row.boolean(9), slotOverride: try row.optionalInteger(10).map { .nanoseconds($0) },
            extraTime: .nanoseconds(try row.integer(11)),
            warnedAt: try row.optionalInteger(12).map { Int(clamping: $0) }, calledUntil: try row.optionalTime(13))
    }

    static let blocks = """
        SELECT user_id, rule, name, \(epochMilliseconds("since")), \(epochMilliseconds("until"))
        FROM queue_blocks WHERE channel = $1 ORDER BY since, user_id, rule
        """

    static func block(_ row: PostgresRow) throws(PostgresError) -> QueueBlock {
        let rule: QueueBlock.Rule
        switch QueueBlock.Kind(rawValue: try row.text(1)) {
        case .until: rule = .until(try row.time(4))
        case .someoneElsePlayed: rule = .someoneElsePlayed
        case .encoderQuiet: rule = .encoderQuiet
        case nil: throw PostgresError(.shape, "a block has no rule")
        }
        return QueueBlock(user: try row.id(0), name: try row.text(2), since: try row.time(3), rule: rule)
    }

    static let bans = """
        SELECT user_id, name, \(epochMilliseconds("since")), \(epochMilliseconds("until")), reason
        FROM queue_bans WHERE channel = $1 ORDER BY since, user_id
        """

    static func ban(_ row: PostgresRow) throws(PostgresError) -> QueueBan {
        QueueBan(
            user: try row.id(0), name: try row.optionalText(1), since: try row.time(2), until: try row.optionalTime(3),
            reason: try row.optionalText(4))
    }

    static let userSlots = "SELECT user_id, seconds FROM queue_user_slots WHERE channel = $1 ORDER BY user_id"

    static func userSlot(_ row: PostgresRow) throws(PostgresError) -> UserSlot {
        UserSlot(user: try row.id(0), seconds: Int(clamping: try row.integer(1)))
    }
}
