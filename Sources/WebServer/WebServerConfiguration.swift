package import Domain

/// What the web server needs to know at start; made once by the assembly.
package struct WebServerConfiguration: Sendable {
    /// The address to listen on: a host name or IP address.
    package var host: String
    /// 0 takes any free port; `WebServer.port()` says which.
    package var port: Int
    /// Of the program, for the OpenAPI document.
    package var version: String
    /// The folder with the pages, `web/` of the repository.
    package var webRoot: String
    /// Where people reach the server, when that is not what their browser says in `Host`: `https://lineup.example`.
    package var publicOrigin: PublicOrigin?
    /// The port DJs publish to, for the server address shown to them.
    package var rtmpPort: Int
    /// Channels that have pages.
    package var channels: [ChannelName]
    /// A connection on which no byte moved for this long is closed: idle, or a reader that does not read.
    package var idleTimeout: Duration
    /// How long a request may take to arrive in full.
    package var requestTimeout: Duration
    /// How long answers under way may take to finish at a graceful shutdown before their connections are closed.
    package var drainDeadline: Duration
    /// Between the comments that keep an event stream open.
    package var heartbeat: Duration
    /// Whose forwarded address and scheme count.
    package var trustedProxies: TrustedProxies
    /// Whose pages may read media, lists and the guide.
    package var crossOrigin = CrossOriginPolicy.everybody
    /// Connections at once; more wait in the kernel's backlog.
    package var maximumConnections: Int
    /// Event streams at once; more are refused with 503.
    package var maximumEventStreams: Int

    /// Bytes of a request's body; more is refused with 413.
    package static let maximumBodyBytes = 64 * 1024
    /// Bytes of a request's target (path and query); more is refused with 414.
    package static let maximumTargetBytes = 4 * 1024

    /// - Throws: `.invalidConfiguration` when `publicURL` is no `http` or `https` origin or a port is out of range.
    package init(
        host: String, port: Int, webRoot: String, publicURL: String?, rtmpPort: Int,
        version: String = "development", channels: [ChannelName] = [.main], idleTimeout: Duration = .seconds(40),
        requestTimeout: Duration = .seconds(30), drainDeadline: Duration = .seconds(2),
        heartbeat: Duration = .seconds(15), maximumConnections: Int = 10_000, maximumEventStreams: Int = 2_000,
        trustedProxies: TrustedProxies = .none
    ) throws(WebServerError) {
        guard (0...65_535).contains(port), (1...65_535).contains(rtmpPort) else {
            throw WebServerError(.invalidConfiguration, "a port must be between 1 and 65535")
        }
        if let publicURL {
            guard let origin = PublicOrigin(publicURL) else {
                throw WebServerError(
                    .invalidConfiguration,
                    "the public URL must be http:// or https:// with a host, an optional port and no path")
            }
            self.publicOrigin = origin
        }
        self.host = host
        self.port = port
        self.webRoot = webRoot
        self.version = version
        self.rtmpPort = rtmpPort
        self.channels = channels
        self.idleTimeout = idleTimeout
        self.requestTimeout = requestTimeout
        self.drainDeadline = drainDeadline
        self.heartbeat = heartbeat
        self.trustedProxies = trustedProxies
        self.maximumConnections = maximumConnections
        self.maximumEventStreams = maximumEventStreams
    }
}
