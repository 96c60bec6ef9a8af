import Foundation

/// Connections as the system sees them (`/proc/net/tcp`, `proc(5)`), IPv4 on loopback.
struct SystemSockets {
    struct Connection {
        var isEstablished: Bool
        /// The keep-alive timer is the one that runs.
        var isKeptAlive: Bool
        var timerHundredths: Int
    }

    /// The peer's end.
    static func connection(from client: Int, to server: Int) -> Connection? { find(local: client, remote: server) }

    /// The server's end.
    static func accepted(on server: Int, from client: Int) -> Connection? { find(local: server, remote: client) }

    private static func find(local: Int, remote: Int) -> Connection? {
        // By handle: such files have no size that could be read up to.
        guard let data = try? FileHandle(forReadingAtPath: "/proc/net/tcp")?.readToEnd() else { return nil }
        let table = String(decoding: data, as: UTF8.self)
        for line in table.split(separator: "\n").dropFirst() {
            // sl local_address rem_address st tx_queue:rx_queue tr:tm->when …
            let fields = line.split(separator: " ")
            guard fields.count > 5, port(fields[1]) == local, port(fields[2]) == remote else { continue }
            let timer = fields[5].split(separator: ":")
            return Connection(
                isEstablished: fields[3] == "01", isKeptAlive: timer.first == "02",
                timerHundredths: timer.last.flatMap { Int($0, radix: 16) } ?? 0)
        }
        return nil
    }

    private static func port(_ address: Substring) -> Int? {
        address.split(separator: ":").last.flatMap { Int($0, radix: 16) }
    }
}
