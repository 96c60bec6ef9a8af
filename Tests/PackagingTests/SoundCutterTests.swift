import Domain
import TestKit
import Testing

@testable import Packaging

/// The sound's own parts: draft-pantos-hls-rfc8216bis §4.4.4.9.
@Suite struct SoundCutterTests {
    /// What a segment's parts come to, as durations; checks that no frame is lost or moved.
    private func cut(_ segment: ScriptSegment, longest: MediaTime) -> [MediaTime] {
        var cutter = SoundCutter(longestPart: longest)
        var pieces = segment.parts.flatMap { cutter.add($0) }
        pieces += cutter.rest()
        let expected = segment.units.filter { $0.track == .audio }
        #expect(pieces.flatMap(\.units).map(\.decodeTime) == expected.map(\.decodeTime))
        #expect(pieces.allSatisfy { !$0.units.isEmpty })
        return pieces.map { piece in piece.units.reduce(.zero) { $0 + $1.duration } }
    }

    private func keepsTheRule(
        _ sources: [(ProgrammeFormat, [ProgrammeUnit])], target: Int64, _ comment: Comment
    ) {
        let configuration = HLSConfiguration(partTarget: .milliseconds(target))
        let longest = configuration.longestAudioPart
        for segment in Segmenter.run(sources, configuration: configuration.segmenting) {
            let durations = cut(segment, longest: longest)
            #expect(durations.allSatisfy { $0 <= longest }, comment)
            #expect(durations.dropLast().allSatisfy { $0 >= longest * 85 / 100 }, comment)
        }
    }

    @Test(arguments: [Int64(333), 437, 500, 1000]) func partsAreAsLongAsTheTargetAllows(target: Int64) {
        for rate in [Int64(1), 5, 9, 10, 15, 20, 24, 25, 30, 48, 50, 60, 144] {
            let source = Script.source(from: .seconds(3.21), seconds: 13, gop: Int(rate) * 2, frameRate: rate)
            keepsTheRule([(Script.formatA, source)], target: target, "\(rate) pictures a second")
        }
    }

    /// A hand-over's last sound, or sound whose pictures stopped.
    @Test(.serialized, arguments: 0..<100 as Range<UInt64>) func partsKeepTheRuleInRandomProgrammes(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var time = MediaTime.seconds(1)
        var sources: [(ProgrammeFormat, [ProgrammeUnit])] = []
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            let seconds = Double.random(in: 0.05...12, using: &generator)
            var units = Script.source(
                from: time, seconds: seconds, gop: Int.random(in: 1...400, using: &generator),
                frameRate: [1, 5, 9, 15, 25, 30, 60].randomElement(using: &generator) ?? 30,
                audioLate: .milliseconds(Int64.random(in: -1500...1500, using: &generator)))
            if Bool.random(using: &generator) {
                units.removeAll { $0.track == .video && Int.random(in: 0...9, using: &generator) == 0 }
            }
            sources.append((Bool.random(using: &generator) ? Script.formatA : Script.formatB, units))
            time = max(time, units.map { $0.decodeTime + $0.duration }.max() ?? time)
        }
        keepsTheRule(sources, target: [333, 437, 500].randomElement(using: &generator) ?? 500, "seed \(seed)")
    }

    @Test func partsStandWhereThePicturesDoWhileThatKeepsTheRule() {
        let segments = Segmenter.run([(Script.formatA, Script.source(from: .zero, seconds: 8, gop: 60))])
        for segment in segments {
            var cutter = SoundCutter(longestPart: HLSConfiguration().longestAudioPart)
            for part in segment.parts {
                let pieces = cutter.add(part)
                #expect(pieces.map(\.start) == [part.start])
            }
            #expect(cutter.rest().isEmpty)
        }
    }

    @Test func aFrameLongerThanAPartIsAPartByItself() {
        var part = Segmenter.run([(Script.formatA, Script.source(from: .zero, seconds: 2, gop: 60))])[0].parts[0]
        part.units = part.units.filter { $0.track == .audio }
        part.units[1].duration = .seconds(3)
        var cutter = SoundCutter(longestPart: .milliseconds(526))
        let pieces = cutter.add(part) + cutter.rest()
        #expect(pieces.map(\.units.count).reduce(0, +) == part.units.count)
        #expect(pieces.contains { $0.units.count == 1 && $0.units[0].duration == .seconds(3) })
    }
}
