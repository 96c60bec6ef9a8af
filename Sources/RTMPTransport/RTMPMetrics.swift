import Metrics

/// What the RTMP server counts. Labels are constants: no key and no address ever stands in one (I9).
struct RTMPMetrics: Sendable {
    private let connections = Gauge(label: "lineup_rtmp_connections")
    private let receivedBytes = Counter(label: "lineup_rtmp_received_bytes_total")

    func connectionsChanged(to count: Int) { connections.record(count) }

    /// Once per read of a socket, not per message.
    func received(bytes: Int) { receivedBytes.increment(by: bytes) }

    /// - Parameter reason: a constant, such as `PublishRefusal.label` or `RTMPError.Code.rawValue`.
    func refused(reason: String) {
        Counter(label: "lineup_rtmp_refusals_total", dimensions: [("reason", reason)]).increment()
    }
}
