import Domain
import NIOCore
import NIOHTTP1

/// Answers plain requests before NIO's codec: a request for media that came in one piece, between two others, at once or when what it
/// waits for is there. Everything else goes on as it came, and gets the same answer from `DeliveryHandler`, for twice the time.
///
/// First in the pipeline of a connection without TLS. On its event loop. The handlers behind it know of none of its exchanges. A connection
/// on which anything else happens is left to them for good; who waits then is handed over, and waits there.
final class DeliveryFastPath: ChannelInboundHandler, RemovableChannelHandler, DeliveryWaiter {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = IOData

    typealias Watchman = ConnectionGuardHandler<HTTPServerRequestPart, HTTPServerResponsePart>

    private struct Waiting {
        var request: WholeRequest
        var question: DeliveryQuestion
        var key: DeliveryWaitList.Key
        var started: ContinuousClock.Instant
    }

    private static let headBytes = 1_024

    private let watchman: Watchman
    private let delivery: DeliveryHandler<PlainHTTP1Wire>
    private var reader = WholeRequestReader()
    private var waiting: Waiting?
    private var context: ChannelHandlerContext?
    /// Something went on since the last `channelReadComplete` did.
    private var hasPassedOn = true
    private var isOver = false
    private var socket: DirectSocket?
    /// Something was written by the channel, and may wait there.
    private var mayHoldBytes = false

    init(_ watchman: Watchman, _ delivery: DeliveryHandler<PlainHTTP1Wire>) {
        self.watchman = watchman
        self.delivery = delivery
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        socket = DirectSocket(context.channel)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        stopWaiting()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        stopWaiting()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // A peer that takes nothing is the handlers' behind, who know how long it may.
        guard !isOver, waiting == nil, watchman.isBetweenRequests, context.channel.isWritable else {
            return leave(context, data)
        }
        let started = ContinuousClock.Instant.now
        switch reader.read(unwrapInboundIn(data)) {
        case .unclear: leave(context, data)
        case .other: pass(context, data)
        case .media(let request):
            let question = DeliveryQuestion(method: request.method, target: request.target, headers: request.headers)
            switch delivery.decide(question, started: started) {
            case .reply(let reply): write(reply, to: question, context)
            case .wait(let key, let seconds):
                guard delivery.list?.add(self, for: key, withinSeconds: seconds) == true else {
                    return pass(context, data)
                }
                watchman.readInFront()
                waiting = Waiting(request: request, question: question, key: key, started: started)
            case nil: pass(context, data)
            }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard hasPassedOn else { return }
        hasPassedOn = isOver
        context.fireChannelReadComplete()
    }

    /// The peer's half is closed, or the listener closes: those behind know what to do then, if they know who waits.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        handOver(context)
        context.fireUserInboundEventTriggered(event)
    }

    func resume(_ answer: DeliveryAnswer?) {
        guard let context, let waited = waiting else { return }
        waiting = nil
        guard let reply = delivery.reply(to: waited.question, after: answer, started: waited.started) else { return }
        write(reply, to: waited.question, context)
    }

    private func pass(_ context: ChannelHandlerContext, _ data: NIOAny) {
        (hasPassedOn, mayHoldBytes) = (true, true)
        context.fireChannelRead(data)
    }

    private func leave(_ context: ChannelHandlerContext, _ data: NIOAny) {
        handOver(context)
        isOver = true
        pass(context, data)
    }

    private func handOver(_ context: ChannelHandlerContext) {
        guard let request = waiting?.request else { return }
        stopWaiting()
        pass(context, wrapInboundOut(reader.bytes(of: request)))
        context.fireChannelReadComplete()
    }

    private func stopWaiting() {
        if let key = waiting?.key { delivery.list?.remove(self, from: key) }
        waiting = nil
    }

    // MARK: Answers

    private func write(_ reply: DeliveryReply, to question: DeliveryQuestion, _ context: ChannelHandlerContext) {
        watchman.answeredInFront()
        var head = context.channel.allocator.buffer(capacity: Self.headBytes)
        reply.writeHead(to: &head)
        let body = question.method == .head ? .none : reply.body
        let sent = freeSocket(context)?.send(head, body) ?? 0
        let length = head.readableBytes + body.count
        guard sent < length else { return }
        mayHoldBytes = true
        for piece in DeliveryReply.Body.pieces([.bytes(head)] + body.flat).piece(sent..<length).flat {
            write(piece, context)
        }
        context.flush()
    }

    /// - Returns: `nil` while the channel has something to write itself.
    private func freeSocket(_ context: ChannelHandlerContext) -> DirectSocket? {
        guard let socket, context.channel.isActive else { return nil }
        if mayHoldBytes {
            // A channel that cannot say is closing.
            let held = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
            mayHoldBytes = held != 0
        }
        return mayHoldBytes ? nil : socket
    }

    private func write(_ piece: DeliveryReply.Body, _ context: ChannelHandlerContext) {
        switch piece.inHand {
        case .none, .pieces: break
        case .bytes(let bytes): context.write(wrapOutboundOut(.byteBuffer(bytes)), promise: nil)
        case .file(let file, let range):
            let (region, written) = file.lend(range, on: context.eventLoop)
            context.write(wrapOutboundOut(.fileRegion(region)), promise: written)
        }
    }
}

extension DeliveryReply {
    /// Status line and fields (RFC 9112 §4, §5), as NIO's codec writes them.
    func writeHead(to buffer: inout ByteBuffer) {
        if status == 200 {
            buffer.writeStaticString("HTTP/1.1 200 OK\r\n")
        } else {
            buffer.writeString("HTTP/1.1 \(status) \(HTTPResponseStatus(statusCode: status).reasonPhrase)\r\n")
        }
        for field in fields {
            buffer.writeString(field.name)
            buffer.writeStaticString(": ")
            buffer.writeString(field.value)
            buffer.writeStaticString("\r\n")
        }
        buffer.writeStaticString("\r\n")
    }
}
