import Domain
import PostgresStore
import TestKit
import Testing

@testable import LineupServer
@testable import Packaging

/// Design §5, Numbers survive; I7.
@Suite struct ChannelStartTests {
    private static let zero = WallTime(milliseconds: 1_700_000_000_000)

    private func start(stored: Int64 = 0) -> ChannelStart {
        ChannelStart(
            stored: ChannelNumbers(createdAt: Self.zero, mediaSequence: stored, discontinuitySequence: stored))
    }

    private func numbers(_ media: Int64, _ discontinuity: Int64) -> HLSChannelStore.Numbers {
        HLSChannelStore.Numbers(mediaSequence: media, discontinuitySequence: discontinuity)
    }

    @Test func aStartTakesTheAgeOrWhatIsStoredWhicheverIsMore() {
        #expect(start(stored: 7).numbers(at: Self.zero + .seconds(100)) == numbers(100, 100))
        #expect(start(stored: 700).numbers(at: Self.zero + .seconds(100)) == numbers(700, 700))
        // The clock was set back to before the channel was made.
        #expect(start(stored: 7).numbers(at: Self.zero + .seconds(-100)) == numbers(7, 7))
    }

    @Test func nothingIsStoredWhileTheAgeLiesAhead() {
        #expect(start().due(above: numbers(500, 3), at: Self.zero + .seconds(1000)) == nil)
    }

    @Test func aBurstOrAClockSetBackIsStoredAhead() throws {
        let now = Self.zero + .seconds(30)
        for present in [numbers(63, 62), numbers(29, 5), numbers(3, 63)] {
            let due = try #require(start().due(above: present, at: now))
            #expect(due.mediaSequence >= present.mediaSequence + ChannelStart.lead)
            #expect(due.discontinuitySequence >= present.discontinuitySequence + ChannelStart.lead)
            var after = start()
            after.stored.mediaSequence = due.mediaSequence
            after.stored.discontinuitySequence = due.discontinuitySequence
            #expect(after.due(above: present, at: now) == nil)
            #expect(
                after.due(above: numbers(present.mediaSequence + 90, present.discontinuitySequence + 90), at: now)
                    == nil)
        }
        #expect(start(stored: 1100).due(above: numbers(1000, 1000), at: Self.zero) == nil)
    }

    /// Killed at any moment, at any speed of segments that the margin covers: the next start begins above what was given out.
    @Test(arguments: 0..<50 as Range<UInt64>) func numbersNeverGoBack(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var kept = start()
        var now = Self.zero
        var highest = numbers(-1, -1)
        for _ in 0..<20 {
            now = now + .milliseconds(Int64.random(in: -3000...4000, using: &generator))
            var present = kept.numbers(at: now)
            #expect(present.mediaSequence > highest.mediaSequence, "seed \(seed)")
            #expect(present.discontinuitySequence > highest.discontinuitySequence, "seed \(seed)")
            for _ in 0..<Int.random(in: 1...40, using: &generator) {
                if let due = kept.due(above: present, at: now) {
                    kept.stored.mediaSequence = due.mediaSequence
                    kept.stored.discontinuitySequence = due.discontinuitySequence
                }
                now = now + .seconds(1)
                let count = Int64.random(in: 0..<ChannelStart.margin, using: &generator)
                present = numbers(present.mediaSequence + count, present.discontinuitySequence + count)
            }
            highest = present
        }
    }
}
