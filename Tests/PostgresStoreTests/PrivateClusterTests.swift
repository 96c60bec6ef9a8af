import Domain
import Foundation
import Logging
import PostgresTestKit
import ServiceLifecycle
import Synchronization
import Testing

@testable import PostgresStore

@Suite(.timeLimit(.minutes(2))) struct PrivateClusterTests {
    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        try await body(folder)
    }

    private func cluster(_ folder: String) -> PrivateCluster {
        PrivateCluster(dataFolder: folder, isDurable: false, logger: TestDatabase.logger)
    }

    private func count(_ configuration: DatabaseConfiguration) async throws -> String? {
        let connection = PostgresConnection(configuration, name: "test", logger: TestDatabase.logger)
        return try await connection.firstText("SELECT count(*) FROM kept")
    }

    private func keep(_ configuration: DatabaseConfiguration) async throws {
        let connection = PostgresConnection(configuration, name: "test", logger: TestDatabase.logger)
        try await connection.execute("CREATE TABLE kept (a int); INSERT INTO kept VALUES (1)")
    }

    @Test func keepsItsDataAcrossStartsAndLeavesNoProcess() async throws {
        try await withFolder { folder in
            let first = cluster(folder)
            try await keep(try await first.start())
            await first.stop()
            let layout = try ClusterLayout(dataFolder: folder)
            #expect(ClusterProcesses.working(in: layout.data).isEmpty)
            #expect(!FileManager.default.fileExists(atPath: layout.socket))

            let second = cluster(folder)
            let configuration = try await second.start()
            #expect(try await count(configuration) == "1")
            await second.stop()
            await second.stop()
            #expect(ClusterProcesses.working(in: layout.data).isEmpty)
        }
    }

    @Test func letsOnlyItsOwnUserIn() async throws {
        try await withFolder { folder in
            let cluster = cluster(folder)
            var configuration = try await cluster.start()
            let layout = try ClusterLayout(dataFolder: folder)
            let attributes = try FileManager.default.attributesOfItem(atPath: layout.socketFolder)
            #expect(attributes[.posixPermissions] as? Int == 0o700)
            configuration.user = "postgres"
            let stranger = PostgresConnection(configuration, name: "test", logger: TestDatabase.logger)
            await #expect(throws: PostgresError.self) { try await stranger.ping() }
            await cluster.stop()
        }
    }

    @Test func sweepsAwayAnInterruptedInitdb() async throws {
        try await withFolder { folder in
            let layout = try ClusterLayout(dataFolder: folder)
            try layout.makeFolders()
            try FileManager.default.createDirectory(
                atPath: layout.data + ".new-1/base", withIntermediateDirectories: true)
            try Data("15\n".utf8).write(to: URL(fileURLWithPath: layout.data + ".new-1/PG_VERSION"))
            let cluster = cluster(folder)
            _ = try await cluster.start()
            await cluster.stop()
            let names = try FileManager.default.contentsOfDirectory(atPath: layout.folder)
            #expect(names.filter { $0.hasPrefix("data") } == ["data"])
        }
    }

    @Test func startsPastAProcessFileThatACrashLeft() async throws {
        try await withFolder { folder in
            let layout = try ClusterLayout(dataFolder: folder)
            let first = cluster(folder)
            try await keep(try await first.start())
            await first.stop()
            // As after a power cut: the number is somebody else's by now, ours.
            try Data("\(getpid())\n\(layout.data)\n1\n5432\n".utf8).write(
                to: URL(fileURLWithPath: layout.data + "/postmaster.pid"))
            let second = cluster(folder)
            let configuration = try await second.start()
            #expect(try await count(configuration) == "1")
            await second.stop()
        }
    }

    @Test func diesWithAnOwnerThatWasKilled() async throws {
        try await withFolder { folder in
            let layout = try ClusterLayout(dataFolder: folder)
            let owner = try await Owner.start(folder)
            #expect(!ClusterProcesses.working(in: layout.data).isEmpty)
            owner.child.send(SIGKILL)
            #expect(await owner.child.exit(within: .seconds(10)) == .signal(SIGKILL))
            // The processes are nobody's children now, so there is no event for their end.
            let deadline = ContinuousClock.now + .seconds(10)
            while !ClusterProcesses.working(in: layout.data).isEmpty, ContinuousClock.now < deadline {
                await Task.yield()
            }
            #expect(ClusterProcesses.working(in: layout.data).isEmpty)
        }
    }

    @Test func takesOverFromAnOwnerThatWasKilledJustNow() async throws {
        try await withFolder { folder in
            let owner = try await Owner.start(folder)
            owner.child.send(SIGKILL)
            let next = cluster(folder)
            try await keep(try await next.start())
            await next.stop()
        }
    }

    @Test func startsAgainWhatEndedByItselfWithoutLosingACommit() async throws {
        try await withFolder { folder in
            let cluster = PrivateCluster(dataFolder: folder, logger: TestDatabase.logger)
            let configuration = try await cluster.start()
            try await keep(configuration)
            let store = PostgresConnection(configuration, name: "test", logger: TestDatabase.logger)
            try await store.ping()
            let process = try #require(await cluster.processID)
            let group = ServiceGroup(services: [cluster], logger: TestDatabase.logger)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                kill(process, SIGKILL)
                // The store's own way back: it tries, within its backoff.
                let deadline = ContinuousClock.now + .seconds(60)
                while await cluster.processID == process, ContinuousClock.now < deadline { await Task.yield() }
                #expect(try await count(configuration) == "1")
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            #expect(ClusterProcesses.working(in: try ClusterLayout(dataFolder: folder).data).isEmpty)
        }
    }

    @Test func lendsARunningClusterToTheCommandLine() async throws {
        try await withFolder { folder in
            let owner = try await Owner.start(folder)
            let borrowed = try await PrivateCluster.withDatabase(dataFolder: folder, logger: TestDatabase.logger) {
                configuration in
                try await keep(configuration)
                return try await count(configuration)
            }
            #expect(borrowed == "1")
            // It was not ours to stop.
            #expect(!ClusterProcesses.working(in: try ClusterLayout(dataFolder: folder).data).isEmpty)
            owner.child.send(SIGKILL)
            let own = try await PrivateCluster.withDatabase(dataFolder: folder, logger: TestDatabase.logger) {
                try await count($0)
            }
            #expect(own == "1")
            #expect(ClusterProcesses.working(in: try ClusterLayout(dataFolder: folder).data).isEmpty)
        }
    }

    @Test func putsTheSocketElsewhereWhenThePathIsLong() async throws {
        try await withFolder { folder in
            let deep = folder + "/" + String(repeating: "d", count: 100)
            try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: true)
            let cluster = cluster(deep)
            let configuration = try await cluster.start()
            #expect(configuration.host.utf8.count < 60)
            try await keep(configuration)
            await cluster.stop()
            TestFolder.remove(configuration.host)
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root runs PostgreSQL as somebody else"))
    func goesToVarLibWhereItsUserCannotReachTheDataFolder() async throws {
        try await withFolder { folder in
            let closed = folder + "/closed"
            try FileManager.default.createDirectory(
                atPath: closed, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            let there = try ClusterLayout(dataFolder: closed + "/.")
            #expect(there.folder.hasPrefix("/var/lib/lineup/closed-"))
            #expect(there == (try ClusterLayout(dataFolder: closed)))
            #expect(try ClusterLayout(dataFolder: folder).folder == folder + "/postgres")
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root may run a cluster of somebody else"))
    func rootLeavesAClusterWithTheUserItBelongsTo() async throws {
        try await withFolder { folder in
            let layout = try ClusterLayout(dataFolder: folder)
            let nobody = try #require(getpwnam("nobody")).pointee.pw_uid
            try FileManager.default.createDirectory(
                atPath: layout.folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            chown(layout.folder, nobody, nobody)
            let cluster = cluster(folder)
            try await keep(try await cluster.start())
            await cluster.stop()
            let attributes = try FileManager.default.attributesOfItem(atPath: layout.data)
            #expect(attributes[.ownerAccountName] as? String == "nobody")
        }
    }

    @Test func namesTheDebianPackageWhenProgramsAreMissing() throws {
        let error = #expect(throws: PostgresError.self) {
            try ClusterPrograms.find(debianRoot: "/nonexistent", searchPath: "/nonexistent")
        }
        #expect(error?.code == .programsMissing)
        #expect(error?.message.contains("install the Debian package postgresql") == true)
    }
}

/// A process of its own that runs a cluster (`Tests/ClusterOwner`).
private struct Owner {
    var child: BoundChild

    static func start(_ folder: String) async throws -> Owner {
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("ClusterOwner").path
        let pipe = Pipe()
        let child = try await BoundChild.spawn(
            BoundChild.Command(
                program: program, arguments: [folder], identity: nil, workingFolder: "/", deathSignal: "KILL",
                output: pipe.fileHandleForWriting.fileDescriptor))
        try pipe.fileHandleForWriting.close()
        let line = await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: pipe.fileHandleForReading.availableData) }.start()
        }
        try #require(String(decoding: line, as: UTF8.self) == "started\n")
        return Owner(child: child)
    }
}
