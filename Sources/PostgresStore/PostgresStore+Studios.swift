package import Domain
private import Foundation

extension PostgresStore: StudioStore {
    package func studios() async throws -> [StoredStudio] {
        try await accountLane.perform { link in
            try link.query("\(StudioRow.selection) ORDER BY created_at, id LIMIT 100").map(StudioRow.studio)
        }
    }

    package func studio(_ id: StudioID) async throws -> StoredStudio? {
        try await accountLane.perform { link in
            try link.query("\(StudioRow.selection) WHERE id = $1", [.id(id)]).first.map(StudioRow.studio)
        }
    }

    package func insertStudio(_ stored: StoredStudio, audit: AuditRecord) async throws {
        let parameters = try StudioRow.parameters(of: stored) + [.time(stored.studio.createdAt)]
        _ = try await changeStudio(
            """
            INSERT INTO obs_connections (id, name, host, port, sealed, channel, presets, rules, requests_per_second, enabled,
                from_environment, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7::json, $8::json, $9, $10, $11, $12) RETURNING 1
            """, parameters, audit)
    }

    package func updateStudio(_ stored: StoredStudio, audit: AuditRecord) async throws -> Bool {
        try await changeStudio(
            """
            UPDATE obs_connections SET name = $2, host = $3, port = $4, sealed = $5, channel = $6, presets = $7::json,
                rules = $8::json, requests_per_second = $9, enabled = $10, from_environment = $11, version = version + 1
            WHERE id = $1 RETURNING 1
            """, try StudioRow.parameters(of: stored), audit)
    }

    package func deleteStudio(_ id: StudioID, audit: AuditRecord) async throws -> Bool {
        try await changeStudio("DELETE FROM obs_connections WHERE id = $1 RETURNING 1", [.id(id)], audit)
    }

    /// One statement that returns a row when it changed something, with its audit line.
    private func changeStudio(_ sql: String, _ parameters: [PostgresValue], _ audit: AuditRecord) async throws -> Bool {
        do {
            return try await accountLane.perform { link in
                try link.transaction {
                    guard try !link.query(sql, parameters).isEmpty else { return false }
                    try StoredAudit.insert(audit, link)
                    return true
                }
            }
        } catch let error as PostgresError where error.constraint == "obs_connections_name_key" {
            throw StudioStoreError.nameTaken
        } catch let error as PostgresError where error.constraint == "obs_connections_channel_fkey" {
            throw StudioStoreError.channelUnknown
        }
    }
}

/// Rows of `obs_connections` as values.
private enum StudioRow {
    static let selection = """
        SELECT id, name, host, port, sealed, channel, presets, rules, requests_per_second, enabled, from_environment,
            \(epochMilliseconds("created_at")), version, sealed IS NOT NULL
        FROM obs_connections
        """

    static func parameters(of stored: StoredStudio) throws -> [PostgresValue] {
        let studio = stored.studio
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return [
            .id(studio.id), .text(studio.name), .text(studio.host), .integer(Int64(studio.port)),
            stored.sealed.map { .bytes($0) } ?? .null, .text(studio.channel.text),
            .text(String(decoding: try encoder.encode(studio.presets), as: UTF8.self)), .text(studio.rules),
            .integer(Int64(studio.requestsPerSecond)), .text(studio.isEnabled ? "t" : "f"),
            .text(studio.isFromEnvironment ? "t" : "f"),
        ]
    }

    static func studio(_ row: PostgresRow) throws -> StoredStudio {
        guard let channel = ChannelName(try row.text(5)) else { throw PostgresError(.shape, "no channel's name") }
        let hasPassword = try row.boolean(13)
        return StoredStudio(
            studio: Studio(
                id: try row.id(0), name: try row.text(1), host: try row.text(2),
                port: Int(clamping: try row.integer(3)),
                hasPassword: hasPassword, channel: channel,
                presets: try JSONDecoder().decode(StudioPresets.self, from: Data(try row.text(6).utf8)),
                rules: try row.text(7), requestsPerSecond: Int(clamping: try row.integer(8)),
                isEnabled: try row.boolean(9), isFromEnvironment: try row.boolean(10), createdAt: try row.time(11),
                version: try row.integer(12)),
            sealed: hasPassword ? try row.bytes(4) : nil)
    }
}
