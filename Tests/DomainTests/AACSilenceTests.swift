import Domain
import NIOCore
import TestKit
import Testing

@Suite struct AACSilenceTests {
    private func silence(_ configuration: String) throws -> [UInt8]? {
        let format = try AACConfiguration(bytes(configuration)).format
        return AACSilence.frame(for: format).map { Array($0.readableBytesView) }
    }

    /// 000 0000 (SCE, tag 0) · 00000000 (gain) · 11 zeros (ics) · 000 · 111 (END) · padding.
    @Test func writesOneSingleChannelElementForMono() throws {
        #expect(try silence("1188") == bytes("00 00 00 07"))
    }

    /// 001 0000 (CPE) · 1 (common window) · 11 zeros · 00 (mask) · twice 11 zeros · 111 · padding.
    @Test func writesOnePairForStereo() throws {
        #expect(try silence("1190") == bytes("21 00 00 00 00 1c"))
        #expect(try silence("119056e500") == silence("1190"))
    }

    @Test func writesOneForEveryLayoutWithAName() throws {
        for layout in 1...7 {
            let bits = 2 << 11 | 3 << 7 | layout << 3
            let format = try AACConfiguration([UInt8(bits >> 8), UInt8(bits & 0xFF)]).format
            #expect(AACSilence.frame(for: format) != nil)
        }
    }

    @Test func hasNoneForALayoutThatIsSpelledOut() throws {
        #expect(try silence("11 80 04 c4 01 00 20") == nil)
    }

    @Test func hasNoneForAConfigurationCutShort() {
        var format = AudioFormat.synthetic(sampleRate: 48_000, channels: 2)
        format.configuration = [0x11]
        #expect(AACSilence.frame(for: format) == nil)
    }
}
