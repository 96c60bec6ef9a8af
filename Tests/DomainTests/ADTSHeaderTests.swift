import Domain
import NIOCore
import TestKit
import Testing

@Suite struct ADTSHeaderTests {
    /// AAC-LC, 44.1 kHz, stereo, a frame of 371 bytes: as ffmpeg writes it.
    @Test func writesTheBitsOfTheStandard() throws {
        var bytes = ByteBuffer()
        let header = try #require(ADTSHeader(.synthetic(sampleRate: 44_100, channels: 2)))
        #expect(header.write(payloadBytes: 364, into: &bytes))
        // sync, MPEG-4, no CRC │ LC, index 4 │ 2 channels │ length 371 │ fullness 0x7FF, one block
        #expect(Array(bytes.readableBytesView) == [0xFF, 0xF1, 0x50, 0x80, 0x2E, 0x7F, 0xFC])
    }

    @Test func refusesWhatItCannotSay() throws {
        #expect(ADTSHeader(AudioFormat(codec: .opus, configuration: [], sampleRate: 48_000, channels: 2)) == nil)
        #expect(ADTSHeader(AudioFormat(configuration: [], sampleRate: 47_999, channels: 2)) == nil)
        #expect(ADTSHeader(AudioFormat(configuration: [], sampleRate: 48_000, channels: 7)) == nil)
        #expect(ADTSHeader(AudioFormat(configuration: [], objectType: 23, sampleRate: 48_000, channels: 2)) == nil)
        let core = ADTSHeader(AudioFormat(configuration: [], objectType: 5, sampleRate: 24_000, channels: 2))
        let header = try #require(core)
        var bytes = ByteBuffer()
        #expect(!header.write(payloadBytes: 8185, into: &bytes) && bytes.readableBytes == 0)
        #expect(header.write(payloadBytes: 8184, into: &bytes) && bytes.readableBytes == 7)
    }
}
