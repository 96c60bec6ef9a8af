import Domain
import Ingest
import Synchronization
import Testing

/// What encoders that hammer hear, and what they cost.
@Suite struct KeyBackoffTests {
    private typealias Bench = IngestServiceTests.Bench

    private func lookUps(_ bench: Bench) -> Int { bench.keys.state.withLock { $0.lookUps } }

    @Test func aWrongKeyThatHammersIsLookedUpOnce() async {
        let bench = Bench()
        for _ in 0..<5 { #expect(await bench.refusal("bad") == .unknownKey) }
        #expect(await bench.refusal("bad") == .slowDown(retryAfter: .seconds(2)))
        for _ in 0..<1_000 { _ = await bench.refusal("bad") }
        #expect(lookUps(bench) == 1)
        #expect(await bench.refusal("bad") == .slowDown(retryAfter: .seconds(300)))
        bench.clock.advance(.seconds(400))
        #expect(await bench.refusal("bad") == .unknownKey)
        #expect(lookUps(bench) == 2)
    }

    @Test func theSameWrongKeyFromAnotherNetworkIsAnotherMatter() async {
        let bench = Bench()
        for _ in 0..<50 { _ = await bench.refusal("bad") }
        #expect(await bench.refusal("bad", from: "192.0.2.2") == .unknownKey)
    }

    @Test func guessingFromANetworkNeverKeepsARightKeyOut() async {
        let bench = Bench()
        for number in 0..<500 { _ = await bench.refusal("guess \(number)") }
        #expect(await bench.refusal("good") == nil)
        guard case .slowDown = await bench.refusal("one more guess") else {
            Issue.record("500 wrong keys did not slow their network down")
            return
        }
    }

    @Test func aFloodOfNetworksNeverKeepsARightKeyOut() async {
        let bench = Bench()
        for number in 0..<20_000 { _ = await bench.refusal("bad", from: "network \(number)") }
        #expect(await bench.refusal("good", from: "network 19999") == nil)
    }

    @Test func aRevokedKeyThatHammersIsLookedUpSeldom() async {
        let bench = Bench()
        var owner = bench.owner
        owner.isRevoked = true
        bench.set("good", owner)
        // Ten times a second for a minute.
        for _ in 0..<600 {
            #expect(await bench.refusal("good") == .revokedKey)
            bench.clock.advance(.milliseconds(100))
        }
        #expect((3...12).contains(lookUps(bench)), "\(lookUps(bench))")
        owner.isRevoked = false
        bench.set("good", owner)
        bench.clock.advance(.seconds(15))
        #expect(await bench.refusal("good") == nil)
    }

    @Test func aKeyThatTheQueueRefusesAsksItSeldomAndIsInSoonAfterItOpens() async {
        let bench = Bench()
        bench.queue.state.withLock { $0.refusal = .queueClosed }
        for number in 0..<600 {
            #expect(await bench.refusal("good", from: "192.0.2.\(number % 200)") == .queueClosed)
            bench.clock.advance(.milliseconds(100))
        }
        let asked = bench.queue.state.withLock { $0.asked }
        #expect((10...25).contains(asked), "\(asked)")
        #expect(lookUps(bench) == asked)
        bench.queue.state.withLock { $0.refusal = nil }
        bench.clock.advance(.seconds(4))
        #expect(await bench.refusal("good") == nil)
        // Accepted once, it starts anew.
        bench.queue.state.withLock { $0.refusal = .queueClosed }
        #expect(await bench.refusal("good") == .queueClosed)
        bench.queue.state.withLock { $0.refusal = nil }
        #expect(await bench.refusal("good") == nil)
    }
}
