package import Domain
private import Foundation

extension PostgresStore: TargetStore {
    package func targets() async throws -> [StoredTarget] {
        try await accountLane.perform { link in
            try link.query("\(TargetRow.selection) ORDER BY created_at, id LIMIT 1000").map(TargetRow.target)
        }
    }

    package func target(_ id: TargetID) async throws -> StoredTarget? {
        try await accountLane.perform { link in
            try link.query("\(TargetRow.selection) WHERE t.id = $1", [.id(id)]).first.map(TargetRow.target)
        }
    }

    package func insertTarget(_ target: Target, sealed: [UInt8], audit: AuditRecord) async throws {
        let parameters = try TargetRow.parameters(of: target) + [.bytes(sealed), .time(target.createdAt)]
        do {
            try await accountLane.perform { link in
                try link.transaction {
                    try link.query(
                        """
                        INSERT INTO targets (id, name, kind, place, header_names, kinds, channels, batch, discord,
                            enabled, from_environment, sealed, created_at)
                        VALUES ($1, $2, $3, $4, \(TargetRow.list("$5")), \(TargetRow.list("$6")),
                            \(TargetRow.list("$7")), $8, $9::json, $10, $11, $12, $13)
                        """, parameters)
                    try Self.moveCursorsToTheEnd(of: target.id, link)
                    try StoredAudit.insert(audit, link)
                }
            }
        } catch let error as PostgresError where error.constraint == "targets_name_key" {
            throw TargetStoreError.nameTaken
        }
    }

    package func updateTarget(_ target: Target, sealed: [UInt8]?, audit: AuditRecord) async throws -> Bool {
        let parameters = try TargetRow.parameters(of: target) + [sealed.map { .bytes($0) } ?? .null]
        do {
            return try await changeTarget(
                """
                UPDATE targets SET name = $2, kind = $3, place = $4, header_names = \(TargetRow.list("$5")),
                    kinds = \(TargetRow.list("$6")), channels = \(TargetRow.list("$7")), batch = $8,
                    discord = $9::json, enabled = $10, from_environment = $11, sealed = coalesce($12, sealed),
                    version = version + 1
                WHERE id = $1 RETURNING 1
                """, parameters, audit)
        } catch let error as PostgresError where error.constraint == "targets_name_key" {
            throw TargetStoreError.nameTaken
        }
    }

    package func deleteTarget(_ id: TargetID, audit: AuditRecord) async throws -> Bool {
        try await changeTarget("DELETE FROM targets WHERE id = $1 RETURNING 1", [.id(id)], audit)
    }

    package func parkTarget(_ id: TargetID, reason: String, at: WallTime, audit: AuditRecord) async throws -> Bool {
        try await changeTarget(
            "UPDATE targets SET parked_at = $2, parked_reason = $3, version = version + 1 WHERE id = $1 RETURNING 1",
            [.id(id), .time(at), .text(reason.withoutNUL)], audit)
    }

    package func resumeTarget(_ id: TargetID, skipping: Bool, audit: AuditRecord) async throws -> Bool {
        try await accountLane.perform { link in
            try link.transaction {
                let changed = try link.query(
                    """
                    UPDATE targets SET parked_at = NULL, parked_reason = NULL, attempts = 0, failing_since = NULL,
                        next_try = NULL, version = version + 1
                    WHERE id = $1 RETURNING 1
                    """, [.id(id)])
                guard !changed.isEmpty else { return false }
                if skipping { try Self.moveCursorsToTheEnd(of: id, link) }
                try StoredAudit.insert(audit, link)
                return true
            }
        }
    }

    package func requestReplay(
        to target: Target, channel: ChannelName, from first: EventID, through last: EventID, limit: Int,
        audit: AuditRecord
    ) async throws -> Int {
        let found = try await events(
            of: channel, after: EventID(epoch: first.epoch, sequence: first.sequence - 1), limit: limit)
        let wanted = found.filter { $0.id <= last && target.filter.matches(kind: $0.kind, channel: channel) }
        guard !wanted.isEmpty else { return 0 }
        return try await accountLane.perform { link in
            try link.transaction {
                for event in wanted {
                    try link.query(
                        """
                        INSERT INTO deliveries (target, channel, epoch, sequence, state, kind, at)
                        VALUES ($1, $2, $3, $4, 'replay', $5, $6) ON CONFLICT ON CONSTRAINT deliveries_once DO NOTHING
                        """,
                        [
                            .id(target.id), .text(channel.text), .integer(event.id.epoch),
                            .integer(event.id.sequence), .text(event.kind), .time(event.at),
                        ])
                }
                try StoredAudit.insert(audit, link)
                try link.query("SELECT pg_notify('lineup', 'target ' || $1)", [.id(target.id)])
                return wanted.count
            }
        }
    }

    package func failures(of id: TargetID) async throws -> [FailedDelivery] {
        try await accountLane.perform { link in
            try link.query(
                """
                SELECT channel, epoch, sequence, kind, \(epochMilliseconds("at")), coalesce(error, '')
                FROM deliveries WHERE target = $1 AND state = 'refused' ORDER BY id DESC LIMIT \(TargetLimits.keptFailures)
                """, [.id(id)]
            ).map { row in
                FailedDelivery(
                    channel: try TargetRow.channel(row, 0),
                    id: EventID(epoch: try row.integer(1), sequence: try row.integer(2)), kind: try row.text(3),
                    at: try row.time(4), error: try row.text(5))
            }
        }
    }

    /// One statement that returns a row when it changed something, with its audit line.
    private func changeTarget(
        _ sql: String, _ parameters: [PostgresValue], _ audit: AuditRecord
    ) async throws -> Bool {
        try await accountLane.perform { link in
            try link.transaction {
                guard try !link.query(sql, parameters).isEmpty else { return false }
                try StoredAudit.insert(audit, link)
                return true
            }
        }
    }

    private static func moveCursorsToTheEnd(of id: TargetID, _ link: PostgresLink) throws {
        try link.query(
            """
            INSERT INTO target_cursors (target, channel, epoch, sequence)
            SELECT $1, c.name, coalesce(e.epoch, 0), coalesce(e.sequence, 0) FROM channels c
            LEFT JOIN LATERAL (SELECT epoch, sequence FROM events WHERE channel = c.name
                ORDER BY epoch DESC, sequence DESC LIMIT 1) e ON true
            ON CONFLICT (target, channel) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence
            """, [.id(id)])
    }
}

/// Rows of `targets` as values.
private enum TargetRow {
    /// Arrays travel as JSON texts both ways: libpq's text form of arrays has quoting of its own.
    static func list(_ parameter: String) -> String {
        "(SELECT coalesce(array_agg(value), '{}') FROM json_array_elements_text(\(parameter)::json))"
    }

    static let selection = """
        SELECT t.id, name, kind, place, array_to_json(header_names), array_to_json(kinds), array_to_json(channels), batch,
            discord, enabled, from_environment, \(epochMilliseconds("created_at")), version, sealed, attempts,
            \(epochMilliseconds("failing_since")), \(epochMilliseconds("next_try")), last_error,
            \(epochMilliseconds("last_delivered_at")), delivered, refused, \(epochMilliseconds("parked_at")),
            parked_reason, memory,
            (SELECT count(*) FROM (SELECT 1 FROM channels ch
                LEFT JOIN target_cursors c ON c.target = t.id AND c.channel = ch.name
                JOIN events e ON e.channel = ch.name
                    AND (e.epoch, e.sequence) > (coalesce(c.epoch, 0), coalesce(c.sequence, 0))
                LIMIT \(TargetLimits.countedBacklog)) waiting)
                + (SELECT count(*) FROM deliveries d WHERE d.target = t.id AND d.state = 'replay'),
            (SELECT count(*) FROM deliveries d WHERE d.target = t.id AND d.state = 'refused')
        FROM targets t
        """

    static func parameters(of target: Target) throws -> [PostgresValue] {
        [
            .id(target.id), .text(target.name), .text(target.kind.rawValue), .text(target.place),
            .text(try json(target.headerNames)), .text(try json(target.filter.kinds)),
            .text(try json(target.filter.channels.map(\.text))), .integer(Int64(target.batch)),
            .text(try json(target.discord)), .text(target.isEnabled ? "t" : "f"),
            .text(target.isFromEnvironment ? "t" : "f"),
        ]
    }

    static func target(_ row: PostgresRow) throws -> StoredTarget {
        guard let kind = Target.Kind(rawValue: try row.text(2)) else {
            throw PostgresError(.shape, "a target has no kind")
        }
        let target = Target(
            id: try row.id(0), name: try row.text(1), kind: kind, place: try row.text(3),
            filter: EventFilter(
                kinds: try value([String].self, row.text(5)),
                channels: try value([String].self, row.text(6)).compactMap { ChannelName($0) }),
            batch: Int(clamping: try row.integer(7)), isEnabled: try row.boolean(9),
            isFromEnvironment: try row.boolean(10), headerNames: try value([String].self, row.text(4)),
            discord: try value(DiscordOptions.self, row.text(8)), createdAt: try row.time(11),
            version: try row.integer(12))
        let progress = TargetProgress(
            attempts: Int(clamping: try row.integer(14)), failingSince: try row.optionalTime(15),
            nextTry: try row.optionalTime(16), lastError: try row.optionalText(17),
            lastDeliveredAt: try row.optionalTime(18), delivered: try row.integer(19), refused: try row.integer(20),
            parkedAt: try row.optionalTime(21), parkedReason: try row.optionalText(22),
            memory: try row.optionalText(23))
        return StoredTarget(
            target: target, sealed: try row.bytes(13), progress: progress, waiting: Int(clamping: try row.integer(24)),
            failures: Int(clamping: try row.integer(25)))
    }

    static func channel(_ row: PostgresRow, _ column: Int) throws(PostgresError) -> ChannelName {
        guard let name = ChannelName(try row.text(column)) else { throw PostgresError(.shape, "no channel's name") }
        return name
    }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private static func value<Value: Decodable>(_ type: Value.Type, _ json: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(json.utf8))
    }
}
