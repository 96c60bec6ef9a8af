import Domain
import NIOCore
import NIOSSL
import RTMP

/// Feeds one connection to another server to its `ClientConnection` and carries its actions out. It decides nothing itself.
///
/// Runs on its channel's event loop; no task and no hop per message.
final class RTMPClientHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// Where media comes from, or goes to.
    enum Media {
        case hub(any ProgrammeHub)
        case sink(any PublisherSink)
    }

    struct Promises: Sendable {
        var ready: EventLoopPromise<Void>
        var ended: EventLoopPromise<ClientConnection.CloseCause>
    }

    /// Outbound event: we are done.
    struct Stop: Sendable {}
    /// Outbound event: tells how many packets were lost.
    struct LostPackets: Sendable { var promise: EventLoopPromise<Int> }

    private var machine: ClientConnection
    private let media: Media
    private let configuration: RTMPClientConfiguration
    private let promises: Promises
    private var context: ChannelHandlerContext?
    private var writer: RTMPHubWriter?
    private var lost = 0
    private var isReady = false
    private var isClosed = false
    private var isDraining = false
    private var failure: RTMPClientError?
    private var lastRead = NIODeadline.uptimeNanoseconds(0)
    private var timer: Scheduled<Void>?

    init(
        target: ClientTarget, media: Media, configuration: RTMPClientConfiguration, promises: Promises
    ) {
        self.machine = ClientConnection(target, limits: configuration.peer, seed: UInt64.random(in: .min ... .max))
        self.media = media
        self.configuration = configuration
        self.promises = promises
    }

    // MARK: Events of the channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        machine.inputClosed()
        drain()
        // A connection that never became active ends here.
        finish(.peerLeft)
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        schedule(after: configuration.setupDeadline) { $0.machine.deadlinePassed() }
        drain()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastRead = context.eventLoop.now
        machine.bytesReceived(unwrapInboundIn(data))
        drain()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) { writer?.writabilityChanged() }

    func channelInactive(context: ChannelHandlerContext) {
        machine.inputClosed()
        drain()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError {
            failure = RTMPClientError(
                code: .notTrusted, message: "TLS with the server failed; is its certificate valid? (\(error))")
        }
        context.close(promise: nil)
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        switch event {
        case is Stop:
            stopWriting()
            machine.stop()
            drain()
        case let question as LostPackets: question.promise.succeed(writer?.lostPackets ?? lost)
        default:
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        promise?.succeed()
    }

    // MARK: Actions

    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        while let action = machine.next() { run(action) }
        isDraining = false
        context?.flush()
    }

    private func run(_ action: ClientConnection.Action) {
        switch action {
        case .send(let bytes):
            if let context, !isClosed { context.write(wrapOutboundOut(bytes), promise: nil) }
        case .ready: begin()
        case .media(let event): deliver(event)
        case .reconnectRequested(let address, _):
            // Our session ends with where to go; whoever relays connects there, as after any other end.
            stopWriting()
            machine.redirect(to: address)
        case .close(let cause): close(cause)
        }
    }

    private func begin() {
        guard let context, !isReady else { return }
        isReady = true
        timer?.cancel()
        // Whoever waits for this finds a reader in the hub.
        defer { promises.ready.succeed() }
        switch media {
        case .sink:
            lastRead = context.eventLoop.now
            watchIdle()
        case .hub(let hub):
            let form = RTMPHubWriter.Form(
                streamID: machine.streamID ?? SharedMessage.usualStreamID, isPublishing: true,
                videoCodecs: machine.peerCapabilities.videoCodecs)
            let writer = RTMPHubWriter(context: context, form: form, stallLimit: configuration.idleLimit) {
                [weak self] end in
                guard let self else { return }
                switch end {
                case .programmeFinished: self.machine.stop()
                case .stalled: self.machine.idleLimitPassed()
                }
                self.drain()
            }
            self.writer = writer
            writer.start(from: hub)
        }
    }

    private func deliver(_ event: MediaEvent) {
        guard case .sink(let sink) = media, isReady else { return }
        switch event {
        case .unit(let unit): sink.unitReceived(unit)
        case .format(let format): sink.formatReceived(format)
        case .metadata(let metadata): sink.metadataReceived(metadata)
        case .refused(let track, let reason): sink.trackRefused(track, reason: reason)
        case .leftOut: break  // Of the server's other tracks; the one that is taken goes on.
        }
    }

    private func watchIdle() {
        guard let context else { return }
        let quiet = Duration(context.eventLoop.now - lastRead)
        guard quiet < configuration.idleLimit else { return machine.idleLimitPassed() }
        schedule(after: configuration.idleLimit - quiet) { $0.watchIdle() }
    }

    // MARK: The end

    private func close(_ cause: ClientConnection.CloseCause) {
        guard !isClosed else { return }
        isClosed = true
        stopWriting()
        timer?.cancel()
        timer = nil
        finish(cause)
        // Behind what was written, which is a few commands at most beyond the writer's bound.
        context?.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { [weak self] _ in
            self?.context?.close(promise: nil)
        }
        // Should the server take nothing, our words are not worth more than this.
        schedule(after: .seconds(1)) { $0.context?.close(promise: nil) }
    }

    private func finish(_ cause: ClientConnection.CloseCause) {
        promises.ready.fail(
            failure
                ?? RTMPClientError(code: .ended, message: "The server did not let us in: \(cause.words)", cause: cause))
        promises.ended.succeed(cause)
        guard case .sink(let sink) = media, isReady else { return }
        isReady = false
        sink.ended(cause == .streamEnded ? .finished : cause == .finished ? .closedByServer : .dropped)
    }

    private func stopWriting() {
        guard let writer else { return }
        lost = writer.lostPackets
        self.writer = nil
        writer.stop()
    }

    private func schedule(after delay: Duration, _ event: @escaping (RTMPClientHandler) -> Void) {
        timer?.cancel()
        timer = context?.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { [weak self] in
            guard let self else { return }
            event(self)
            self.drain()
        }
    }
}

extension ClientConnection.CloseCause {
    /// For an operator; a redirect's address may hold a token and is left out.
    var words: String {
        switch self {
        case .finished: "we stopped"
        case .refused(let refusal): "\(refusal.code) \(refusal.message)"
        case .redirected: "it named another address"
        case .streamEnded: "the stream ended"
        case .protocolError(let error): error.message
        case .deadline: "it took too long"
        case .idle: "nothing moved for too long"
        case .peerLeft: "the connection ended"
        }
    }
}
