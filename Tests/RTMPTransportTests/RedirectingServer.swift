import NIOCore
import NIOPosix
import RTMP
import Synchronization

/// Answers every `connect` with Adobe's redirect: an error that names another address.
final class RedirectingServer: Sendable {
    private let channel: any Channel
    private let count: Counted

    private final class Counted: Sendable { let value = Mutex(0) }

    private init(channel: any Channel, count: Counted) {
        self.channel = channel
        self.count = count
    }

    var port: Int { channel.localAddress?.port ?? 0 }
    var connections: Int { count.value.withLock { $0 } }

    /// - Parameter address: a tcUrl; `nil` for the server's own.
    static func start(to address: String?) async throws -> RedirectingServer {
        let count = Counted()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                count.value.withLock { $0 += 1 }
                let own = "rtmp://127.0.0.1:\(channel.localAddress?.port ?? 0)/app"
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(address: address ?? own))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return RedirectingServer(channel: channel, count: count)
    }

    func stop() async throws { try await channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let address: String
        private var received = 0
        private var hasAnsweredHandshake = false
        private var hasRedirected = false

        init(address: String) { self.address = address }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += unwrapInboundIn(data).readableBytes
            if received >= 1537, !hasAnsweredHandshake {
                hasAnsweredHandshake = true
                context.writeAndFlush(
                    wrapOutboundOut(ByteBuffer(bytes: [3] + [UInt8](repeating: 0, count: 3072))), promise: nil)
            }
            // Beyond C0, C1 and C2 there is only `connect`.
            if received > 3073, !hasRedirected {
                hasRedirected = true
                context.writeAndFlush(wrapOutboundOut(redirect()), promise: nil)
            }
        }

        private func redirect() -> ByteBuffer {
            let information: AMF0Object = [
                "level": .string("error"), "code": .string("NetConnection.Connect.Rejected"),
                "ex": .object(["code": .number(302), "redirect": .string(address)]),
            ]
            var payload = ByteBuffer()
            payload.writeAMF0([.string("_error"), .number(1), .null, .object(information)])
            var bytes = ByteBuffer()
            var encoder = ChunkEncoder()
            encoder.encode(RTMPMessage(type: 20, streamID: 0, timestamp: 0, payload: payload), on: 3, into: &bytes)
            return bytes
        }
    }
}
