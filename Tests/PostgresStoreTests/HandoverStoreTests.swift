import Domain
import PostgresTestKit
import Testing

@testable import PostgresStore

@Suite(.timeLimit(.minutes(1))) struct HandoverStoreTests {
    private let start = WallTime(milliseconds: 1_795_291_200_123)

    private func handover(_ number: Int) -> HandoverEntry {
        HandoverEntry(
            from: number == 0
                ? nil : .init(entry: EntryID(high: 1, low: UInt64(number)), user: .random(), name: "DJ\0 \(number)"),
            to: .init(entry: .random(), user: .random(), name: "DJ \(number + 1)"), reason: .ordered,
            cause: number == 0 ? nil : .slotOver, decidedAt: start + .seconds(number),
            onAirAt: start + .seconds(number) + .milliseconds(480), videoGapFrames: 0.25, audioGapMilliseconds: -3.5,
            soundOffsetMilliseconds: 1.0 / 3)
    }

    private func move(_ version: Int64, _ handovers: [HandoverEntry]) -> QueueTransition {
        QueueTransition(
            channel: .main, fromVersion: version - 1, version: version, handovers: handovers, at: start)
    }

    @Test func keepsEachWithItsMoveAndOnce() async throws {
        let store = PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        let entries = (0..<5).map(handover)
        try await store.commit(move(1, Array(entries[..<2])))
        let second = move(2, Array(entries[2...]))
        try await store.commit(second)
        // The answer to COMMIT was lost.
        try await store.commit(second)
        let page = try await store.handovers(of: .main, before: nil, limit: 3)
        #expect(page.map(\.handover.decidedAt) == [4, 3, 2].map { start + .seconds($0) })
        let rest = try await store.handovers(of: .main, before: page.last?.id, limit: 500)
        #expect(rest.count == 2)
        #expect(rest.last?.handover == entries[0])
        #expect(page.last?.handover.from?.name == "DJ 2", "a NUL is left out")
        #expect(page.last?.handover.soundOffsetMilliseconds == 1.0 / 3)
    }

    @Test func theSweepOfTheOldestIsSoundSQL() async throws {
        let store = PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        let sweep = StoredHandovers.statements(of: move(64, [handover(0)]))
        #expect(sweep.count == 2)
        for version in 1...63 as ClosedRange<Int64> { try await store.commit(move(version, [])) }
        try await store.commit(move(64, [handover(0)]))
        #expect(try await store.handovers(of: .main, before: nil, limit: 500).count == 1)
    }
}
