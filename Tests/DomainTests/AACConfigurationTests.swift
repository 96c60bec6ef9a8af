import Domain
import TestKit
import Testing

struct AACConfigurationTests {
    @Test func readsWhatFFmpegWrites() throws {
        let stereo = try AACConfiguration(bytes("119056e500"))
        #expect(stereo.format.objectType == 2)
        #expect(stereo.format.sampleRate == 48_000)
        #expect(stereo.format.channels == 2)
        #expect(stereo.format.samplesPerFrame == 1024)
        #expect(!stereo.hasSpectralBandReplication)
        #expect(stereo.format.configuration == bytes("119056e500"))
        #expect(try AACConfiguration(bytes("120856e500")).format.sampleRate == 44_100)
        #expect(try AACConfiguration(bytes("120856e500")).format.channels == 1)
        #expect(try AACConfiguration(bytes("13b056e500")).format.channels == 6)
    }

    @Test func readsTheTwoBytesOfOBS() throws {
        let format = try AACConfiguration(bytes("1190")).format
        #expect(format.sampleRate == 48_000 && format.channels == 2)
    }

    /// 00010 · 1111 · 0xBB80 in 24 bits · 0010 · 000.
    @Test func readsAnExplicitSampleRate() throws {
        let format = try AACConfiguration(bytes("17 80 5d c0 10")).format
        #expect(format.sampleRate == 48_000 && format.channels == 2)
    }

    @Test func readsShortFrames() throws {
        #expect(try AACConfiguration(bytes("1194")).format.samplesPerFrame == 960)
    }

    /// Object type 5: 00101 · core 24,000 (0110) · stereo 0010 · extension 48,000 (0011) · core LC 00010 · 000.
    @Test func seesSpectralBandReplicationThatIsSignalledOutright() throws {
        let parsed = try AACConfiguration(bytes("2b 11 88 00"))
        #expect(parsed.hasSpectralBandReplication && !parsed.hasParametricStereo)
        #expect(parsed.format.objectType == 5)
        #expect(parsed.format.sampleRate == 24_000)
        #expect(parsed.extensionSampleRate == 48_000)
    }

    /// LC 24,000 stereo, then 0x2B7 · 00101 · 1 · 0011.
    @Test func seesSpectralBandReplicationBehindTheCore() throws {
        let parsed = try AACConfiguration(bytes("13 10 56 e5 98"))
        #expect(parsed.hasSpectralBandReplication)
        #expect(parsed.format.objectType == 2)
        #expect(parsed.extensionSampleRate == 48_000)
        #expect(parsed.format.hasSpectralBandReplication && !parsed.format.hasParametricStereo)
    }

    /// LC 24,000 mono, then 0x2B7 · 00101 · 1 · 0011 · 0x548 · 1; and outright: 11101 · 0110 · 0001 · 0011 · 00010 · 000.
    @Test func seesParametricStereo() throws {
        let behind = try AACConfiguration(bytes("13 08 56 e5 9d 48 80"))
        #expect(behind.format.hasParametricStereo && behind.format.objectType == 2)
        let outright = try AACConfiguration(bytes("eb 09 88 00"))
        #expect(outright.format.hasParametricStereo && outright.format.objectType == 29)
        #expect(outright.format.channels == 1)
    }

    /// Layout 0: a program config element with one pair in front and one low-frequency element.
    @Test func countsTheChannelsOfAProgramConfig() throws {
        // 00010 0011 0000 000 | tag 0000 type 01 rate 0011 front 0001 side 0000 back 0000 lfe 01 data 000 coupling 0000
        // mixdowns 000 | front: 1 0000
        let parsed = try AACConfiguration(bytes("11 80 04 c4 01 00 20"))
        #expect(parsed.format.channels == 3)
    }

    @Test func refusesWhatIsNotAAC() {
        // 11111 · 001010 is object type 42 (USAC).
        let error = #expect(throws: CodecError.self) { try AACConfiguration(bytes("f9 46 40 00")) }
        #expect(error?.code == .unsupported)
    }

    @Test func refusesReservedRatesAndLayouts() {
        #expect(throws: CodecError.self) { try AACConfiguration(bytes("16 90")) }
        #expect(throws: CodecError.self) { try AACConfiguration(bytes("11 c0")) }
        #expect(throws: CodecError.self) { try AACConfiguration(bytes("17 80 00 00 90")) }
    }

    @Test func refusesEveryTruncation() {
        #expect(throws: CodecError.self) { try AACConfiguration([]) }
        #expect(throws: CodecError.self) { try AACConfiguration(bytes("11")) }
        #expect(throws: CodecError.self) { try AACConfiguration(bytes("2b 11")) }
        #expect(throws: CodecError.self) { try AACConfiguration(Array(repeating: 0x11, count: 1000)) }
    }
}
