import Domain
import Metrics
import Synchronization

/// Viewers by channel and protocol, and what they got. No address, agent or token is in a label.
struct AudienceMetrics: Sendable {
    private let bytes = Counter(label: "lineup_viewer_bytes_total")

    func sent(_ count: Int) { bytes.increment(by: Int64(count)) }

    func record(_ count: ViewerCount, of channel: ChannelName) {
        for kind in ViewerProtocol.allCases {
            let dimensions = [("channel", channel.text), ("protocol", kind.rawValue)]
            Gauge(label: "lineup_viewers", dimensions: dimensions).record(count.byProtocol[kind] ?? 0)
        }
        let dimensions = [("channel", channel.text)]
        Gauge(label: "lineup_viewer_sessions_opened", dimensions: dimensions).record(count.opened)
        Gauge(label: "lineup_viewer_sessions_closed", dimensions: dimensions).record(count.closed)
        Gauge(label: "lineup_viewer_sessions_kicked", dimensions: dimensions).record(count.kicked)
    }
}
