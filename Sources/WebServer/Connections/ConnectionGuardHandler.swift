import NIOCore
import NIOHTTP1

/// Sits on every connection (and every stream of HTTP/2) behind its HTTP codec: registers it, watches it with `ConnectionWatch`, closes it
/// after an answer that says `Connection: close`, and ends event streams whose reader has gone. One per connection, on its
/// event loop.
final class ConnectionGuardHandler<Request: GuardedRequestPart, Response: GuardedResponsePart>: ChannelDuplexHandler,
    RemovableChannelHandler
{
    typealias InboundIn = Request
    typealias InboundOut = Request
    typealias OutboundIn = Response
    typealias OutboundOut = Response

    /// How often a connection is looked at; a limit is kept to this precision.
    private static var interval: TimeAmount { .seconds(2) }
    /// How long a peer may take to close after our `Connection: close`.
    private static var lingerTime: TimeAmount { .seconds(1) }

    private let registry: ConnectionRegistry
    private var watch: ConnectionWatch
    private var nextLook: Scheduled<Void>?
    private var closesAfterAnswer = false
    private var isEventStream = false
    /// No request has begun whose answer is not out, and another may come.
    private(set) var isBetweenRequests = true

    init(registry: ConnectionRegistry, idleTimeout: Duration, requestTimeout: Duration) {
        self.registry = registry
        self.watch = ConnectionWatch(idle: idleTimeout, request: requestTimeout, now: Self.now)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        registry.insert(context.channel)
        scheduleLook(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) { stop(context) }

    func channelInactive(context: ChannelHandlerContext) {
        stop(context)
        context.fireChannelInactive()
    }

    // As in `DeliveryHandler`: every part of every request and answer comes by.
    @_specialize(where Request == HTTPServerRequestPart, Response == HTTPServerResponsePart)
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data).kind {
        case .head:
            isBetweenRequests = false
            watch.requestHeadReceived(now: Self.now)
        case .body: watch.requestBodyReceived(now: Self.now)
        case .end: watch.requestEndReceived(now: Self.now)
        }
        context.fireChannelRead(data)
    }

    @_specialize(where Request == HTTPServerRequestPart, Response == HTTPServerResponsePart)
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        watch.partWritten()
        switch unwrapOutboundIn(data).kind {
        case .head(let connection, let contentType):
            closesAfterAnswer = connection == "close"
            isEventStream = contentType == EventStreamFormat.contentType
            context.write(data, promise: promise)
        case .body:
            context.write(data, promise: promise)
        case .end:
            isEventStream = false
            isBetweenRequests = !closesAfterAnswer
            context.write(data, promise: promise)
            if closesAfterAnswer { linger(context) }
        }
    }

    /// A request was read in front of this handler.
    func readInFront() { watch.requestEndReceived(now: Self.now) }

    /// And answered there.
    func answeredInFront() {
        watch.requestEndReceived(now: Self.now)
        watch.partWritten()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if isEventStream, event as? ChannelEvent == .inputClosed {
            // A reader of events that sends FIN has left; other clients may half-close and still want their answer.
            context.close(promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// Closes our half and lets the peer read the answer: closing with its bytes unread would reset the connection.
    private func linger(_ context: ChannelHandlerContext) {
        context.flush()
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: Self.lingerTime) { channel.close(promise: nil) }
    }

    private func scheduleLook(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        nextLook = context.eventLoop.scheduleTask(in: Self.interval) {
            let (handler, context) = bound.value
            handler.look(context)
        }
    }

    private func look(_ context: ChannelHandlerContext) {
        // A stream of HTTP/2 has no such option: asking it for one ends the process. A channel that does not know its pending
        // bytes is closing.
        let options = context.channel is any SocketOptionProvider ? context.channel.syncOptions : nil
        let pending = (try? options?.getOption(.bufferedWritableBytes)) ?? 0
        switch watch.looked(now: Self.now, pendingBytes: pending) {
        case .close: context.close(promise: nil)
        case .keep: scheduleLook(context)
        }
    }

    private func stop(_ context: ChannelHandlerContext) {
        nextLook?.cancel()
        nextLook = nil
        registry.remove(context.channel)
    }

    private static var now: Int64 { Int64(clamping: NIODeadline.now().uptimeNanoseconds) }
}
