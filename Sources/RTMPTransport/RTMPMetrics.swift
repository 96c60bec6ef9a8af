import CoreMetrics
import Metrics

/// What the RTMP server counts. Labels are constants: no key and no address ever stands in one (I9).
struct RTMPMetrics: Sendable {
    private let factory: any MetricsFactory
    private let connections: Gauge
    private let receivedBytes: Counter
    private let acceptFailures: Counter

    init(factory: any MetricsFactory) {
        self.factory = factory
        connections = Gauge(label: "lineup_rtmp_connections", factory: factory)
        receivedBytes = Counter(label: "lineup_rtmp_received_bytes_total", factory: factory)
        acceptFailures = Counter(label: "lineup_rtmp_accept_failures_total", factory: factory)
    }

    func connectionsChanged(to count: Int) { connections.record(count) }

    /// Once per read of a socket, not per message.
    func received(bytes: Int) { receivedBytes.increment(by: bytes) }

    /// The system gave us no descriptor, or no memory.
    func acceptFailed() { acceptFailures.increment() }

    /// - Parameter reason: a constant, such as `PublishRefusal.label` or `RTMPError.Code.rawValue`.
    func refused(reason: String) {
        Counter(label: "lineup_rtmp_refusals_total", dimensions: [("reason", reason)], factory: factory).increment()
    }
}
