import Domain
import NIOCore
import Packaging
import TestKit
import Testing

@Suite struct SegmenterTests {
    private func milliseconds(_ segments: [ScriptSegment]) -> [Int64] {
        segments.map { $0.duration.ticks(timescale: 1000) }
    }

    @Test func cutsAtKeyFramesOnceTwoSecondsAreIn() {
        let segments = Segmenter.run([(Script.formatA, Script.source(from: .zero, seconds: 9, gop: 30))])
        #expect(milliseconds(segments) == [2000, 2000, 2000, 2000, 1000])
        #expect(segments.allSatisfy { $0.isIndependent })
        #expect(segments.map(\.isDiscontinuous) == [true, false, false, false, false])
    }

    /// Cut there all the same, and a key frame's to a player; but pictures behind it may need the segment before.
    @Test func aSegmentThatBeginsWithACRAPictureIsNotCalledIndependent() {
        var format = Script.formatA
        format.video.codec = .hevc
        // An IDR picture, then CRA, then what a join makes of one (BLA_N_LP).
        let types: [UInt8] = [19, 21, 18]
        let source = Script.source(from: .zero, seconds: 6, gop: 60).map { unit in
            guard unit.track == .video else { return unit }
            var picture = unit
            picture.videoCodec = .hevc
            let type = unit.isKeyFrame ? types[Int(unit.decodeTime.seconds.rounded()) / 2] : 1
            picture.payload = ByteBuffer(bytes: [0, 0, 0, 3, type << 1, 1, 0xAC])
            return picture
        }
        let openers = Segmenter.run([(format, source)]).map { $0.parts[0] }
        #expect(openers.map(\.startsWithKeyFrame) == [true, true, true])
        #expect(openers.map(\.startsIndependently) == [true, false, true])
    }

    @Test func cutsLongGroupsOfPicturesUnmarked() {
        // OBS's default: a key frame every 250 pictures.
        let segments = Segmenter.run([(Script.formatA, Script.source(from: .zero, seconds: 20, gop: 250))])
        #expect(milliseconds(segments) == [4000, 4000, 333, 4000, 4000, 333, 3333])
        #expect(segments.map(\.isIndependent) == [true, false, false, true, false, false, true])
    }

    @Test func keepsToTheTargetAtEveryFrameRate() {
        for rate in [Int64(24), 25, 30, 50, 60, 144] {
            let source = Script.source(from: .seconds(7.77), seconds: 30, gop: 100_000, frameRate: rate)
            let segments = Segmenter.run([(Script.formatA, source)])
            #expect(segments.allSatisfy { $0.duration <= .seconds(4) })
            #expect(segments.dropLast().allSatisfy { $0.duration > .seconds(3.9) })
        }
    }

    @Test func givesAudioToTheSegmentOfItsTimeHoweverLateItComes() {
        for late in [MediaTime.zero, .milliseconds(200), .milliseconds(900), .milliseconds(-400)] {
            let source = Script.source(from: .zero, seconds: 8, gop: 60, audioLate: late)
            let segments = Segmenter.run([(Script.formatA, source)])
            #expect(milliseconds(segments) == [2000, 2000, 2000, 2000])
            for segment in segments {
                let audio = segment.units.filter { $0.track == .audio }
                #expect(audio.allSatisfy { $0.decodeTime >= segment.start })
                #expect(audio.allSatisfy { $0.decodeTime < segment.start + segment.duration })
            }
        }
    }

    @Test func doesNotWaitForAudioForEver() {
        var segmenter = Segmenter()
        segmenter.joined(format: Script.formatA)
        let pictures = Script.source(from: .zero, seconds: 4, gop: 60).filter { $0.track == .video }
        let given = pictures.flatMap { segmenter.unit($0) }
        // The last second may still get its sound.
        #expect(given.count == 5)
        #expect(given.allSatisfy { $0.units.count == 15 })
        #expect(given.map(\.closesSegment) == [false, false, false, true, false])
    }

    @Test func cutsByTimeWhenPicturesStopComing() {
        var source = Script.source(from: .zero, seconds: 1, gop: 30)
        source += Script.source(from: .seconds(1), seconds: 12, gop: 30).filter { $0.track == .audio }
        source += Script.source(from: .seconds(13), seconds: 2, gop: 30)
        let segments = Segmenter.run([(Script.formatA, source)])
        #expect(segments.flatMap(\.units).count == source.count)
        #expect(milliseconds(segments) == [4000, 4000, 4000, 1000, 2000])
        #expect(segments.map(\.isIndependent) == [true, false, false, false, true])
        #expect(segments.map(\.isDiscontinuous) == [true, false, false, false, false])
    }

    @Test func marksABreakWhereNothingCameAtAll() {
        let source =
            Script.source(from: .zero, seconds: 2, gop: 60) + Script.source(from: .seconds(60), seconds: 2, gop: 60)
        let segments = Segmenter.run([(Script.formatA, source)])
        #expect(segments.flatMap(\.units).count == source.count)
        #expect(segments.map(\.isDiscontinuous).filter { $0 }.count == 2)
        #expect(segments.allSatisfy { $0.duration <= .seconds(4) })
    }

    @Test func joinClosesTheSegmentAtTheFirstPictureOfTheNextSource() {
        let first = Script.source(from: .zero, seconds: 3, gop: 60)
        let second = Script.source(from: .seconds(3), seconds: 4, gop: 60)
        let segments = Segmenter.run([(Script.formatA, first), (Script.formatB, second)])
        #expect(milliseconds(segments) == [2000, 1000, 2000, 2000])
        #expect(segments.map(\.isDiscontinuous) == [true, false, true, false])
        #expect(segments.map(\.format) == [Script.formatA, Script.formatA, Script.formatB, Script.formatB])
        #expect(segments.map(\.join) == [1, 1, 2, 2])
    }

    @Test func joinOfTheSameFormatLeavesNoMark() {
        let segments = Segmenter.run([
            (Script.formatA, Script.source(from: .zero, seconds: 3, gop: 60)),
            (Script.formatA, Script.source(from: .seconds(3), seconds: 2, gop: 60)),
        ])
        #expect(segments.map(\.isDiscontinuous) == [true, false, false])
    }

    @Test func joinWithoutUnitsLeavesNoTrace() {
        let segments = Segmenter.run([
            (Script.formatA, Script.source(from: .zero, seconds: 3, gop: 60)), (Script.formatB, []),
            (Script.formatA, Script.source(from: .seconds(3), seconds: 2, gop: 60)),
        ])
        #expect(segments.map(\.isDiscontinuous) == [true, false, false])
        #expect(segments.map(\.join) == [1, 1, 3])
    }

    @Test func audioOfTheNextSourceMayComeBeforeItsPictures() {
        let first = Script.source(from: .zero, seconds: 3, gop: 60)
        let second = Script.source(from: .seconds(3), seconds: 2, gop: 60, audioLate: .milliseconds(-500))
        let segments = Segmenter.run([(Script.formatA, first), (Script.formatB, second)])
        #expect(milliseconds(segments) == [2000, 1000, 2000])
        #expect(segments.last?.units.count == second.count)
    }

    @Test func lastUnitsLastUntilTheNextOfTheirTrack() throws {
        let segments = Segmenter.run([(Script.formatA, Script.source(from: .zero, seconds: 6, gop: 45, frameRate: 31))])
        for (segment, next) in zip(segments, segments.dropFirst()) {
            for track in TrackKind.allCases {
                let last = try #require(segment.units.last { $0.track == track })
                let first = try #require(next.units.first { $0.track == track })
                // A frame of sound ends where its samples do, to the rounding.
                let gap = first.decodeTime - (last.decodeTime + last.duration)
                #expect(abs(gap.nanoseconds) <= (track == .video ? 0 : 2))
            }
        }
    }

    @Test func lastPictureBeforeADiscontinuityKeepsItsDuration() throws {
        let first = Script.source(from: .zero, seconds: 3, gop: 60)
        let second = Script.source(from: .milliseconds(3067), seconds: 2, gop: 60)
        for (format, expected) in [(Script.formatB, 33), (Script.formatA, 100)] {
            let segments = Segmenter.run([(Script.formatA, first), (format, second)])
            let last = try #require(segments[1].units.last { $0.track == .video })
            #expect(Int((last.duration.seconds * 1000).rounded()) == expected)
        }
    }

    @Test func boundsASegmentInBytes() {
        var configuration = Segmenter.Configuration()
        configuration.maximumSegmentBytes = 10_000
        var segmenter = Segmenter(configuration: configuration)
        segmenter.joined(format: Script.formatA)
        var parts: [Segmenter.Part] = []
        for index in 0..<100 {
            let time = MediaTime(ticks: Int64(index), timescale: 30)
            parts += segmenter.unit(Script.video(time, key: index == 0, bytes: 1000))
            parts += segmenter.unit(Script.audio(time))
        }
        parts += segmenter.finished()
        let segments = ScriptSegment.segments(of: parts)
        #expect(segments.allSatisfy { $0.units.reduce(0) { $0 + $1.payload.readableBytes } <= 10_100 })
        #expect(segments.flatMap(\.units).count == 200)
    }

    /// Whatever comes: nothing is lost, order per track holds, no segment is too long, segments follow each other.
    @Test(.serialized, arguments: 0..<200 as Range<UInt64>) func keepsItsPromisesForRandomProgrammes(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var time = MediaTime.seconds(Double.random(in: 0...1e6, using: &generator))
        var sources: [(ProgrammeFormat, [ProgrammeUnit])] = []
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            let seconds = Double.random(in: 0.05...12, using: &generator)
            let rates: [Int64] = [1, 15, 25, 30, 60]
            let rate = rates.randomElement(using: &generator) ?? 30
            var units = Script.source(
                from: time, seconds: seconds, gop: Int.random(in: 1...400, using: &generator), frameRate: rate,
                audioLate: .milliseconds(Int64.random(in: -1500...1500, using: &generator)))
            if Bool.random(using: &generator) {
                units.removeAll { $0.track == .video && Int.random(in: 0...9, using: &generator) == 0 }
            }
            sources.append((Bool.random(using: &generator) ? Script.formatA : Script.formatB, units))
            time = max(time, units.map { $0.decodeTime + $0.duration }.max() ?? time)
            if Int.random(in: 0...3, using: &generator) == 0 {
                time = time + .seconds(Double.random(in: 0...30, using: &generator))
            }
        }
        let segments = Segmenter.run(sources)
        let given = segments.flatMap(\.units)
        for track in TrackKind.allCases {
            let expected = sources.flatMap(\.1).filter { $0.track == track }.map(\.decodeTime)
            #expect(given.filter { $0.track == track }.map(\.decodeTime) == expected, "seed \(seed)")
        }
        #expect(segments.allSatisfy { $0.duration > .zero && $0.duration <= .seconds(4) }, "seed \(seed)")
        #expect(segments.allSatisfy { $0.units.allSatisfy { $0.duration > .zero } }, "seed \(seed)")
        let longest = Segmenter.Configuration().longestPart
        #expect(segments.allSatisfy { $0.parts.allSatisfy { $0.duration <= longest } }, "seed \(seed)")
        #expect(segments.allSatisfy { $0.parts.dropFirst().allSatisfy { !$0.isDiscontinuous } }, "seed \(seed)")
        for (before, after) in zip(segments, segments.dropFirst()) {
            let gap = after.start - (before.start + before.duration)
            #expect(gap == .zero || after.isDiscontinuous || abs(gap.seconds) <= 1, "seed \(seed)")
            #expect(after.format == before.format || after.isDiscontinuous, "seed \(seed)")
        }
    }
}

/// Parts: draft-pantos-hls-rfc8216bis §4.4.4.9.
@Suite struct PartTests {
    private func isLong(_ part: Segmenter.Part, _ configuration: Segmenter.Configuration) -> Bool {
        part.duration.seconds >= configuration.longestPart.seconds * 0.85
    }

    @Test(arguments: [Int64(333), 500, 1000]) func areAsLongAsTheTargetAllowsAtEveryFrameRate(target: Int64) {
        var configuration = Segmenter.Configuration()
        configuration.partTarget = .milliseconds(target)
        for rate in [Int64(1), 5, 10, 15, 20, 24, 25, 30, 48, 50, 60, 144] {
            let source = Script.source(from: .seconds(3.21), seconds: 13, gop: Int(rate) * 2, frameRate: rate)
            for segment in Segmenter.run([(Script.formatA, source)], configuration: configuration) {
                #expect(segment.parts.allSatisfy { $0.duration <= configuration.longestPart }, "\(rate)/s")
                #expect(segment.parts.dropLast().allSatisfy { isLong($0, configuration) }, "\(rate)/s")
            }
        }
    }

    /// RTMP's times are whole milliseconds: 0, 33, 67, 100.
    @Test func areEvenWhereTimesAreRoundedToMilliseconds() {
        let source = Script.source(from: .zero, seconds: 8, gop: 60).map { unit in
            var unit = unit
            let milliseconds = Int64((unit.decodeTime.seconds * 1000).rounded())
            if unit.track == .video {
                unit.decodeTime = .milliseconds(milliseconds)
                unit.presentationTime = unit.decodeTime
            }
            return unit
        }
        let parts = Segmenter.parts([(Script.formatA, source)])
        #expect(parts.map { $0.duration.ticks(timescale: 1000) } == Array(repeating: 500, count: 16))
    }

    @Test func followEachOtherWithoutAGapAndSayWhereTheySegmentBegins() {
        let parts = Segmenter.parts([(Script.formatA, Script.source(from: .zero, seconds: 6, gop: 60))])
        #expect(parts.map(\.opensSegment) == (0..<12).map { $0 % 4 == 0 })
        #expect(parts.map(\.closesSegment) == (0..<12).map { $0 % 4 == 3 })
        #expect(parts.map(\.hasKeyFrame) == (0..<12).map { $0 % 4 == 0 })
        for (before, after) in zip(parts, parts.dropFirst()) { #expect(before.start + before.duration == after.start) }
    }

    @Test func areGivenOutWithThePictureThatFollowsThem() {
        var segmenter = Segmenter()
        segmenter.joined(format: Script.formatA)
        for unit in Script.source(from: .zero, seconds: 2, gop: 60) {
            let given = segmenter.unit(unit)
            #expect(given.count <= 1)
            if let part = given.first { #expect(unit.decodeTime - (part.start + part.duration) < .milliseconds(22)) }
        }
    }

    @Test func aHandOverClosesPartAndSegmentAndTheNextIsIndependent() {
        let parts = Segmenter.parts([
            (Script.formatA, Script.source(from: .zero, seconds: 2.7, gop: 60)),
            (Script.formatA, Script.source(from: .milliseconds(2700), seconds: 2, gop: 60)),
        ])
        #expect(parts.map { $0.duration.ticks(timescale: 1000) } == [500, 500, 500, 500, 500, 200, 500, 500, 500, 500])
        #expect(parts[5].closesSegment)
        #expect(parts[6].opensSegment && parts[6].startsWithKeyFrame && !parts[6].isDiscontinuous)
    }

    @Test func aSpanInWhichNothingCameIsInNoPart() {
        let source =
            Script.source(from: .zero, seconds: 1, gop: 60) + Script.source(from: .seconds(1.8), seconds: 1, gop: 60)
        let segments = Segmenter.run([(Script.formatA, source)])
        #expect(segments.map { $0.duration.ticks(timescale: 1000) } == [1000, 1000])
        #expect(segments.flatMap(\.units).count == source.count)
    }
}
