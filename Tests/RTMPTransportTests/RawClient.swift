import NIOCore
import NIOPosix

/// A TCP client without any protocol: sends bytes and collects what comes until the server closes.
struct RawClient {
    private let channel: any Channel
    private let answer: EventLoopFuture<ByteBuffer>
    private let first: EventLoopFuture<Void>
    private let start: EventLoopFuture<Bool>

    /// - Parameters:
    ///   - isReading: `false` for a peer that never reads, so that it never learns that it was closed either.
    ///   - source: the address to come from, any of 127.0.0.0/8.
    static func connect(
        port: Int, isReading: Bool = true, source: String = "127.0.0.1"
    ) async throws -> RawClient {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let answer = loop.makePromise(of: ByteBuffer.self)
        let first = loop.makePromise(of: Void.self)
        let start = loop.makePromise(of: Bool.self)
        let channel = try await ClientBootstrap(group: loop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.autoRead, value: isReading)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Collector(answer: answer, first: first, start: start))
                }
            }
            .bind(to: try SocketAddress(ipAddress: source, port: 0))
            .connect(host: "127.0.0.1", port: port).get()
        return RawClient(
            channel: channel, answer: answer.futureResult, first: first.futureResult, start: start.futureResult)
    }

    var localPort: Int { channel.localAddress?.port ?? 0 }

    func send(_ bytes: ByteBuffer) async throws { try await channel.writeAndFlush(bytes) }

    /// Sends one byte each `interval`, over and over, until the server closes.
    func drip(_ bytes: ByteBuffer, each interval: TimeAmount) {
        let (channel, text) = (channel, Array(bytes.readableBytesView))
        let next = Counter()
        let task = channel.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: interval) { _ in
            channel.writeAndFlush(ByteBuffer(bytes: [text[next.take() % text.count]]), promise: nil)
        }
        channel.closeFuture.whenComplete { _ in task.cancel() }
    }

    /// Sends one piece each `interval`, then closes.
    func send(_ pieces: [ByteBuffer], each interval: TimeAmount) {
        let channel = channel
        let next = Counter()
        channel.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: interval) { task in
            let number = next.take()
            guard number < pieces.count else {
                task.cancel()
                return channel.close(promise: nil)
            }
            channel.writeAndFlush(pieces[number], promise: nil)
        }
    }

    /// Sends `bytes` over and over, as fast as they are taken, until the server closes or `limit` bytes are sent.
    /// - Returns: how many were taken.
    @discardableResult
    func flood(_ bytes: ByteBuffer, limit: Int) async -> Int {
        var sent = 0
        while sent < limit {
            do { try await channel.writeAndFlush(bytes) } catch { return sent }
            sent += bytes.readableBytes
        }
        return sent
    }

    func closeOutput() async throws { try await channel.close(mode: .output) }

    /// Returns once the server has sent something, or has closed: by then it has decided about this connection.
    func answered() async throws { try await first.get() }

    /// Returns once the server has told the client that it publishes, with true, or has closed, with false.
    func published() async throws -> Bool { try await start.get() }

    /// Ends the connection with a reset instead of a FIN.
    func reset() async throws {
        guard let options = channel as? any SocketOptionProvider else { return }
        try await options.getSoLinger().flatMap { linger in
            var linger = linger
            // On, for zero seconds: two C integers.
            withUnsafeMutableBytes(of: &linger) { $0.storeBytes(of: (Int32(1), Int32(0)), as: (Int32, Int32).self) }
            return options.setSoLinger(linger)
        }.get()
        try await channel.close()
    }

    func close() async { try? await channel.close() }

    /// Everything the server sent, once it has closed its side.
    func received() async throws -> ByteBuffer { try await answer.get() }

    /// Only touched on the channel's event loop.
    private final class Counter: @unchecked Sendable {
        private var count = 0
        func take() -> Int {
            defer { count += 1 }
            return count
        }
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let answer: EventLoopPromise<ByteBuffer>
        private let first: EventLoopPromise<Void>
        private let start: EventLoopPromise<Bool>
        private var bytes = ByteBuffer()

        init(answer: EventLoopPromise<ByteBuffer>, first: EventLoopPromise<Void>, start: EventLoopPromise<Bool>) {
            self.answer = answer
            self.first = first
            self.start = start
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            bytes.writeImmutableBuffer(unwrapInboundIn(data))
            first.succeed()
            if bytes.readableBytesView.firstRange(of: Array("NetStream.Publish.Start".utf8)) != nil {
                start.succeed(true)
            }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            first.succeed()
            start.succeed(false)
            answer.succeed(bytes)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
