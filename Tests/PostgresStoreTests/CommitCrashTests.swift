import Domain
import Foundation
import PostgresTestKit
import ServiceLifecycle
import Testing
import TestKit

@testable import PostgresStore

/// PostgreSQL is killed while moves are being written: each is there once (invariant I6).
@Suite(.timeLimit(.minutes(2))) struct CommitCrashTests {
    private let start = WallTime(milliseconds: 1_795_291_200_000)
    private let moves = 60
    private let kills = 4

    /// Does `work` as the queue's service does: again, until the store says that it is done.
    ///
    /// The reading at the end needs it too: a killed server is gone when it is next scheduled, and its backend may have written the
    /// last moves until then.
    private func insist<Value: Sendable>(
        before deadline: ContinuousClock.Instant, _ work: @Sendable () async throws -> Value
    ) async throws -> Value {
        while true {
            do {
                return try await work()
            } catch let error as PostgresError {
                // Anything but a database that is away is a failure of the test.
                guard [.connection, .timedOut].contains(error.code), ContinuousClock.now < deadline else { throw error }
                await Task.yield()
            }
        }
    }

    @Test func killingPostgreSQLInTheMiddleOfCommitsLosesAndDoublesNothing() async throws {
        let folder = try TestFolder.make()
        defer { TestFolder.remove(folder) }
        let cluster = PrivateCluster(dataFolder: folder, logger: TestDatabase.logger)
        let configuration = try await cluster.start()
        _ = try await Migrator(folder: TestDatabase.migrationsFolder, logger: TestDatabase.logger).migrate(
            configuration)
        let group = ServiceGroup(services: [cluster], logger: TestDatabase.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do {
                try await writeUnderFire(configuration, cluster)
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private func writeUnderFire(_ configuration: DatabaseConfiguration, _ cluster: PrivateCluster) async throws {
        let store = PostgresStore(configuration, logger: TestDatabase.logger)
        let account = Account(
            id: .random(), email: "mira@example.org", name: "Mira", role: .dj, isDisabled: false, createdAt: start)
        try await store.insert(StoredAccount(account: account, passwordHash: Secret("none")))
        var entry = QueueEntry(
            id: .random(), user: account.id, name: "Mira", state: .waiting, presence: .grace(until: start),
            readiness: .notReady(["not connected yet"]), position: 1, joinedAt: start)
        var generator = SeededGenerator(seed: 4)
        let deadline = ContinuousClock.now + .seconds(90)
        for number in 1...Int64(moves) {
            entry.position = number
            let move = QueueTransition(
                channel: .main, fromVersion: number - 1, version: number, changed: [entry], settings: nil,
                events: [.queueReady(entry: entry.id, name: "Mira")],
                firstEventSequence: number, at: start)
            async let written: Void = insist(before: deadline) { try await store.commit(move) }
            if number < moves, number.isMultiple(of: Int64(moves / kills)), let process = await cluster.processID {
                // Somewhere between the first statement and the answer to COMMIT.
                for _ in 0..<Int.random(in: 0...300, using: &generator) { await Task.yield() }
                kill(process, SIGKILL)
            }
            try await written
        }
        let record = try await insist(before: deadline) { try await store.load(.main) }
        #expect(record.version == Int64(moves))
        #expect(record.entries == [entry])
        let events = try await insist(before: deadline) {
            try await store.events(of: .main, after: nil, limit: 1000)
        }
        #expect(events.map(\.version) == Array(1...Int64(moves)))
        #expect(events.map(\.id.sequence) == Array(1...Int64(moves)))
        await store.close()
    }
}
