package import Domain

/// Where the database is and who we are there. The password never shows in a description or an error (I9).
package struct DatabaseConfiguration: Sendable, Equatable {
    /// A host name or address, or the folder of a Unix socket, which starts with `/`.
    package var host: String
    package var port: Int
    /// `nil`: the operating system's user.
    package var user: String?
    package var database: String
    package var password: Secret?
    /// TLS settings of libpq by their own names: `sslmode`, `sslrootcert`, `sslcert`, `sslkey`.
    package var parameters: [String: String]
    /// A statement that takes longer is ended by the server.
    package var statementTimeout: Duration

    package init(
        host: String, port: Int = 5432, user: String? = nil, database: String, password: Secret? = nil,
        parameters: [String: String] = [:], statementTimeout: Duration = .seconds(3)
    ) {
        self.host = host
        self.port = port
        self.user = user
        self.database = database
        self.password = password
        self.parameters = parameters
        self.statementTimeout = statementTimeout
    }

    /// `user@host:port/database`, for logs.
    package var summary: String {
        (user.map { $0 + "@" } ?? "") + "\(host):\(port)/\(database)"
    }

    /// libpq's keywords. A link that died is noticed within about 25 s when idle, 10 s when something was sent.
    var keywords: [(String, String)] {
        var pairs: [(String, String)] = [
            ("host", host), ("port", String(port)), ("dbname", database), ("connect_timeout", "5"),
            ("application_name", "lineup"), ("client_encoding", "UTF8"), ("keepalives_idle", "10"),
            ("keepalives_interval", "5"), ("keepalives_count", "3"), ("tcp_user_timeout", "10000"),
        ]
        if let user { pairs.append(("user", user)) }
        if let password { pairs.append(("password", password.exposed)) }
        pairs += parameters.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        return pairs
    }
}
