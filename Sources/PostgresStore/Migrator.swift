package import Logging

/// Brings a database to the newest migration: at the server's start and by `lineup migrate`.
///
/// An advisory lock lets one process at a time do it; each migration and its record are one transaction, so a crash
/// leaves whole steps. A database from a newer binary, and a migration whose text changed, are refused.
package struct Migrator: Sendable {
    /// Any constant of ours; it only must not be used by another program on the same database.
    private static let lockKey: Int64 = 0x6C69_6E65_7570  // "lineup"

    private let folder: String
    private let logger: Logger

    /// - Parameter folder: the path of `migrations/`.
    package init(folder: String, logger: Logger) {
        self.folder = folder
        self.logger = logger
    }

    /// Applies what is missing.
    /// - Returns: the names of the migrations applied now, in order; empty when there was nothing to do.
    /// - Throws: `.databaseNewer`, `.migrationChanged`, or what the server says about a migration, which is then undone.
    package func migrate(_ configuration: DatabaseConfiguration) async throws -> [String] {
        let migrations = try Migration.readAll(in: folder)
        let connection = PostgresConnection(configuration, name: "migrate", logger: logger)
        do {
            let applied = try await connection.perform { link in try apply(migrations, link) }
            await connection.close()
            return applied
        } catch {
            await connection.close()
            throw error
        }
    }

    /// The newest version applied and the newest known here: for `lineup doctor`. 0 for an empty database.
    package func versions(_ configuration: DatabaseConfiguration) async throws -> (applied: Int, known: Int) {
        let known = try Migration.readAll(in: folder).count
        let connection = PostgresConnection(configuration, name: "migrate", logger: logger)
        let applied = try await connection.perform { link -> Int in
            guard try link.query("SELECT to_regclass('schema_migrations') IS NOT NULL").first?.boolean(0) == true else {
                return 0
            }
            let newest = try link.query("SELECT coalesce(max(version), 0) FROM schema_migrations").first
            return Int(try newest?.integer(0) ?? 0)
        }
        await connection.close()
        return (applied, known)
    }

    private func apply(_ migrations: [Migration], _ link: PostgresLink) throws -> [String] {
        // Another process may be at work for long; its end is waited for, and a big migration may take its time.
        link.answerLimit = nil
        try link.script("SET statement_timeout = 0; SET lock_timeout = 0")
        try link.query("SELECT pg_advisory_lock($1)", [.integer(Self.lockKey)])
        // The lock ends with the connection, which the caller closes.
        try link.script(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                version integer PRIMARY KEY, name text NOT NULL, checksum bytea NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now());
            COMMENT ON TABLE schema_migrations IS 'The migrations applied, with the SHA-256 of their text.';
            """)
        let applied = try verify(migrations, link)
        return try migrations.filter { !applied.contains($0.version) }.map { migration in
            try apply(migration, link)
            return migration.name
        }
    }

    /// Compares what was applied with what is known here.
    private func verify(_ migrations: [Migration], _ link: PostgresLink) throws -> Set<Int> {
        let known = Dictionary(uniqueKeysWithValues: migrations.map { ($0.version, $0) })
        var applied: Set<Int> = []
        for row in try link.query("SELECT version, name, encode(checksum, 'hex') FROM schema_migrations ORDER BY 1") {
            let version = Int(try row.integer(0))
            guard let migration = known[version] else {
                throw PostgresError(
                    .databaseNewer,
                    "the database has migration \(version) (\(try row.text(1))), this binary knows \(migrations.count): "
                        + "run the newer binary")
            }
            guard try row.text(2) == checksum(migration, link) else {
                throw PostgresError(
                    .migrationChanged,
                    "migration \(version) (\(migration.name)) was applied with another text: changes need a new migration"
                )
            }
            applied.insert(version)
        }
        return applied
    }

    private func checksum(_ migration: Migration, _ link: PostgresLink) throws -> String {
        let row = try link.query(
            "SELECT encode(sha256($1::bytea), 'hex')", [.bytes(Array(migration.sql.utf8))]
        ).first
        return try row?.text(0) ?? ""
    }

    private func apply(_ migration: Migration, _ link: PostgresLink) throws {
        let metadata: Logger.Metadata = [LogKey.migration: "\(migration.version) \(migration.name)"]
        do {
            try link.transaction {
                try link.script(migration.sql)
                guard !link.isIdle else {
                    throw PostgresError(.migrationChanged, "migration \(migration.version) ends its own transaction")
                }
                try link.query(
                    "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, sha256($3::bytea))",
                    [
                        .integer(Int64(migration.version)), .text(migration.name),
                        .bytes(Array(migration.sql.utf8)),
                    ])
            }
        } catch var error as PostgresError {
            error.message = "migration \(migration.version) (\(migration.name)): " + error.message
            throw error
        }
        logger.info("migration applied", metadata: metadata)
    }
}
