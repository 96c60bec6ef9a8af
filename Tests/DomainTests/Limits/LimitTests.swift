import Domain
import Testing

@Suite struct RecentTableTests {
    @Test func holdsNoMoreThanItsCapacityAndTheNewestHalfOfIt() {
        var table = RecentTable<Int, Int>(capacity: 100)
        for number in 0..<10_000 {
            table[number] = number
            #expect(table.count <= 100)
            #expect(table[max(0, number - 49)] == max(0, number - 49))
        }
        #expect(table[0] == nil)
    }

    @Test func keepsWhatIsStoredAgainAndAgain() {
        var table = RecentTable<Int, Int>(capacity: 10)
        for number in 1..<1_000 {
            table[0] = number
            table[number] = number
            #expect(table[0] == number)
        }
    }

    @Test func forgetsWhatIsRemovedInEitherGeneration() {
        var table = RecentTable<Int, Int>(capacity: 4)
        for number in 0..<4 { table[number] = number }
        for number in 0..<4 { table[number] = nil }
        #expect(table.count == 0)
        #expect((0..<4).allSatisfy { table[$0] == nil })
    }

    @Test func removesInBothGenerationsWhatIsOver() {
        var table = RecentTable<Int, Int>(capacity: 8)
        for number in 0..<8 { table[number] = number }
        table.removeAll { $0 % 2 == 0 }
        #expect((0..<8).filter { table[$0] != nil } == [1, 3, 5, 7])
        #expect(table.count == 4)
    }
}

@Suite struct ArrivalRateTests {
    private static let second: Int64 = 1_000_000_000

    @Test func letsABurstInAndThenTheRate() {
        let policy = ArrivalRate.Policy(perSecond: 10, burst: 5)
        var rate = ArrivalRate()
        let now = 7 * Self.second
        let burst = (0..<20).count { _ in rate.admits(policy, at: now) }
        #expect(burst == 5)
        let later = (0..<1_000).count { rate.admits(policy, at: now + Int64($0) * Self.second / 100) }
        #expect((99...100).contains(later))
    }

    @Test func forgetsWhatWasUsedOverAQuietTime() {
        let policy = ArrivalRate.Policy(perSecond: 10, burst: 5)
        var rate = ArrivalRate()
        for _ in 0..<20 { _ = rate.admits(policy, at: 0) }
        let after = (0..<20).count { _ in rate.admits(policy, at: 60 * Self.second) }
        #expect(after == 5)
    }

    @Test(arguments: [Int.min, 0, Int.max]) func takesAnyNumberForAPolicy(number: Int) {
        var rate = ArrivalRate()
        let first = rate.admits(ArrivalRate.Policy(perSecond: number, burst: number), at: 0)
        #expect(first)
    }
}
