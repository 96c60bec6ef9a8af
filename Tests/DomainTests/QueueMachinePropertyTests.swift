import Domain
import TestKit
import Testing

/// Random histories with a fake clock hold what design §4 promises.
@Suite(.serialized) struct QueueMachinePropertyTests {
    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func randomHistoriesKeepTheInvariants(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<400 {
            try playHistory(&generator, seed: seed)
            await Task.yield()
        }
    }

    private func playHistory(_ generator: inout SeededGenerator, seed: UInt64) throws {
        var bench = QueueBench(settings: QueueSettings(slotSeconds: 60))
        var takes: [Int: Int] = [:]
        var joined: [EntryID] = []
        var nextEntry = 1
        for _ in 0..<50 {
            let number = Int.random(in: 1...5, using: &generator)
            let before = bench.machine.entries
            switch Int.random(in: 0..<8, using: &generator) {
            case 0, 1:
                takes[number, default: 0] += 1
                let (result, _) = bench.join(number, take: takes[number] ?? 0, entry: nextEntry)
                if case .success(let id) = result, !joined.contains(id) { joined.append(id) }
                nextEntry += 1
            case 2, 3: bench.ready(number, take: takes[number] ?? 0)
            case 4: bench.end(number, take: takes[number] ?? 0, Bool.random(using: &generator) ? .finished : .dropped)
            case 5: bench.shows(Bool.random(using: &generator) ? number : nil, take: takes[number] ?? 0)
            // An empty queue refuses; that is its right answer.
            case 6: _ = try? bench.skip()
            default: bench.wait(.milliseconds(Int.random(in: 1...40_000, using: &generator)))
            }
            check(bench, before: before, seed: seed)
        }
        checkNobodyIsLost(bench, joined: joined, seed: seed)
    }

    private func check(_ bench: QueueBench, before: [QueueEntry], seed: UInt64) {
        let entries = bench.machine.entries
        let onAir = entries.filter { $0.state == .onAir }
        #expect(onAir.count <= 1, "I1, seed \(seed)")
        let someoneReady = entries.contains { $0.readiness.isReady && $0.session != nil }
        #expect(!someoneReady || onAir.count == 1, "someone is ready, nobody is on air; seed \(seed)")
        #expect(Set(entries.map(\.user)).count == entries.count, "one entry a person; seed \(seed)")
        let waiting = entries.filter { $0.state == .waiting }.map(\.position)
        #expect(waiting == waiting.sorted(), "seed \(seed)")
        for old in before {
            guard let new = entries.first(where: { $0.id == old.id }) else { continue }
            #expect(new.position == old.position, "places move by rules only; seed \(seed)")
            #expect(new.usedOnAir >= old.usedOnAir, "seed \(seed)")
        }
        for view in bench.machine.view(now: bench.now).entries {
            #expect((view.remainingSeconds ?? 0) >= 0, "seed \(seed)")
        }
    }

    /// Everyone who joined is in the queue or left it once, with a reason.
    private func checkNobodyIsLost(_ bench: QueueBench, joined: [EntryID], seed: UInt64) {
        var ended: [EntryID: Int] = [:]
        for case .queueLeft(let entry, _, _) in bench.moves.flatMap(\.events) { ended[entry, default: 0] += 1 }
        #expect(ended.values.allSatisfy { $0 == 1 }, "seed \(seed)")
        let live = Set(bench.machine.entries.map(\.id))
        #expect(live.isDisjoint(with: ended.keys), "seed \(seed)")
        #expect(Set(joined) == live.union(ended.keys), "seed \(seed)")
    }
}
