import NIOCore
import NIOPosix

/// A TCP client without any protocol: sends bytes and collects what comes until the server closes.
struct RawClient {
    private let channel: any Channel
    private let answer: EventLoopFuture<ByteBuffer>
    private let first: EventLoopFuture<Void>

    static func connect(port: Int) async throws -> RawClient {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let answer = loop.makePromise(of: ByteBuffer.self)
        let first = loop.makePromise(of: Void.self)
        let channel = try await ClientBootstrap(group: loop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(answer: answer, first: first))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return RawClient(channel: channel, answer: answer.futureResult, first: first.futureResult)
    }

    func send(_ bytes: ByteBuffer) async throws { try await channel.writeAndFlush(bytes) }

    func closeOutput() async throws { try await channel.close(mode: .output) }

    /// Returns once the server has sent something, or has closed: by then it has decided about this connection.
    func answered() async throws { try await first.get() }

    /// Everything the server sent, once it has closed its side.
    func received() async throws -> ByteBuffer { try await answer.get() }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let answer: EventLoopPromise<ByteBuffer>
        private let first: EventLoopPromise<Void>
        private var bytes = ByteBuffer()

        init(answer: EventLoopPromise<ByteBuffer>, first: EventLoopPromise<Void>) {
            self.answer = answer
            self.first = first
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            bytes.writeImmutableBuffer(unwrapInboundIn(data))
            first.succeed()
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            first.succeed()
            answer.succeed(bytes)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
