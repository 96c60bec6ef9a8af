import Domain
import PostgresTestKit
import TestKit
import Testing

@testable import PostgresStore

/// The two stores that the suite of a queue's store runs on.
enum QueueBackend: String, CaseIterable, Sendable {
    case fake, postgres

    func makeStore() async throws -> any QueueStore & EventLog & LeaseStore {
        switch self {
        case .fake: FakeQueueStore()
        case .postgres: PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct QueueStoreTests {
    private let start = WallTime(milliseconds: 1_795_291_200_123)

    private func makeStore() async throws -> PostgresStore {
        PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
    }

    /// A user, where the store wants one to exist.
    private func addUser(_ store: any Sendable, _ name: String) async throws -> UserID {
        let account = Account(
            id: .random(), email: "\(name)@example.org", name: name, role: .dj, isDisabled: false, createdAt: start)
        if let store = store as? PostgresStore {
            try await store.insert(StoredAccount(account: account, passwordHash: Secret("none")))
        }
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

    @Test(arguments: QueueBackend.allCases)
    func startsWithAnEmptyQueueAndTheDefaults(backend: QueueBackend) async throws {
        let store = try await backend.makeStore()
        #expect(
            try await store.load(.main) == QueueRecord(version: 0, settings: QueueSettings(), entries: []))
        let other = try #require(ChannelName("other"))
        await #expect(throws: QueueStoreError.unknownChannel) { try await store.load(other) }
    }

    @Test(arguments: QueueBackend.allCases)
    func returnsWhatWasCommittedInQueueOrder(backend: QueueBackend) async throws {
        let store = try await backend.makeStore()
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

    @Test(arguments: QueueBackend.allCases)
    func givesAnEntryThatWasConnectedASessionOfItsOwn(backend: QueueBackend) async throws {
        let store = try await backend.makeStore()
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

    @Test(arguments: QueueBackend.allCases)
    func aRepeatedTransitionChangesNothing(backend: QueueBackend) async throws {
        let store = try await backend.makeStore()
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

    @Test(arguments: QueueBackend.allCases)
    func refusesAnotherTransitionWithTheSameVersion(backend: QueueBackend) async throws {
        let store = try await backend.makeStore()
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

    @Test(arguments: QueueBackend.allCases)
    func returnsHoldsSlotsBlocksAndBansAsTheyWereSet(backend: QueueBackend) async throws {
        let store = try await backend.makeStore()
        let (mira, noah) = (try await addUser(store, "mira"), try await addUser(store, "noah"))
        var held = entry(mira, "Mira", position: 1)
        held.isHeld = true
        held.slotOverride = .seconds(900)
        held.extraTime = .milliseconds(-90_500)
        held.warnedAt = 300
        held.calledUntil = start + .seconds(20)
        var move = transition(from: 0, [held])
        let blocks = [
            QueueBlock(user: noah, name: "Noah", since: start, rule: .until(start + .seconds(600))),
            QueueBlock(user: noah, name: "Noah", since: start + .seconds(1), rule: .encoderQuiet),
            QueueBlock(user: mira, name: "Mira", since: start + .seconds(2), rule: .someoneElsePlayed),
        ]
        let bans = [
            QueueBan(user: noah, name: "Noah", since: start, until: nil, reason: "loud; '\"--"),
            QueueBan(user: .random(), name: nil, since: start + .seconds(1), until: start + .seconds(60), reason: nil),
        ]
        (move.blocked, move.banned) = (blocks, bans)
        move.userSlots = [UserSlot(user: noah, seconds: 1200)]
        try await store.commit(move)
        var expected = QueueRecord(
            version: 1, settings: QueueSettings(), entries: [held], blocks: blocks, bans: bans,
            userSlots: [UserSlot(user: noah, seconds: 1200)])
        #expect(try await store.load(.main) == expected)

        var undo = transition(from: 1, [])
        undo.unblocked = [blocks[0].key, QueueBlock.Key(user: mira, kind: .until)]
        undo.unbanned = [noah, mira]
        undo.userSlots = [UserSlot(user: noah, seconds: nil), UserSlot(user: mira, seconds: 1)]
        var later = bans[1]
        later.until = nil
        undo.banned = [later]
        try await store.commit(undo)
        expected.version = 2
        (expected.blocks, expected.bans) = (Array(blocks.dropFirst()), [later])
        expected.userSlots = [UserSlot(user: mira, seconds: 1)]
        #expect(try await store.load(.main) == expected)
    }

    @Test(arguments: QueueBackend.allCases)
    func numbersEventsByTheOwnersEpochAndReadsThemInPages(backend: QueueBackend) async throws {
        let store = try await backend.makeStore()
        var expected: [EventID] = []
        var version: Int64 = 0
        for epoch in 1...3 as ClosedRange<Int64> {
            #expect(try await store.acquire(.main, as: .random(), for: .zero) == .owned(epoch: epoch))
            for _ in 0..<4 {
                let record = try await store.load(.main)
                #expect(record.epoch == epoch)
                var move = transition(from: version, [], events: [.slateStarted, .slateEnded, .settingsChanged])
                (move.epoch, move.firstEventSequence) = (epoch, record.eventSequence + 1)
                try await store.commit(move)
                version += 1
                expected += (1...3).map { EventID(epoch: epoch, sequence: record.eventSequence + $0) }
            }
        }
        var seen: [EventRecord] = []
        while true {
            let page = try await store.events(of: .main, after: seen.last?.id, limit: 5)
            if page.isEmpty { break }
            seen += page
        }
        #expect(seen.map(\.id) == expected)
        #expect(seen.prefix(3).map(\.kind) == ["slate.started", "slate.ended", "settings.changed"])
        #expect(seen.last?.version == version)
        #expect(try await store.events(of: .main, after: EventID(epoch: 9, sequence: 0), limit: 5).isEmpty)
    }

    @Test(arguments: QueueBackend.allCases)
    func anOwnerWhoLostTheChannelWritesNothingMore(backend: QueueBackend) async throws {
        let store = try await backend.makeStore()
        let mira = entry(try await addUser(store, "mira"), "Mira", position: 1, state: .onAir)
        #expect(try await store.acquire(.main, as: .random(), for: .zero) == .owned(epoch: 1))
        var move = transition(from: 0, [mira], events: [.slateEnded])
        move.epoch = 1
        try await store.commit(move)
        #expect(try await store.acquire(.main, as: .random(), for: .zero) == .owned(epoch: 2))
        // Written is written, also for who asks again after the loss.
        try await store.commit(move)
        var late = transition(from: 1, [], events: [.slateStarted])
        (late.epoch, late.firstEventSequence) = (1, 2)
        await #expect(throws: QueueStoreError.epochLost(present: 2)) { try await store.commit(late) }
        await #expect(throws: QueueStoreError.epochLost(present: 2)) {
            try await store.heartbeat(mira.id, usedOnAir: .seconds(1), in: .main, epoch: 1)
        }
        (late.epoch, late.firstEventSequence) = (2, 1)
        try await store.commit(late)
        try await store.heartbeat(mira.id, usedOnAir: .seconds(2), in: .main, epoch: 2)
        let record = try await store.load(.main)
        #expect(record.version == 2)
        #expect(record.entries.first?.usedOnAir == .seconds(2))
        #expect(try await store.events(of: .main, after: nil, limit: 9).map(\.id.epoch) == [1, 2])
    }

    /// Two servers whose moves and takings of the channel meet in every order: what is written is one owner's at a time.
    @Test func movesOfTwoOwnersNeverInterleave() async throws {
        let database = try await TestDatabase.make()
        let written = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<4 {
                group.addTask {
                    let store = PostgresStore(database, logger: TestDatabase.logger)
                    let instance = InstanceID(high: 0, low: UInt64(number))
                    var written = 0
                    for _ in 0..<15 {
                        guard case .owned(let epoch) = try await store.acquire(.main, as: instance, for: .zero) else {
                            continue
                        }
                        let record = try await store.load(.main)
                        guard record.epoch == epoch else { continue }
                        for step in 0..<3 {
                            var move = transition(from: record.version + Int64(step), [], events: [.settingsChanged])
                            (move.epoch, move.firstEventSequence) = (epoch, Int64(step + 1))
                            do {
                                try await store.commit(move)
                                written += 1
                            } catch QueueStoreError.epochLost(let present) {
                                #expect(present > epoch)
                                break
                            }
                        }
                    }
                    return written
                }
            }
            return try await group.reduce(0, +)
        }
        let store = PostgresStore(database, logger: TestDatabase.logger)
        let events = try await store.events(of: .main, after: nil, limit: 1000)
        #expect(events.count == written)
        // Versions rise by one along the epochs: no move of a lower epoch came after one of a higher.
        #expect(events.map(\.version) == Array(1...Int64(max(1, written))).prefix(written).map { $0 })
        #expect(try await store.load(.main).version == Int64(written))
    }

    @Test func theAuditLineIsWrittenWithItsMoveOrNotAtAll() async throws {
        let store = try await makeStore()
        let line = AuditRecord(
            at: start, actor: Actor(kind: .user, id: "1", name: "Mira"), action: "queue.skip", channel: .main,
            subject: nil, before: #"{"version":0}"#, after: nil)
        var move = transition(from: 0, [], events: [.slateStarted])
        move.audit = [line, line]
        for _ in 0..<2 { try await store.commit(move) }
        var conflicting = transition(from: 0, [], events: [.slateEnded])
        conflicting.audit = [line]
        await #expect(throws: QueueStoreError.versionConflict(found: 1)) { try await store.commit(conflicting) }
        #expect(try await store.records(before: nil, limit: 9, channel: .main).map(\.record) == [line, line])
    }

    @Test(arguments: QueueBackend.allCases)
    func heartbeatsKeepTheUsedTimeWithoutAVersion(backend: QueueBackend) async throws {
        let store = try await backend.makeStore()
        let mira = entry(try await addUser(store, "mira"), "Mira", position: 1, state: .onAir)
        try await store.commit(transition(from: 0, [mira]))
        try await store.heartbeat(mira.id, usedOnAir: .milliseconds(12_345), in: .main, epoch: 0)
        // One that was overtaken by a move takes nothing back.
        try await store.heartbeat(mira.id, usedOnAir: .milliseconds(12_000), in: .main, epoch: 0)
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
        #expect(await unmigrated.readiness().first?.cause?.contains("SQLSTATE 42P01") == true)
        await store.close()
        #expect(await store.readiness().first?.isOK == false)
    }
}
