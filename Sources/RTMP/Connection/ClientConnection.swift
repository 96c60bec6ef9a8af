package import Domain
package import NIOCore

/// Decides what our connection to another server does next, to publish there or to play from it (RTMP 1.0 §5, §7.2).
///
/// Owned by one connection, on its event loop; no clock, socket or task. Call `next` until it returns `nil`, first after `init` and
/// then after each event.
///
///     handshake ─▶ connecting ─_result▶ creatingStream ─_result▶ requesting ─onStatus▶ live
///         └────────────┴──────────────────────┴──────────────────────┴─────────────────┴──▶ closed
package struct ClientConnection: Sendable {
    package enum Action: Sendable {
        case send(ByteBuffer)
        /// Publishing or playing has begun: `bytes(for:)` has something to give, or media follows.
        case ready
        /// What a player receives.
        case media(MediaEvent)
        /// The server wants this client to connect anew, at `address` (a tcUrl) when there is one. The connection goes on until the
        /// owner calls `redirect(to:)`.
        case reconnectRequested(address: String?, reason: String)
        /// Flush what was sent, then close. Nothing follows.
        case close(CloseCause)
    }

    package enum CloseCause: Sendable, Equatable {
        /// `stop` was called.
        case finished
        /// The server said no, or sent us away; `NetConnection.Connect.Rejected` may succeed later, a stream name's refusal will not.
        case refused(ClientRefusal)
        /// The server says to connect to this tcUrl instead. It may carry a token.
        case redirected(Secret)
        /// The stream that was played has ended.
        case streamEnded
        case protocolError(RTMPError)
        case deadline
        case idle
        case peerLeft
    }

    enum Phase: Equatable {
        case handshake
        case connecting
        case creatingStream
        case requesting(streamID: UInt32)
        case live(streamID: UInt32)
        case closed
    }

    /// The transaction ids of our commands, in their order (§7.2).
    enum Transaction {
        static let connect = 1.0
        static let release = 2.0
        static let announce = 3.0
        static let createStream = 4.0
        static let request = 5.0
        static let delete = 6.0
    }

    let target: ClientTarget
    var phase = Phase.handshake
    var replies = ReplyWriter()
    var link = LinkControl()
    var media = MediaTagDecoder()
    /// The server's, from its answer to `connect`.
    package internal(set) var peerCapabilities = EnhancedCapabilities()
    private let limits: RTMPLimits
    private var handshake: ClientHandshake
    private var handshakeInput = ByteBuffer()
    private var chunks: ChunkDecoder
    /// As in `ServerConnection`.
    var aggregate: AggregateMessage?
    private var pending: [Action] = []

    /// - Parameters:
    ///   - authenticator: asks for the digest form of the handshake; few servers want it.
    ///   - seed: varies the handshake's filler; any changing number does.
    package init(
        _ target: ClientTarget, limits: RTMPLimits = RTMPLimits(), authenticator: (any MessageAuthenticating)? = nil,
        seed: UInt64
    ) {
        self.target = target
        self.limits = limits
        self.handshake = ClientHandshake(seed: seed, authenticator: authenticator)
        self.chunks = ChunkDecoder(limits: limits)
    }

    /// Whether the server answered the digest form of the handshake rightly; it need not.
    package var serverIsVerified: Bool { handshake.serverIsVerified }

    package var isLive: Bool { if case .live = phase { true } else { false } }

    /// The number the server gave our message stream; `nil` before `.ready` and after the end.
    package var streamID: UInt32? { if case .live(let streamID) = phase { streamID } else { nil } }

    /// What is kept for the server in unread input and unfinished messages, in bytes.
    package var heldBytes: Int { handshakeInput.readableBytes + chunks.heldBytes }

    /// What to write for a message of ours; `nil` unless this client publishes. It is `message`'s own memory, but for servers
    /// that number streams in their own way. Let `next` run dry first.
    package func bytes(for message: SharedMessage) -> ByteBuffer? {
        guard case .live(let streamID) = phase, target.role == .publish else { return nil }
        return message.bytes(streamID: streamID)
    }

    // MARK: Events

    /// Bytes came from the server.
    package mutating func bytesReceived(_ bytes: ByteBuffer) {
        link.received(bytes: bytes.readableBytes)
        switch phase {
        case .handshake: handshakeInput.setOrAppend(bytes)
        case .connecting, .creatingStream, .requesting, .live: chunks.append(bytes)
        case .closed: break
        }
    }

    /// The server closed its side, or the connection is gone.
    package mutating func inputClosed() { close(.peerLeft) }

    /// The time for everything before `ready` is over. Harmless afterwards.
    package mutating func deadlinePassed() {
        if !isLive { close(.deadline) }
    }

    /// Nothing came, or nothing could be written, for longer than the owner waits.
    package mutating func idleLimitPassed() { close(.idle) }

    /// As `ServerConnection.pingDue`.
    package mutating func pingDue(time: UInt32) {
        if isLive { replies.writeUserControl(UserControl.pingRequest, time) }
    }

    /// We are done: the server is told so, then the connection ends.
    package mutating func stop() {
        writeFarewell()
        close(.finished)
    }

    private mutating func writeFarewell() {
        guard case .live(let streamID) = phase else { return }
        let name = AMF0Value.string(target.streamName.exposed)
        if target.role == .publish { replies.writeCommand("FCUnpublish", Transaction.delete, [.null, name]) }
        replies.writeCommand("deleteStream", 0, [.null, .number(Double(streamID))])
    }

    /// The server asked us to connect anew: it is told that we are done here, and the owner hears where to go on.
    /// - Parameter address: a tcUrl; `nil` for the one we are at (Enhanced RTMP v2, "Reconnect Request").
    package mutating func redirect(to address: String?) {
        guard isLive else { return }
        writeFarewell()
        close(.redirected(Secret(address ?? target.address)))
    }

    /// The next thing to do; `nil` when an event is needed first.
    package mutating func next() -> Action? {
        while true {
            if let output = replies.takeOutput() { return .send(output) }
            if !pending.isEmpty { return pending.removeFirst() }
            do throws(RTMPError) {
                guard try readOn() else {
                    if isLive { link.acknowledgeIfDue(&replies) }
                    return replies.takeOutput().map { .send($0) }
                }
            } catch {
                close(.protocolError(error))
            }
        }
    }

    // MARK: Reading

    /// Reads one step further. `false`: more input is needed.
    private mutating func readOn() throws(RTMPError) -> Bool {
        switch phase {
        case .handshake:
            switch try handshake.advance(&handshakeInput) {
            case .send(let bytes): replies.write(raw: bytes)
            case .needMoreBytes: return false
            case .done:
                chunks.append(handshakeInput)
                handshakeInput = ByteBuffer()
                phase = .connecting
                writeConnect()
            }
            return true
        case .connecting, .creatingStream, .requesting, .live:
            if let part = try aggregate?.next() {
                try receive(part)
                return true
            }
            aggregate = nil
            guard let message = try chunks.next() else { return false }
            try receive(message)
            return true
        case .closed: return false
        }
    }

    /// From here on the server may send pictures: a player has asked for them.
    mutating func allowMedia() {
        chunks.mediaIsAllowed = true
        chunks.maximumHeldBytes = limits.maximumHeldBytes
    }

    mutating func perform(_ action: Action) { pending.append(action) }

    /// Ends the connection in whatever phase it is, once.
    mutating func close(_ cause: CloseCause) {
        guard phase != .closed else { return }
        phase = .closed
        handshakeInput = ByteBuffer()
        chunks = ChunkDecoder(limits: limits)
        aggregate = nil
        pending.append(.close(cause))
    }
}
