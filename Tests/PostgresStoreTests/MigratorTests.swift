import Foundation
import PostgresTestKit
import Testing

@testable import PostgresStore

@Suite(.timeLimit(.minutes(1))) struct MigratorTests {
    private func write(_ files: [String: String], _ body: (Migrator) async throws -> Void) async throws {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        for (name, text) in files {
            try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
        }
        try await body(Migrator(folder: folder, logger: TestDatabase.logger))
    }

    @Test func appliesEveryMigrationOnce() async throws {
        let database = try await TestDatabase.makeEmpty()
        let migrator = Migrator(folder: TestDatabase.migrationsFolder, logger: TestDatabase.logger)
        let before = try await migrator.versions(database)
        #expect(before.applied == 0)
        let applied = try await migrator.migrate(database)
        #expect(applied.prefix(2) == ["accounts", "queue"])
        #expect(try await migrator.migrate(database) == [])
        let versions = try await migrator.versions(database)
        #expect(versions.applied == versions.known)
    }

    @Test func appliesEachOnceWhenSeveralStartAtOnce() async throws {
        let database = try await TestDatabase.makeEmpty()
        let migrator = Migrator(folder: TestDatabase.migrationsFolder, logger: TestDatabase.logger)
        let applied = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 { group.addTask { try await migrator.migrate(database).count } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(applied.filter { $0 > 0 }.count == 1)
    }

    @Test func undoesAMigrationThatFailsAndGoesOnWhenItIsMended() async throws {
        let database = try await TestDatabase.makeEmpty()
        let first = "CREATE TABLE one (a int);"
        try await write(["0001_one.sql": first, "0002_two.sql": "CREATE TABLE two (a int); SELECT nonsense();"]) {
            migrator in
            let error = await #expect(throws: PostgresError.self) { try await migrator.migrate(database) }
            #expect(error?.message.hasPrefix("migration 2 (two): ") == true)
            let applied = try await migrator.versions(database).applied
            #expect(applied == 1)
        }
        try await write(["0001_one.sql": first, "0002_two.sql": "CREATE TABLE two (a int);"]) { migrator in
            let applied = try await migrator.migrate(database)
            #expect(applied == ["two"])
        }
    }

    @Test func refusesADatabaseFromANewerBinary() async throws {
        let database = try await TestDatabase.makeEmpty()
        let first = "CREATE TABLE one (a int);"
        try await write(["0001_one.sql": first, "0002_two.sql": "SELECT 1;"]) { _ = try await $0.migrate(database) }
        try await write(["0001_one.sql": first]) { migrator in
            let error = await #expect(throws: PostgresError.self) { try await migrator.migrate(database) }
            #expect(error?.code == .databaseNewer)
            #expect(error?.message.contains("the database has migration 2 (two), this binary knows 1") == true)
        }
    }

    @Test func refusesAMigrationWhoseTextChanged() async throws {
        let database = try await TestDatabase.makeEmpty()
        try await write(["0001_one.sql": "CREATE TABLE one (a int);"]) { _ = try await $0.migrate(database) }
        try await write(["0001_one.sql": "CREATE TABLE one (a bigint);"]) { migrator in
            let error = await #expect(throws: PostgresError.self) { try await migrator.migrate(database) }
            #expect(error?.code == .migrationChanged)
        }
    }

    @Test func refusesAMigrationThatEndsItsOwnTransaction() async throws {
        let database = try await TestDatabase.makeEmpty()
        try await write(["0001_one.sql": "CREATE TABLE one (a int); COMMIT;"]) { migrator in
            let error = await #expect(throws: PostgresError.self) { try await migrator.migrate(database) }
            #expect(error?.code == .migrationChanged)
        }
    }

    @Test(arguments: [["0001_a.sql", "0003_c.sql"], ["0001_a.sql", "0001_b.sql"], ["0002_b.sql"], []])
    func refusesNumbersWithAGap(names: [String]) async throws {
        try await write(Dictionary(uniqueKeysWithValues: names.map { ($0, "SELECT 1") })) { migrator in
            let database = DatabaseConfiguration(host: "/nonexistent", database: "never asked")
            let error = await #expect(throws: PostgresError.self) { try await migrator.migrate(database) }
            #expect(error?.code == .migrationChanged)
        }
    }
}
