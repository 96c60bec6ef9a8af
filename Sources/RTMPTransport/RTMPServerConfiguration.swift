package import RTMP

/// Where the RTMP server listens and what it grants its peers. Each limit's answer to being reached is a close (I11).
package struct RTMPServerConfiguration: Sendable, Equatable {
    /// An IP address or a name; `0.0.0.0` and `::` are all of the machine's.
    package var host: String
    /// 0 lets the system choose; `RTMPServer.bind` says which it took.
    package var port: Int
    package var limits: Limits

    package init(host: String = "0.0.0.0", port: Int = 1935, limits: Limits = Limits()) {
        self.host = host
        self.port = port
        self.limits = limits
    }

    package struct Limits: Sendable, Equatable {
        /// Of the protocol, per connection.
        package var peer = RTMPLimits()
        package var maximumConnections = 1024
        /// From one IP address.
        package var maximumConnectionsPerAddress = 64
        /// From accepting the socket to an accepted publish.
        package var publishDeadline: Duration = .seconds(10)
        /// Without a byte from a publisher.
        package var idleLimit: Duration = .seconds(30)
        /// How long a peer may take to read our last words and close before we close on it.
        package var lingerLimit: Duration = .seconds(1)
        /// For all connections together when the server stops.
        package var shutdownLimit: Duration = .seconds(3)
        /// Of accepted sockets that the system keeps for us.
        package var backlog: Int32 = 256

        package init() {}
    }
}
