private import Foundation

/// One file of `migrations/`: `NNNN_name.sql`, forward only.
struct Migration: Sendable, Equatable {
    var version: Int
    var name: String
    var sql: String

    /// Reads a folder's migrations in order. Files of other names are not looked at.
    /// - Throws: `.migrationChanged` when numbers are doubled or do not run from 1 without a gap, or a file cannot be read.
    static func readAll(in folder: String) throws(PostgresError) -> [Migration] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw PostgresError(.migrationChanged, "the migrations cannot be read in \(folder)")
        }
        var migrations: [Migration] = []
        for name in names.sorted() {
            guard let (version, title) = parse(fileName: name) else { continue }
            guard let data = FileManager.default.contents(atPath: folder + "/" + name) else {
                throw PostgresError(.migrationChanged, "the migration \(name) cannot be read")
            }
            migrations.append(Migration(version: version, name: title, sql: String(decoding: data, as: UTF8.self)))
        }
        for (index, migration) in migrations.enumerated() where migration.version != index + 1 {
            throw PostgresError(.migrationChanged, "migration \(index + 1) is missing or doubled in \(folder)")
        }
        guard !migrations.isEmpty else {
            throw PostgresError(.migrationChanged, "there is no migration in \(folder)")
        }
        return migrations
    }

    /// `0001_accounts.sql` is version 1, `accounts`.
    static func parse(fileName: String) -> (version: Int, name: String)? {
        guard fileName.hasSuffix(".sql") else { return nil }
        let stem = fileName.dropLast(4)
        let digits = stem.prefix(4)
        guard digits.count == 4, digits.allSatisfy({ ("0"..."9").contains($0) }), let version = Int(digits),
            stem.dropFirst(4).first == "_", stem.count > 5
        else { return nil }
        return (version, String(stem.dropFirst(5)))
    }
}
