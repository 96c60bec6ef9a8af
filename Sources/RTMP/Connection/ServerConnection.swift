package import Domain
package import NIOCore

/// Decides what a publisher's or a player's connection does next: bytes and decisions go in, actions come out (RTMP 1.0 §5, §7.2).
///
/// Owned by one connection, on its event loop. It has no clock, socket or task; deadlines come in as events.
///
///                                                ┌─publish▶ authorising ─authorised()▶ publishing ─┐
///     handshake ─▶ unconnected ─connect▶ connected                                                 ├─▶ closed
///         │             │                   │    └─play▶ admitting ─playAccepted()▶ playing ───────┤
///         └─────────────┴───────────────────┴──────────────────────────────────────────────────────┘
///
/// After each event call `next` until it returns `nil`. Every connection that got `.authorise` and `authorised()` yields
/// `.ended` exactly once; a player's end is `.close`. While it is authorising or admitting, input is kept and not read: the
/// transport should stop reading. What a player is sent are `SharedMessage`s, which do not pass through here.
package struct ServerConnection: Sendable {
    package enum Action: Sendable {
        case send(ByteBuffer)
        /// Ask the gate, then call `authorised` or `refused`.
        case authorise(PublishIntent)
        case media(MediaEvent)
        /// Look the channel up, then call `playAccepted` or `playRefused`.
        case play(PlayIntent)
        /// The player wants more or less of what it is sent.
        case playback(PlaybackChange)
        /// The publisher that was authorised is at its end.
        case ended(PublisherEnd)
        /// Flush what was sent, then close. Nothing but a late `.ended` follows.
        case close(CloseCause)
    }

    package enum CloseCause: Sendable, Equatable {
        case finished
        case refused(PublishRefusal)
        case protocolError(RTMPError)
        /// No publish in time.
        case deadline
        /// Nothing came for too long.
        case idle
        /// A player whose channel is unknown, or for whom there is no room.
        case playRefused
        case closedByServer
        case peerLeft
    }

    enum Phase {
        case handshake(ServerHandshake)
        case unconnected
        case connected(StreamAddress)
        case authorising(streamID: UInt32)
        case publishing(streamID: UInt32)
        case admitting
        case playing
        /// How a publisher ended whom the gate lets in only now.
        case closed(lateEnd: PublisherEnd)
    }

    var phase: Phase
    var replies = ReplyWriter()
    var encoderName: String?
    var media = MediaTagDecoder()
    var link = LinkControl()
    /// The peer's, from `connect`.
    package internal(set) var peerCapabilities = EnhancedCapabilities()
    let capabilities: EnhancedCapabilities
    private let limits: RTMPLimits
    private var chunks: ChunkDecoder
    private var handshakeInput = ByteBuffer()
    private var pending: [Action] = []

    private var messagesBeforePublish = 0
    /// An aggregate message whose parts are being read: one at a time, so that a million of them make no list.
    var aggregate: AggregateMessage?

    /// - Parameters:
    ///   - seed: varies the handshake's filler; any changing number does.
    ///   - capabilities: told to peers that tell theirs.
    ///   - authenticator: for the digest form of the handshake; without it every peer gets the plain one.
    package init(
        limits: RTMPLimits = RTMPLimits(), capabilities: EnhancedCapabilities = .ours,
        authenticator: (any MessageAuthenticating)? = nil, seed: UInt64
    ) {
        self.limits = limits
        self.capabilities = capabilities
        self.chunks = ChunkDecoder(limits: limits)
        self.phase = .handshake(ServerHandshake(seed: seed, authenticator: authenticator))
    }

    /// What is kept for the peer in unread input and unfinished messages, in bytes.
    package var heldBytes: Int {
        if case .handshake(let handshake) = phase { return handshakeInput.readableBytes + handshake.heldBytes }
        return chunks.heldBytes
    }

    package var isPublishing: Bool { if case .publishing = phase { true } else { false } }
    package var isPlaying: Bool { if case .playing = phase { true } else { false } }

    // MARK: Events

    /// Bytes came from the peer.
    package mutating func bytesReceived(_ bytes: ByteBuffer) {
        link.received(bytes: bytes.readableBytes)
        switch phase {
        case .handshake: handshakeInput.setOrAppend(bytes)
        case .unconnected, .connected, .publishing, .playing: chunks.append(bytes)
        case .authorising, .admitting:
            chunks.append(bytes)
            if chunks.heldBytes > limits.maximumHeldBytesBeforePublish {
                fail(RTMPError(.tooMuchHeld, "Too much was sent while the request was being checked."))
            }
        case .closed: break  // The peer may not know yet.
        }
    }

    /// The gate lets the publisher in.
    package mutating func authorised() {
        switch phase {
        case .authorising(let streamID):
            chunks.mediaIsAllowed = true
            chunks.maximumHeldBytes = limits.maximumHeldBytes
            phase = .publishing(streamID: streamID)
            replies.writeUserControl(UserControl.streamBegin, streamID)
            replies.writeStatus(
                level: "status", code: "NetStream.Publish.Start", description: "Publishing.", streamID: streamID)
        case .closed(let end): pending.append(.ended(end))
        case .handshake, .unconnected, .connected, .publishing, .admitting, .playing:
            preconditionFailure("authorised without .authorise")
        }
    }

    /// The gate keeps the publisher out.
    package mutating func refused(_ refusal: PublishRefusal) {
        switch phase {
        case .authorising(let streamID): refuse(refusal, streamID: streamID)
        case .closed: break  // It left before it could be told.
        case .handshake, .unconnected, .connected, .publishing, .admitting, .playing:
            preconditionFailure("refused without .authorise")
        }
    }

    /// The player may play: `SharedMessage`s follow what this writes. Harmless when the player has left; look at `isPlaying`.
    package mutating func playAccepted() {
        switch phase {
        case .admitting: beginPlaying()
        case .closed: break  // It left before it could be told.
        case .handshake, .unconnected, .connected, .authorising, .publishing, .playing:
            preconditionFailure("playAccepted without .play")
        }
    }

    /// The player may not play.
    package mutating func playRefused(_ refusal: PlayRefusal) {
        switch phase {
        case .admitting: refusePlay(refusal)
        case .closed: break  // It left before it could be told.
        case .handshake, .unconnected, .connected, .authorising, .publishing, .playing:
            preconditionFailure("playRefused without .play")
        }
    }

    /// Asks a peer that is connected whether it is still there; its answer is bytes received, like any other.
    /// - Parameter time: in milliseconds of any clock.
    package mutating func pingDue(time: UInt32) {
        switch phase {
        case .connected, .publishing, .playing: replies.writeUserControl(UserControl.pingRequest, time)
        case .handshake, .unconnected, .authorising, .admitting, .closed: break
        }
    }

    /// Asks the peer to connect anew, elsewhere when `address` (a tcUrl) is given; it goes on until it does (Enhanced RTMP v2,
    /// "Reconnect Request").
    /// - Returns: whether it was asked: only peers that say they understand are.
    @discardableResult
    package mutating func requestReconnect(to address: String? = nil, reason: String) -> Bool {
        guard peerCapabilities.features.contains(.reconnect), isPublishing || isPlaying else { return false }
        var information: AMF0Object = [
            "level": .string("status"), "code": .string("NetConnection.Connect.ReconnectRequest"),
            "description": .string(reason),
        ]
        if let address { information.members.append(.init("tcUrl", .string(address))) }
        replies.writeCommand("onStatus", 0, [.null, .object(information)])
        return true
    }

    /// We send the publisher or player away; `reason` is one sentence for the person at the encoder.
    /// - Parameter comesBack: the server stops and is expected back: who understands it is asked to connect anew.
    package mutating func closeRequested(reason: String, comesBack: Bool = false) {
        if comesBack { requestReconnect(reason: reason) }
        end(.closedByServer, status: reason, cause: .closedByServer)
    }

    /// The time for everything before publishing is over. Harmless afterwards.
    package mutating func deadlinePassed() {
        switch phase {
        case .handshake, .unconnected, .connected, .authorising, .admitting:
            end(.closedByServer, status: "Nothing was published or played in time.", cause: .deadline)
        case .publishing, .playing, .closed: break
        }
    }

    /// Nothing came from the publisher for longer than the idle limit.
    package mutating func idleLimitPassed() {
        end(.dropped, status: "Nothing was received for too long.", cause: .idle)
    }

    /// The peer asks on and does not read what it is answered.
    package mutating func answersUnread() {
        fail(RTMPError(.answersUnread, "Too many answers were left unread."))
    }

    /// The peer closed its side, or the connection is gone.
    package mutating func inputClosed() {
        end(.dropped, status: nil, cause: .peerLeft)
    }

    /// The next thing to do; `nil` when an event is needed first.
    package mutating func next() -> Action? {
        while true {
            if let output = replies.takeOutput() { return .send(output) }
            if !pending.isEmpty { return pending.removeFirst() }
            do throws(RTMPError) {
                guard try readOn() else {
                    acknowledgeIfDue()
                    return replies.takeOutput().map { .send($0) }
                }
            } catch {
                fail(error)
            }
        }
    }

    // MARK: Reading

    /// Reads one step further. `false`: more input or a decision is needed.
    private mutating func readOn() throws(RTMPError) -> Bool {
        switch phase {
        case .handshake(var handshake):
            let step = try handshake.advance(&handshakeInput)
            phase = .handshake(handshake)
            switch step {
            case .send(let answer): replies.write(raw: answer)
            case .needMoreBytes: return false
            case .done:
                phase = .unconnected
                chunks.append(handshakeInput)
                handshakeInput = ByteBuffer()
            }
            return true
        case .unconnected, .connected:
            guard link.bytesReceived <= UInt64(limits.maximumBytesBeforePublish + chunks.heldBytes) else {
                throw RTMPError(.tooMuchBeforePublish, "Too many bytes came before a publish.")
            }
            guard let message = try chunks.next() else { return false }
            messagesBeforePublish += 1
            guard messagesBeforePublish <= limits.maximumMessagesBeforePublish else {
                throw RTMPError(.tooMuchBeforePublish, "Too many messages came before a publish.")
            }
            try receive(message)
            return true
        case .publishing, .playing:
            if let part = try aggregate?.next() {
                try receive(part)
                return true
            }
            aggregate = nil
            guard let message = try chunks.next() else { return false }
            try receive(message)
            return true
        case .authorising, .admitting, .closed:
            return false
        }
    }

    /// Tells the peer what we have, at most once per call of `bytesReceived` (§5.4.3).
    private mutating func acknowledgeIfDue() {
        switch phase {
        case .connected, .publishing, .playing: link.acknowledgeIfDue(&replies)
        case .handshake, .unconnected, .authorising, .admitting, .closed: break
        }
    }

    // MARK: Endings

    func isClosed() -> Bool { if case .closed = phase { true } else { false } }

    mutating func perform(_ action: Action) { pending.append(action) }

    /// Refuses a publish that the gate has not let in, or has just kept out.
    mutating func refuse(_ refusal: PublishRefusal, streamID: UInt32) {
        let code: String
        switch refusal {
        case .tooManyReplacements: code = "NetStream.Publish.BadName"
        case .unknownApplication, .missingKey, .unknownKey, .revokedKey, .accountDisabled, .queueClosed, .queueFull,
            .notQuietSince, .blocked, .blockedUntilSomeoneElsePlayed, .banned, .slowDown, .serverBusy, .shuttingDown:
            code = "NetStream.Publish.Denied"
        }
        replies.writeStatus(level: "error", code: code, description: refusal.message, streamID: streamID)
        close(.refused(refusal), lateEnd: .closedByServer)
    }

    /// The peer broke the protocol.
    private mutating func fail(_ error: RTMPError) {
        end(.dropped, status: error.message, cause: .protocolError(error))
    }

    /// Ends the connection in whatever phase it is, once. `status` is told to a peer that is past its handshake.
    mutating func end(_ how: PublisherEnd, status: String?, cause: CloseCause) {
        let streamID: UInt32
        switch phase {
        case .closed: return
        case .handshake:
            close(cause, lateEnd: how)
            return
        case .unconnected, .connected: streamID = 0
        case .admitting, .playing: streamID = SharedMessage.usualStreamID
        case .authorising(let id): streamID = id
        case .publishing(let id):
            streamID = id
            pending.append(.ended(how))
        }
        if let status {
            // ffmpeg prints the description of statuses of the level "error" only.
            replies.writeStatus(
                level: "error", code: "NetConnection.Connect.Closed", description: status, streamID: streamID)
        }
        close(cause, lateEnd: how)
    }

    mutating func close(_ cause: CloseCause, lateEnd: PublisherEnd) {
        phase = .closed(lateEnd: lateEnd)
        handshakeInput = ByteBuffer()
        chunks = ChunkDecoder(limits: limits)
        aggregate = nil
        pending.append(.close(cause))
    }
}
