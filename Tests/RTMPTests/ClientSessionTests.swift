import Domain
import Foundation
import NIOCore
import RTMP
import Testing

/// What real clients sent, recorded by `scripts/record-sessions`, replayed whole and in pieces of odd sizes.
struct ClientSessionTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Sessions")

    /// What the connection made of a recording.
    private struct Outcome: Equatable {
        var application: String?
        var key: String?
        var channel: String?
        var tracks: Set<TrackKind> = []
        var pictures = 0
        var keyPictures = 0
        var soundFrames = 0
        var hasMetadata = false
        var complaints: [String] = []
        var isClosed = false
    }

    private static func replay(_ name: String, pieces size: Int) throws -> Outcome {
        var bytes = ByteBuffer(bytes: try Data(contentsOf: folder.appendingPathComponent(name + ".bin")))
        var connection = ServerConnection(seed: 1)
        var outcome = Outcome()
        while let piece = bytes.readSlice(length: min(size, bytes.readableBytes)), piece.readableBytes > 0 {
            connection.bytesReceived(piece)
            while let action = connection.next() { note(action, &connection, &outcome) }
        }
        return outcome
    }

    private static func note(
        _ action: ServerConnection.Action, _ connection: inout ServerConnection, _ outcome: inout Outcome
    ) {
        switch action {
        case .authorise(let intent):
            outcome.application = intent.application
            outcome.key = intent.key.exposed
            connection.authorised()
        case .play(let intent):
            outcome.application = intent.application
            outcome.channel = intent.channel
            connection.playAccepted()
        case .media(.metadata): outcome.hasMetadata = true
        case .media(.format(let format)): outcome.tracks.insert(format.track)
        case .media(.unit(let unit)):
            if unit.track == .audio { outcome.soundFrames += 1 } else { outcome.pictures += 1 }
            if unit.track == .video, unit.isKeyFrame { outcome.keyPictures += 1 }
        case .media(.refused(_, let reason)), .media(.leftOut(_, let reason)): outcome.complaints.append(reason)
        case .close(let cause):
            outcome.isClosed = true
            outcome.complaints.append("\(cause)")
        case .send, .playback, .ended: break
        }
    }

    @Test(arguments: ["ffmpeg-publish", "obs-publish", "gstreamer-rtmp2sink-publish", "librtmp-publish"])
    func understandsAPublisher(name: String) throws {
        let whole = try Self.replay(name, pieces: .max)
        #expect(whole.application == "live")
        #expect(whole.key == "a-recorded-key")
        #expect(whole.hasMetadata)
        #expect(whole.tracks == [.video, .audio])
        #expect(whole.keyPictures >= 1)
        #expect(whole.pictures >= 2)
        #expect(whole.soundFrames >= 3)
        #expect(whole.complaints == [])
        for size in [1, 2, 127, 1460] { #expect(try Self.replay(name, pieces: size) == whole) }
    }

    @Test(arguments: ["ffmpeg-play", "librtmp-play", "vlc-play"])
    func understandsAPlayer(name: String) throws {
        let whole = try Self.replay(name, pieces: .max)
        #expect(whole.application == "play")
        #expect(whole.channel == "main")
        #expect(whole.tracks == [])
        for size in [1, 127, 1460] { #expect(try Self.replay(name, pieces: size) == whole) }
    }
}
