import Domain
import NIOCore
import TestKit
import Testing

/// `ffmpeg -f lavfi -i testsrc2=s=320x180:r=25 -c:v libvpx-vp9 -deadline realtime -cpu-used 8`, its `vpcC` and the begin of its
/// frames; the second with `-profile:v 3 -pix_fmt yuv422p10le`.
private enum Sample {
    static let profile0 = "01000000 00 0b 82 020202 0000"
    static let profile3 = "01000000 03 0b a4 020202 0000"
    static let keyFrame0 = "824983420013f00b360638241c184a00"
    static let interFrame0 = "86004092f121400000907f91e44e8e35"
    static let keyFrame3 = "b124c1a102009f8059b031c120e0c2c0"
    static let interFrame3 = "b30020497890a00000887f91e46edaf7"
}

struct VP9ConfigurationTests {
    @Test func readsTheRecordAndTheSizeFromAKeyFrame() throws {
        var configuration = try VP9Configuration(buffer(Sample.profile0))
        #expect(configuration.format.codec == .vp9 && configuration.format.width == 0)
        #expect(configuration.format.level == 11 && configuration.format.bitDepth == 8)
        #expect(configuration.format.chromaFormat == 1)
        #expect(configuration.format.configuration == bytes(Sample.profile0))
        configuration.update(try VP9FrameHeader(buffer(Sample.keyFrame0)))
        #expect(configuration.format.width == 320 && configuration.format.height == 180)
    }

    @Test func readsTenBitsAndWiderChroma() throws {
        var configuration = try VP9Configuration(buffer(Sample.profile3))
        #expect(configuration.format.bitDepth == 10 && configuration.format.chromaFormat == 2)
        configuration.update(try VP9FrameHeader(buffer(Sample.keyFrame3)))
        #expect(configuration.format.bitDepth == 10 && configuration.format.chromaFormat == 2)
        #expect(configuration.format.width == 320 && configuration.format.height == 180)
        #expect(configuration.format.profile == 3)
    }

    @Test func takesTheRecordWithoutTheBoxesHead() throws {
        let bare = try VP9Configuration(buffer("00 0b 82 020202 0000"))
        #expect(bare == (try VP9Configuration(buffer(Sample.profile0))))
    }

    @Test func findsKeyFramesInTheFrameHeader() throws {
        #expect(try VP9FrameHeader(buffer(Sample.keyFrame0)).keyPicture != nil)
        #expect(try VP9FrameHeader(buffer(Sample.interFrame0)).keyPicture == nil)
        #expect(try VP9FrameHeader(buffer(Sample.interFrame3)).keyPicture == nil)
        // marker 10 · profile 00 · show_existing_frame 1
        #expect(try VP9FrameHeader(buffer("88")).keyPicture == nil)
    }

    @Test func namesWhatIsWrong() {
        for (record, word) in [
            ("01000000 04 0b 82 020202 0000", "profile"), ("01000000 00 0b 92 020202 0000", "bitDepth"),
            ("01000000 00 0b 88 020202 0000", "chromaSubsampling"), ("01000000 00 0b 82 0202", "too early"),
        ] {
            let error = #expect(throws: CodecError.self) { try VP9Configuration(buffer(record)) }
            #expect(error?.message.contains(word) == true, "\(record)")
        }
        for (frame, word) in [
            ("42", "frame_marker"), ("b8", "reserved_zero"), ("82498343 0013f0", "frame_sync_code"),
            ("82498342 e0 13f00b36", "color_space"), ("", "too early"),
        ] {
            let error = #expect(throws: CodecError.self) { try VP9FrameHeader(buffer(frame)) }
            #expect(error?.message.contains(word) == true, "\(frame)")
        }
    }

    @Test func survivesEveryTruncationAndDamagedByte() {
        let record = bytes(Sample.profile0)
        for length in 0..<record.count {
            #expect(throws: CodecError.self) { try VP9Configuration(ByteBuffer(bytes: record.prefix(length))) }
        }
        // Marker to size end 9 bytes and a bit in.
        for length in 0..<9 {
            #expect(throws: CodecError.self) {
                try VP9FrameHeader(ByteBuffer(bytes: bytes(Sample.keyFrame0).prefix(length)))
            }
        }
        for index in 0..<10 {
            for value in 0...255 as ClosedRange<UInt8> {
                var damaged = bytes(Sample.keyFrame3)
                damaged[index] = value
                _ = try? VP9FrameHeader(ByteBuffer(bytes: damaged))
            }
        }
    }
}
