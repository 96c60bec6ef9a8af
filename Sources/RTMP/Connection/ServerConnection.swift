package import Domain
package import NIOCore

/// Decides what a publishing connection does next: bytes and decisions go in, actions come out (RTMP 1.0 §5, §7.2).
///
/// Owned by one connection, on its event loop. It has no clock, socket or task; deadlines come in as events.
///
///     handshake ─▶ unconnected ─connect▶ connected ─publish▶ authorising ─authorised()▶ publishing
///         └────────────┴───────────────────┴──────────────────────┴────────────────────────┴──▶ closed
///
/// After each event call `next` until it returns `nil`. Every connection that got `.authorise` and `authorised()` yields
/// `.ended` exactly once. While it is authorising, input is kept and not read: the transport should stop reading.
package struct ServerConnection: Sendable {
    package enum Action: Sendable {
        case send(ByteBuffer)
        /// Ask the gate, then call `authorised` or `refused`.
        case authorise(PublishIntent)
        case media(MediaEvent)
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
        /// `play`, which is not served.
        case playRefused
        case closedByServer
        case peerLeft
    }

    enum Phase {
        case handshake(ServerHandshake)
        case unconnected
        case connected(PublishAddress)
        case authorising(streamID: UInt32)
        case publishing(streamID: UInt32)
        /// How a publisher ended whom the gate lets in only now.
        case closed(lateEnd: PublisherEnd)
    }

    var phase: Phase
    var replies = ReplyWriter()
    var encoderName: String?
    var media = MediaTagDecoder()
    private let limits: RTMPLimits
    private var chunks: ChunkDecoder
    private var handshakeInput = ByteBuffer()
    private var pending: [Action] = []

    private var bytesIn: UInt64 = 0
    private var acknowledged: UInt64 = 0
    private var messagesBeforePublish = 0
    /// How often the peer wants to hear what we received, in bytes.
    var acknowledgementWindow = UInt64(ReplyWriter.acknowledgementWindow)

    /// - Parameter seed: varies the handshake's filler; any changing number does.
    package init(limits: RTMPLimits = RTMPLimits(), seed: UInt64) {
        self.limits = limits
        self.chunks = ChunkDecoder(limits: limits)
        self.phase = .handshake(ServerHandshake(seed: seed))
    }

    /// What is kept for the peer in unread input and unfinished messages, in bytes.
    package var heldBytes: Int { handshakeInput.readableBytes + chunks.heldBytes }

    package var isPublishing: Bool { if case .publishing = phase { true } else { false } }

    // MARK: Events

    /// Bytes came from the peer.
    package mutating func bytesReceived(_ bytes: ByteBuffer) {
        bytesIn += UInt64(bytes.readableBytes)
        switch phase {
        case .handshake: handshakeInput.setOrAppend(bytes)
        case .unconnected, .connected, .publishing: chunks.append(bytes)
        case .authorising:
            chunks.append(bytes)
            if chunks.heldBytes > limits.maximumHeldBytesBeforePublish {
                fail(RTMPError(.tooMuchHeld, "Too much was sent while the key was being checked."))
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
            replies.writeStreamBegin(streamID)
            replies.writeStatus(
                level: "status", code: "NetStream.Publish.Start", description: "Publishing.", streamID: streamID)
        case .closed(let end): pending.append(.ended(end))
        case .handshake, .unconnected, .connected, .publishing:
            preconditionFailure("authorised without .authorise")
        }
    }

    /// The gate keeps the publisher out.
    package mutating func refused(_ refusal: PublishRefusal) {
        switch phase {
        case .authorising(let streamID): refuse(refusal, streamID: streamID)
        case .closed: break  // It left before it could be told.
        case .handshake, .unconnected, .connected, .publishing:
            preconditionFailure("refused without .authorise")
        }
    }

    /// We send the publisher away; `reason` is one sentence for the person at the encoder.
    package mutating func closeRequested(reason: String) {
        end(.closedByServer, status: reason, cause: .closedByServer)
    }

    /// The time for everything before publishing is over. Harmless afterwards.
    package mutating func deadlinePassed() {
        switch phase {
        case .handshake, .unconnected, .connected, .authorising:
            end(.closedByServer, status: "No stream was published in time.", cause: .deadline)
        case .publishing, .closed: break
        }
    }

    /// Nothing came from the publisher for longer than the idle limit.
    package mutating func idleLimitPassed() {
        end(.dropped, status: "Nothing was received for too long.", cause: .idle)
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
            guard bytesIn - UInt64(chunks.heldBytes) <= UInt64(limits.maximumBytesBeforePublish) else {
                throw RTMPError(.tooMuchBeforePublish, "Too many bytes came before a publish.")
            }
            guard let message = try chunks.next() else { return false }
            messagesBeforePublish += 1
            guard messagesBeforePublish <= limits.maximumMessagesBeforePublish else {
                throw RTMPError(.tooMuchBeforePublish, "Too many messages came before a publish.")
            }
            try receive(message)
            return true
        case .publishing:
            guard let message = try chunks.next() else { return false }
            try receive(message)
            return true
        case .authorising, .closed:
            return false
        }
    }

    /// Tells the peer what we have, at most once per call of `bytesReceived` (§5.4.3).
    private mutating func acknowledgeIfDue() {
        switch phase {
        case .connected, .publishing:
            guard bytesIn - acknowledged >= acknowledgementWindow else { return }
            acknowledged = bytesIn
            replies.writeAcknowledgement(received: UInt32(truncatingIfNeeded: bytesIn))
        case .handshake, .unconnected, .authorising, .closed: break
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
        pending.append(.close(cause))
    }
}

extension ByteBuffer {
    /// Becomes `other` when there is nothing in it, which copies nothing; else appends it.
    fileprivate mutating func setOrAppend(_ other: ByteBuffer) {
        if readableBytes == 0 { self = other } else { writeImmutableBuffer(other) }
    }
}
