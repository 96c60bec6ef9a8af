import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A TCP server that answers the first bytes it gets as it was told to, whatever they were.
final class ScriptedServer: Sendable {
    enum Behaviour: Sendable {
        /// Says this and waits.
        case say(String)
        case sayAndClose(String)
        case hang
        /// Says `head`, then `piece` again and again for as long as the peer reads.
        case endless(head: String, piece: String)
        /// One byte at a time.
        case drip(String, every: TimeAmount)
    }

    private struct State {
        var received = ""
        var connections = 0
    }

    private let channel: any Channel
    private let state: Shared

    private final class Shared: Sendable {
        let state = Mutex(State())
    }

    private init(_ channel: any Channel, _ state: Shared) {
        self.channel = channel
        self.state = state
    }

    /// - Parameter tls: speaks TLS with this certificate.
    static func start(
        _ behaviour: Behaviour, group: any EventLoopGroup, tls: NIOSSLContext? = nil
    ) async throws -> ScriptedServer {
        let shared = Shared()
        let channel = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                shared.state.withLock { $0.connections += 1 }
                return channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.addHandler(Handler(behaviour, shared))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return ScriptedServer(channel, shared)
    }

    var port: Int { channel.localAddress?.port ?? 0 }
    /// Everything that came, over all connections.
    var received: String { state.state.withLock { $0.received } }
    var connections: Int { state.state.withLock { $0.connections } }

    func stop() async throws { try await channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let behaviour: Behaviour
        private let shared: Shared
        private var hasBegun = false

        init(_ behaviour: Behaviour, _ shared: Shared) {
            self.behaviour = behaviour
            self.shared = shared
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: unwrapInboundIn(data))
            shared.state.withLock { $0.received += text }
            guard !hasBegun else { return }
            hasBegun = true
            switch behaviour {
            case .say(let text): write(text, context)
            case .sayAndClose(let text):
                write(text, context)
                context.close(promise: nil)
            case .hang: break
            case .endless(let head, let piece):
                write(head, context)
                pour(piece, context)
            case .drip(let text, let pause): drip(Array(text.utf8)[...], pause, context)
            }
        }

        func channelWritabilityChanged(context: ChannelHandlerContext) {
            if case .endless(_, let piece) = behaviour, hasBegun { pour(piece, context) }
        }

        private func pour(_ piece: String, _ context: ChannelHandlerContext) {
            while context.channel.isWritable, context.channel.isActive { write(piece, context) }
        }

        private func drip(_ bytes: ArraySlice<UInt8>, _ pause: TimeAmount, _ context: ChannelHandlerContext) {
            guard let first = bytes.first, context.channel.isActive else { return }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: [first])), promise: nil)
            context.eventLoop.assumeIsolated().scheduleTask(in: pause) {
                self.drip(bytes.dropFirst(), pause, context)
            }
        }

        private func write(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }
    }
}
