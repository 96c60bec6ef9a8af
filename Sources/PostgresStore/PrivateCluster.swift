private import Foundation
package import Logging
import ServiceLifecycle

/// A PostgreSQL of our own below the data folder: a newcomer's database (design §7).
///
/// Reached through a Unix socket only, in a folder of mode 0700, by peer authentication. It is made at the first start,
/// stopped with us, and dies with us. Owned by the assembly: `start` before anything asks the database, `run` as the
/// group's first service, so that it stops last. The command line uses `withDatabase`.
package actor PrivateCluster: Service {
    /// How long an older instance may take to go down, and a new one to come up.
    private static let patience = Duration.seconds(30)
    private static let pollInterval = Duration.milliseconds(20)

    private let dataFolder: String
    private let isDurable: Bool
    private let logger: Logger
    private var running: Running?

    /// A cluster that this process owns.
    private struct Running {
        var layout: ClusterLayout
        var programs: ClusterPrograms
        /// Held for as long as the cluster is ours.
        var lock: ClusterLock
        var child: BoundChild
    }

    /// - Parameters:
    ///   - dataFolder: made when it is missing.
    ///   - isDurable: `false` only for tests: nothing is forced to disk.
    package init(dataFolder: String, isDurable: Bool = true, logger: Logger) {
        self.dataFolder = dataFolder
        self.isDurable = isDurable
        self.logger = logger
    }

    /// Makes the cluster when it is missing, waits for an older instance still going down, starts PostgreSQL and returns
    /// once it answers: about 0.1 s, the first time 1 s.
    /// - Throws: `.programsMissing`, `.cluster`, or `.inUse` when another process owns the cluster and keeps it for 30 s.
    package func start() async throws -> DatabaseConfiguration {
        let layout = try Self.makeFolders(dataFolder)
        let deadline = ContinuousClock.now + Self.patience
        // Another process's lock has no event that we could wait for.
        while ContinuousClock.now < deadline {
            if let lock = try ClusterLock(layout.lock) { return try await start(layout, lock) }
            try await Task.sleep(for: Self.pollInterval)
        }
        throw PostgresError(
            .inUse,
            "another lineup process runs its database in \(layout.folder): stop it, or choose another data folder")
    }

    /// Waits for shutdown, then stops PostgreSQL. Starts it again when it ends by itself, for as long as it takes: the
    /// broadcast goes on meanwhile (I5), and the store reconnects.
    package func run() async throws {
        await cancelWhenGracefulShutdown { await self.keepRunning() }
        await stop()
    }

    /// Returns when the task is cancelled.
    private func keepRunning() async {
        var backoff = ReconnectBackoff()
        while let running, !Task.isCancelled {
            let began = ContinuousClock.now
            guard let exit = await running.child.exits().first(where: { _ in true }) else { return }
            logger.error("the private PostgreSQL ended", metadata: [LogKey.cause: "\(exit)"])
            if ContinuousClock.now - began > .seconds(60) { backoff.succeeded() }
            do {
                var generator = SystemRandomNumberGenerator()
                try await Task.sleep(for: backoff.failed(using: &generator))
                try await Self.waitForOlderInstance(running.layout)
                let child = try await launch(running.layout, running.programs)
                guard self.running != nil else {
                    // `stop` came in between.
                    _ = await child.terminate()
                    return
                }
                self.running?.child = child
            } catch {
                logger.error("the private PostgreSQL cannot be started again", metadata: [LogKey.cause: "\(error)"])
            }
        }
    }

    /// Stops PostgreSQL within 5 s, in shorter and shorter ways, and lets the cluster go. Harmless when nothing runs.
    package func stop() async {
        guard let running else { return }
        self.running = nil
        let began = ContinuousClock.now
        _ = await running.child.terminate()
        logger.info(
            "the private PostgreSQL is stopped",
            metadata: [LogKey.milliseconds: "\((ContinuousClock.now - began).wholeMillisecondsForLogs)"])
    }

    /// Runs `body` with the data folder's cluster: the one that a server runs, else one of our own for the moment.
    ///
    /// A cluster of our own is stopped when `body` returns or throws.
    package static func withDatabase<Value: Sendable>(
        dataFolder: String, logger: Logger, _ body: @Sendable (DatabaseConfiguration) async throws -> Value
    ) async throws -> Value {
        let layout = try makeFolders(dataFolder)
        let cluster = PrivateCluster(dataFolder: dataFolder, logger: logger)
        let deadline = ContinuousClock.now + patience
        // The owner may be starting or stopping just now: either the lock comes free or the socket answers.
        while ContinuousClock.now < deadline {
            if let lock = try ClusterLock(layout.lock) {
                let configuration = try await cluster.start(layout, lock)
                do {
                    let value = try await body(configuration)
                    await cluster.stop()
                    return value
                } catch {
                    await cluster.stop()
                    throw error
                }
            }
            let configuration = Self.configuration(layout, database: Self.databaseName)
            if await Self.answers(configuration) { return try await body(configuration) }
            try await Task.sleep(for: pollInterval)
        }
        throw PostgresError(.inUse, "the database in \(layout.folder) is held by a process that does not serve it")
    }

    /// Where PostgreSQL's programs are that a new cluster would use: for `lineup doctor`.
    /// - Throws: `.programsMissing`, saying what to install.
    package static func programsFolder() throws(PostgresError) -> String { try ClusterPrograms.find().folder }

    /// The server's process id, for tests.
    package var processID: Int32? { running?.child.processID }

    // MARK: Starting

    private static let databaseName = "lineup"
    private static let roleName = "lineup"

    private static func makeFolders(_ dataFolder: String) throws(PostgresError) -> ClusterLayout {
        do {
            try FileManager.default.createDirectory(atPath: dataFolder, withIntermediateDirectories: true)
        } catch {
            throw PostgresError(.cluster, "the data folder \(dataFolder) cannot be made: choose one that is writable")
        }
        let layout = try ClusterLayout(dataFolder: dataFolder)
        try layout.makeFolders()
        return layout
    }

    private func start(_ layout: ClusterLayout, _ lock: ClusterLock) async throws -> DatabaseConfiguration {
        try await Self.waitForOlderInstance(layout)
        let programs = try ClusterInitializer.programs(for: layout)
        let initializer = ClusterInitializer(
            layout: layout, programs: programs, roleName: Self.roleName, isDurable: isDurable, logger: logger)
        try await initializer.makeClusterIfMissing()
        try initializer.writeAuthentication()
        let child = try await launch(layout, programs)
        running = Running(layout: layout, programs: programs, lock: lock, child: child)
        do {
            try await makeDatabaseIfMissing(layout)
        } catch {
            await stop()
            throw error
        }
        logger.info("the private PostgreSQL runs", metadata: [LogKey.folder: "\(layout.folder)"])
        return Self.configuration(layout, database: Self.databaseName)
    }

    /// Starts the server and returns once it answers.
    private func launch(_ layout: ClusterLayout, _ programs: ClusterPrograms) async throws -> BoundChild {
        let output = try ClusterInitializer.openLog(layout)
        defer { close(output) }
        let child = try await BoundChild.spawn(
            BoundChild.Command(
                program: programs.postgres, arguments: Self.arguments(layout, isDurable: isDurable),
                identity: layout.identity, workingFolder: layout.folder, deathSignal: "INT", output: output))
        let deadline = ContinuousClock.now + Self.patience
        let configuration = Self.configuration(layout, database: "postgres")
        // PostgreSQL's readiness has no event without systemd: ask, with the child's exit as the other way out.
        while ContinuousClock.now < deadline, !Task.isCancelled {
            if await Self.answers(configuration) { return child }
            if await child.exit(within: Self.pollInterval) != nil { break }
        }
        _ = await child.terminate()
        try Task.checkCancellation()
        throw PostgresError(.cluster, "PostgreSQL did not start: \(ClusterInitializer.lastLogLine(layout))")
    }

    private static func arguments(_ layout: ClusterLayout, isDurable: Bool) -> [String] {
        var settings = [
            "listen_addresses": "", "unix_socket_directories": layout.socketFolder,
            "unix_socket_permissions": "0700", "port": "5432", "cluster_name": "lineup", "max_connections": "50",
            "shared_buffers": "32MB", "logging_collector": "off", "log_destination": "stderr",
            "log_checkpoints": "off", "log_error_verbosity": "terse", "log_timezone": "UTC", "timezone": "UTC",
            "jit": "off", "huge_pages": "off", "ssl": "off",
        ]
        if !isDurable {
            settings["fsync"] = "off"
            settings["synchronous_commit"] = "off"
            settings["full_page_writes"] = "off"
        }
        return ["-D", layout.data] + settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    }

    /// We hold the lock, so whoever still works there has lost its owner: it is asked to stop once more, for the case that
    /// its owner died before the parent-death signal was set.
    private static func waitForOlderInstance(_ layout: ClusterLayout) async throws {
        let deadline = ContinuousClock.now + patience
        var isFirst = true
        while true {
            let processes = ClusterProcesses.working(in: layout.data)
            guard !processes.isEmpty else { break }
            if isFirst { for process in processes { kill(process, SIGINT) } }
            isFirst = false
            guard ContinuousClock.now < deadline else {
                throw PostgresError(
                    .inUse, "an older PostgreSQL (process \(processes[0])) does not leave \(layout.data)")
            }
            try await Task.sleep(for: pollInterval)
        }
        // Nobody works there, so a file left by a crash names a process that is gone or somebody else's.
        try? FileManager.default.removeItem(atPath: layout.data + "/postmaster.pid")
    }

    private func makeDatabaseIfMissing(_ layout: ClusterLayout) async throws {
        let connection = PostgresConnection(
            Self.configuration(layout, database: "postgres"), name: "cluster", logger: logger)
        do {
            let isThere = try await connection.firstText(
                "SELECT 1 FROM pg_database WHERE datname = '\(Self.databaseName)'")
            if isThere == nil { try await connection.execute("CREATE DATABASE \(Self.databaseName)") }
            await connection.close()
        } catch {
            await connection.close()
            throw error
        }
    }

    private static func configuration(_ layout: ClusterLayout, database: String) -> DatabaseConfiguration {
        DatabaseConfiguration(host: layout.socketFolder, user: roleName, database: database)
    }

    private static func answers(_ configuration: DatabaseConfiguration) async -> Bool {
        var silent = Logger(label: "lineup.cluster")
        silent.logLevel = .critical
        let connection = PostgresConnection(configuration, name: "probe", logger: silent)
        // Why it does not answer shows in PostgreSQL's own log.
        let isThere = (try? await connection.ping()) != nil
        await connection.close()
        return isThere
    }
}

extension Duration {
    fileprivate var wholeMillisecondsForLogs: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
