import Domain
import NIOCore
import NIOHTTP1

/// Sends one request when its connection is there, and gathers the answer up to its bound. Runs on the connection's event loop.
///
/// What is longer than `OutboundLimits.answerBytes` is not waited for: status and beginning are all that anybody wants. The
/// connection is closed after the answer, whatever it says.
final class OneAnswerHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let head: HTTPRequestHead
    private let body: ByteBuffer
    private let promise: EventLoopPromise<OutboundAnswer>
    private var answer: OutboundAnswer?
    private var isDone = false

    init(head: HTTPRequestHead, body: ByteBuffer, promise: EventLoopPromise<OutboundAnswer>) {
        self.head = head
        self.body = body
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if body.readableBytes > 0 { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            var headers: [String: String] = [:]
            for (name, value) in head.headers where headers[name.lowercased()] == nil {
                headers[name.lowercased()] = value
            }
            answer = OutboundAnswer(status: Int(head.status.code), headers: headers)
        case .body(var bytes):
            guard var answer else { return }
            let room = OutboundLimits.answerBytes - answer.body.count
            answer.body += bytes.readBytes(length: min(room, bytes.readableBytes)) ?? []
            self.answer = answer
            if answer.body.count >= OutboundLimits.answerBytes { finish(context) }
        case .end: finish(context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        // A body without a length ends with the connection; its `.end` came before.
        end(.failure(.brokenAnswer))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What neither the parser nor our bound said is TLS or the socket.
        let isAnswer = error is HTTPParserError || error is AnswerTooLong
        end(.failure(isAnswer ? .brokenAnswer : error is IOError ? .unreachable : .tls))
        context.close(promise: nil)
    }

    /// When the time is over.
    func timeOut(context: ChannelHandlerContext) {
        end(.failure(.timedOut))
        context.close(promise: nil)
    }

    private func finish(_ context: ChannelHandlerContext) {
        guard let answer else { return }
        end(.success(answer))
        context.close(promise: nil)
    }

    private func end(_ result: Result<OutboundAnswer, OutboundError>) {
        guard !isDone else { return }
        isDone = true
        switch result {
        case .success(let answer): promise.succeed(answer)
        case .failure(let error): promise.fail(error)
        }
    }
}

/// More came than any answer of use has.
struct AnswerTooLong: Error {}

/// Ends a connection whose peer sends too much, in whatever form: heads without end, chunks of nothing.
final class ReceiveBoundHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var left: Int

    init(bytes: Int) { left = bytes }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        left -= unwrapInboundIn(data).readableBytes
        guard left >= 0 else {
            context.fireErrorCaught(AnswerTooLong())
            return
        }
        context.fireChannelRead(data)
    }
}
