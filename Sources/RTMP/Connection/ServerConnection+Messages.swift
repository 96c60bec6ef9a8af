import Domain
import NIOCore

/// What each message means in each phase.
///
/// Peers in the field, and where what is odd about them is handled:
/// - OBS (librtmp) with the key in its server's address: `StreamAddress`. It stops with FCUnpublish and deleteStream; the second
///   finds the connection closed.
/// - ffmpeg, and VLC through it: the digest handshake (`HandshakeDigest`), 128-byte chunks (`ChunkDecoder`), `mp4:` names
///   (`StreamAddress`), getStreamLength (`answered`), and statuses printed only at the level "error" (`end`).
/// - librtmp's players: FCSubscribe and _checkbw (`answered`), S2 compared with C1 (`ServerHandshake`).
/// - GStreamer's rtmp2sink names the stream it deletes (`publishingCommandReceived`).
/// - Wirecast and FMLE wait for onFCPublish (`connectedCommandReceived`) and leave extended timestamps out (`ChunkDecoder`).
///   Wirecast's flashVer is what its user sets as "User Agent" ("Wirecast/FM 1.0"): nothing hangs on it. Its "Stream" field may
///   have a query behind the key (`StreamAddress`), and its publish says "live", "append" or "record": only a live stream is there.
/// - Larix and other mobile encoders leave the port out of tcUrl, and proxies change its host: it is not looked at. They send
///   releaseStream, FCPublish and createStream in their own orders, or leave the first two out: none depends on another. Larix has
///   one URL for all, so its application may come with slashes behind it, or the key in it (`StreamAddress`).
/// - vMix publishes through ffmpeg (its reports of failures are ffmpeg's own, with `-f flv` behind two pipes), so it is ffmpeg to
///   us but for its flashVer, "FMLE/3.0 (compatible; …)". It has "URL" and "Stream Name or Key" apart, and people paste keys
///   with a blank or a line's end (`StreamAddress`).
///
/// Of vMix, Larix and Wirecast none could be installed where this was tested. What is said of them comes from public threads about
/// servers in the field (WWBN/AVideo issue 8877 for vMix, vbence/stream-m issue 39 for Wirecast, datarhei/restreamer issue 560 for
/// Larix) and from what nginx-rtmp and SRS take; `EncoderPeculiarityTests` has a conversation of each in literal bytes.
extension ServerConnection {
    mutating func receive(_ message: RTMPMessage) throws(RTMPError) {
        switch message.type {
        case MessageType.audio, MessageType.video: try mediaReceived(message)
        case MessageType.dataAMF0, MessageType.dataAMF3: dataReceived(message.amfBody)
        case MessageType.commandAMF0, MessageType.commandAMF3:
            try commandReceived(Command(message), streamID: message.streamID)
        case MessageType.aggregate: aggregate = AggregateMessage(message)
        default: link.receive(message, &replies)
        }
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
        case .playing: playingCommandReceived(command)
        case .handshake, .authorising, .admitting, .closed: break  // No message is read in these.
        }
    }

    private mutating func connectReceived(_ command: Command) {
        encoderName = command.object["flashVer"]?.string.flatMap { PeerText.cleaned($0, maximumCharacters: 128) }
        peerCapabilities = EnhancedCapabilities(reading: command.object)
        let address = StreamAddress(application: command.object["app"]?.string ?? "")
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
        var information: AMF0Object = [
            "level": .string("status"), "code": .string("NetConnection.Connect.Success"),
            "description": .string("Connected."), "objectEncoding": .number(0),
        ]
        if !peerCapabilities.isEmpty { information.members += capabilities.members }
        // Encoders look at the first object as if every server were Flash Media Server 3.
        replies.writeResult(
            command.transaction,
            [.object(["fmsVer": .string("FMS/3,0,1,123"), "capabilities": .number(31)]), .object(information)])
    }

    private mutating func connectedCommandReceived(_ command: Command, address: StreamAddress, streamID: UInt32) {
        guard !answered(command) else { return }
        switch command.name {
        case "releaseStream": replies.writeResult(command.transaction, [.null, .undefined])
        case "FCPublish":
            // FMLE and Wirecast wait for this one; the key in it is not looked at, publish decides.
            replies.writeStatus(
                "onFCPublish", level: "status", code: "NetStream.Publish.Start", description: "Ready.", streamID: 0)
        case "publish": publishReceived(command, address: address, streamID: streamID)
        case "play", "play2": playReceived(command, address: address)
        default: break  // FCUnpublish before a publish and whatever else there is.
        }
    }

    /// The questions a peer may ask in any phase. What is not known is not answered, as nginx-rtmp does, so no encoder in the field
    /// waits for it.
    mutating func answered(_ command: Command) -> Bool {
        switch command.name {
        case "createStream":
            // One stream per connection; whoever asks twice gets the same.
            replies.writeResult(command.transaction, [.null, .number(Double(SharedMessage.usualStreamID))])
        case "_checkbw":
            // librtmp's and Flash's measuring of the line; nothing is measured.
            if command.transaction > 0 { replies.writeResult(command.transaction, [.null, .null]) }
        case "getStreamLength", "getMovLen":
            // ffmpeg and Flash players ask before they play; what is live has no length.
            if command.transaction > 0 { replies.writeResult(command.transaction, [.null, .number(0)]) }
        case "FCSubscribe":
            // librtmp's `live` players, for servers behind Akamai's network.
            replies.writeStatus(
                "onFCSubscribe", level: "status", code: "NetStream.Play.Start", description: "Ready.", streamID: 0)
        default: return false
        }
        return true
    }

    private mutating func publishReceived(_ command: Command, address: StreamAddress, streamID: UInt32) {
        guard address.isPublishing else {
            refuse(.unknownApplication(address.application), streamID: streamID)
            return
        }
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
        case "play", "play2":
            replies.writeStatus(
                level: "error", code: "NetStream.Play.Failed",
                description: "This connection publishes: play on another.", streamID: publishing)
        default: _ = answered(command)  // pause, receiveAudio, receiveVideo, onFCPublish and the like do no harm.
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
