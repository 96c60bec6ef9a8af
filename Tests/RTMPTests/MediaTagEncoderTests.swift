import Domain
import NIOCore
import RTMP
import TestKit
import Testing

struct MediaTagEncoderTests {
    private static let record =
        "0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000468ef8fcbfdf8f800"
    private static let video = VideoFormat(
        configuration: bytes(record), parameterSets: [], width: 320, height: 180, frameRate: 25, profile: 100,
        constraints: 0, level: 12)
    private static let audio = AudioFormat(configuration: bytes("1190"), sampleRate: 48_000, channels: 2)

    private func format(_ codec: VideoFormat.Codec) -> VideoFormat {
        var format = Self.video
        format.codec = codec
        format.configuration = [1, 2, 3]
        return format
    }

    private func format(_ codec: AudioFormat.Codec) -> AudioFormat {
        AudioFormat(codec: codec, configuration: [1, 2, 3], sampleRate: 48_000, channels: 2)
    }

    @Test func writesH264AndAACAsEveryPeerReadsThem() {
        #expect(MediaTagEncoder.configuration(of: Self.video) == buffer("17 00 000000" + Self.record))
        #expect(MediaTagEncoder.configuration(of: Self.audio) == buffer("af 00 1190"))
        #expect(MediaTagEncoder.header(.h264, isKeyFrame: true, compositionOffset: 40).buffer == buffer("17 01 000028"))
        #expect(
            MediaTagEncoder.header(.h264, isKeyFrame: false, compositionOffset: -40).buffer == buffer("27 01 ffffd8"))
        #expect(MediaTagEncoder.header(.aac).buffer == buffer("af 01"))
        #expect(MediaTagEncoder.endOfSequence(.h264) == buffer("17 02 000000"))
    }

    @Test func writesTheOtherVideoCodecsWithTheirFourCC() {
        #expect(MediaTagEncoder.configuration(of: format(.hevc)) == buffer("90 68766331 010203"))
        #expect(MediaTagEncoder.configuration(of: format(.av1)) == buffer("90 61763031 010203"))
        #expect(MediaTagEncoder.configuration(of: format(.vp9)) == buffer("90 76703039 010203"))
        #expect(
            MediaTagEncoder.header(.hevc, isKeyFrame: true, compositionOffset: 40).buffer
                == buffer("91 68766331 000028"))
        #expect(
            MediaTagEncoder.header(.hevc, isKeyFrame: false, compositionOffset: 0).buffer == buffer("a3 68766331"))
        #expect(MediaTagEncoder.header(.av1, isKeyFrame: true, compositionOffset: 9).buffer == buffer("91 61763031"))
        #expect(MediaTagEncoder.header(.vp9, isKeyFrame: false, compositionOffset: 9).buffer == buffer("a1 76703039"))
        #expect(MediaTagEncoder.endOfSequence(.hevc) == buffer("92 68766331"))
    }

    @Test func writesTheOtherAudioCodecsWithTheirFourCC() {
        #expect(MediaTagEncoder.configuration(of: format(.opus)) == buffer("90 4f707573 010203"))
        #expect(MediaTagEncoder.configuration(of: format(.flac)) == buffer("90 664c6143 010203"))
        for codec in [.mp3, .ac3, .eac3] as [AudioFormat.Codec] {
            #expect(MediaTagEncoder.configuration(of: format(codec)) == nil)
        }
        #expect(MediaTagEncoder.header(.mp3).buffer == buffer("91 2e6d7033"))
        #expect(MediaTagEncoder.header(.ac3).buffer == buffer("91 61632d33"))
        #expect(MediaTagEncoder.header(.eac3).buffer == buffer("91 65632d33"))
    }

    @Test(arguments: [(Int32.max, 8_388_607), (Int32.min, -8_388_608), (-7, -7)] as [(Int32, Int64)])
    func holdsOffsetsToTheirTwentyFourBits(offset: Int32, read: Int64) throws {
        var decoder = try started()
        var body = MediaTagEncoder.header(.h264, isKeyFrame: true, compositionOffset: offset).buffer
        body.writeBytes(bytes("00000002 6588"))
        guard case .unit(let unit)? = try decoder.videoReceived(body, timestamp: 0) else {
            Issue.record("no unit")
            return
        }
        #expect(unit.presentationTime == .milliseconds(read))
    }

    private func started() throws -> MediaTagDecoder {
        var decoder = MediaTagDecoder()
        _ = try decoder.videoReceived(MediaTagEncoder.configuration(of: Self.video), timestamp: 0)
        _ = try decoder.audioReceived(#require(MediaTagEncoder.configuration(of: Self.audio)), timestamp: 0)
        return decoder
    }

    @Test func readsBackEveryUnitItWrites() throws {
        var decoder = try started()
        var random = SeededGenerator(seed: 11)
        for step in 0..<500 as Range<Int64> {
            let decodeTime = MediaTime(nanoseconds: step * 33_366_667)
            let presentationTime =
                decodeTime + MediaTime(nanoseconds: Int64.random(in: 0...200_000_000, using: &random))
            let isKeyFrame = Bool.random(using: &random)
            let payload = buffer(isKeyFrame ? "00000003 658801" : "00000002 419a")
            let offset = MediaTagEncoder.compositionOffset(decodeTime: decodeTime, presentationTime: presentationTime)
            var body = ByteBuffer()
            MediaTagEncoder.header(.h264, isKeyFrame: isKeyFrame, compositionOffset: offset).write(to: &body)
            body.writeImmutableBuffer(payload)
            let timestamp = UInt32(decodeTime.ticks(timescale: 1000))
            guard case .unit(let unit)? = try decoder.videoReceived(body, timestamp: timestamp) else {
                Issue.record("no unit at \(step)")
                return
            }
            #expect(unit.isKeyFrame == isKeyFrame && unit.payload == payload)
            #expect(unit.decodeTime == .milliseconds(decodeTime.ticks(timescale: 1000)))
            #expect(unit.presentationTime == .milliseconds(presentationTime.ticks(timescale: 1000)))
        }
        var sound = MediaTagEncoder.header(.aac).buffer
        sound.writeBytes([0x21, 0x10])
        guard case .unit(let unit)? = try decoder.audioReceived(sound, timestamp: 20_000) else {
            Issue.record("no sound")
            return
        }
        #expect(unit.payload == buffer("2110"))
    }

    @Test func readsBackTheMetadata() throws {
        let format = ProgrammeFormat(video: Self.video, audio: Self.audio)
        let expected = StreamMetadata(
            hasVideo: true, hasAudio: true, width: 320, height: 180, frameRate: 25, encoder: "Lineup 1")
        let forPlayers = MediaTagEncoder.metadata(format, encoder: "Lineup 1", isPublishing: false)
        #expect(try StreamMetadata(dataMessage: forPlayers) == expected)
        let published = MediaTagEncoder.metadata(format, encoder: "Lineup 1", isPublishing: true)
        #expect(try StreamMetadata(dataMessage: published) == expected)
        #expect(try AMF0Decoder.values(in: published).first == .string("@setDataFrame"))
        let object = try #require(AMF0Decoder.values(in: forPlayers).last?.object)
        #expect(object["videocodecid"]?.number == 7 && object["audiocodecid"]?.number == 10)
        #expect(object["audiosamplerate"]?.number == 48_000 && object["stereo"]?.boolean == true)
    }

    @Test func namesOtherCodecsByTheirFourCCInTheMetadata() throws {
        let body = MediaTagEncoder.metadata(
            ProgrammeFormat(video: format(.av1), audio: format(.opus)), encoder: "x", isPublishing: false)
        let object = try #require(AMF0Decoder.values(in: body).last?.object)
        #expect(object["videocodecid"]?.number == 1_635_135_537)
        #expect(object["audiocodecid"]?.number == 1_332_770_163)
    }
}
