import Domain
import NIOCore
import NIOHTTP1

/// Answers what is simple and there at once, before NIO's codec: a request for media that came in one piece, between two others, and has
/// not to wait. Everything else goes on as it came, and gets the same answer from `DeliveryHandler`, for twice the time.
///
/// First in the pipeline of a connection without TLS. On its event loop. It keeps nothing of an exchange: between two requests the handlers
/// behind it know of none. A connection on which anything else happens is left to them for good.
final class DeliveryFastPath: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = IOData

    typealias Watchman = ConnectionGuardHandler<HTTPServerRequestPart, HTTPServerResponsePart>

    private static let headBytes = 1_024

    private let watchman: Watchman
    private let delivery: DeliveryHandler<PlainHTTP1Wire>
    private var reader = WholeRequestReader()
    /// Something went on since the last `channelReadComplete` did.
    private var hasPassedOn = true
    private var isOver = false

    init(_ watchman: Watchman, _ delivery: DeliveryHandler<PlainHTTP1Wire>) {
        self.watchman = watchman
        self.delivery = delivery
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // A peer that takes nothing is the handlers' behind, who know how long it may.
        guard !isOver, watchman.isBetweenRequests, context.channel.isWritable else { return leave(context, data) }
        let started = ContinuousClock.Instant.now
        switch reader.read(unwrapInboundIn(data)) {
        case .unclear: leave(context, data)
        case .other: pass(context, data)
        case .media(let request):
            let question = DeliveryQuestion(method: request.method, target: request.target, headers: request.headers)
            guard let reply = delivery.replyAtOnce(to: question, started: started) else { return pass(context, data) }
            watchman.answeredInFront()
            write(reply, isWhole: question.method != .head, context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard hasPassedOn else { return }
        hasPassedOn = isOver
        context.fireChannelReadComplete()
    }

    private func pass(_ context: ChannelHandlerContext, _ data: NIOAny) {
        hasPassedOn = true
        context.fireChannelRead(data)
    }

    private func leave(_ context: ChannelHandlerContext, _ data: NIOAny) {
        isOver = true
        pass(context, data)
    }

    // MARK: Answers

    private func write(_ reply: DeliveryReply, isWhole: Bool, _ context: ChannelHandlerContext) {
        var head = context.channel.allocator.buffer(capacity: Self.headBytes)
        reply.writeHead(to: &head)
        context.write(wrapOutboundOut(.byteBuffer(head)), promise: nil)
        for piece in isWhole ? reply.body.flat : [] { write(piece, context) }
        context.flush()
    }

    private func write(_ piece: DeliveryReply.Body, _ context: ChannelHandlerContext) {
        switch piece {
        case .none, .pieces: break
        case .bytes(let bytes): context.write(wrapOutboundOut(.byteBuffer(bytes)), promise: nil)
        case .file(let file, let range) where range.count < DeliveryReply.smallFileBytes:
            context.write(wrapOutboundOut(.byteBuffer(file.read(range))), promise: nil)
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
