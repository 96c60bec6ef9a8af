package import Domain
package import Logging
package import NIOCore
import Glibc
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Listens for publishers and runs each on an event loop of `group`.
///
/// Owned by the assembly, one-shot: `bind`, then `run` until the service group stops. It owns its sockets and nothing else: the
/// group is the caller's.
package final class RTMPServer: Service, Sendable {
    private enum State {
        case idle
        case listening(any Channel)
        case stopped
    }

    private let configuration: RTMPServerConfiguration
    private let group: any EventLoopGroup
    private let gate: any PublisherGate
    private let authenticator: (any MessageAuthenticating)?
    private let logger: Logger
    private let metrics = RTMPMetrics()
    private let registry: ConnectionRegistry
    private let state = Mutex(State.idle)

    /// Starts nothing.
    /// - Parameter authenticator: for the digest form of the handshake; without it every peer gets the plain one.
    package init(
        configuration: RTMPServerConfiguration, group: any EventLoopGroup, gate: any PublisherGate,
        authenticator: (any MessageAuthenticating)? = nil, logger: Logger
    ) {
        self.configuration = configuration
        self.group = group
        self.gate = gate
        self.authenticator = authenticator
        self.logger = logger
        self.registry = ConnectionRegistry(limits: configuration.limits, metrics: metrics)
    }

    /// Opens the listening socket; connections are served from here on.
    /// - Returns: the port that was taken.
    /// - Throws: `RTMPServerError` that says what the operator can do: a busy port, a port that needs rights, an unknown address.
    @discardableResult
    package func bind() async throws -> Int {
        let listener: any Channel
        do {
            listener = try await bootstrap().bind(host: configuration.host, port: configuration.port).get()
        } catch {
            throw explain(error)
        }
        let isFirst = state.withLock { state in
            guard case .idle = state else { return false }
            state = .listening(listener)
            return true
        }
        guard isFirst else {
            try? await listener.close()  // A second listener of a server that has one: nothing is lost with it.
            throw RTMPServerError(.stopped, "The RTMP server was started twice.")
        }
        let port = listener.localAddress?.port ?? configuration.port
        logger.info("RTMP listening", metadata: [.host: "\(configuration.host)", .port: "\(port)"])
        return port
    }

    /// Serves until graceful shutdown or cancellation, then closes the listener and every connection, with the reason, and returns when
    /// all are gone. Binds first when `bind` was not called.
    package func run() async throws {
        if case .idle = state.withLock({ $0 }) { try await bind() }
        guard case .listening(let listener) = state.withLock({ $0 }) else {
            throw RTMPServerError(.stopped, "The RTMP server was stopped before.")
        }
        let isLost = await withTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                try? await gracefulShutdown()  // Cancelled is the same to us: stop.
                return false
            }
            tasks.addTask {
                try? await listener.closeFuture.get()  // How it ended does not matter, only that it did.
                return true
            }
            let isLost = await tasks.next() ?? false
            await self.stop(listener)
            tasks.cancelAll()
            return isLost
        }
        if isLost { throw RTMPServerError(.listenerLost, "The RTMP listening socket was closed.") }
    }

    private func stop(_ listener: any Channel) async {
        state.withLock { $0 = .stopped }
        try? await listener.close()  // Fails when it is closed already.
        let (channels, empty) = registry.stop(on: group.any())
        for channel in channels {
            let request = PublisherCloseRequest(reason: PublishRefusal.shuttingDown.message)
            channel.triggerUserOutboundEvent(request, promise: nil)
        }
        let deadline = group.any().scheduleTask(in: TimeAmount(configuration.limits.shutdownLimit)) {
            for channel in channels { channel.close(promise: nil) }
        }
        try? await empty.get()  // It only ever succeeds.
        deadline.cancel()
    }

    // MARK: Listening

    private func bootstrap() -> ServerBootstrap {
        let limits = configuration.limits
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: limits.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(
                .recvAllocator,
                value: FixedSizeRecvByteBufferAllocator(capacity: RTMPConnectionHandler.readBytesBeforePublish)
            )
            // Answers are small; a peer that leaves this much unread is not read from until it catches up.
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 8192, high: 32_768))
            .childChannelInitializer { [registry, metrics, gate, authenticator, logger] channel in
                let address = channel.peerAddress
                let admission = registry.admit(channel, from: address)
                guard admission == .admitted else {
                    metrics.refused(reason: admission.label)
                    return channel.close()
                }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        RTMPConnectionHandler(
                            limits: limits, authenticator: authenticator, address: address, gate: gate,
                            registry: registry, metrics: metrics, logger: logger))
                }
            }
    }

    private func explain(_ error: any Error) -> RTMPServerError {
        let place = "\(configuration.host), port \(configuration.port)"
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE:
            return RTMPServerError(
                .portInUse, "The RTMP port is in use (\(place)): stop what listens there, or choose another port.",
                cause: error)
        case EACCES, EPERM:
            return RTMPServerError(
                .notPermitted, "No permission for the RTMP port (\(place)): choose one above 1023.", cause: error)
        case EADDRNOTAVAIL:
            return RTMPServerError(
                .cannotListen, "This machine does not have the RTMP address (\(place)).", cause: error)
        default:
            return RTMPServerError(.cannotListen, "Cannot listen for RTMP (\(place)): \(error)", cause: error)
        }
    }
}

extension Channel {
    /// The peer's IP address; an IPv4 peer of an IPv6 socket in its IPv4 form, so that limits count it once.
    fileprivate var peerAddress: String {
        let text = remoteAddress?.ipAddress ?? "unknown"
        return text.hasPrefix("::ffff:") ? String(text.dropFirst(7)) : text
    }
}
