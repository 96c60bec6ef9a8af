import Domain
@testable import Ingest
import NIOCore
import TestKit
import Testing

@Suite struct TimestampNormalizerTests {
    private func unit(_ track: TrackKind, _ decode: Int64, reorder: Int64 = 0) -> AccessUnit {
        AccessUnit(
            track: track, decodeTime: .milliseconds(decode), presentationTime: .milliseconds(decode + reorder),
            isKeyFrame: false, payload: ByteBuffer())
    }

    /// Runs `units` through one normaliser: DTS in milliseconds, and where the cuts were.
    private func run(_ units: [AccessUnit]) -> (times: [Int64], cuts: [Int]) {
        var normalizer = TimestampNormalizer()
        var times: [Int64] = []
        var cuts: [Int] = []
        for (index, unit) in units.enumerated() {
            guard let result = normalizer.normalize(unit) else { continue }
            times.append(result.unit.decodeTime.ticks(timescale: 1000))
            if result.isCut { cuts.append(index) }
        }
        return (times, cuts)
    }

    @Test func beginsAtZeroAndKeepsTheOffsetBetweenTracks() {
        let result = run([unit(.video, 90_000), unit(.audio, 90_013), unit(.video, 90_033), unit(.audio, 90_034)])
        #expect(result.times == [0, 13, 33, 34])
        #expect(result.cuts.isEmpty)
    }

    @Test func aJumpAheadIsOneCutForBothTracks() {
        let hour: Int64 = 3_600_000
        let result = run([
            unit(.video, 0), unit(.audio, 5), unit(.video, 33), unit(.audio, 26), unit(.video, hour + 66),
            unit(.audio, hour + 47), unit(.video, hour + 99), unit(.audio, hour + 68),
        ])
        #expect(result.cuts == [4])
        #expect(result.times == [0, 5, 33, 26, 66, 47, 99, 68])
    }

    @Test func aStepBackIsACutAndTimeGoesOn() {
        let result = run([unit(.video, 50_000), unit(.video, 50_040), unit(.video, 10), unit(.video, 50)])
        #expect(result.cuts == [2])
        #expect(result.times == [0, 40, 80, 120])
    }

    @Test func unitsOnTheirWayDuringAJumpDoNotJumpBack() {
        let result = run([
            unit(.video, 0), unit(.audio, 0), unit(.video, 40), unit(.video, 100_080), unit(.audio, 21),
            unit(.audio, 42), unit(.audio, 100_064), unit(.video, 100_120),
        ])
        #expect(result.cuts == [3])
        #expect(result.times == [0, 0, 40, 80, 21, 42, 64, 120])
    }

    @Test func smallStepsBackAreSqueezedSoThatTimeRises() {
        let result = run([unit(.audio, 100), unit(.audio, 121), unit(.audio, 121), unit(.audio, 90), unit(.audio, 142)])
        #expect(result.times == [0, 21, 22, 23, 42])
        #expect(result.cuts.isEmpty)
    }

    @Test func aHoleOfAFewSecondsStays() {
        let result = run([unit(.video, 0), unit(.video, 40), unit(.video, 5040)])
        #expect(result.times == [0, 40, 5040])
    }

    @Test func aTrackThatStartsElsewhereIsPutBesideTheOther() {
        let result = run([unit(.video, 1_000_000), unit(.video, 1_000_040), unit(.audio, 3), unit(.audio, 24)])
        #expect(result.times == [0, 40, 40, 61])
        #expect(result.cuts.isEmpty)
    }

    @Test(arguments: [-40, 60_000] as [Int64]) func anImpossibleReorderCountsAsNone(reorder: Int64) {
        var normalizer = TimestampNormalizer()
        let result = normalizer.normalize(unit(.video, 100, reorder: reorder))
        #expect(result?.unit.presentationTime == result?.unit.decodeTime)
    }

    @Test func aTimestampThatMeansNothingIsLeftOut() {
        var normalizer = TimestampNormalizer()
        var broken = unit(.video, 0)
        broken.decodeTime = MediaTime(nanoseconds: .max)
        #expect(normalizer.normalize(broken) == nil)
        broken.decodeTime = MediaTime(nanoseconds: .min)
        #expect(normalizer.normalize(broken) == nil)
    }

    /// Whatever comes: DTS rises strictly per track, PTS is not before it, and nothing traps.
    @Test(arguments: Array(UInt64(1)...20)) func timeRisesWhateverComes(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var normalizer = TimestampNormalizer()
        var last: [TrackKind: MediaTime] = [:]
        var clock: Int64 = Int64.random(in: -1_000_000...1_000_000, using: &generator)
        for _ in 0..<2000 {
            switch Int.random(in: 0..<100, using: &generator) {
            case 0: clock = Int64.random(in: -2_000_000_000_000...2_000_000_000_000, using: &generator)
            case 1...5: clock += Int64.random(in: -3000...15_000, using: &generator)
            default: clock += Int64.random(in: 0...40, using: &generator)
            }
            let track: TrackKind = Bool.random(using: &generator) ? .video : .audio
            let reorder = track == .video ? Int64.random(in: -100...200, using: &generator) : 0
            guard let result = normalizer.normalize(unit(track, clock, reorder: reorder))?.unit else { continue }
            if let last = last[track] {
                #expect(result.decodeTime > last)
                #expect(result.decodeTime - last <= .milliseconds(10_001))
            }
            #expect(result.presentationTime >= result.decodeTime)
            last[track] = result.decodeTime
        }
    }
}
