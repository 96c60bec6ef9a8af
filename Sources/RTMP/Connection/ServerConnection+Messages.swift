import Domain
import NIOCore

/// What each message means in each phase.
extension ServerConnection {
    mutating func receive(_ message: RTMPMessage) throws(RTMPError) {
        switch message.type {
        case MessageType.audio, MessageType.video: try mediaReceived(message)
        case MessageType.dataAMF0: dataReceived(message.payload)
        case MessageType.dataAMF3: dataReceived(Self.withoutFormatByte(message.payload))
        case MessageType.commandAMF0: try commandReceived(Command(message.payload), streamID: message.streamID)
        case MessageType.commandAMF3:
            // "AMF3" commands of Flash-era encoders are AMF 0 behind a zero byte.
            try commandReceived(Command(Self.withoutFormatByte(message.payload)), streamID: message.streamID)
        case MessageType.userControl: pingReceived(message.payload)
        case MessageType.windowAcknowledgementSize: windowReceived(message.payload)
        default: break  // Acknowledgements of the little we send, peer bandwidth, shared objects: nothing to do.
        }
    }

    private static func withoutFormatByte(_ payload: ByteBuffer) -> ByteBuffer {
        payload.getSlice(at: payload.readerIndex + 1, length: max(0, payload.readableBytes - 1)) ?? payload
    }

    private mutating func pingReceived(_ payload: ByteBuffer) {
        var payload = payload
        let pingRequest: UInt16 = 6
        guard payload.readInteger(as: UInt16.self) == pingRequest, let time = payload.readInteger(as: UInt32.self)
        else {
            return
        }
        replies.writePingResponse(time)
    }

    /// A tiny window would have us answer every read; we answer at most each 64 KB.
    private mutating func windowReceived(_ payload: ByteBuffer) {
        guard let window = payload.getInteger(at: payload.readerIndex, as: UInt32.self) else { return }
        acknowledgementWindow = max(65_536, UInt64(window))
    }

    // MARK: Media

    private mutating func mediaReceived(_ message: RTMPMessage) throws(RTMPError) {
        guard case .publishing(let streamID) = phase, streamID == 0 || message.streamID == streamID else { return }
        let event: MediaEvent?
        if message.type == MessageType.video {
            event = try media.videoReceived(message.payload, timestamp: message.timestamp)
        } else {
            event = try media.audioReceived(message.payload, timestamp: message.timestamp)
        }
        if let event { perform(.media(event)) }
        while let event = media.nextEvent() { perform(.media(event)) }
    }

    /// Metadata is only a hint, so damaged metadata is dropped and the stream goes on.
    private mutating func dataReceived(_ payload: ByteBuffer) {
        guard isPublishing, let metadata = try? StreamMetadata(dataMessage: payload) else { return }
        perform(.media(.metadata(metadata)))
    }

    // MARK: Commands

    private mutating func commandReceived(_ command: Command, streamID: UInt32) throws(RTMPError) {
        switch phase {
        case .unconnected:
            guard command.name == "connect" else {
                throw RTMPError(.malformedMessage, "A command came before connect.")
            }
            connectReceived(command)
        case .connected(let address): connectedCommandReceived(command, address: address, streamID: streamID)
        case .publishing(let publishing): publishingCommandReceived(command, publishing: publishing)
        case .handshake, .authorising, .closed: break  // No message is read in these.
        }
    }

    private mutating func connectReceived(_ command: Command) {
        encoderName = command.object["flashVer"]?.string.flatMap { PeerText.cleaned($0, maximumCharacters: 128) }
        let address = PublishAddress(application: command.object["app"]?.string ?? "")
        guard address.isKnown else {
            let name = PeerText.cleaned(address.application, maximumCharacters: 64) ?? ""
            let refusal = PublishRefusal.unknownApplication(name)
            replies.writeError(
                command.transaction, code: "NetConnection.Connect.Rejected", description: refusal.message)
            close(.refused(refusal), lateEnd: .closedByServer)
            return
        }
        phase = .connected(address)
        replies.writeConnectPreamble()
        replies.writeResult(
            command.transaction,
            [
                // Encoders look at these as if every server were Flash Media Server 3.
                .object(["fmsVer": .string("FMS/3,0,1,123"), "capabilities": .number(31)]),
                .object([
                    "level": .string("status"), "code": .string("NetConnection.Connect.Success"),
                    "description": .string("Connected."), "objectEncoding": .number(0),
                ]),
            ])
    }

    private mutating func connectedCommandReceived(_ command: Command, address: PublishAddress, streamID: UInt32) {
        switch command.name {
        case "releaseStream": replies.writeResult(command.transaction, [.null, .undefined])
        case "FCPublish":
            // FMLE and Wirecast wait for this one; the key in it is not looked at, publish decides.
            replies.writeStatus(
                "onFCPublish", level: "status", code: "NetStream.Publish.Start", description: "Ready.", streamID: 0)
        case "createStream":
            // One stream per connection; whoever asks twice gets the same.
            replies.writeResult(command.transaction, [.null, .number(1)])
        case "publish": publishReceived(command, address: address, streamID: streamID)
        case "play", "play2":
            replies.writeStatus(
                level: "error", code: "NetStream.Play.Failed",
                description: "Playing over RTMP is not offered here: watch on the web page.", streamID: streamID)
            close(.playRefused, lateEnd: .closedByServer)
        default: break  // _checkbw, getStreamLength, FCUnpublish before a publish and whatever else there is.
        }
    }

    private mutating func publishReceived(_ command: Command, address: PublishAddress, streamID: UInt32) {
        guard let key = address.key(streamName: command.arguments.first?.string ?? "") else {
            refuse(.unknownApplication(address.application + "/…"), streamID: streamID)
            return
        }
        guard !key.isEmpty else {
            refuse(.missingKey, streamID: streamID)
            return
        }
        phase = .authorising(streamID: streamID)
        perform(.authorise(PublishIntent(application: address.application, key: key, encoder: encoderName)))
    }

    private mutating func publishingCommandReceived(_ command: Command, publishing: UInt32) {
        switch command.name {
        case "FCUnpublish", "closeStream": finished(publishing)
        case "deleteStream":
            // GStreamer and librtmp name the stream; an encoder that names none means its only one.
            let id = command.arguments.first?.number
            if id == nil || id == Double(publishing) || publishing == 0 { finished(publishing) }
        case "publish":
            replies.writeStatus(
                level: "error", code: "NetStream.Publish.BadName",
                description: "This connection publishes already: use one connection per stream.", streamID: publishing)
        case "createStream": replies.writeResult(command.transaction, [.null, .number(1)])
        default: break  // pause, receiveAudio, receiveVideo, onFCPublish and the like do no harm.
        }
    }

    /// The DJ stopped on purpose (design §4, rule 3).
    private mutating func finished(_ streamID: UInt32) {
        replies.writeStatus(
            level: "status", code: "NetStream.Unpublish.Success", description: "Stopped.", streamID: streamID)
        perform(.ended(.finished))
        close(.finished, lateEnd: .finished)
    }
}
