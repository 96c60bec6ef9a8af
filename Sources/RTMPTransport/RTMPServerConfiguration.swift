package import Domain
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
        package var maximumConnections = 1024 {
            didSet { handshakes = Self.rate(of: maximumConnections) }
        }
        /// From one `PeerNetwork`: an IPv4 address or an IPv6 /64.
        package var maximumConnectionsPerAddress = 64 {
            didSet { handshakesPerAddress = Self.ratePerAddress(of: maximumConnectionsPerAddress) }
        }
        /// New connections in all: as many at once as there are places, then half of them each second. Follows
        /// `maximumConnections`.
        package var handshakes = Self.rate(of: 1024)
        /// New connections of one `PeerNetwork`: as many at once as it has places, then a quarter of them each second. Follows
        /// `maximumConnectionsPerAddress`.
        package var handshakesPerAddress = Self.ratePerAddress(of: 64)
        /// From accepting the socket to an accepted publish, whatever is sent meanwhile.
        package var publishDeadline: Duration = .seconds(10)
        /// Without media from a publisher: its sink is told that it is silent.
        package var silenceLimit: Duration = .milliseconds(1500)
        /// Without media from a publisher: it is closed.
        package var idleLimit: Duration = .seconds(30)
        package var keepAlive = KeepAlive()
        /// How long a peer may take to read our last words and close before we close on it.
        package var lingerLimit: Duration = .seconds(1)
        /// For all connections together when the server stops.
        package var shutdownLimit: Duration = .seconds(3)
        /// Of connections that the system keeps for us until we accept them; one more has to ask again a second later.
        package var backlog: Int32 = 1024

        package init() {}

        private static func rate(of places: Int) -> ArrivalRate.Policy {
            ArrivalRate.Policy(perSecond: max(16, places / 2), burst: max(16, places))
        }

        private static func ratePerAddress(of places: Int) -> ArrivalRate.Policy {
            ArrivalRate.Policy(perSecond: max(4, places / 4), burst: max(4, places))
        }
    }

    /// When the system asks a silent peer whether it is still there, and gives it up: after `idle` + `interval` x `count`, or
    /// when what we sent was not acknowledged for `unacknowledged`. It finds peers whose network is gone; whole seconds.
    package struct KeepAlive: Sendable, Equatable {
        package var idle: Duration = .seconds(10)
        package var interval: Duration = .seconds(5)
        package var count = 3
        package var unacknowledged: Duration = .seconds(25)

        package init() {}
    }
}
