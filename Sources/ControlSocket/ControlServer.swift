import Foundation
package import Logging
package import NIOCore
import NIOPosix
import ServiceLifecycle

/// Listens on the control socket and hands each request to `answer`. One request a connection.
package final class ControlServer: Service, Sendable {
    package typealias Answer = @Sendable (ControlRequest) async -> ControlAnswer

    private let path: String
    private let group: any EventLoopGroup
    private let logger: Logger
    private let onBound: @Sendable () -> Void
    private let answer: Answer

    /// - Parameters:
    ///   - path: at most 107 bytes; a socket left there by a killed server is replaced.
    ///   - onBound: called once requests are taken.
    package init(
        path: String, group: any EventLoopGroup, logger: Logger, onBound: @escaping @Sendable () -> Void = {},
        answer: @escaping Answer
    ) {
        self.onBound = onBound
        self.path = path
        self.group = group
        self.logger = logger
        self.answer = answer
    }

    package func run() async throws {
        // The folder belongs to this server alone (its lock is held), so what lies there is a dead server's.
        unlink(path)
        let answer = self.answer
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 16)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ControlConnectionHandler(answer: answer))
                }
            }
        let channel: any Channel
        do {
            channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
        } catch {
            throw ControlError(.refused, "the control socket cannot be made: \(error)")
        }
        // Not by the umask, which is the whole process's: other threads make files meanwhile.
        guard chmod(path, 0o600) == 0 else {
            channel.close(promise: nil)
            throw ControlError(.refused, "the control socket cannot be kept to its owner")
        }
        logger.debug("control socket listens")
        onBound()
        await withGracefulShutdownHandler {
            // Ends when the listener is closed, by the shutdown or from outside; either way there is nothing to answer.
            try? await channel.closeFuture.get()
        } onGracefulShutdown: {
            channel.close(promise: nil)
        }
        unlink(path)
    }
}

/// Collects one line, asks, writes the answer, closes. Runs on its connection's event loop.
private final class ControlConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: ControlServer.Answer
    private var received: [UInt8] = []
    private var isAnswering = false
    private var deadline: Scheduled<Void>?

    init(answer: @escaping ControlServer.Answer) { self.answer = answer }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: .seconds(Int64(ControlLimits.deadlineSeconds))) {
            channel.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isAnswering else { return }
        received += Array(buffer: unwrapInboundIn(data))
        guard let end = received.firstIndex(of: UInt8(ascii: "\n")) else {
            if received.count > ControlLimits.maximumRequestBytes { context.close(promise: nil) }
            return
        }
        isAnswering = true
        let channel = context.channel
        let answer = self.answer
        guard let request = try? JSONDecoder().decode(ControlRequest.self, from: Data(received[..<end])) else {
            // Not ours, or of another version: the sentence says what to do.
            Self.send(.failure("the server did not understand: is this program of its version?"), to: channel)
            return
        }
        context.eventLoop.makeFutureWithTask { await answer(request) }.whenSuccess { Self.send($0, to: channel) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private static func send(_ answer: ControlAnswer, to channel: any Channel) {
        channel.writeAndFlush(ByteBuffer(string: answer.line)).whenComplete { _ in channel.close(promise: nil) }
    }
}
