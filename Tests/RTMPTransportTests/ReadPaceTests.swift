import NIOCore
import Testing

@testable import RTMPTransport

/// How many bytes must wait before a publisher's socket wakes us.
struct ReadPaceTests {
    private static func second(_ number: Int64) -> NIODeadline { .uptimeNanoseconds(UInt64(number) * 1_000_000_000) }

    /// After a first look, `bytes` in each following second.
    private static func paced(_ bytes: Int, delay: Duration = .zero) -> (pace: ReadPace, threshold: Int?) {
        var pace = ReadPace(delay: delay)
        #expect(pace.looked(at: second(1), quiet: .zero) == nil, "nothing is known yet")
        pace.received(bytes)
        let threshold = pace.looked(at: second(2), quiet: .milliseconds(20))
        return (pace, threshold)
    }

    @Test(arguments: [(312_500, 16_384), (1_250_000, 32_768), (50_000, 2048), (16_000, nil)] as [(Int, Int?)])
    func readsSixtyMillisecondsOfTheBitrateAtOnce(bytes: Int, threshold: Int?) {
        #expect(Self.paced(bytes).threshold == threshold)
    }

    @Test func readsAtOnceWhatIsOnAirOrNext() {
        var (pace, _) = Self.paced(312_500)
        #expect(pace.attentionChanged(isWatched: true) == 1)
        pace.received(312_500)
        #expect(pace.looked(at: Self.second(3), quiet: .zero) == nil)
        #expect(pace.attentionChanged(isWatched: false) == nil, "the next look decides")
        pace.received(312_500)
        #expect(pace.looked(at: Self.second(4), quiet: .zero) == 16_384)
    }

    @Test func readsInPiecesWhatIsOnAirBehindADelayLine() {
        var (pace, threshold) = Self.paced(312_500, delay: .milliseconds(2000))
        #expect(threshold == 16_384)
        #expect(!pace.needsGuard)
        #expect(pace.attentionChanged(isWatched: true) == nil)
        #expect(pace.needsGuard)
        #expect(pace.guarded(quiet: .milliseconds(199)) == nil)
        // A still picture: what there is stays below the threshold.
        #expect(pace.guarded(quiet: .milliseconds(200)) == 1)
        #expect(!pace.needsGuard)
        pace.received(312_500)
        #expect(pace.looked(at: Self.second(3), quiet: .zero) == 16_384)
        #expect(pace.needsGuard)
        #expect(pace.attentionChanged(isWatched: false) == nil)
        #expect(!pace.needsGuard)
    }

    @Test func readsAtOnceBehindADelayLineThatHidesNothing() {
        var (pace, _) = Self.paced(312_500, delay: .milliseconds(499))
        #expect(pace.attentionChanged(isWatched: true) == 1)
    }

    @Test func readsAtEachByteWhatHasGoneQuiet() {
        var (pace, _) = Self.paced(312_500)
        #expect(pace.looked(at: Self.second(3), quiet: .milliseconds(200)) == 1)
    }

    @Test func setsNothingAnewForABitrateThatWavers() {
        var (pace, _) = Self.paced(312_500)
        pace.received(290_000)
        #expect(pace.looked(at: Self.second(3), quiet: .zero) == nil)
    }
}
