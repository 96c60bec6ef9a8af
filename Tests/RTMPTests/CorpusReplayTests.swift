import Foundation
import NIOCore
import Testing

/// Runs the seeds of `Fuzz/corpus` without the fuzzer: what was found once, or stands for a form of input, is fed again.
struct CorpusReplayTests {
    private static let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Fuzz/corpus").standardizedFileURL

    @Test(arguments: FuzzTarget.allCases) func replaysEverySeed(target: FuzzTarget) throws {
        let folder = Self.corpus.appendingPathComponent(target.rawValue)
        let seeds = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(seeds.count > 1)
        for seed in seeds { target.run(ByteBuffer(bytes: try Data(contentsOf: seed))) }
    }
}
