import Domain
import Logging
import Synchronization
import TestKit
import Testing

@testable import LineupServer

@Suite(.timeLimit(.minutes(1))) struct RetentionServiceTests {
    /// Something with so many old rows; notes each asking.
    private final class Heap: Sendable {
        struct Away: Error {}
        let state: Mutex<(left: Int, asked: [WallTime], failures: Int)>
        let (asked, ask) = AsyncStream.makeStream(of: Void.self)

        init(_ count: Int, failures: Int = 0) { state = Mutex((count, [], failures)) }

        func remove(before time: WallTime, limit: Int) throws -> Int {
            defer { ask.yield() }
            return try state.withLock { state in
                state.asked.append(time)
                if state.failures > 0 {
                    state.failures -= 1
                    throw Away()
                }
                let count = min(state.left, limit)
                state.left -= count
                return count
            }
        }

        func subject(_ name: String, keep: Duration) -> RetentionService.Subject {
            .init(name: name, keep: keep) { try self.remove(before: $0, limit: $1) }
        }
    }

    private func run(_ subjects: [RetentionService.Subject], _ body: (FakeTimer) async throws -> Void) async throws {
        let timer = FakeTimer()
        let clock = FakeWallClock(WallTime(milliseconds: 1_800_000_000_000))
        let service = RetentionService(subjects: subjects, clock: clock, timer: timer, logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            try await body(timer)
            group.cancelAll()
        }
    }

    @Test func whatIsOldGoesInBatchesWithPausesAndOnlyThat() async throws {
        let (heap, other) = (Heap(RetentionService.batch * 2 + 7), Heap(0))
        try await run([heap.subject("a", keep: .seconds(86_400)), other.subject("b", keep: .seconds(60))]) { timer in
            await timer.sleeping()
            #expect(heap.state.withLock { $0.asked.isEmpty }, "a start has enough to do")
            await timer.pass(RetentionService.firstPause)
            for _ in 0..<2 { await timer.pass(RetentionService.pauseBetweenBatches) }
            var asked = other.asked.makeAsyncIterator()
            _ = await asked.next()
            #expect(heap.state.withLock { $0.left } == 0)
            #expect(heap.state.withLock { $0.asked.count } == 3)
            #expect(heap.state.withLock { $0.asked.first } == WallTime(milliseconds: 1_800_000_000_000 - 86_400_000))
        }
    }

    @Test func aDatabaseThatIsAwayIsAskedAgainAnHourLater() async throws {
        let heap = Heap(5, failures: 1)
        try await run([heap.subject("a", keep: .seconds(60))]) { timer in
            var asked = heap.asked.makeAsyncIterator()
            await timer.pass(RetentionService.firstPause)
            _ = await asked.next()
            #expect(heap.state.withLock { $0.left } == 5)
            await timer.pass(RetentionService.interval)
            _ = await asked.next()
            #expect(heap.state.withLock { $0.left } == 0)
        }
    }
}
