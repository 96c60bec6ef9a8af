import Domain
import NIOCore
import RTMP
import TestKit
import Testing

/// Our client and our server, joined without sockets; `piece` is how many bytes the line carries at once.
private struct Conversation {
    var client: ClientConnection
    var server: ServerConnection
    private(set) var clientLines: [String] = []
    private(set) var serverLines: [String] = []
    private let piece: Int

    init(_ target: ClientTarget, piece: Int = .max) {
        client = ClientConnection(target, seed: 3)
        server = ServerConnection(seed: 7)
        self.piece = piece
    }

    /// Carries bytes until neither side has any to send; the server lets everybody in.
    mutating func run() {
        var moved = true
        while moved {
            moved = false
            while let action = client.next() {
                moved = true
                switch action {
                case .send(let bytes): toServer(bytes)
                case .ready: clientLines.append("ready")
                case .media(let event): clientLines.append(Transcript.describe(event))
                case .reconnectRequested(let address, let reason):
                    clientLines.append("reconnect \(address ?? "-") \(reason)")
                case .close(let cause): clientLines.append("close \(cause)")
                }
            }
            while let action = server.next() {
                moved = true
                switch action {
                case .send(let bytes): toClient(bytes)
                case .authorise(let intent):
                    serverLines.append("authorise \(intent.key.exposed)")
                    server.authorised()
                case .play(let intent):
                    serverLines.append("play \(intent.channel)")
                    server.playAccepted()
                case .media(let event): serverLines.append(Transcript.describe(event))
                case .playback(let change): serverLines.append("\(change)")
                case .ended(let how): serverLines.append("ended \(how)")
                case .close(let cause): serverLines.append("close \(cause)")
                }
            }
        }
    }

    mutating func toServer(_ bytes: ByteBuffer) {
        var bytes = bytes
        while let part = bytes.readSlice(length: min(piece, bytes.readableBytes)), part.readableBytes > 0 {
            server.bytesReceived(part)
        }
    }

    mutating func toClient(_ bytes: ByteBuffer) {
        var bytes = bytes
        while let part = bytes.readSlice(length: min(piece, bytes.readableBytes)), part.readableBytes > 0 {
            client.bytesReceived(part)
        }
    }

}

private func target(_ role: ClientTarget.Role, _ name: String = "secret-key") -> ClientTarget {
    let application = role == .publish ? "live" : "play"
    return ClientTarget(
        role: role, application: application, address: "rtmp://127.0.0.1/\(application)", streamName: Secret(name))
}

private func shared(_ kind: SharedMessage.Kind, _ body: String, at timestamp: UInt32) throws -> SharedMessage {
    try #require(SharedMessage(kind, timestamp: timestamp, payload: buffer(body)))
}

struct ClientConnectionTests {
    @Test(arguments: [.max, 1, 100])
    func publishesToOurServer(piece: Int) throws {
        var conversation = Conversation(target(.publish), piece: piece)
        conversation.run()
        #expect(conversation.clientLines == ["ready"])
        #expect(conversation.serverLines == ["authorise secret-key"])
        let messages = [
            try shared(.video, ClientScript.avcHeader, at: 0), try shared(.audio, ClientScript.aacHeader, at: 0),
            try shared(.video, "17 01 000028 00000002 6588", at: 0), try shared(.audio, "af 01 2110", at: 10),
        ]
        for message in messages { conversation.toServer(try #require(conversation.client.bytes(for: message))) }
        conversation.run()
        #expect(
            conversation.serverLines.dropFirst() == [
                "format video", "format audio", "video 0 40 key 6", "audio 10 10 2",
            ])
        conversation.client.stop()
        conversation.run()
        #expect(conversation.serverLines.suffix(2) == ["ended finished", "close finished"])
        #expect(conversation.clientLines == ["ready", "close finished"])
    }

    @Test(arguments: [.max, 1, 100])
    func playsFromOurServer(piece: Int) throws {
        var conversation = Conversation(target(.play, "main"), piece: piece)
        conversation.run()
        #expect(conversation.serverLines == ["play main"])
        #expect(conversation.clientLines == ["ready"])
        conversation.toClient(try shared(.video, ClientScript.avcHeader, at: 0).bytes)
        let picture = try #require(
            SharedMessage(
                .video, timestamp: 5000, header: buffer("17 01 000028 0001fffc"),
                payload: ByteBuffer(bytes: [0x65] + filler(0x1FFFB))))
        conversation.toClient(picture.bytes)
        conversation.run()
        #expect(conversation.clientLines == ["ready", "format video", "video 5000 5040 key 131072"])
        conversation.client.stop()
        conversation.run()
        #expect(conversation.serverLines.last == "close finished")
    }

    @Test func saysItsCapabilitiesAndHearsTheServers() {
        var conversation = Conversation(target(.publish))
        conversation.run()
        #expect(conversation.server.peerCapabilities.features == EnhancedCapabilities.ours.features)
        #expect(conversation.client.peerCapabilities.video == EnhancedCapabilities.ours.video)
        let isAsked = conversation.server.requestReconnect(to: "rtmp://b/live", reason: "Update.")
        #expect(isAsked)
        conversation.run()
        #expect(conversation.clientLines.last == "reconnect rtmp://b/live Update.")
        #expect(conversation.client.isLive)
    }

    @Test func hearsWhyItIsRefused() {
        var conversation = Conversation(target(.publish, ""))
        conversation.run()
        #expect(conversation.clientLines.count == 1)
        #expect(conversation.clientLines.last?.contains("NetStream.Publish.Denied") == true)
    }

    @Test func givesNothingToSendBeforeItIsReady() throws {
        let client = ClientConnection(target(.publish), seed: 1)
        #expect(client.bytes(for: try shared(.audio, "af 01 2110", at: 0)) == nil)
    }

    @Test func closesOnceAndSaysNothingAfterwards() {
        var conversation = Conversation(target(.publish))
        conversation.client.deadlinePassed()
        conversation.client.inputClosed()
        conversation.run()
        #expect(conversation.clientLines == ["close deadline"])
    }
}

/// A client against literal answers of other servers.
struct ClientConnectionAnswerTests {
    private static let handshake = ByteBuffer(bytes: [3] + [UInt8](repeating: 9, count: 3072))

    private func answer(_ name: String, _ transaction: Double, _ values: [AMF0Value]) -> ByteBuffer {
        var script = ClientScript()
        script.command(name, transaction, values)
        return script.bytes
    }

    private func lines(_ target: ClientTarget, _ answers: ByteBuffer...) -> [String] {
        var client = ClientConnection(target, seed: 1)
        var lines: [String] = []
        for bytes in [ByteBuffer(), Self.handshake] + answers {
            client.bytesReceived(bytes)
            while let action = client.next() {
                switch action {
                case .send: break
                case .ready: lines.append("ready")
                case .close(.refused(let refusal)): lines.append("refused \(refusal.code) \(refusal.message)")
                case .close(.redirected(let address)): lines.append("redirected \(address.exposed)")
                case .close(.protocolError(let error)): lines.append("\(error.code)")
                case .close(let cause): lines.append("\(cause)")
                case .reconnectRequested(let address, let reason):
                    lines.append("reconnect \(address ?? "here") \(reason)")
                    client.redirect(to: address)
                case .media: lines.append("other")
                }
            }
        }
        return lines
    }

    private func information(_ level: String, _ code: String, _ description: String = "") -> AMF0Value {
        .object(["level": .string(level), "code": .string(code), "description": .string(description)])
    }

    @Test func takesItsKeyOutOfWhatServersRepeat() {
        let lines = lines(
            target(.publish, "sk-1?token=2"), answer("_result", 1, [.null, .null]),
            answer("_result", 4, [.null, .number(1)]),
            answer(
                "onStatus", 0,
                [.null, information("error", "NetStream.Publish.BadName", "Stream sk-1?token=2 (sk-1) is in use\n.")]))
        #expect(lines == ["refused NetStream.Publish.BadName Stream … (…) is in use."])
    }

    @Test func ignoresErrorsAboutWhatNobodyNeeds() {
        let lines = lines(
            target(.publish), answer("_result", 1, [.null, .null]),
            answer("_error", 2, [.null, information("error", "NetConnection.Call.Failed")]),
            answer("_error", 3, [.null, information("error", "NetConnection.Call.Failed")]),
            answer("_result", 4, [.null, .number(7)]),
            answer("onStatus", 0, [.null, information("status", "NetStream.Publish.Start")]))
        #expect(lines == ["ready"])
    }

    @Test func followsNoRedirectButSaysWhere() {
        let rejection: AMF0Object = [
            "level": .string("error"), "code": .string("NetConnection.Connect.Rejected"),
            "ex": .object(["code": .number(302), "redirect": .string("rtmp://other/live")]),
        ]
        #expect(
            lines(target(.publish), answer("_error", 1, [.null, .object(rejection)])) == [
                "redirected rtmp://other/live"
            ])
    }

    /// Enhanced RTMP v2, "Reconnect Request": without an address it is this server again.
    @Test(arguments: [("rtmp://other/live", "rtmp://other/live"), (nil, nil)] as [(String?, String?)])
    func leavesWhenAskedToConnectAnewAndSaysWhere(address: String?, expected: String?) {
        var information: AMF0Object = [
            "level": .string("status"), "code": .string("NetConnection.Connect.ReconnectRequest"),
            "description": .string("We restart."),
        ]
        if let address { information.members.append(.init("tcUrl", .string(address))) }
        let target = target(.publish)
        let lines = lines(
            target, answer("_result", 1, [.null, .null]), answer("_result", 4, [.null, .number(1)]),
            answer("onStatus", 0, [.null, .object(["code": .string("NetStream.Publish.Start")])]),
            answer("onStatus", 0, [.null, .object(information)]))
        #expect(
            lines == [
                "ready", "reconnect \(expected ?? "here") We restart.", "redirected \(expected ?? target.address)",
            ])
    }

    @Test func endsWithTheStreamItPlays() {
        let lines = lines(
            target(.play), answer("_result", 1, [.null, .null]), answer("_result", 4, [.null, .number(1)]),
            answer("onStatus", 0, [.null, information("status", "NetStream.Play.Start")]),
            answer("onStatus", 0, [.null, information("status", "NetStream.Play.UnpublishNotify")]))
        #expect(lines == ["ready", "streamEnded"])
    }

    @Test func refusesAServerThatIsNone() {
        var client = ClientConnection(target(.play), seed: 1)
        client.bytesReceived(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n"))
        var causes: [ClientConnection.CloseCause] = []
        while let action = client.next() { if case .close(let cause) = action { causes.append(cause) } }
        guard case .protocolError(let error)? = causes.first else {
            Issue.record("It went on.")
            return
        }
        #expect(error.code == .handshakeVersion)
    }

    @Test(arguments: [Double.nan, .infinity, -1, 1e300, 0.5])
    func refusesStreamsWithoutANumber(number: Double) {
        #expect(
            lines(target(.play), answer("_result", 1, [.null, .null]), answer("_result", 4, [.null, .number(number)]))
                == ["malformedMessage"])
    }

    @Test func neverShowsItsStreamName() {
        let target = target(.publish)
        #expect(!String(describing: target).contains("secret-key"))
        var dumped = ""
        dump(ClientConnection(target, seed: 1), to: &dumped)
        #expect(!dumped.contains("secret-key"))
    }
}
