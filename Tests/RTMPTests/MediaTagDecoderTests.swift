import Domain
import NIOCore
import RTMP
import TestKit
import Testing

struct MediaTagDecoderTests {
    private static let record =
        "0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000468ef8fcbfdf8f800"

    private func started() throws -> MediaTagDecoder {
        var decoder = MediaTagDecoder()
        _ = try decoder.videoReceived(buffer("17 00 000000" + Self.record), timestamp: 0)
        _ = try decoder.audioReceived(buffer("af 00 1190"), timestamp: 0)
        return decoder
    }

    private func unit(_ event: MediaEvent?) throws -> AccessUnit {
        guard case .unit(let unit) = try #require(event) else { throw Unexpected() }
        return unit
    }

    private func refusal(_ event: MediaEvent?) throws -> String {
        guard case .refused(_, let reason) = try #require(event) else { throw Unexpected() }
        return reason
    }

    private struct Unexpected: Error {}

    @Test func readsNegativeCompositionTimes() throws {
        var decoder = try started()
        let unit = try unit(decoder.videoReceived(buffer("27 01 ffffd8 00000002 419a"), timestamp: 100))
        #expect(unit.decodeTime == .milliseconds(100))
        #expect(unit.presentationTime == .milliseconds(60))
    }

    @Test func findsKeyFramesInTheNALUnitsAndNotInTheFlag() throws {
        var decoder = try started()
        #expect(try unit(decoder.videoReceived(buffer("27 01 000000 00000002 6588"), timestamp: 0)).isKeyFrame)
        #expect(try !unit(decoder.videoReceived(buffer("17 01 000000 00000002 419a"), timestamp: 1)).isKeyFrame)
    }

    @Test func convertsOtherLengthSizes() throws {
        var decoder = MediaTagDecoder()
        var record = bytes(Self.record)
        record[4] = 0xFD
        _ = try decoder.videoReceived(ByteBuffer(bytes: bytes("17 00 000000") + record), timestamp: 0)
        let unit = try unit(decoder.videoReceived(buffer("17 01 000000 0002 6588"), timestamp: 0))
        #expect(unit.payload == buffer("00000002 6588"))
    }

    @Test func announcesAConfigurationOnlyWhenItChanges() throws {
        var decoder = try started()
        #expect(try decoder.videoReceived(buffer("17 00 000000" + Self.record), timestamp: 5) == nil)
        #expect(try decoder.audioReceived(buffer("af 00 1190"), timestamp: 5) == nil)
        guard case .format(.audio(let format)) = try decoder.audioReceived(buffer("af 00 1208"), timestamp: 5) else {
            throw Unexpected()
        }
        #expect(format.sampleRate == 44_100)
    }

    @Test func dropsUnitsBeforeTheirConfiguration() throws {
        var decoder = MediaTagDecoder()
        #expect(try decoder.videoReceived(buffer("17 01 000000 00000002 6588"), timestamp: 0) == nil)
        #expect(try decoder.audioReceived(buffer("af 01 2110"), timestamp: 0) == nil)
    }

    @Test func saysWhichCodecItDoesNotTakeAndOnlyOnce() throws {
        var decoder = MediaTagDecoder()
        #expect(try refusal(decoder.videoReceived(buffer("90 76703038 01"), timestamp: 0)).contains("VP8"))
        #expect(try decoder.videoReceived(buffer("91 76703038 01"), timestamp: 0) == nil)
        #expect(try refusal(decoder.videoReceived(buffer("22 aabb"), timestamp: 0)).contains("Sorenson"))
        #expect(try refusal(decoder.audioReceived(buffer("bf aabb"), timestamp: 0)).contains("Speex"))
        #expect(try refusal(decoder.audioReceived(buffer("3f aabb"), timestamp: 0)).contains("PCM"))
        #expect(try refusal(decoder.audioReceived(buffer("90 78787878"), timestamp: 0)).contains("unknown audio codec"))
    }

    @Test func saysWhichConfigurationItCannotRead() throws {
        var decoder = MediaTagDecoder()
        #expect(try refusal(decoder.videoReceived(buffer("1c 00 000000 01"), timestamp: 0)).contains("HEVC"))
        #expect(try decoder.videoReceived(buffer("1c 01 000000 01"), timestamp: 0) == nil)
        #expect(try refusal(decoder.videoReceived(buffer("90 61763031 81"), timestamp: 0)).contains("AV1"))
        #expect(try refusal(decoder.audioReceived(buffer("90 4f707573"), timestamp: 0)).contains("Opus"))
    }

    @Test func readsAVCInEnhancedTags() throws {
        var decoder = MediaTagDecoder()
        guard case .format(.video) = try decoder.videoReceived(buffer("90 61766331" + Self.record), timestamp: 0) else {
            throw Unexpected()
        }
        let withOffset = try unit(decoder.videoReceived(buffer("91 61766331 000028 00000002 6588"), timestamp: 0))
        #expect(withOffset.presentationTime == .milliseconds(40) && withOffset.isKeyFrame)
        let without = try unit(decoder.videoReceived(buffer("a3 61766331 00000002 419a"), timestamp: 40))
        #expect(without.payload == buffer("00000002 419a"))
        // A nanosecond offset (ModEx, 3 bytes) before coded frames.
        let modified = try unit(decoder.videoReceived(buffer("a7 02 0007d0 03 61766331 00000002 419a"), timestamp: 80))
        #expect(modified.decodeTime == .milliseconds(80) + MediaTime(nanoseconds: 2000))
    }

    @Test func unwrapsTimestampsPast32Bits() throws {
        var decoder = try started()
        var last = Int64(0)
        for raw in [0x4000_0000, 0x8000_0000, 0xC000_0000, 0xFFFF_FFF0, 0x10, 0x4000_0000] as [UInt32] {
            last = try unit(decoder.videoReceived(buffer("27 01 000000 00000002 419a"), timestamp: raw)).decodeTime
                .ticks(timescale: 1000)
        }
        #expect(last == 0x1_4000_0000)
        let audio = try unit(decoder.audioReceived(buffer("af 01 2110"), timestamp: 0x3FFF_FFF0))
        #expect(audio.decodeTime == .milliseconds(0x1_3FFF_FFF0))
    }

    @Test func endsAConnectionWhoseTimestampsRunAway() throws {
        var decoder = try started()
        let error = #expect(throws: RTMPError.self) {
            var raw: UInt32 = 0
            for _ in 0..<5000 {
                raw &+= 0x7FFF_FFFF
                _ = try decoder.audioReceived(buffer("af 01 2110"), timestamp: raw)
            }
        }
        #expect(error?.code == .timestampRange)
    }

    @Test func saysSoWhenEveryPictureIsDamaged() throws {
        var decoder = try started()
        for step in 1..<10 as Range<UInt32> {
            #expect(try decoder.videoReceived(buffer("17 01 000000 000000ff 6588"), timestamp: step) == nil)
        }
        let event = try decoder.videoReceived(buffer("17 01 000000 000000ff 6588"), timestamp: 10)
        #expect(try refusal(event).contains("NAL"))
    }

    @Test func survivesEveryTruncationOfATag() throws {
        for tag in ["17 00 000000" + Self.record, "91 61766331 000028 00000002 6588", "a7 02 0007d0 03 61766331 00"] {
            let whole = bytes(tag)
            for length in 0..<whole.count {
                var decoder = MediaTagDecoder()
                _ = try decoder.videoReceived(ByteBuffer(bytes: whole.prefix(length)), timestamp: 0)
                _ = try decoder.audioReceived(ByteBuffer(bytes: whole.prefix(length)), timestamp: 0)
            }
        }
    }
}

struct StreamMetadataTests {
    private func metadata(_ object: AMF0Object, wrapped: Bool = true) throws -> StreamMetadata? {
        var body = ByteBuffer()
        if wrapped { body.writeAMF0(.string("@setDataFrame")) }
        body.writeAMF0([.string("onMetaData"), .associativeArray(object)])
        return try StreamMetadata(dataMessage: body)
    }

    @Test func readsWhatAnEncoderPromises() throws {
        let object: AMF0Object = [
            "width": .number(1280), "height": .number(720), "framerate": .number(30), "videocodecid": .number(7),
            "audiocodecid": .number(10), "encoder": .string("obs\u{7}-output"),
        ]
        let expected = StreamMetadata(
            hasVideo: true, hasAudio: true, width: 1280, height: 720, frameRate: 30, encoder: "obs-output")
        #expect(try metadata(object) == expected)
        #expect(try metadata(object, wrapped: false) == expected)
    }

    @Test func takesAnUnnamedTrackForOneThatWillNotCome() throws {
        #expect(try metadata(["audiocodecid": .number(10)])?.hasVideo == false)
        #expect(try metadata(["encoder": .string("x")])?.hasVideo == nil)
    }

    @Test func survivesNumbersThatAreNone() throws {
        let object: AMF0Object = [
            "width": .number(.nan), "height": .number(1e300), "framerate": .number(-.infinity),
            "encoder": .string(String(repeating: "é", count: 1000)),
        ]
        let result = try metadata(object)
        #expect(result?.width == nil && result?.height == nil && result?.frameRate == nil)
        #expect(result?.encoder?.unicodeScalars.count == 128)
    }
}

struct FLVFileReaderTests {
    private static let header = "464c56 01 05 00000009 00000000"

    private func tag(_ type: String, _ timestamp: String, _ body: String) -> String {
        let size = bytes(body).count
        return type + hexadecimal([0, UInt8(size >> 8), UInt8(size & 0xFF)]) + timestamp + "000000" + body + "00000000"
    }

    @Test func readsAFileTagByTag() throws {
        let file =
            Self.header + tag("09", "00000000", ClientScript.avcHeader)
            + tag("08", "00000000", ClientScript.aacHeader) + tag("09", "00000001", "17 01 000000 00000002 6588")
        var reader = try FLVFileReader(buffer(file))
        var events: [MediaEvent] = []
        while let event = try reader.next() { events.append(event) }
        #expect(events.count == 3)
        guard case .unit(let unit)? = events.last else { return }
        #expect(unit.decodeTime == .milliseconds(0x0100_0000) && unit.isKeyFrame)
    }

    @Test func leavesOutATagThatIsCutShort() throws {
        let file = bytes(Self.header + tag("09", "00000000", ClientScript.avcHeader))
        for length in 13..<file.count {
            var reader = try FLVFileReader(ByteBuffer(bytes: file.prefix(length)))
            #expect(try reader.next() == nil)
        }
        for length in 0..<13 {
            #expect(throws: RTMPError.self) { try FLVFileReader(ByteBuffer(bytes: file.prefix(length))) }
        }
    }
}
