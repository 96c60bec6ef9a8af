import Broadcast
import Domain
import NIOCore
import RTMP
import RTMPTransport
import TestKit
import Testing

/// HEVC to players and servers that announced it, and to those that did not (docs/hevc.md).
@Suite(.timeLimit(.minutes(2))) struct HEVCPlayTests {
    private static func stage() throws -> PlayStage {
        try PlayStage(
            MediaRecipe().with { ($0.seconds, $0.codec, $0.bFrames, $0.keyFrameInterval) = (2, .hevc, 2, 30) })
    }

    /// Our own client says `hvc1` in its connect.
    @Test func aPlayerThatAnnouncedItIsSentHEVC() async throws {
        let stage = try Self.stage()
        stage.feed(60)
        try await stage.withServer { _, port in
            let sink = PlayedSink()
            _ = try await PlayStage.client().play(
                PlayStage.address("rtmp://127.0.0.1:\(port)/play/main"), into: sink)
            stage.feed(60)
            await sink.wait(forUnits: 100)
            let record = sink.record
            #expect(record.formats.first == .video(stage.clip.format.video))
            let pictures = record.units.filter { $0.track == .video }
            #expect(pictures.first?.isKeyFrame == true && pictures.count > 30)
            #expect(pictures.contains { $0.presentationTime > $0.decodeTime })
        }
    }

    /// An older player would take Enhanced RTMP's tags for damage: it gets the sound.
    @Test func aPlayerThatDidNotIsSentTheSoundAlone() async throws {
        let stage = try Self.stage()
        stage.feed(60)
        try await stage.withServer { _, port in
            let player = try await RawClient.connect(port: port)
            try await player.send(PeerBytes.play("main"))
            stage.hub.finished()
            let messages = try Self.messages(try await player.received())
            #expect(!messages.contains { $0.type == 9 })
            #expect(messages.filter { $0.type == 8 }.count > 20)
            func says(_ words: String, _ message: RTMPMessage) -> Bool {
                message.payload.readableBytesView.firstRange(of: Array(words.utf8)) != nil
            }
            let metadata = try #require(messages.first { $0.type == 18 && says("onMetaData", $0) })
            #expect(says("audiocodecid", metadata) && !says("videocodecid", metadata))
        }
    }

    @Test func tellsPicturesByTheCodecOfEachUnit() {
        func first(_ codec: VideoFormat.Codec, _ presentation: MediaTime) -> [UInt8]? {
            let unit = ProgrammeUnit(
                track: .video, decodeTime: .zero, presentationTime: presentation, duration: .milliseconds(40),
                isKeyFrame: true, videoCodec: codec, payload: ByteBuffer(bytes: [0, 0, 0, 1, 0x26]))
            // Behind a full chunk header of twelve bytes.
            return RTMPHubWrapping().body(unit).getBytes(at: 12, length: 8)
        }
        #expect(first(.h264, .zero)?.prefix(2) == [0x17, 1])
        // Key frame, "CodedFramesX" without an offset, "CodedFrames" with one; then `hvc1`.
        #expect(first(.hevc, .zero)?.prefix(5) == [0x93, 0x68, 0x76, 0x63, 0x31])
        #expect(first(.hevc, .milliseconds(80)) == [0x91, 0x68, 0x76, 0x63, 0x31, 0, 0, 80])
    }

    /// What a server sent behind its part of the handshake.
    private static func messages(_ bytes: ByteBuffer) throws -> [RTMPMessage] {
        var decoder = ChunkDecoder(limits: RTMPLimits())
        decoder.mediaIsAllowed = true
        decoder.append(try #require(bytes.getSlice(at: 1 + 2 * 1536, length: bytes.readableBytes - 1 - 2 * 1536)))
        var messages: [RTMPMessage] = []
        while let message = try decoder.next() { messages.append(message) }
        return messages
    }
}
