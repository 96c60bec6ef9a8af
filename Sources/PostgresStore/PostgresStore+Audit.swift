package import Domain

extension PostgresStore: AuditLog {
    package func append(_ record: AuditRecord) async throws {
        try await accountLane.perform { link in try StoredAudit.insert(record, link) }
    }

    package func records(before: Int64?, limit: Int, channel: ChannelName?) async throws -> [StoredAuditRecord] {
        let parameters: [PostgresValue] = [
            .integer(before ?? .max), .optional(channel?.text), .integer(Int64(min(max(limit, 1), 500))),
        ]
        // Two texts, because an index on the channel does not help a condition that may be absent.
        let condition = channel == nil ? "$2::text IS NULL" : "channel = $2"
        return try await accountLane.perform { link in
            try link.query(
                """
                SELECT id, \(epochMilliseconds("at")), actor_kind, actor_id, actor_name, action, channel, subject,
                    before, after
                FROM audit_log WHERE id < $1 AND \(condition) ORDER BY id DESC LIMIT $3
                """, parameters
            ).map(StoredAudit.record)
        }
    }
}

/// Lines of the audit log as rows.
enum StoredAudit {
    /// Bytes of `before` and of `after`; what is longer is left out, so that a document can never keep an act from being
    /// written.
    private static let maximumDocumentBytes = 4096

    static func parameters(of record: AuditRecord) -> [PostgresValue] {
        [
            .time(record.at), .text(record.actor.kind.rawValue), .optional(record.actor.id),
            .text(record.actor.name.withoutNUL), .text(record.action), .optional(record.channel?.text),
            .optional(record.subject?.withoutNUL), .optional(document(record.before)),
            .optional(document(record.after)),
        ]
    }

    static let insertion = """
        INSERT INTO audit_log (at, actor_kind, actor_id, actor_name, action, channel, subject, before, after)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8::json, $9::json)
        """

    /// Part of a transaction, or one of its own.
    static func insert(_ record: AuditRecord, _ link: PostgresLink) throws {
        try link.query(insertion, parameters(of: record))
    }

    static func record(_ row: PostgresRow) throws(PostgresError) -> StoredAuditRecord {
        guard let kind = Actor.Kind(rawValue: try row.text(2)) else {
            throw PostgresError(.shape, "an audit line has no actor")
        }
        let channel = try row.optionalText(6)
        return StoredAuditRecord(
            id: try row.integer(0),
            record: AuditRecord(
                at: try row.time(1), actor: Actor(kind: kind, id: try row.optionalText(3), name: try row.text(4)),
                action: try row.text(5), channel: channel.flatMap { ChannelName($0) }, subject: try row.optionalText(7),
                before: try row.optionalText(8), after: try row.optionalText(9)))
    }

    private static func document(_ json: String?) -> String? {
        guard let json else { return nil }
        return json.utf8.count <= maximumDocumentBytes ? json : #"{"leftOut":"longer than 4096 bytes"}"#
    }
}

extension String {
    /// PostgreSQL's text cannot hold a NUL; one that a person managed to send must not keep an act from being written.
    var withoutNUL: String {
        utf8.contains(0) ? String(unicodeScalars.filter { $0 != "\0" }.map(Character.init)) : self
    }
}
