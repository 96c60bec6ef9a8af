package import Metrics
package import Domain
import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
package import Logging
package import NIOCore
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
    private let listening = ListeningState()
    private let registry = ConnectionRegistry()

    /// Starts nothing; `run()` does.
    /// - Parameter metrics: the assembly passes its `PrometheusMetrics`, or nothing after `MetricsSystem.bootstrap`.
    package init(
        configuration: WebServerConfiguration, group: any EventLoopGroup, ports: WebServerPorts,
        renderMetrics: @escaping @Sendable () -> String, clock: any WallClock, logger: Logger,
        metrics: any MetricsFactory = MetricsSystem.factory
    ) {
        self.configuration = configuration
        self.group = group
        self.ports = ports
        self.renderMetrics = renderMetrics
        self.clock = clock
        self.metrics = metrics
        self.logger = logger
    }

    /// The port listened on; waits until it is.
    /// - Throws: `WebServerError` when `run()` ended before; `CancellationError`.
    package func port() async throws -> Int { try await listening.port() }

    /// - Throws: `WebServerError` when the pages are missing or the address cannot be listened on.
    package func run() async throws {
        do {
            try await runApplication(pages: try PageStore(folder: configuration.webRoot))
        } catch {
            let clear = clearError(error)
            listening.ended(clear)
            throw clear
        }
        listening.ended(WebServerError(.stopped, "the web server has stopped"))
    }

    private func runApplication(pages: PageStore) async throws {
        let cookie = SessionCookie(isSecure: configuration.publicOrigin?.isSecure == true)
        if !cookie.isSecure {
            logger.warning("No https public URL is set: sessions and passwords travel unencrypted")
        }
        let application = application(responder(pages: pages, cookie: cookie))
        let registry = registry
        try await withTaskCancellationHandler {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    try await application.run()
                    return true
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
                for try await isApplication in group where isApplication { group.cancelAll() }
            }
        } onCancel: {
            registry.closeAll()
        }
    }

    private func responder(pages: PageStore, cookie: SessionCookie) -> WebResponder {
        let authenticator = authenticator(cookie)
        return WebResponder(
            table: RouteTable(routes(pages: pages, cookie: cookie, authenticator: authenticator)), pages: pages,
            authenticator: authenticator, crossSiteGuard: CrossSiteGuard(publicOrigin: configuration.publicOrigin),
            trustedProxies: configuration.trustedProxies,
            metrics: RequestMetrics(factory: metrics), logger: logger)
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
            HLSDelivery(origin: ports.origin).routes,
            PageRoutes(pages: pages, channels: configuration.channels).routes,
            OlderNameRoutes(queue: ports.queue, pages: pages).routes,
            AccountRoutes(accounts: ports.accounts, profiles: ports.profiles, cookie: cookie, clock: clock).routes,
            ProfileRoutes(profiles: ports.profiles, cookie: cookie, clock: clock).routes,
            LinkRoutes(profiles: ports.profiles).routes, SecondFactorRoutes(profiles: ports.profiles).routes,
            RehearsalRoutes(rehearsals: ports.rehearsals).routes, InvitationRoutes(profiles: ports.profiles).routes,
            KeyRoutes(accounts: ports.accounts).routes,
            UserRoutes(accounts: ports.accounts, profiles: ports.profiles).routes,
            TokenRoutes(tokens: ports.tokens).routes,
            QueueRoutes(queue: ports.queue).routes,
            QueueActRoutes(queue: ports.queue, accounts: ports.accounts, clock: clock).routes,
            HistoryRoutes(history: ports.history).routes, AuditRoutes(audit: ports.audit).routes, events.routes,
            operation.routes,
        ]
        return OpenAPIRoutes.describing(routes.flatMap { $0 }, version: configuration.version)
    }

    private func application(_ responder: WebResponder) -> Application<WebResponder> {
        var quiet = logger
        // Hummingbird writes what varies into its messages; ours say the same as metadata.
        quiet.logLevel = max(.warning, logger.logLevel)
        let registry = registry
        let (idle, request) = (configuration.idleTimeout, configuration.requestTimeout)
        let streams = StreamPlaces(ports.streams, factory: metrics)
        let requests = RequestMetrics(factory: metrics)
        let connection = HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                ConnectionGuardHandler(registry: registry, idleTimeout: idle, requestTimeout: request),
                StreamHandler(places: streams, registry: registry, metrics: requests),
            ],
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: 16 * 1024, maxHeaderListSize: 32 * 1024, maxHeaderFieldCount: 100))
        return Application(
            responder: responder, server: .http1(configuration: connection),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: nil, backlog: 1_024,
                reuseAddress: true,
                availableConnectionsDelegate: MaximumAvailableConnections(configuration.maximumConnections)),
            onServerRunning: { [listening, logger] channel in
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
