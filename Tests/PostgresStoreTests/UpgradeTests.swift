import Domain
import PostgresTestKit
import Testing

@testable import PostgresStore

/// A database as an older binary left it, with data in it, brought up to date.
@Suite(.timeLimit(.minutes(1))) struct UpgradeTests {
    private let data = """
        INSERT INTO users (id, email, name, name_key, password_hash, role, created_at) VALUES
            ('00000000-0000-4000-8000-000000000001', 'a@example.org', 'A', 'a', 'x', 'dj', '2026-11-01T00:00:00Z'),
            ('00000000-0000-4000-8000-000000000002', 'b@example.org', 'B', 'b', 'x', 'dj', '2026-11-01T00:00:00Z');
        UPDATE channels SET queue_version = 7, settings = '{"slotSeconds": 900, "isOpen": false}';
        INSERT INTO queue_entries (id, channel, user_id, name, state, end_reason, grace_until, position, joined_at,
            on_air_since, used_on_air_ns, ended_at) VALUES
            ('00000000-0000-4000-8000-00000000000a', 'main', '00000000-0000-4000-8000-000000000001', 'A', 'on_air', NULL,
             NULL, 4, '2026-11-02T00:00:00Z', '2026-11-02T00:01:00Z', 61000000000, NULL),
            ('00000000-0000-4000-8000-00000000000b', 'main', '00000000-0000-4000-8000-000000000002', 'B', 'waiting', NULL,
             '2026-11-02T00:05:00Z', 5, '2026-11-02T00:02:00Z', NULL, 0, NULL),
            ('00000000-0000-4000-8000-00000000000c', 'main', '00000000-0000-4000-8000-000000000002', 'B', 'ended', 'finished',
             NULL, 3, '2026-11-01T12:00:00Z', NULL, 0, NULL);
        INSERT INTO events (channel, version, ordinal, kind, payload, at) VALUES
            ('main', 1, 0, 'queue.joined', '{"name": "A"}', '2026-11-02T00:00:00Z'),
            ('main', 2, 0, 'queue.ready', '{"name": "A"}', '2026-11-02T00:00:01Z'),
            ('main', 2, 1, 'handover.planned', '{"name": "A"}', '2026-11-02T00:00:01Z');
        """

    @Test func keepsQueueSettingsHistoryAndEventsOfTheSecondMigration() async throws {
        let database = try await TestDatabase.makeAsOf(2)
        let raw = PostgresConnection(database, name: "test", logger: TestDatabase.logger)
        try await raw.execute(data)
        let applied = try await Migrator(folder: TestDatabase.migrationsFolder, logger: TestDatabase.logger)
            .migrate(database)
        #expect(applied.first == "operations")

        let store = PostgresStore(database, logger: TestDatabase.logger)
        let record = try await store.load(.main)
        #expect(record.version == 7)
        #expect(record.settings.slotSeconds == 900)
        #expect(!record.settings.isOpen)
        #expect(record.entries.map(\.name) == ["A", "B"])
        #expect(record.entries.first?.usedOnAir == .seconds(61))
        #expect(record.entries.allSatisfy { !$0.isHeld && $0.extraTime == .zero && $0.warnedAt == nil })
        #expect(record.epoch == 0)
        #expect(record.eventSequence == 3)
        let past = try await store.pastEntries(of: .main, before: nil, user: nil, limit: 10)
        #expect(past.map(\.reason) == [.finished])
        let events = try await store.events(of: .main, after: nil, limit: 10)
        #expect(events.map(\.id) == (1...3).map { EventID(epoch: 0, sequence: $0) })
        #expect(events.map(\.kind) == ["queue.joined", "queue.ready", "handover.planned"])
        #expect(try await store.acquire(.main, as: .random(), for: .seconds(1)) == .owned(epoch: 1))
    }
}
