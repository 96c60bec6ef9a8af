import Domain
import PostgresTestKit
import Testing

@testable import PostgresStore

@Suite(.timeLimit(.minutes(1))) struct QueueStoreTests {
    private let start = WallTime(milliseconds: 1_795_291_200_123)

    private func makeStore() async throws -> PostgresStore {
        PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
    }

    private func addUser(_ store: PostgresStore, _ name: String) async throws -> UserID {
        let account = Account(
            id: .random(), email: "\(name)@example.org", name: name, role: .dj, isDisabled: false, createdAt: start)
        try await store.insert(StoredAccount(account: account, passwordHash: Secret("none")))
        return account.id
    }

    private func entry(
        _ user: UserID, _ name: String, position: Int64, state: QueueEntry.State = .waiting,
        presence: QueueEntry.Presence? = nil
    ) -> QueueEntry {
        QueueEntry(
            id: .random(), user: user, name: name, state: state,
            presence: presence ?? .grace(until: start + .seconds(30)), readiness: .notReady(["not connected yet"]),
            position: position, joinedAt: start)
    }

    private func transition(
        from: Int64, _ changed: [QueueEntry], events: [DomainEvent] = [], settings: QueueSettings? = nil
    ) -> QueueTransition {
        QueueTransition(
            channel: .main, fromVersion: from, version: from + 1, changed: changed, settings: settings, events: events,
            at: start)
    }

    @Test func startsWithAnEmptyQueueAndTheDefaults() async throws {
        let store = try await makeStore()
        #expect(
            try await store.load(.main) == QueueRecord(version: 0, settings: QueueSettings(), entries: []))
        let other = try #require(ChannelName("other"))
        await #expect(throws: QueueStoreError.unknownChannel) { try await store.load(other) }
    }

    @Test func returnsWhatWasCommittedInQueueOrder() async throws {
        let store = try await makeStore()
        var mira = entry(try await addUser(store, "mira"), "Mira 🎧", position: 1)
        var noah = entry(try await addUser(store, "noah"), "Noah", position: 2)
        let gone = entry(try await addUser(store, "gone"), "Gone", position: 3)
        try await store.commit(transition(from: 0, [noah, gone, mira]))
        mira.state = .onAir
        mira.onAirSince = start + .milliseconds(1)
        mira.usedOnAir = .nanoseconds(1_234_567_891)
        noah.position = 5
        var ended = gone
        ended.state = .ended(.finished)
        ended.endedAt = start + .seconds(2)
        var settings = QueueSettings(slotSeconds: nil, maximumLength: 12, isOpen: false)
        settings.graceOnAirSeconds = 7
        try await store.commit(transition(from: 1, [mira, noah, ended], settings: settings))
        #expect(try await store.load(.main) == QueueRecord(version: 2, settings: settings, entries: [mira, noah]))
    }

    @Test func givesAnEntryThatWasConnectedASessionOfItsOwn() async throws {
        let store = try await makeStore()
        let session = PublishSessionID.random()
        let mira = entry(try await addUser(store, "mira"), "Mira", position: 1, presence: .connected(session))
        try await store.commit(transition(from: 0, [mira]))
        guard case .connected(let loaded) = try await store.load(.main).entries.first?.presence else {
            Issue.record("the entry is not connected")
            return
        }
        #expect(loaded != session)
    }

    @Test func writesEachEventOnceWithItsPayload() async throws {
        let database = try await TestDatabase.make()
        let store = PostgresStore(database, logger: TestDatabase.logger)
        let mira = entry(try await addUser(store, "mira"), "Mi\"ra", position: 1)
        let move = transition(
            from: 0, [mira],
            events: [
                .queueJoined(entry: mira.id, name: mira.name),
                .queueLeft(entry: mira.id, name: mira.name, reason: .skipped), .slateStarted,
            ])
        for _ in 0..<3 { try await store.commit(move) }
        let connection = PostgresConnection(database, name: "test", logger: TestDatabase.logger)
        let rows = try await connection.perform { link in
            try link.query(
                """
                SELECT version, ordinal, kind, payload->>'name', payload->>'entry', payload->>'reason', payload::text
                FROM events ORDER BY id
                """
            ).map { row in try (0..<7).map { try row.optionalText($0) } }
        }
        #expect(rows.count == 3)
        #expect(rows.first?.prefix(5) == ["1", "0", "queue.joined", "Mi\"ra", mira.id.description])
        #expect(rows.dropFirst().first?[5] == "skipped")
        #expect(rows.last == ["1", "2", "slate.started", nil, nil, nil, "{}"])
    }

    @Test func aRepeatedTransitionChangesNothing() async throws {
        let store = try await makeStore()
        var mira = entry(try await addUser(store, "mira"), "Mira", position: 1)
        let move = transition(from: 0, [mira])
        try await store.commit(move)
        try await store.commit(move)
        mira.position = 2
        try await store.commit(transition(from: 1, [mira]))
        // Too late now: it is not the last one any more.
        await #expect(throws: QueueStoreError.versionConflict(found: 2)) { try await store.commit(move) }
        #expect(try await store.load(.main).entries == [mira])
    }

    @Test func refusesAnotherTransitionWithTheSameVersion() async throws {
        let store = try await makeStore()
        let mira = entry(try await addUser(store, "mira"), "Mira", position: 1)
        let noah = entry(try await addUser(store, "noah"), "Noah", position: 1)
        try await store.commit(transition(from: 0, [mira]))
        await #expect(throws: QueueStoreError.versionConflict(found: 1)) {
            try await store.commit(transition(from: 0, [noah]))
        }
        #expect(try await store.load(.main).entries == [mira])
    }

    @Test func letsOneOfManyWritersHaveAVersion() async throws {
        let database = try await TestDatabase.make()
        let store = PostgresStore(database, logger: TestDatabase.logger)
        var entries: [QueueEntry] = []
        for number in 0..<8 {
            entries.append(entry(try await addUser(store, "dj\(number)"), "DJ \(number)", position: Int64(number)))
        }
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for entry in entries {
                group.addTask {
                    let writer = PostgresStore(database, logger: TestDatabase.logger)
                    do {
                        try await writer.commit(transition(from: 0, [entry]))
                        return true
                    } catch {
                        #expect(error as? QueueStoreError == .versionConflict(found: 1))
                        return false
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 }.count == 1)
        #expect(try await store.load(.main).entries.count == 1)
    }

    @Test func neverHoldsTwoOnAirOrTwoEntriesOfOneUser() async throws {
        let store = try await makeStore()
        let mira = try await addUser(store, "mira")
        let noah = try await addUser(store, "noah")
        var first = entry(mira, "Mira", position: 1, state: .onAir)
        try await store.commit(transition(from: 0, [first]))
        for wrong in [entry(noah, "Noah", position: 2, state: .onAir), entry(mira, "Mira", position: 2)] {
            let error = await #expect(throws: PostgresError.self) {
                try await store.commit(transition(from: 1, [wrong]))
            }
            #expect(error?.code == .constraint)
        }
        #expect(try await store.load(.main).version == 1)
        // A hand-over and a fresh entry of the same DJ in one move, in whatever order they are named.
        first.state = .ended(.slotOver)
        try await store.commit(
            transition(
                from: 1, [entry(mira, "Mira", position: 3), entry(noah, "Noah", position: 2, state: .onAir), first]))
        #expect(try await store.load(.main).entries.map(\.name) == ["Noah", "Mira"])
    }

    @Test func heartbeatsKeepTheUsedTimeWithoutAVersion() async throws {
        let store = try await makeStore()
        let mira = entry(try await addUser(store, "mira"), "Mira", position: 1, state: .onAir)
        try await store.commit(transition(from: 0, [mira]))
        try await store.heartbeat(mira.id, usedOnAir: .milliseconds(12_345), in: .main, epoch: 0)
        let loaded = try await store.load(.main)
        #expect(loaded.version == 1)
        #expect(loaded.entries.first?.usedOnAir == .milliseconds(12_345))
    }

    @Test func channelNumbersNeverGoBack() async throws {
        let store = try await makeStore()
        let fresh = try await store.channelNumbers(.main)
        #expect(fresh.mediaSequence == 0)
        #expect(fresh.createdAt > start - .seconds(86_400 * 365))
        try await store.storeChannelNumbers(.main, mediaSequence: 100, discontinuitySequence: 7)
        try await store.storeChannelNumbers(.main, mediaSequence: 50, discontinuitySequence: 9)
        let stored = try await store.channelNumbers(.main)
        #expect(
            stored
                == ChannelNumbers(createdAt: fresh.createdAt, mediaSequence: 100, discontinuitySequence: 9))
    }

    @Test func readinessNamesTheCause() async throws {
        let store = try await makeStore()
        #expect(await store.readiness() == [ReadinessCheck(name: "database", isOK: true)])
        let unmigrated = PostgresStore(try await TestDatabase.makeEmpty(), logger: TestDatabase.logger)
        #expect(await unmigrated.readiness().first?.cause?.contains("channels") == true)
        await store.close()
        #expect(await store.readiness().first?.isOK == false)
    }
}
