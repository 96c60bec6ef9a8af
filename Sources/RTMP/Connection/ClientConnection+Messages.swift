import Domain
import NIOCore

/// What we ask of a server and what its answers mean.
extension ClientConnection {
    // MARK: Asking

    mutating func writeConnect() {
        var object: AMF0Object = [
            "app": .string(target.application), "type": .string("nonprivate"), "flashVer": .string(target.encoder),
            "tcUrl": .string(target.address),
        ]
        if target.role == .play {
            // What Flash's player says of itself; some servers choose what they send by it.
            object.members += [
                .init("fpad", .boolean(false)), .init("capabilities", .number(239)),
                .init("audioCodecs", .number(3575)), .init("videoCodecs", .number(252)),
                .init("videoFunction", .number(1)),
            ]
        }
        object.members += target.capabilities.members
        replies.writeCommand("connect", Transaction.connect, [.object(object)])
    }

    private mutating func connected(_ command: Command) {
        peerCapabilities = EnhancedCapabilities(reading: command.arguments.first?.object ?? AMF0Object())
        if peerCapabilities.isEmpty { peerCapabilities = EnhancedCapabilities(reading: command.object) }
        replies.writeWindowAcknowledgementSize(ReplyWriter.acknowledgementWindow)
        replies.writeChunkSize(SharedMessage.chunkSize)
        if target.role == .publish {
            let name = AMF0Value.string(target.streamName.exposed)
            replies.writeCommand("releaseStream", Transaction.release, [.null, name])
            replies.writeCommand("FCPublish", Transaction.announce, [.null, name])
        }
        replies.writeCommand("createStream", Transaction.createStream, [.null])
        phase = .creatingStream
    }

    private mutating func streamCreated(_ command: Command) {
        guard let number = command.arguments.first?.number, let streamID = UInt32(exactly: number) else {
            close(.protocolError(RTMPError(.malformedMessage, "The server's stream has no number.")))
            return
        }
        let name = AMF0Value.string(target.streamName.exposed)
        switch target.role {
        case .publish:
            replies.writeCommand(
                "publish", Transaction.request, [.null, name, .string("live")], streamID: streamID)
        case .play:
            allowMedia()
            // -1000 ms: what is live, and nothing that was recorded.
            replies.writeCommand("play", Transaction.request, [.null, name, .number(-1000)], streamID: streamID)
            replies.writeUserControl(UserControl.setBufferLength, streamID, Self.bufferMilliseconds)
        }
        phase = .requesting(streamID: streamID)
    }

    /// How much we say that we buffer; servers that burst at the start send about as much.
    private static let bufferMilliseconds: UInt32 = 1000

    // MARK: Answers

    mutating func receive(_ message: RTMPMessage) throws(RTMPError) {
        switch message.type {
        case MessageType.audio, MessageType.video: try mediaReceived(message)
        case MessageType.dataAMF0, MessageType.dataAMF3: dataReceived(message)
        case MessageType.commandAMF0, MessageType.commandAMF3: commandReceived(try Command(message))
        case MessageType.aggregate: aggregate = AggregateMessage(message)
        default: link.receive(message, &replies)
        }
    }

    private mutating func mediaReceived(_ message: RTMPMessage) throws(RTMPError) {
        if case .requesting(let streamID) = phase { becomeLive(streamID) }  // It skipped NetStream.Play.Start.
        guard isLive else { return }
        let event: MediaEvent?
        if message.type == MessageType.video {
            event = try media.videoReceived(message.payload, timestamp: message.timestamp)
        } else {
            event = try media.audioReceived(message.payload, timestamp: message.timestamp)
        }
        if let event { perform(.media(event)) }
        // One tag may bring a configuration and a frame.
        while let event = media.nextEvent() { perform(.media(event)) }
    }

    /// Metadata is only a hint, so damaged metadata is dropped and the stream goes on.
    private mutating func dataReceived(_ message: RTMPMessage) {
        guard isLive, target.role == .play, let metadata = try? StreamMetadata(dataMessage: message.amfBody) else {
            return
        }
        perform(.media(.metadata(metadata)))
    }

    private mutating func commandReceived(_ command: Command) {
        switch command.name {
        case "_result":
            if phase == .connecting, command.transaction == Transaction.connect {
                connected(command)
            } else if phase == .creatingStream, command.transaction == Transaction.createStream {
                streamCreated(command)
            }
        case "_error": errorReceived(command)
        case "onStatus": statusReceived(command.arguments.first?.object ?? AMF0Object())
        case "close":
            close(.refused(ClientRefusal(code: "NetConnection.Connect.Closed", message: "")))
        default: break  // onBWDone, onFCPublish and the like ask nothing.
        }
    }

    /// Twitch and others answer releaseStream and FCPublish with errors and mean nothing by it.
    private mutating func errorReceived(_ command: Command) {
        let information = command.arguments.first?.object ?? AMF0Object()
        let isConnect = phase == .connecting && command.transaction == Transaction.connect
        let isOurs =
            phase == .creatingStream && command.transaction == Transaction.createStream
            || command.transaction == Transaction.request
        guard isConnect || isOurs else { return }
        // Adobe's servers redirect within the refusal: ex = {code: 302, redirect: tcUrl}.
        if isConnect, let address = information["ex"]?.object?["redirect"]?.string, !address.isEmpty {
            close(.redirected(Secret(String(address.prefix(1024)))))
            return
        }
        close(.refused(ClientRefusal(reading: information, without: target.streamName)))
    }

    private mutating func statusReceived(_ information: AMF0Object) {
        let status = ClientRefusal(reading: information, without: target.streamName)
        if status.code == "NetConnection.Connect.ReconnectRequest" {
            let address = information["tcUrl"]?.string.flatMap { PeerText.cleaned($0, maximumCharacters: 1024) }
            perform(.reconnectRequested(address: address, reason: status.message))
            return
        }
        if information["level"]?.string == "error" {
            close(.refused(status))
            return
        }
        switch (status.code, phase) {
        case ("NetStream.Publish.Start", .requesting(let streamID)) where target.role == .publish:
            becomeLive(streamID)
        case ("NetStream.Play.Start", .requesting(let streamID)) where target.role == .play: becomeLive(streamID)
        case ("NetStream.Play.Stop", .live), ("NetStream.Play.UnpublishNotify", .live),
            ("NetStream.Play.Complete", .live):
            if target.role == .play { close(.streamEnded) }
        case ("NetStream.Play.StreamNotFound", _), ("NetStream.Publish.BadName", _),
            ("NetConnection.Connect.Closed", _), ("NetConnection.Connect.Rejected", _):
            close(.refused(status))  // Some servers give these the level "status".
        default: break
        }
    }

    private mutating func becomeLive(_ streamID: UInt32) {
        phase = .live(streamID: streamID)
        perform(.ready)
    }
}
