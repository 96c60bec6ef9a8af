package import Domain

extension DatabaseConfiguration {
    private static let passedParameters: Set<String> = ["sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl"]
    private static let defaultSocketFolder = "/var/run/postgresql"

    /// Reads a connection URI (libpq's manual, "Connection URIs"):
    /// `postgres://[user[:password]@][host][:port]/database[?sslmode=…]`. A Unix socket is named by `?host=/folder`, or by
    /// leaving the host out.
    /// - Throws: `.configuration`, saying what is wrong without quoting the URL.
    package init(url: Secret) throws(PostgresError) {
        var rest = Substring(url.exposed)
        guard let scheme = ["postgres://", "postgresql://"].first(where: { rest.hasPrefix($0) }) else {
            throw Self.invalid("it starts with neither postgres:// nor postgresql://")
        }
        rest = rest.dropFirst(scheme.count)
        let (beforeQuery, query) = rest.split(atFirst: "?")
        let (authority, path) = beforeQuery.split(atFirst: "/")
        var (credentials, address): (Substring?, Substring) = (nil, authority)
        if let at = authority.lastIndex(of: "@") {
            credentials = authority[..<at]
            address = authority[authority.index(after: at)...]
        }
        let (host, port) = try Self.hostAndPort(address)
        let database = try Self.decoded(path ?? "", "database")
        self.init(host: host.isEmpty ? Self.defaultSocketFolder : host, port: port, database: database)
        if let credentials {
            let (user, password) = credentials.split(atFirst: ":")
            self.user = user.isEmpty ? nil : try Self.decoded(user, "user")
            self.password = try password.map { text throws(PostgresError) in Secret(try Self.decoded(text, "password"))
            }
        }
        try apply(query: query)
        guard !self.database.isEmpty else { throw Self.invalid("it names no database") }
    }

    private mutating func apply(query: Substring?) throws(PostgresError) {
        for pair in (query ?? "").split(separator: "&") {
            let (name, text) = pair.split(atFirst: "=")
            let value = try Self.decoded(text ?? "", "parameter")
            switch name {
            case "host": host = value
            case "port": port = try Self.port(value[...])
            case "user": user = value
            case "password": password = Secret(value)
            case "dbname": database = value
            case _ where Self.passedParameters.contains(String(name)): parameters[String(name)] = value
            default:
                throw Self.invalid(
                    "its parameters may be host, port, user, password, dbname, "
                        + Self.passedParameters.sorted().joined(separator: ", "))
            }
        }
    }

    private static func hostAndPort(_ address: Substring) throws(PostgresError) -> (host: String, port: Int) {
        guard address.hasPrefix("[") else {
            let (host, portText) = address.split(atFirst: ":")
            guard !host.contains(","), portText?.contains(":") != true else {
                throw invalid("its host is not one name or address (IPv6 stands in brackets)")
            }
            return (try decoded(host, "host"), try port(portText ?? ""))
        }
        guard let end = address.firstIndex(of: "]") else { throw invalid("its IPv6 address has no closing bracket") }
        let host = String(address[address.index(after: address.startIndex)..<end])
        let rest = address[address.index(after: end)...]
        guard rest.isEmpty || rest.hasPrefix(":") else { throw invalid("its port does not follow a colon") }
        return (host, try port(rest.dropFirst()))
    }

    private static func port(_ text: Substring) throws(PostgresError) -> Int {
        guard !text.isEmpty else { return 5432 }
        guard let port = Int(text), (1...65_535).contains(port) else { throw invalid("its port is not 1…65535") }
        return port
    }

    /// Takes percent-encoding away (RFC 3986 §2.1).
    private static func decoded(_ text: Substring, _ part: String) throws(PostgresError) -> String {
        var bytes: [UInt8] = []
        var source = text.utf8.makeIterator()
        while let byte = source.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = source.next(), let low = source.next(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16), value != 0
            else { throw invalid("its \(part) has a broken percent-encoding") }
            bytes.append(value)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw invalid("its \(part) is not UTF-8")
        }
        return decoded
    }

    private static func invalid(_ reason: String) -> PostgresError {
        PostgresError(.configuration, "the database URL cannot be used: \(reason)")
    }
}

extension Substring {
    /// The parts before and behind the first `separator`; `nil` behind when there is none.
    fileprivate func split(atFirst separator: Character) -> (Substring, Substring?) {
        guard let index = firstIndex(of: separator) else { return (self, nil) }
        return (self[..<index], self[self.index(after: index)...])
    }
}
