import Domain
import PostgresTestKit
import Testing

@testable import PostgresStore

/// The audit log, read page by page.
@Suite(.timeLimit(.minutes(1))) struct AuditLogTests {
    private func record(_ number: Int, channel: ChannelName? = .main) -> AuditRecord {
        AuditRecord(
            at: WallTime(milliseconds: 1_795_291_200_000), actor: Actor(kind: .commandLine, id: nil, name: "root"),
            action: "queue.skip", channel: channel, subject: "\(number)", before: #"{"b":1, "a":"\u0000"}"#, after: nil)
    }

    @Test func pagesNewestFirstWithoutGapOrDouble() async throws {
        let store = PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        for number in 1...25 {
            try await store.append(record(number, channel: number.isMultiple(of: 5) ? nil : .main))
        }
        var seen: [StoredAuditRecord] = []
        while true {
            let page = try await store.records(before: seen.last?.id, limit: 4, channel: nil)
            if page.isEmpty { break }
            #expect(page.count <= 4)
            seen += page
        }
        #expect(seen.map(\.record.subject) == (1...25).reversed().map { "\($0)" })
        #expect(seen.first?.record == record(25, channel: nil))
        let ofChannel = try await store.records(before: nil, limit: 500, channel: .main)
        #expect(ofChannel.count == 20)
        #expect(ofChannel.first?.record == record(24))
        #expect(try await store.records(before: nil, limit: -7, channel: nil).count == 1)
    }

    @Test func nothingAPersonTypesKeepsALineFromBeingWritten() async throws {
        let store = PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        var line = record(1)
        line.actor.name = "a\0b'; DROP TABLE audit_log --"
        line.after = #"{"long":""# + String(repeating: "x", count: 10_000) + #""}"#
        try await store.append(line)
        let stored = try #require(try await store.records(before: nil, limit: 1, channel: nil).first)
        #expect(stored.record.actor.name == "ab'; DROP TABLE audit_log --")
        #expect(stored.record.after == #"{"leftOut":"longer than 4096 bytes"}"#)
    }
}

/// Past entries and events, read page by page.
@Suite(.timeLimit(.minutes(1))) struct HistoryTests {
    private let start = WallTime(milliseconds: 1_795_291_200_123)

    private func addUser(_ store: PostgresStore, _ name: String) async throws -> UserID {
        let account = Account(
            id: .random(), email: "\(name)@example.org", name: name, role: .dj, isDisabled: false, createdAt: start)
        try await store.insert(StoredAccount(account: account, passwordHash: Secret("none")))
        return account.id
    }

    private func past(_ number: Int, of user: UserID, endedAt: WallTime) -> QueueEntry {
        QueueEntry(
            id: .random(), user: user, name: "DJ \(number)",
            state: .ended(number.isMultiple(of: 2) ? .finished : .slotOver),
            presence: .grace(until: endedAt), readiness: .notReady(["gone"]), position: Int64(number), joinedAt: start,
            onAirSince: number.isMultiple(of: 3) ? nil : start, usedOnAir: .milliseconds(1500), endedAt: endedAt)
    }

    @Test func pagesThroughEntriesThatEndedInTheSameMoment() async throws {
        let store = PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        let mira = try await addUser(store, "mira")
        let noah = try await addUser(store, "noah")
        // Thirty entries, ten to a moment.
        let entries = (0..<30).map { number in
            past(number, of: number < 20 ? mira : noah, endedAt: start + .seconds(number / 10))
        }
        try await store.commit(
            QueueTransition(
                channel: .main, fromVersion: 0, version: 1, changed: entries, settings: nil, events: [], at: start))
        var seen: [PastEntry] = []
        while true {
            let cursor = seen.last.map { HistoryCursor(endedAt: $0.endedAt, id: $0.id) }
            let page = try await store.pastEntries(of: .main, before: cursor, user: nil, limit: 7)
            if page.isEmpty { break }
            seen += page
        }
        let expected = entries.sorted { ($0.endedAt ?? start, $0.id) > ($1.endedAt ?? start, $1.id) }
        #expect(seen.map(\.id) == expected.map(\.id))
        #expect(seen.map(\.onAirSince) == expected.map(\.onAirSince))
        #expect(Set(seen.map(\.onAirSeconds)) == [1.5])
        let ofNoah = try await store.pastEntries(of: .main, before: nil, user: noah, limit: 500)
        #expect(Set(ofNoah.map(\.user)) == [noah])
        #expect(ofNoah.count == 10)
    }
}
