private import Foundation
package import Logging
package import PostgresStore
private import Synchronization

/// A database of a test's own, in the test process's one private cluster, with every migration applied.
///
/// The cluster starts with the first test that asks and ends with the process, its folder with it. Databases are not
/// dropped before.
package enum TestDatabase {
    private static let cluster = SharedCluster()
    private static let counter = Atomic(0)

    /// An empty database with all migrations applied; unique to the call.
    package static func make() async throws -> DatabaseConfiguration {
        try await make(from: "migrated")
    }

    /// A database without any table.
    package static func makeEmpty() async throws -> DatabaseConfiguration {
        try await make(from: "template0")
    }

    /// A database as the first `count` migrations leave it.
    package static func makeAsOf(_ count: Int) async throws -> DatabaseConfiguration {
        let database = try await makeEmpty()
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        let names = try FileManager.default.contentsOfDirectory(atPath: migrationsFolder)
        for name in names.filter({ $0.hasSuffix(".sql") }).sorted().prefix(count) {
            try FileManager.default.copyItem(atPath: migrationsFolder + "/" + name, toPath: folder + "/" + name)
        }
        _ = try await Migrator(folder: folder, logger: logger).migrate(database)
        return database
    }

    /// The path of the repository's `migrations/`.
    package static var migrationsFolder: String {
        // Sources/PostgresTestKit/TestDatabase.swift
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("migrations").path
    }

    /// A logger that says only what went wrong.
    package static var logger: Logger {
        var logger = Logger(label: "lineup.test")
        logger.logLevel = .critical
        return logger
    }

    private static func make(from template: String) async throws -> DatabaseConfiguration {
        let name = "test\(counter.add(1, ordering: .relaxed).newValue)"
        var configuration = try await cluster.configuration()
        try await cluster.execute("CREATE DATABASE \(name) TEMPLATE \(template) STRATEGY file_copy")
        configuration.database = name
        return configuration
    }
}

/// Starts the cluster once, whoever asks first.
private actor SharedCluster {
    private struct Started {
        var configuration: DatabaseConfiguration
        var administration: PostgresConnection
    }

    private var starting: Task<Started, any Error>?

    func configuration() async throws -> DatabaseConfiguration { try await started().configuration }

    func execute(_ sql: String) async throws { try await started().administration.execute(sql) }

    private func started() async throws -> Started {
        if let starting { return try await starting.value }
        let task = Task { try await Self.start() }
        starting = task
        return try await task.value
    }

    private static func start() async throws -> Started {
        let folder = try TestFolder.make()
        TestFolder.removeAtExit(folder)
        let cluster = PrivateCluster(dataFolder: folder, isDurable: false, logger: TestDatabase.logger)
        let configuration = try await cluster.start()
        await TestFolder.stopAtExit(cluster)
        var template = configuration
        template.database = "migrated"
        let administration = PostgresConnection(configuration, name: "test-admin", logger: TestDatabase.logger)
        try await administration.execute("CREATE DATABASE migrated TEMPLATE template0 STRATEGY file_copy")
        _ = try await Migrator(folder: TestDatabase.migrationsFolder, logger: TestDatabase.logger).migrate(template)
        return Started(configuration: configuration, administration: administration)
    }
}
