import Domain
import NIOCore
import TestKit
import Testing

/// MP4 boxes and first bytes of what ffmpeg writes for `-f lavfi -i sine=frequency=440:sample_rate=48000` with `-c:a libopus`,
/// `libmp3lame`, `flac`, `ac3` (`-ac 6`) and `eac3`.
private enum Sample {
    static let opusStereo = "00 02 0138 0000bb80 0000 00"
    static let opusSurround = "00 06 0138 0000bb80 0000 01 04 02 000401020305"
    static let opusHead = "4f70757348656164 01 02 3801 80bb0000 0000 00"
    static let flac = "664c6143 80000022 12001200 0000fc000511 0bb802f000003840 e5f051c128e84992c0cba99724092b51"
    static let mp3At44100 = "fffb90640000023808d0bd3c"
    static let mp3At22050 = "fff340c40014388670175818"
    static let ac3 = "0b77b50b1e40ebf8403eff99"
    static let eac3 = "0b77017f3487c00020842108"
}

struct OpusHeaderTests {
    @Test func readsTheIdentificationHeaderAndMP4sBox() throws {
        let box = try OpusHeader(bytes(Sample.opusStereo))
        #expect(box.format.codec == .opus && box.format.channels == 2 && box.format.sampleRate == 48_000)
        #expect(box.preSkip == 312)
        #expect(box.format.configuration == bytes(Sample.opusHead))
        #expect(try OpusHeader(bytes(Sample.opusHead)) == box)
    }

    @Test func readsAChannelMapping() throws {
        let header = try OpusHeader(bytes(Sample.opusSurround))
        #expect(header.format.channels == 6)
        #expect(header.format.configuration.suffix(9) == bytes("01 04 02 000401020305"))
        #expect(try OpusHeader(header.format.configuration) == header)
    }

    @Test func namesWhatIsWrong() {
        for (header, word) in [
            ("01 02 0138 0000bb80 0000 00", "version"), ("00 03 0138 0000bb80 0000 00", "channel count"),
            ("00 00 0138 0000bb80 0000 00", "channel count"),
            ("00 02 0138 0000bb80 0000 01 00 00 0001", "stream count"),
            ("00 02 0138 0000bb80 0000 01 01 02 0001", "stream count"),
            ("00 02 0138 0000bb80 0000 01 01 01 0002", "channel mapping"),
        ] {
            let error = #expect(throws: CodecError.self) { try OpusHeader(bytes(header)) }
            #expect(error?.message.contains(word) == true, "\(header)")
        }
        #expect(throws: CodecError.self) { try OpusHeader(bytes(Sample.opusHead) + Array(repeating: 0, count: 300)) }
    }

    @Test func refusesEveryTruncation() {
        for header in [Sample.opusStereo, Sample.opusSurround, Sample.opusHead].map(bytes) {
            for length in 0..<header.count {
                #expect(throws: CodecError.self) { try OpusHeader(Array(header.prefix(length))) }
            }
        }
    }
}

struct MP3FrameHeaderTests {
    @Test func readsRateChannelsAndSamples() throws {
        let stereo = try MP3FrameHeader(buffer(Sample.mp3At44100)).format
        #expect(stereo.codec == .mp3 && stereo.sampleRate == 44_100 && stereo.channels == 2)
        #expect(stereo.samplesPerFrame == 1152)
        let mono = try MP3FrameHeader(buffer(Sample.mp3At22050)).format
        #expect(mono.sampleRate == 22_050 && mono.channels == 1 && mono.samplesPerFrame == 576)
        // MPEG 2.5 at 8,000 Hz, which FLV's format 14 is for.
        #expect(try MP3FrameHeader(buffer("ffe348c4")).format.sampleRate == 8000)
    }

    @Test func namesWhatIsWrong() {
        for (frame, word) in [
            ("00fb9064", "sync word"), ("ffeb9064", "MPEG version"), ("fffd9064", "layer"),
            ("fffbf064", "bitrate_index"),
            ("fffb9c64", "sampling_frequency"), ("fffb90", "too early"),
        ] {
            let error = #expect(throws: CodecError.self) { try MP3FrameHeader(buffer(frame)) }
            #expect(error?.message.contains(word) == true, "\(frame)")
        }
    }
}

struct FLACStreamInfoTests {
    @Test func readsRateChannelsAndDepth() throws {
        let head = try FLACStreamInfo(bytes(Sample.flac))
        #expect(head.format.codec == .flac && head.format.sampleRate == 48_000 && head.format.channels == 2)
        #expect(head.format.samplesPerFrame == 4608 && head.bitsPerSample == 16)
        #expect(head.format.configuration == bytes(Sample.flac))
    }

    /// As ffmpeg 9.0 sends it behind the fourCC: neither magic nor block header.
    @Test func readsTheBareBlockOfFFmpeg() throws {
        let bare = bytes(Sample.flac).dropFirst(8)
        #expect(bare.count == 34)
        #expect(try FLACStreamInfo(Array(bare)).format.configuration == bytes(Sample.flac))
        let head = try FLACStreamInfo(
            bytes("0400 0400 000000 001098 0bb802f000000000 00000000000000000000000000000000"))
        #expect(head.format.sampleRate == 48_000 && head.format.channels == 2 && head.bitsPerSample == 16)
    }

    @Test func leavesFurtherBlocksOut() throws {
        var more = bytes(Sample.flac)
        more[4] = 0
        #expect(try FLACStreamInfo(more + bytes("84000004 00000000")).format.configuration == bytes(Sample.flac))
        #expect(try FLACStreamInfo(Array(bytes(Sample.flac).dropFirst(4))).format.configuration == bytes(Sample.flac))
    }

    @Test func namesWhatIsWrong() {
        for (index, value, word) in [
            (4, 0x81, "block type"), (7, 0x21, "block length"), (8, 0, "block size"), (20, 0xF0, "bits per sample"),
        ] as [(Int, UInt8, String)] {
            var head = bytes(Sample.flac)
            head[index] = value
            if word == "block size" { head[9] = 15 }
            if word == "bits per sample" { head[20] = 0x02; head[21] = 0x10 }
            let error = #expect(throws: CodecError.self) { try FLACStreamInfo(head) }
            #expect(error?.message.contains(word) == true, "\(word): \(error?.message ?? "")")
        }
    }

    @Test func refusesEveryTruncation() {
        let head = bytes(Sample.flac)
        for length in 0..<head.count {
            #expect(throws: CodecError.self) { try FLACStreamInfo(Array(head.prefix(length))) }
        }
    }
}

struct AC3HeaderTests {
    @Test func readsFrames() throws {
        let surround = try AC3Header(frame: buffer(Sample.ac3)).format
        #expect(surround.codec == .ac3 && surround.sampleRate == 48_000 && surround.channels == 6)
        #expect(surround.samplesPerFrame == 1536)
        let stereo = try AC3Header(frame: buffer(Sample.eac3)).format
        #expect(stereo.codec == .eac3 && stereo.sampleRate == 48_000 && stereo.channels == 2)
        #expect(stereo.samplesPerFrame == 1536)
    }

    @Test func readsMP4sBoxes() throws {
        let plain = try AC3Header(configuration: bytes("103de0"), isEnhanced: false).format
        #expect(plain.codec == .ac3 && plain.channels == 6 && plain.sampleRate == 48_000)
        let enhanced = try AC3Header(configuration: bytes("0600200400"), isEnhanced: true).format
        #expect(enhanced.codec == .eac3 && enhanced.channels == 2 && enhanced.sampleRate == 48_000)
    }

    @Test func namesWhatIsWrong() {
        for (frame, word) in [
            ("0b76b50b1e40ebf8", "syncword"), ("0b77b50bde40ebf8", "fscod"), ("0b77b50b3e40ebf8", "frmsizecod"),
            ("0b77b50b1e88ebf8", "bsid"), ("0b77017ff487c000", "fscod2"),
        ] {
            let error = #expect(throws: CodecError.self) { try AC3Header(frame: buffer(frame)) }
            #expect(error?.message.contains(word) == true, "\(frame): \(error?.message ?? "")")
        }
        #expect(throws: CodecError.self) { try AC3Header(configuration: bytes("d03de0"), isEnhanced: false) }
        #expect(throws: CodecError.self) { try AC3Header(configuration: bytes("0600"), isEnhanced: true) }
    }

    @Test func survivesEveryTruncationAndDamagedByte() {
        for frame in [Sample.ac3, Sample.eac3].map(bytes) {
            for length in 0..<5 {
                #expect(throws: CodecError.self) { try AC3Header(frame: ByteBuffer(bytes: frame.prefix(length))) }
            }
            for index in 0..<8 {
                for value in 0...255 as ClosedRange<UInt8> {
                    var damaged = frame
                    damaged[index] = value
                    _ = try? AC3Header(frame: ByteBuffer(bytes: damaged))
                }
            }
        }
    }
}
