import Domain
import Glibc
import Logging
import NIOCore
import NIOSSL
import RTMP

/// Feeds one connection's bytes and events to its `ServerConnection` and carries its actions out. It decides nothing itself.
///
/// Runs on its channel's event loop. No task and no hop per message: the one task of a connection asks the gate. Input is not
/// read while the gate is asked and while the peer does not read our answers, so neither buffer grows. A player is read all the
/// same, and closed when its answers pile up.
final class RTMPConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// What of the connection is left to wait for.
    private enum Stage {
        case open
        /// `.close` was carried out: our last words are on their way and input is thrown away, because closing with unread input
        /// would reset the connection and take those words with it.
        case lingering
        case closed
    }

    private var machine: ServerConnection
    private var stage = Stage.open
    private let limits: RTMPServerConfiguration.Limits
    private let gate: any PublisherGate
    private let registry: ConnectionRegistry
    private let metrics: RTMPMetrics
    private let address: String
    private let network: String
    private let place: ConnectionRegistry.Place
    private let logger: Logger

    private var context: ChannelHandlerContext?
    /// Outlives `context` while the gate is asked; then the connection leaves the registry.
    private var channel: (any Channel)?
    private var sink: (any PublisherSink)?
    private let players: RTMPPlayers
    private var player: RTMPHubWriter?
    /// In bytes, of the player, since its socket took everything.
    private var unreadAnswers = 0
    /// Of `player`, with whoever counts viewers.
    private var viewerSession: StreamSessionNumber = 0
    private var isAskingGate = false
    private var isDraining = false
    private var isReading = true
    private var needsFlush = false
    private var inputIsClosed = false
    private var lastRead = NIODeadline.uptimeNanoseconds(0)
    /// When the last read with media in it came, or the publish was accepted.
    private var lastMedia = NIODeadline.uptimeNanoseconds(0)
    /// The sink was told; ends with the next unit.
    private var isSilent = false
    private var timer: Scheduled<Void>?
    private var readPace = ReadPace()
    private var readGuard: Scheduled<Void>?

    /// For the refusal counter: what came to the secure port was no TLS, or none that it takes.
    private static let noTLS = "tlsHandshake"
    /// The reads before and after the publisher was let in: what is read at once is held at once.
    static let readBytesBeforePublish = 8192
    /// A player that leaves more of what it asked for unread is closed; the longest answer has 200 bytes.
    private static let maximumUnreadAnswers = 65_536
    /// From the first sight of silence to the second; a read of what waits is a matter of microseconds.
    private static let lastLook: Duration = .milliseconds(20)
    /// The channel keeps one buffer of what it mostly reads; more than `ReadPace` lets wait saves next to nothing.
    private static let readBytes = AdaptiveRecvByteBufferAllocator(
        minimum: 2048, initial: 8192, maximum: ReadPace.largest)

    /// - Parameters:
    ///   - address: the peer's, without the port.
    ///   - network: what the limits of an address count; see `PeerNetwork`.
    ///   - place: as it was admitted to `registry`; the handler removes it there at the end.
    init(
        limits: RTMPServerConfiguration.Limits, authenticator: (any MessageAuthenticating)?, address: String,
        network: String, place: ConnectionRegistry.Place,
        gate: any PublisherGate, players: RTMPPlayers, registry: ConnectionRegistry, metrics: RTMPMetrics,
        logger: Logger
    ) {
        self.machine = ServerConnection(
            limits: limits.peer, authenticator: authenticator, seed: UInt64.random(in: .min ... .max))
        self.limits = limits
        self.address = address
        self.network = network
        self.place = place
        self.gate = gate
        self.players = players
        self.registry = registry
        self.metrics = metrics
        self.logger = logger
    }

    // MARK: Events of the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        channel = context.channel
        schedule(after: limits.publishDeadline) { $0.machine.deadlinePassed() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        connectionGone()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        metrics.received(bytes: bytes.readableBytes)
        lastRead = context.eventLoop.now
        readPace.received(bytes.readableBytes)
        guard stage == .open else { return }
        machine.bytesReceived(bytes)
        drain()
    }

    func channelReadComplete(context: ChannelHandlerContext) { flushIfNeeded() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        updateReading()
        player?.writabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        connectionGone()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset or the like: the machine hears of it as the peer's leaving.
        if case .handshakeFailed? = error as? NIOSSLError { metrics.refused(reason: Self.noTLS) }
        logger.debug("connection failed", metadata: [.peer: "\(address)", .error: "\(error)"])
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        inputIsClosed = true
        switch stage {
        case .open:
            machine.inputClosed()
            drain()
        case .lingering: context.close(promise: nil)
        case .closed: break
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        if let attention = event as? PublisherAttention {
            if let threshold = readPace.attentionChanged(to: attention) { wakeAt(threshold) }
            guardReading()
            promise?.succeed()
            return
        }
        guard let request = event as? PublisherCloseRequest else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        machine.closeRequested(reason: request.reason, comesBack: request.comesBack)
        drain()
        promise?.succeed()
    }

    private func connectionGone() {
        guard stage != .closed else { return }
        stage = .closed
        timer?.cancel()
        timer = nil
        readGuard?.cancel()
        readGuard = nil
        stopPlaying()
        machine.inputClosed()
        drain()
        leaveRegistryIfDone()
    }

    // MARK: Actions

    /// Carries out what the machine wants until it wants nothing. Actions may bring events about; those only touch the machine, and
    /// the outer loop goes on with what follows from them.
    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        drainAll()
        isDraining = false
        // A whole read's answers go out together, at its end; those of other events now.
        flushIfNeeded()
    }

    private func drainAll() {
        while let action = machine.next() { run(action) }
    }

    private func run(_ action: ServerConnection.Action) {
        switch action {
        case .send(let bytes):
            guard stage == .open, let context else { return }
            context.write(wrapOutboundOut(bytes), promise: nil)
            needsFlush = true
            if player != nil { answered(bytes.readableBytes, context) }
        case .authorise(let intent): askGate(intent)
        case .media(let event): deliver(event)
        case .play(let intent): play(intent)
        case .playback(let change): player?.changed(change)
        case .ended(let how):
            let ending = sink
            sink = nil
            ending?.ended(how)
        case .close(let cause): close(cause)
        }
    }

    private func deliver(_ event: MediaEvent) {
        switch event {
        case .unit(let unit):
            lastMedia = lastRead
            if isSilent { silenceEnded() }
            sink?.unitReceived(unit)
        case .format(let format): sink?.formatReceived(format)
        case .metadata(let metadata): sink?.metadataReceived(metadata)
        case .refused(let track, let reason): sink?.trackRefused(track, reason: reason)
        case .leftOut(let track, let reason): sink?.tracksLeftOut(track, reason: reason)
        }
    }

    private func flushIfNeeded() {
        guard needsFlush else { return }
        needsFlush = false
        context?.flush()
    }

    // MARK: The gate

    private func askGate(_ intent: PublishIntent) {
        guard let context else { return }
        isAskingGate = true
        updateReading()
        let connection = PublisherHandle(channel: context.channel)
        let request = PublishRequest(
            application: intent.application, key: intent.key, remoteAddress: address, network: network,
            encoder: intent.encoder)
        let gate = self.gate
        context.eventLoop.makeFutureWithTask { await gate.open(request, connection: connection) }
            .assumeIsolated().whenSuccess { self.gateAnswered($0) }
    }

    private func gateAnswered(_ answer: Result<any PublisherSink, PublishRefusal>) {
        isAskingGate = false
        switch answer {
        case .success(let sink):
            self.sink = sink
            machine.authorised()
            if machine.isPublishing { publishingBegan() }
        case .failure(let refusal): machine.refused(refusal)
        }
        drain()
        updateReading()
        leaveRegistryIfDone()
    }

    private func publishingBegan() {
        registry.settle(place)
        lastMedia = context?.eventLoop.now ?? lastRead
        try? context?.channel.syncOptions?.setOption(.recvAllocator, value: Self.readBytes)  // Lost: smaller reads.
        watchForSilence()
    }

    // MARK: Playing

    private func play(_ intent: PlayIntent) {
        switch players.enter(intent, from: network) {
        case .failure(let refusal): machine.playRefused(refusal)
        case .success(let hub):
            guard let context, stage == .open else { return players.leave(from: network) }
            guard let session = admit(intent, on: context.channel) else { return players.leave(from: network) }
            registry.settle(place)
            timer?.cancel()
            timer = nil
            let limits = players.playing.limits
            let form = RTMPHubWriter.Form(videoCodecs: machine.peerCapabilities.videoCodecs)
            let player = RTMPHubWriter(context: context, form: form, stallLimit: limits.stallLimit) { [weak self] end in
                self?.playingEnded(end)
            }
            let viewing = players.playing.viewing
            player.onSent = { viewing.sent($0, in: session) }
            self.player = player
            viewerSession = session
            RTMPPlayers.setOptions(of: context.channel, limits)
            machine.playAccepted()
            // What the machine says about it goes out first.
            drainAll()
            player.start(from: hub)
        }
    }

    /// Counts the viewer in; refuses them, and answers `nil`, when whoever counts does.
    private func admit(_ intent: PlayIntent, on channel: any Channel) -> StreamSessionNumber? {
        guard let name = ChannelName(intent.channel) else { return nil }
        let viewer = StreamViewer(
            channel: name, kind: .rtmp, agent: intent.player, place: ViewerPlace(address: address),
            region: intent.region)
        let admission = players.playing.viewing.opened(viewer) {
            channel.eventLoop.execute { channel.close(promise: nil) }
        }
        switch admission {
        case .admitted(let session): return session
        case .refused(let reason), .unauthorized(let reason), .outside(let reason):
            machine.playRefused(.failed(reason))
            return nil
        }
    }

    private func answered(_ bytes: Int, _ context: ChannelHandlerContext) {
        guard !context.channel.isWritable else {
            unreadAnswers = 0
            return
        }
        unreadAnswers += bytes
        if unreadAnswers > Self.maximumUnreadAnswers { machine.answersUnread() }
    }

    private func playingEnded(_ end: RTMPHubWriter.End) {
        switch end {
        case .programmeFinished:
            machine.closeRequested(reason: PublishRefusal.shuttingDown.message, comesBack: true)
        case .stalled: machine.idleLimitPassed()
        }
        drain()
    }

    private func stopPlaying() {
        guard let player else { return }
        self.player = nil
        player.stop()
        players.playing.viewing.closed(viewerSession)
        players.leave(from: network)
    }

    // MARK: Silence

    /// One timer per publisher, moved only when it fires or a silence ends: nothing per message.
    private func watchForSilence() {
        let now = context?.eventLoop.now ?? lastMedia
        let quiet = Duration(now - lastMedia)
        let threshold = readPace.looked(at: now, quiet: quiet)
        if let threshold { wakeAt(threshold) }
        if threshold == 1, !isSilent, quiet >= min(limits.silenceLimit, limits.idleLimit) {
            // Few bytes came, and they may have waited below the threshold all the while: they are read first.
            schedule(after: Self.lastLook) { $0.watchForSilence() }
            return
        }
        guardReading()
        if quiet >= limits.idleLimit {
            machine.idleLimitPassed()
            return
        }
        if !isSilent, quiet >= limits.silenceLimit {
            isSilent = true
            sink?.silenceBegan()
        }
        let next = isSilent ? limits.idleLimit : min(limits.silenceLimit, limits.idleLimit)
        schedule(after: next - quiet) { $0.watchForSilence() }
    }

    /// Looks after what waits below the threshold, while that matters.
    private func guardReading() {
        guard readGuard == nil, readPace.needsGuard, let context else { return }
        let due = lastRead + TimeAmount(readPace.patience)
        readGuard = context.eventLoop.assumeIsolated().scheduleTask(deadline: due) { [weak self] in
            guard let self, let context = self.context else { return }
            self.readGuard = nil
            let quiet = Duration(context.eventLoop.now - self.lastRead)
            if let threshold = self.readPace.guarded(quiet: quiet) { self.wakeAt(threshold) }
            self.guardReading()
        }
    }

    /// The kernel wakes us once this many bytes wait, or at the peer's end.
    private func wakeAt(_ bytes: Int) {
        let option = ChannelOptions.Types.SocketOption(level: .socket, name: .init(rawValue: SO_RCVLOWAT))
        // Refused: it wakes us at each byte.
        try? context?.channel.syncOptions?.setOption(option, value: SocketOptionValue(bytes))
    }

    private func silenceEnded() {
        isSilent = false
        schedule(after: limits.silenceLimit) { $0.watchForSilence() }
    }

    // MARK: Closing

    private func close(_ cause: ServerConnection.CloseCause) {
        if let reason = cause.refusalLabel { metrics.refused(reason: reason) }
        logger.debug("connection closing", metadata: [.peer: "\(address)", .cause: "\(cause.label)"])
        stopPlaying()
        guard stage == .open, let context else { return }
        timer?.cancel()
        timer = nil
        flushIfNeeded()
        if inputIsClosed || cause.isSilent {
            context.close(promise: nil)
            return
        }
        stage = .lingering
        updateReading()
        schedule(after: limits.lingerLimit) { $0.context?.close(promise: nil) }
        context.close(mode: .output, promise: nil)
    }

    /// The registry's count is also what a stopping server waits for, so a gate that is still being asked counts.
    private func leaveRegistryIfDone() {
        guard stage == .closed, !isAskingGate, channel != nil else { return }
        channel = nil
        registry.remove(place)
    }

    // MARK: Reading and time

    private func updateReading() {
        guard let context else { return }
        // What a player sends is answered with little, and it may have to be read to find that it has left.
        let shouldRead = stage == .lingering || player != nil || (!isAskingGate && context.channel.isWritable)
        guard shouldRead != isReading else { return }
        isReading = shouldRead
        try? context.channel.syncOptions?.setOption(.autoRead, value: shouldRead)  // Fails on a closed channel only.
    }

    /// Replaces the connection's one timer.
    private func schedule(after delay: Duration, _ event: @escaping (RTMPConnectionHandler) -> Void) {
        timer?.cancel()
        timer = context?.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { [weak self] in
            guard let self else { return }
            event(self)
            self.drain()
        }
    }
}
