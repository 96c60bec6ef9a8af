import Domain
import PostgresTestKit
import Testing

@testable import PostgresStore

@Suite(.timeLimit(.minutes(1))) struct RetentionTests {
    private let start = WallTime(milliseconds: 1_795_291_200_000)

    /// One event a second from `start`, numbered from 1.
    private func store(events count: Int) async throws -> PostgresStore {
        let store = PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        for number in 0..<Int64(count) {
            try await store.commit(
                QueueTransition(
                    channel: .main, fromVersion: number, version: number + 1, events: [.slateStarted],
                    firstEventSequence: number + 1, at: start + .seconds(number)))
        }
        return store
    }

    private func numbers(_ store: PostgresStore) async throws -> [Int64] {
        try await store.events(of: .main, after: nil, limit: 100).map(\.id.sequence)
    }

    @Test func oldEventsGoOldestFirstAndInBatches() async throws {
        let store = try await store(events: 6)
        #expect(try await store.removeEvents(before: start + .seconds(4), limit: 3) == 3)
        #expect(try await numbers(store) == [4, 5, 6])
        #expect(try await store.removeEvents(before: start + .seconds(4), limit: 3) == 1)
        #expect(try await numbers(store) == [5, 6], "what is of that moment or later stays")
        await store.close()
    }

    /// Else an owner in the same epoch would give its number again.
    @Test func theLastEventOfAChannelStaysHoweverOld() async throws {
        let store = try await store(events: 3)
        #expect(try await store.removeEvents(before: start + .seconds(1000), limit: 10) == 2)
        #expect(try await numbers(store) == [3])
        #expect(try await store.load(.main).eventSequence == 3)
        await store.close()
    }

    @Test func whatSomebodyStillNeedsStays() async throws {
        let store = try await store(events: 4)
        try await store.accountLane.execute(
            "CREATE OR REPLACE VIEW events_in_use AS SELECT id FROM events WHERE sequence IN (1, 3)")
        #expect(try await store.removeEvents(before: start + .seconds(1000), limit: 10) == 1)
        #expect(try await numbers(store) == [1, 3, 4])
        await store.close()
    }

    @Test func oldLinesOfTheAuditLogGo() async throws {
        let store = PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        for number in 0..<5 as Range<Int64> {
            try await store.append(
                AuditRecord(
                    at: start + .seconds(number), actor: Actor(kind: .commandLine, id: nil, name: "cli"),
                    action: "act\(number)", channel: nil, subject: nil, before: nil, after: nil))
        }
        #expect(try await store.removeAuditRecords(before: start + .seconds(3), limit: 2) == 2)
        #expect(try await store.removeAuditRecords(before: start + .seconds(3), limit: 2) == 1)
        let left = try await store.records(before: nil, limit: 10, channel: nil).map(\.record.action)
        #expect(left == ["act4", "act3"])
        await store.close()
    }

    @Test func ageIsFoundByAnIndex() async throws {
        let store = PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        for table in ["events", "audit_log"] {
            let found = try await store.accountLane.firstText(
                "SELECT count(*) FROM pg_indexes WHERE tablename = '\(table)' AND indexdef LIKE '%(at)'")
            #expect(found == "1")
        }
        await store.close()
    }
}
