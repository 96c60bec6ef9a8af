import Domain
import NIOCore
import NIOWebSocket

/// One viewer's WebSocket: writes the hub's frames as they are, answers pings, keeps the connection's manners (RFC 6455 §5.5).
///
/// On its channel's event loop, behind a frame decoder. The hub's packets are whole frames (`WebSocketWrapping`), so nothing is
/// encoded here. What a viewer sends is held to the rules by `WebSocketViewerMessages`, and thrown away.
final class WebSocketViewerHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = ByteBuffer

    private static let reportInterval = TimeAmount.seconds(2)
    /// How long a peer may take to close after our close frame.
    private static let lingerTime = TimeAmount.seconds(1)

    private let visit: StreamVisit
    private let limits: ProgrammeStreams.Limits
    private let registry: ConnectionRegistry
    private var context: ChannelHandlerContext?
    private var writer: HubStreamWriter?
    private var report: RepeatedTask?
    private var messages = WebSocketViewerMessages()
    /// The last ping's bytes while the peer takes nothing: one pong for all of them is enough (§5.5.3), and nothing piles up.
    private var owedPong: ByteBuffer?
    private var hasSentClose = false

    init(visit: StreamVisit, limits: ProgrammeStreams.Limits, registry: ConnectionRegistry) {
        self.visit = visit
        self.limits = limits
        self.registry = registry
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        leave()
        registry.remove(context.channel)
        self.context = nil
    }

    /// The connection speaks WebSocket from here on.
    func start() {
        guard let context, context.channel.isActive else { return leave() }
        registry.insert(context.channel)
        HubStreamWriter.bound(context.channel, to: limits.maximumPendingBytes)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let writer = HubStreamWriter(
            channel: context.channel, stallLimit: limits.stallLimit,
            sink: .init(
                write: { bound.value.1.write(NIOAny($0), promise: nil) },
                flush: { bound.value.1.flush() },
                end: { how in
                    let (handler, context) = bound.value
                    handler.ended(how, context)
                }))
        self.writer = writer
        report = visit.report(of: writer, every: Self.reportInterval, on: context.eventLoop)
        writer.start(from: visit.hub)
    }

    /// Harmless when done twice.
    func leave() { leave(wasStalled: false) }

    private func leave(wasStalled: Bool) {
        report?.cancel()
        report = nil
        writer?.stop()
        visit.sent(writer?.takeSentBytes() ?? 0)
        visit.leave(lostPackets: writer?.lostPackets ?? 0, wasStalled: wasStalled)
        writer = nil
    }

    private func ended(_ how: HubStreamWriter.End, _ context: ChannelHandlerContext) {
        leave(wasStalled: how == .stalled)
        switch how {
        case .programmeFinished: close(.goingAway, context)
        case .stalled: HubStreamWriter.abort(context.channel)
        }
    }

    // MARK: What the viewer sends

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasSentClose else { return }
        switch messages.receive(unwrapInboundIn(data)) {
        case .nothing: break
        case .pong(let bytes):
            owedPong = bytes
            sendPong(context)
        case .close(let code): close(code, context)
        }
    }

    private func sendPong(_ context: ChannelHandlerContext) {
        guard let bytes = owedPong, context.channel.isWritable, !hasSentClose else { return }
        owedPong = nil
        context.writeAndFlush(NIOAny(WebSocketBytes.frame(.pong, bytes)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A frame too long or broken, or a reset.
        if case NIOWebSocketError.invalidFrameLength = error { return close(.messageTooLarge, context) }
        close(.protocolError, context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        sendPong(context)
        writer?.writabilityChanged()
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ViewingEnded { return close(.policyViolation, context, reason: "sent away") }
        if event as? ChannelEvent == .inputClosed { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        registry.remove(context.channel)
        context.fireChannelInactive()
    }

    /// Says why, closes our half, and gives the peer a moment to close its own (§7.1.1).
    private func close(_ code: WebSocketErrorCode, _ context: ChannelHandlerContext, reason: String = "") {
        leave()
        guard !hasSentClose else { return }
        hasSentClose = true
        var body = ByteBuffer()
        body.writeInteger(UInt16(webSocketErrorCode: code))
        body.writeString(reason)
        context.writeAndFlush(NIOAny(WebSocketBytes.frame(.connectionClose, body)), promise: nil)
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: Self.lingerTime) { channel.close(promise: nil) }
    }
}
