import Domain
import Foundation
import NIOCore
import TestKit
import Testing

/// libavcodec hears nothing in the silence that we write ourselves.
@Suite struct AACSilenceDecodingTests {
    /// `adts_frame` (ISO/IEC 14496-3 §1.A.2.2) without CRC around one frame.
    private func adts(_ payload: [UInt8], rateIndex: Int, layout: Int) -> [UInt8] {
        let length = payload.count + 7
        return [
            0xFF, 0xF1, UInt8(1 << 6 | rateIndex << 2 | layout >> 2),
            UInt8((layout & 3) << 6 | length >> 11), UInt8(length >> 3 & 0xFF), UInt8((length & 7) << 5 | 0x1F), 0xFC,
        ] + payload
    }

    @Test(arguments: 1...7, [3, 4]) func everyLayoutDecodesToZeros(layout: Int, rateIndex: Int) throws {
        let bits = 2 << 11 | rateIndex << 7 | layout << 3
        let format = try AACConfiguration([UInt8(bits >> 8), UInt8(bits & 0xFF)]).format
        let frame = try #require(AACSilence.frame(for: format))
        let stream = (0..<20).flatMap { _ in
            adts(Array(frame.readableBytesView), rateIndex: rateIndex, layout: layout)
        }
        let folder = try MediaTool.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter is lost.
        let file = folder.appendingPathComponent("silence.aac")
        try Data(stream).write(to: file)
        let outcome = try MediaTool.run(
            "ffmpeg", ["-v", "error", "-i", file.path, "-f", "s16le", "-acodec", "pcm_s16le", "-"])
        #expect(outcome.status == 0)
        #expect(outcome.errors.isEmpty)
        #expect(outcome.output.count == 20 * 1024 * format.channels * 2)
        #expect(outcome.output.allSatisfy { $0 == 0 })
    }
}
