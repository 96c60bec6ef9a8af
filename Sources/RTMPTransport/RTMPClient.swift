package import Domain
package import Logging
package import NIOCore
package import RTMP
import NIOPosix
import NIOSSL

/// How our connections to other servers behave. Each limit's answer to being reached is the connection's end (I11), but for a
/// server that takes too little: it loses its own packets and goes on at a key frame (I4).
package struct RTMPClientConfiguration: Sendable, Equatable {
    /// Whose certificates RTMPS believes.
    package enum Trust: Sendable, Equatable {
        case system
        /// A PEM file of certification authorities.
        case authorities(file: String)
        /// Anybody's: for servers of one's own. The connection is still encrypted.
        case anybody
    }

    /// For the TCP connection.
    package var connectTimeout: Duration = .seconds(5)
    /// From the TCP connection until the server lets us publish or play; TLS counts.
    package var setupDeadline: Duration = .seconds(10)
    /// A player's time without a byte, and a publisher's without the socket taking any.
    package var idleLimit: Duration = .seconds(20)
    /// Of a publisher: bytes that wait in this process for the socket before the next picture is left in the hub.
    package var maximumPendingBytes = 262_144
    package var peer = RTMPLimits()
    package var trust = Trust.system

    package init() {}
}

/// Why a connection could not be made. Holds no key.
package struct RTMPClientError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// No TCP connection.
        case unreachable
        /// TLS failed: mostly a certificate that is not believed.
        case notTrusted
        /// Connected, but the server did not let us publish or play; `RTMPClientError.cause` says how it ended.
        case ended
    }

    package var code: Code
    package var message: String
    /// Set with `.ended`.
    package var cause: ClientConnection.CloseCause?

    package var description: String { message }
}

/// Connects to other RTMP servers, to publish a hub's programme there or to play from them. Owned by whoever relays; it keeps
/// nothing of the connections it makes.
///
/// A server that answers `connect` with another address is followed there, up to `maximumRedirects` times. One that asks for a
/// new connection later (Enhanced RTMP v2, "Reconnect Request") ends the session with `.redirected`: its owner connects to
/// `RTMPAddress.redirected(to:)`.
package struct RTMPClient: Sendable {
    private let configuration: RTMPClientConfiguration
    private let group: any EventLoopGroup
    private let logger: Logger

    package init(
        configuration: RTMPClientConfiguration = RTMPClientConfiguration(), group: any EventLoopGroup, logger: Logger
    ) {
        self.configuration = configuration
        self.group = group
        self.logger = logger
    }

    /// Publishes what `hub` (in `RTMPHubWrapping`'s form) has, from the kept key frame on, until either side ends it.
    /// - Throws: `RTMPClientError` when the server cannot be reached, is not believed, or refuses.
    package func publish(_ hub: any ProgrammeHub, to address: RTMPAddress) async throws -> RTMPClientSession {
        try await connect(address, .publish) { .hub(hub) }
    }

    /// Plays a stream into `sink`, which is called on the connection's event loop; it is told its end only when this did not
    /// throw.
    /// - Throws: as `publish`.
    package func play(_ address: RTMPAddress, into sink: any PublisherSink) async throws -> RTMPClientSession {
        try await connect(address, .play) { .sink(sink) }
    }

    /// Of one connecting: Adobe's servers send a client on once; two that send it to each other get no more than this.
    private static let maximumRedirects = 3

    private func connect(
        _ address: RTMPAddress, _ role: ClientTarget.Role, _ media: @escaping @Sendable () -> RTMPClientHandler.Media
    ) async throws -> RTMPClientSession {
        var (address, redirects) = (address, 0)
        while true {
            do {
                return try await connectOnce(address, role, media)
            } catch let error as RTMPClientError {
                guard case .redirected(let target) = error.cause, redirects < Self.maximumRedirects,
                    let next = address.redirected(to: target)
                else { throw error }
                redirects += 1
                logger.debug("a server sent us on", metadata: [.peer: "\(next)"])
                address = next
            }
        }
    }

    private func connectOnce(
        _ address: RTMPAddress, _ role: ClientTarget.Role, _ media: @escaping @Sendable () -> RTMPClientHandler.Media
    ) async throws -> RTMPClientSession {
        let context = address.isSecure ? try tlsContext() : nil
        let loop = group.next()
        let promises = RTMPClientHandler.Promises(ready: loop.makePromise(), ended: loop.makePromise())
        let configuration = self.configuration
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: loop)
                .connectTimeout(TimeAmount(configuration.connectTimeout))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.socketOption(.so_keepalive), value: 1)
                .channelOption(
                    .writeBufferWaterMark,
                    value: .init(low: configuration.maximumPendingBytes / 2, high: configuration.maximumPendingBytes)
                )
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if let context {
                            try channel.pipeline.syncOperations.addHandler(
                                NIOSSLClientHandler(context: context, serverHostname: address.serverName))
                        }
                        try channel.pipeline.syncOperations.addHandler(
                            RTMPClientHandler(
                                target: address.target(role), media: media(), configuration: configuration,
                                promises: promises))
                    }
                }
                .connect(host: address.host, port: address.port).get()
        } catch {
            let failure = RTMPClientError(
                code: .unreachable, message: "\(address.host), port \(address.port), cannot be reached: \(error)")
            promises.ready.fail(failure)
            promises.ended.succeed(.peerLeft)
            throw failure
        }
        let session = RTMPClientSession(channel: channel, ended: promises.ended.futureResult)
        do {
            try await promises.ready.futureResult.get()
        } catch let error as RTMPClientError {
            logger.info(
                "a server did not let us in", metadata: [.peer: "\(address)", .error: "\(error.message)"])
            throw error
        }
        return session
    }

    private func tlsContext() throws -> NIOSSLContext {
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.minimumTLSVersion = .tlsv12
        switch configuration.trust {
        case .system: break
        case .authorities(let file): settings.trustRoots = .file(file)
        case .anybody: settings.certificateVerification = .none
        }
        do {
            return try NIOSSLContext(configuration: settings)
        } catch {
            throw RTMPClientError(code: .notTrusted, message: "The authorities for RTMPS cannot be read.")
        }
    }
}

extension RTMPAddress {
    /// For SNI and the certificate's check; an IP address is checked against the certificate by itself.
    fileprivate var serverName: String? {
        (try? SocketAddress(ipAddress: host, port: port)) == nil ? host : nil
    }
}

/// One connection to another server that publishes or plays; any thread.
package final class RTMPClientSession: Sendable {
    private let channel: any Channel
    private let ended: EventLoopFuture<ClientConnection.CloseCause>

    init(channel: any Channel, ended: EventLoopFuture<ClientConnection.CloseCause>) {
        self.channel = channel
        self.ended = ended
    }

    /// Tells the server that we are done, and closes. Harmless when done twice.
    package func stop() {
        // On a channel that is closed already this fails, and nobody is waiting to hear it.
        channel.triggerUserOutboundEvent(RTMPClientHandler.Stop(), promise: nil)
    }

    /// Waits for the end and says how it came.
    package func end() async -> ClientConnection.CloseCause {
        (try? await ended.get()) ?? .peerLeft  // It only ever succeeds.
    }

    /// Packets that this server lost by taking too little; 0 for one we play from.
    package func lostPackets() async -> Int {
        let promise = channel.eventLoop.makePromise(of: Int.self)
        channel.triggerUserOutboundEvent(RTMPClientHandler.LostPackets(promise: promise), promise: nil)
        channel.closeFuture.whenComplete { _ in promise.succeed(0) }
        return (try? await promise.futureResult.get()) ?? 0  // It only ever succeeds.
    }
}
