import Domain
import NIOCore
import Testing

@testable import RTMPTransport

/// How many bytes must wait before a publisher's socket wakes us.
struct ReadPaceTests {
    private static func second(_ number: Int64) -> NIODeadline { .uptimeNanoseconds(UInt64(number) * 1_000_000_000) }

    /// After a first look, `bytes` in each following second.
    private static func paced(_ bytes: Int) -> (pace: ReadPace, threshold: Int?) {
        var pace = ReadPace()
        #expect(pace.looked(at: second(1), quiet: .zero) == nil, "nothing is known yet")
        pace.received(bytes)
        let threshold = pace.looked(at: second(2), quiet: .milliseconds(20))
        return (pace, threshold)
    }

    @Test(arguments: [(312_500, 31_250), (1_250_000, 32_768), (50_000, 5000), (16_000, nil)] as [(Int, Int?)])
    func readsAHundredMillisecondsOfTheBitrateAtOnce(bytes: Int, threshold: Int?) {
        #expect(Self.paced(bytes).threshold == threshold)
    }

    @Test func readsAtOnceWhatIsOnAirOrNext() {
        var (pace, _) = Self.paced(312_500)
        #expect(pace.attentionChanged(to: .watched(delay: .zero)) == 1)
        pace.received(312_500)
        #expect(pace.looked(at: Self.second(3), quiet: .zero) == nil)
        #expect(pace.attentionChanged(to: .waiting) == nil, "the next look decides")
        pace.received(312_500)
        #expect(pace.looked(at: Self.second(4), quiet: .zero) == 31_250)
    }

    @Test func readsInPiecesWhatIsOnAirBehindADelayLine() {
        var (pace, threshold) = Self.paced(312_500)
        #expect(threshold == 31_250)
        #expect(!pace.needsGuard)
        #expect(pace.attentionChanged(to: .watched(delay: .milliseconds(2000))) == nil)
        #expect(pace.needsGuard)
        #expect(pace.guarded(quiet: .milliseconds(499)) == nil)
        // A still picture: what there is stays below the threshold.
        #expect(pace.guarded(quiet: .milliseconds(500)) == 1)
        #expect(!pace.needsGuard)
        pace.received(312_500)
        #expect(pace.looked(at: Self.second(3), quiet: .zero) == 31_250)
        #expect(pace.needsGuard)
        #expect(pace.attentionChanged(to: .waiting) == nil)
        #expect(!pace.needsGuard)
    }

    @Test func aDelayThatIsTakenAwayIsReadAtOnce() {
        var (pace, _) = Self.paced(312_500)
        #expect(pace.attentionChanged(to: .watched(delay: .seconds(2))) == nil)
        #expect(pace.attentionChanged(to: .watched(delay: .zero)) == 1)
        #expect(!pace.needsGuard)
    }

    @Test func looksAgainWithinAQuarterOfTheDelay() {
        var pace = ReadPace()
        _ = pace.attentionChanged(to: .watched(delay: .milliseconds(500)))
        #expect(pace.patience == .milliseconds(125))
        _ = pace.attentionChanged(to: .watched(delay: .seconds(30)))
        #expect(pace.patience == .milliseconds(500))
    }

    @Test func readsAtOnceBehindADelayLineThatHidesNothing() {
        var (pace, _) = Self.paced(312_500)
        #expect(pace.attentionChanged(to: .watched(delay: .milliseconds(499))) == 1)
    }

    @Test func readsAtEachByteWhatHasGoneQuiet() {
        var (pace, _) = Self.paced(312_500)
        #expect(pace.looked(at: Self.second(3), quiet: .milliseconds(500)) == 1)
    }

    @Test func setsNothingAnewForABitrateThatWavers() {
        var (pace, _) = Self.paced(312_500)
        pace.received(240_000)
        #expect(pace.looked(at: Self.second(3), quiet: .zero) == nil)
        pace.received(200_000)
        #expect(pace.looked(at: Self.second(4), quiet: .zero) == 20_000)
    }
}
