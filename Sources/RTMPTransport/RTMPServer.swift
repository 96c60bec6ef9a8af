package import CoreMetrics
package import Domain
package import Logging
package import NIOCore
import Glibc
import Metrics
import NIOPosix
import ServiceLifecycle
import Synchronization

/// A listener for RTMP over TLS beside the plain one.
package struct RTMPSListening: Sendable {
    /// 0 lets the system choose; `RTMPServer.securePort` says which it took.
    package var port: Int
    package var identity: TLSIdentity

    package init(port: Int, identity: TLSIdentity) {
        self.port = port
        self.identity = identity
    }
}

/// Listens for publishers and players and runs each on an event loop of `group`.
///
/// Owned by the assembly, one-shot: `bind`, then `run` until the service group stops. It owns its sockets and nothing else: the
/// group is the caller's.
package final class RTMPServer: Service, Sendable {
    private enum State {
        case idle
        /// RTMP first, then RTMPS if there is that.
        case listening([any Channel])
        case stopped
    }

    private let configuration: RTMPServerConfiguration
    private let group: any EventLoopGroup
    private let gate: any PublisherGate
    private let players: RTMPPlayers
    private let secure: RTMPSListening?
    private let authenticator: (any MessageAuthenticating)?
    private let logger: Logger
    private let metrics: RTMPMetrics
    private let registry: ConnectionRegistry
    private let state = Mutex(State.idle)

    /// Starts nothing.
    /// - Parameters:
    ///   - authenticator: for the digest form of the handshake; without it every peer gets the plain one.
    ///   - playing: what players get; nothing without it.
    ///   - secure: a second listener, for RTMPS, under the same limits; none without it.
    ///   - metricsFactory: where it counts; the process's own without one.
    package init(
        configuration: RTMPServerConfiguration, group: any EventLoopGroup, gate: any PublisherGate,
        authenticator: (any MessageAuthenticating)? = nil, playing: RTMPPlaying = .nothing,
        secure: RTMPSListening? = nil, logger: Logger,
        metricsFactory: (any MetricsFactory)? = nil
    ) {
        let metrics = RTMPMetrics(factory: metricsFactory ?? MetricsSystem.factory)
        self.metrics = metrics
        self.configuration = configuration
        self.group = group
        self.gate = gate
        self.players = RTMPPlayers(playing)
        self.secure = secure
        self.authenticator = authenticator
        self.logger = logger
        self.registry = ConnectionRegistry(limits: configuration.limits, metrics: metrics)
    }

    /// Opens the listening sockets; connections are served from here on.
    /// - Returns: the port that was taken for RTMP.
    /// - Throws: `RTMPServerError` that says what the operator can do: a busy port, a port that needs rights, an unknown address.
    @discardableResult
    package func bind() async throws -> Int {
        var listeners = [try await listen(on: configuration.port, identity: nil)]
        do {
            if let secure { listeners.append(try await listen(on: secure.port, identity: secure.identity)) }
            let taken = listeners
            let isFirst = state.withLock { state in
                guard case .idle = state else { return false }
                state = .listening(taken)
                return true
            }
            guard isFirst else { throw RTMPServerError(.stopped, "The RTMP server was started twice.") }
        } catch {
            for listener in listeners { try? await listener.close() }  // Nobody was told of them.
            throw error
        }
        return listeners[0].localAddress?.port ?? configuration.port
    }

    /// The port that was taken for RTMPS; `nil` without it or before `bind`.
    package var securePort: Int? {
        guard case .listening(let listeners) = state.withLock({ $0 }), listeners.count > 1 else { return nil }
        return listeners[1].localAddress?.port
    }

    private func listen(on port: Int, identity: TLSIdentity?) async throws -> any Channel {
        do {
            let listener = try await bootstrap(identity).bind(host: configuration.host, port: port).get()
            let taken = listener.localAddress?.port ?? port
            let metadata: [LogKey: Logger.MetadataValue] = [.host: "\(configuration.host)", .port: "\(taken)"]
            if identity == nil {
                logger.info("RTMP listening", metadata: metadata)
            } else {
                logger.info("RTMPS listening", metadata: metadata)
            }
            return listener
        } catch {
            throw explain(error, port: port)
        }
    }

    /// Serves until graceful shutdown or cancellation, then closes the listener and every connection, with the reason, and returns when
    /// all are gone. Binds first when `bind` was not called.
    package func run() async throws {
        if case .idle = state.withLock({ $0 }) { try await bind() }
        guard case .listening(let listeners) = state.withLock({ $0 }) else {
            throw RTMPServerError(.stopped, "The RTMP server was stopped before.")
        }
        let isLost = await withTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                try? await gracefulShutdown()  // Cancelled is the same to us: stop.
                return false
            }
            for listener in listeners {
                tasks.addTask {
                    try? await listener.closeFuture.get()  // How it ended does not matter, only that it did.
                    return true
                }
            }
            let isLost = await tasks.next() ?? false
            await self.stop(listeners)
            tasks.cancelAll()
            return isLost
        }
        if isLost { throw RTMPServerError(.listenerLost, "The RTMP listening socket was closed.") }
    }

    private func stop(_ listeners: [any Channel]) async {
        state.withLock { $0 = .stopped }
        for listener in listeners { try? await listener.close() }  // Fails when it is closed already.
        let (channels, empty) = registry.stop(on: group.any())
        for channel in channels {
            let request = PublisherCloseRequest(reason: PublishRefusal.shuttingDown.message, comesBack: true)
            channel.triggerUserOutboundEvent(request, promise: nil)
        }
        let deadline = group.any().scheduleTask(in: TimeAmount(configuration.limits.shutdownLimit)) {
            for channel in channels { channel.close(promise: nil) }
        }
        try? await empty.get()  // It only ever succeeds.
        deadline.cancel()
    }

    // MARK: Listening

    private func bootstrap(_ identity: TLSIdentity?) -> ServerBootstrap {
        let limits = configuration.limits
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: limits.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Accepted at one wake of the loop; between them its publishers are served.
            .serverChannelOption(.maxMessagesPerRead, value: 16)
            .serverChannelInitializer { [metrics, logger] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptGuard(logger: logger) { metrics.acceptFailed() })
                }
            }
            .publisherOptions(limits)
            .childChannelInitializer { [registry, metrics, gate, authenticator, players, logger] channel in
                let network = PeerNetwork(channel.remoteAddress)
                let now = Int64(clamping: NIODeadline.now().uptimeNanoseconds)
                guard case .success(let place) = registry.admit(channel, from: network, at: now) else {
                    return channel.close()
                }
                return channel.eventLoop.makeCompletedFuture {
                    // Its time counts: the deadline begins with the handler behind it.
                    if let identity { try channel.pipeline.syncOperations.addHandler(identity.makeHandler()) }
                    try channel.pipeline.syncOperations.addHandler(
                        RTMPConnectionHandler(
                            limits: limits, authenticator: authenticator, address: channel.peerAddress,
                            network: network.description, place: place,
                            gate: gate, players: players, registry: registry, metrics: metrics, logger: logger))
                }
            }
    }

    private func explain(_ error: any Error, port: Int) -> RTMPServerError {
        let place = "\(configuration.host), port \(port)"
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

extension ServerBootstrap {
    /// What every accepted socket gets.
    fileprivate func publisherOptions(_ limits: RTMPServerConfiguration.Limits) -> ServerBootstrap {
        let keepAlive = limits.keepAlive
        func option(_ name: Int32) -> ChannelOptions.Types.SocketOption { .tcpOption(.init(rawValue: name)) }
        return childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(option(TCP_KEEPIDLE), value: keepAlive.idle.wholeSeconds)
            .childChannelOption(option(TCP_KEEPINTVL), value: keepAlive.interval.wholeSeconds)
            .childChannelOption(option(TCP_KEEPCNT), value: .init(keepAlive.count))
            .childChannelOption(option(TCP_USER_TIMEOUT), value: keepAlive.unacknowledged.wholeSeconds * 1000)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(
                .recvAllocator,
                value: FixedSizeRecvByteBufferAllocator(capacity: RTMPConnectionHandler.readBytesBeforePublish)
            )
            // Answers are small; a peer that leaves this much unread is not read from until it catches up.
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 8192, high: 32_768))
    }
}

extension Duration {
    /// For a socket option: at least one second.
    fileprivate var wholeSeconds: ChannelOptions.Types.SocketOption.Value {
        .init(clamping: max(1, components.seconds))
    }
}

extension Channel {
    /// The peer's IP address; an IPv4 peer of an IPv6 socket in its IPv4 form.
    fileprivate var peerAddress: String {
        let text = remoteAddress?.ipAddress ?? "unknown"
        return text.hasPrefix("::ffff:") ? String(text.dropFirst(7)) : text
    }
}
