package import Metrics
package import Domain
import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
package import Logging
package import NIOCore
import NIOHTTPTypes
import ServiceLifecycle

/// The HTTP side of the server: pages, API, live updates, HLS and the operator's endpoints on one port.
///
/// A service of the assembly's group. At a graceful shutdown it stops listening, ends event streams and idle connections at
/// once, lets answers under way finish for `drainDeadline`, and then closes what is left.
package final class WebServer: Service, Sendable {
    private let configuration: WebServerConfiguration
    private let group: any EventLoopGroup
    private let ports: WebServerPorts
    private let renderMetrics: @Sendable () -> String
    private let clock: any WallClock
    private let metrics: any MetricsFactory
    private let logger: Logger
    private let onListening: @Sendable (any Channel) async -> Void
    private let secure: SecureListening?
    private let listening = ListeningState()
    private let listeningSecurely = ListeningState()
    private let registry = ConnectionRegistry()

    /// Starts nothing; `run()` does.
    /// - Parameters:
    ///   - metrics: the assembly passes its `PrometheusMetrics`, or nothing after `MetricsSystem.bootstrap`.
    ///   - onListening: given the listening channel once, before `port()` answers: for what all listeners have in common.
    package init(
        configuration: WebServerConfiguration, group: any EventLoopGroup, ports: WebServerPorts,
        renderMetrics: @escaping @Sendable () -> String, clock: any WallClock, logger: Logger,
        secure: SecureListening? = nil, metrics: any MetricsFactory = MetricsSystem.factory,
        onListening: @escaping @Sendable (any Channel) async -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.group = group
        self.ports = ports
        self.renderMetrics = renderMetrics
        self.clock = clock
        self.metrics = metrics
        self.secure = secure
        self.logger = logger
        self.onListening = onListening
    }

    /// The port listened on; waits until it is.
    /// - Throws: `WebServerError` when `run()` ended before; `CancellationError`.
    package func port() async throws -> Int { try await listening.port() }

    /// The port of HTTPS, waited for as `port()`; `nil` where none was asked for.
    package func securePort() async throws -> Int? {
        secure == nil ? nil : try await listeningSecurely.port()
    }

    /// - Throws: `WebServerError` when the pages are missing or the address cannot be listened on.
    package func run() async throws {
        do {
            try await runApplication(pages: try PageStore(folder: configuration.webRoot))
        } catch {
            let clear = clearError(error)
            listening.ended(clear)
            listeningSecurely.ended(clear)
            throw clear
        }
        let stopped = WebServerError(.stopped, "the web server has stopped")
        listening.ended(stopped)
        listeningSecurely.ended(stopped)
    }

    private func runApplication(pages: PageStore) async throws {
        let cookie = SessionCookie(isSecure: configuration.publicOrigin?.isSecure == true)
        if !cookie.isSecure {
            logger.warning("No https public URL is set: sessions and passwords travel unencrypted")
        }
        let requests = RequestMetrics(factory: metrics)
        let desk = DeliveryDesk(
            origin: ports.origin, observer: ports.viewers, outputs: ports.outputs, regions: ports.regions,
            trustedProxies: configuration.trustedProxies, crossOrigin: configuration.crossOrigin, clock: clock,
            metrics: requests, factory: metrics)
        let responder = responder(pages: pages, cookie: cookie, metrics: requests)
        let streams = StreamPlaces(
            ports.streams, trustedProxies: configuration.trustedProxies, crossOrigin: configuration.crossOrigin,
            clock: clock, factory: metrics)
        var applications = [application(responder, desk: desk, streams: streams)]
        if let secure {
            var responder = responder
            responder.isSecureListener = true
            applications.append(application(responder, desk: desk, streams: streams, secure: secure))
        }
        let registry = registry
        try await withTaskCancellationHandler {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for application in applications {
                    group.addTask {
                        try await application.run()
                        return true
                    }
                }
                group.addTask { [configuration] in
                    do {
                        try await gracefulShutdown()
                        try await Task.sleep(for: configuration.drainDeadline)
                    } catch {
                        return false  // Cancelled: the application ended by itself.
                    }
                    registry.closeAll()
                    return false
                }
                var running = applications.count
                for try await isApplication in group where isApplication {
                    running -= 1
                    if running == 0 { group.cancelAll() }
                }
            }
        } onCancel: {
            registry.closeAll()
        }
    }

    private func responder(pages: PageStore, cookie: SessionCookie, metrics requests: RequestMetrics) -> WebResponder {
        let authenticator = authenticator(cookie)
        return WebResponder(
            table: RouteTable(routes(pages: pages, cookie: cookie, authenticator: authenticator)), pages: pages,
            authenticator: authenticator, crossSiteGuard: CrossSiteGuard(publicOrigin: configuration.publicOrigin),
            trustedProxies: configuration.trustedProxies, crossOrigin: configuration.crossOrigin, metrics: requests,
            logger: logger)
    }

    private func authenticator(_ cookie: SessionCookie) -> Authenticator {
        Authenticator(
            accounts: ports.accounts, tokens: ports.tokens, cookie: cookie, wrongTokens: WrongTokenLimiter(),
            clock: clock)
    }

    /// Every address but the files of `web/`, with the one that describes them (`OpenAPIRoutes`).
    func routes(pages: PageStore, cookie: SessionCookie, authenticator: Authenticator? = nil) -> [Route] {
        let slots = EventStreamSlots(maximum: configuration.maximumEventStreams, factory: metrics)
        let authenticator = authenticator ?? self.authenticator(cookie)
        let operation = OperationRoutes(
            readiness: ports.readiness, renderMetrics: renderMetrics, configuration: configuration)
        let events = EventRoutes(
            queue: ports.queue, log: ports.events, slots: slots, heartbeat: configuration.heartbeat,
            authenticator: authenticator)
        let routes: [[Route]] = [
            PageRoutes(pages: pages, channels: configuration.channels).routes,
            OlderNameRoutes(queue: ports.queue, pages: pages).routes,
            AccountRoutes(accounts: ports.accounts, profiles: ports.profiles, cookie: cookie, clock: clock).routes,
            ProfileRoutes(profiles: ports.profiles, cookie: cookie, clock: clock).routes,
            LinkRoutes(profiles: ports.profiles).routes, SecondFactorRoutes(profiles: ports.profiles).routes,
            RehearsalRoutes(rehearsals: ports.rehearsals).routes, InvitationRoutes(profiles: ports.profiles).routes,
            KeyRoutes(accounts: ports.accounts).routes,
            UserRoutes(accounts: ports.accounts, profiles: ports.profiles).routes,
            TokenRoutes(tokens: ports.tokens).routes, TargetRoutes(targets: ports.targets).routes,
            StudioRoutes(studios: ports.studios).routes,
            DiscordLinkRoutes(links: ports.discord, clock: clock).routes,
            QueueRoutes(queue: ports.queue).routes,
            OwnPlaceRoutes(queue: ports.queue).routes,
            QueueActRoutes(queue: ports.queue, accounts: ports.accounts, clock: clock).routes,
            HistoryRoutes(history: ports.history).routes, AuditRoutes(audit: ports.audit).routes, events.routes,
            HandoverRoutes(handovers: ports.handovers).routes,
            HealthRoutes(health: ports.health, queue: ports.queue).routes,
            PreviewRoutes(
                previews: ports.previews, queue: ports.queue, slots: slots, heartbeat: configuration.heartbeat,
                authenticator: authenticator
            ).routes,
            operation.routes,
            ViewerRoutes(
                viewers: ports.viewerDesk, audit: ports.audit, outputs: ports.outputs, regions: ports.regions,
                channels: configuration.channels, clock: clock
            ).routes,
            ListRoutes(
                listings: ports.listings, viewers: ports.viewerDesk, queue: ports.queue, audit: ports.audit,
                outputs: ports.outputs, channels: configuration.channels, publicOrigin: configuration.publicOrigin,
                clock: clock
            ).routes,
            GuideRoutes(
                listings: ports.listings, queue: ports.queue, channels: configuration.channels, clock: clock
            ).routes,
        ]
        return OpenAPIRoutes.describing(routes.flatMap { $0 }, version: configuration.version)
    }

    private func application(
        _ responder: WebResponder, desk: DeliveryDesk, streams: StreamPlaces, secure: SecureListening? = nil
    ) -> Application<WebResponder> {
        var quiet = logger
        // Hummingbird writes what varies into its messages; ours say the same as metadata.
        quiet.logLevel = max(.warning, logger.logLevel)
        let registry = registry
        let (idle, request) = (configuration.idleTimeout, configuration.requestTimeout)
        let requests = desk.metrics
        return Application(
            responder: responder,
            server: HTTPServerBuilder { responder in
                if let secure {
                    return try SecureHTTPChannel(
                        responder: responder, identity: secure.identity, idleTimeout: idle
                    ) {
                        [
                            ConnectionGuardHandler<HTTPRequestPart, HTTPResponsePart>(
                                registry: registry, idleTimeout: idle, requestTimeout: request),
                            DeliveryHandler<SecureWire>(desk: desk),
                            StreamHandler(places: streams, registry: registry, metrics: requests),
                        ]
                    }
                }
                return DeliveryHTTP1Channel(
                    responder: responder, desk: desk,
                    makeGuard: {
                        ConnectionGuardHandler(registry: registry, idleTimeout: idle, requestTimeout: request)
                    },
                    makeStreams: { StreamHandler(places: streams, registry: registry, metrics: requests) })
            },
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: secure?.port ?? configuration.port), serverName: nil,
                backlog: 1_024,
                reuseAddress: true,
                availableConnectionsDelegate: MaximumAvailableConnections(configuration.maximumConnections)),
            onServerRunning: {
                [listening = secure == nil ? listening : listeningSecurely, logger, onListening] channel in
                await onListening(channel)
                let port = channel.localAddress?.port ?? 0
                logger.info("Web server listening", metadata: [LogKey.port: "\(port)"])
                listening.bound(to: port)
            },
            eventLoopGroupProvider: .shared(group), logger: quiet)
    }

    /// Says what to do about the two things that go wrong at a start.
    private func clearError(_ error: any Error) -> any Error {
        guard let error = error as? IOError else { return error }
        let address = "\(configuration.host):\(configuration.port)"
        if error.errnoCode == EADDRINUSE {
            return WebServerError(
                .portBusy,
                "port \(configuration.port) is in use: stop the other program or set LINEUP_HTTP_PORT to a free port")
        }
        return WebServerError(.cannotListen, "cannot listen on \(address): \(error.description)")
    }
}
