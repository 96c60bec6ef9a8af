import Domain
import Ingest
import Synchronization
import TestKit
import Testing

/// "Test my stream": an encoder at the application `test`.
@Suite struct RehearsalTests {
    @Test func aTestJoinsNoQueueAndIsInNoRack() async throws {
        let bench = IngestServiceTests.Bench()
        let connection = FakeConnection()
        let sink = try await bench.open("good", application: "test", connection: connection).get()
        #expect(bench.queue.state.withLock { $0.asked } == 0)
        #expect(bench.rack.lines.withLock { $0.isEmpty })
        let rehearsal = try #require(bench.service.rehearsal(of: bench.owner.user))
        #expect(!rehearsal.missing.isEmpty)
        #expect(bench.service.rehearsal(of: .random()) == nil)
        sink.silenceBegan()
        #expect(bench.service.rehearsal(of: bench.owner.user)?.isSilent == true)
        // The key's end is the test's end (I10).
        bench.service.close(publishedWith: bench.owner.key, reason: "revoked")
        #expect(connection.reasons.withLock { $0 } == ["revoked"])
        sink.ended(.closedByServer)
        #expect(bench.service.rehearsal(of: bench.owner.user) == nil)
        #expect(bench.queue.state.withLock { $0.ended.isEmpty && $0.silences.isEmpty })
    }

    @Test func theNewerTestTakesThePlaceOfTheOlder() async throws {
        let bench = IngestServiceTests.Bench()
        let (first, second) = (FakeConnection(), FakeConnection())
        let older = try await bench.open("good", application: "test", connection: first).get()
        _ = try await bench.open("good", application: "test", connection: second).get()
        #expect(first.reasons.withLock { $0.count } == 1)
        #expect(second.reasons.withLock { $0.isEmpty })
        // The older one's end comes late and takes nothing away.
        older.ended(.closedByServer)
        #expect(bench.service.rehearsal(of: bench.owner.user) != nil)
    }

    @Test func aTestNeedsAGoodKey() async {
        let bench = IngestServiceTests.Bench()
        #expect(await bench.refusal("bad", application: "test") == .unknownKey)
        #expect(await bench.refusal("", application: "test") == .missingKey)
    }

    @Test func whoNobodyLetThroughIsToldToTheQueue() async throws {
        let bench = IngestServiceTests.Bench()
        var owner = bench.owner
        owner.isApproved = false
        bench.set("new", owner)
        _ = try await bench.open("new").get()
        #expect(bench.queue.state.withLock { $0.joined.map(\.isNew) } == [true])
    }
}
