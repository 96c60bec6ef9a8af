import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
package import NIOSSL
import Synchronization

/// Where and with what the server listens for HTTPS.
package struct SecureListening: Sendable {
    /// What is shown to new connections, and a number that changes with it.
    package typealias Identity = @Sendable () -> (generation: Int, configuration: TLSConfiguration)

    /// 0 takes any free port.
    package var port: Int
    /// Asked for each connection, on its event loop.
    package var identity: Identity

    package init(port: Int, identity: @escaping Identity) {
        self.port = port
        self.identity = identity
    }
}

/// A TLS connection that speaks HTTP/2 or HTTP/1.1, as the client chose (ALPN). New connections get the newest certificate.
///
/// Media passes through the process here, in pieces: encryption needs the bytes, so `sendfile` is of no use.
struct SecureHTTPChannel: HTTPChannelHandler {
    typealias Value = HTTP2UpgradeChannel.Value

    private struct Current {
        var generation: Int
        var channel: HTTP2UpgradeChannel
    }

    let responder: HTTPChannelHandler.Responder
    private let identity: SecureListening.Identity
    private let handlers: @Sendable () -> [any RemovableChannelHandler]
    private let idleTimeout: Duration
    private let current: Holder

    /// Shared by copies of the value.
    private final class Holder: Sendable {
        let channel: Mutex<Current>
        init(_ channel: Current) { self.channel = Mutex(channel) }
    }

    /// - Parameter handlers: made for each stream of HTTP/2 and each connection of HTTP/1.1, behind its codec.
    /// - Throws: when the certificate cannot be used.
    init(
        responder: @escaping HTTPChannelHandler.Responder, identity: @escaping SecureListening.Identity,
        idleTimeout: Duration, handlers: @escaping @Sendable () -> [any RemovableChannelHandler]
    ) throws {
        self.responder = responder
        self.identity = identity
        self.idleTimeout = idleTimeout
        self.handlers = handlers
        let shown = identity()
        current = Holder(
            Current(
                generation: shown.generation,
                channel: try Self.make(shown.configuration, responder, idleTimeout, handlers)))
    }

    private static func make(
        _ configuration: TLSConfiguration, _ responder: @escaping HTTPChannelHandler.Responder,
        _ idleTimeout: Duration, _ handlers: @escaping @Sendable () -> [any RemovableChannelHandler]
    ) throws -> HTTP2UpgradeChannel {
        try HTTP2UpgradeChannel(
            tlsConfiguration: configuration,
            configuration: .init(
                idleTimeout: idleTimeout, gracefulCloseTimeout: .seconds(1),
                streamConfiguration: .init(
                    additionalChannelHandlers: handlers(), httpDecoderConfiguration: DeliveryHTTP1Channel.decoderLimits)
            ),
            responder: responder)
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        newest(logger).setup(channel: channel, logger: logger)
    }

    func handle(value: Value, logger: Logger) async {
        await current.channel.withLock { $0.channel }.handle(value: value, logger: logger)
    }

    private func newest(_ logger: Logger) -> HTTP2UpgradeChannel {
        let shown = identity()
        return current.channel.withLock { current in
            guard current.generation != shown.generation else { return current.channel }
            current.generation = shown.generation
            do {
                current.channel = try Self.make(shown.configuration, responder, idleTimeout, handlers)
            } catch {
                logger.error(
                    "The new HTTPS certificate cannot be used; the old one stays", metadata: [LogKey.error: "\(error)"])
            }
            return current.channel
        }
    }
}
