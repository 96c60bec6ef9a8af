import Domain
import Metrics
import Synchronization

/// Viewers by channel and protocol, and what they got. No address, agent or token is in a label.
struct AudienceMetrics: Sendable {
    private let bytes = Counter(label: "lineup_viewer_bytes_total")

    func sent(_ count: Int) { bytes.increment(by: Int64(count)) }

    /// - Parameter before: what was recorded last; nothing at first.
    func record(_ count: ViewerCount, since before: ViewerCount, of channel: ChannelName) {
        for kind in ViewerProtocol.allCases {
            let dimensions = [("channel", channel.text), ("protocol", kind.rawValue)]
            Gauge(label: "lineup_viewers", dimensions: dimensions).record(count.byProtocol[kind] ?? 0)
            Counter(label: "lineup_viewer_sessions_opened_total", dimensions: dimensions)
                .increment(by: (count.openedBy[kind] ?? 0) - (before.openedBy[kind] ?? 0))
            for reason in ClosedViewer.Reason.allCases {
                let ending = ViewerCount.Ending(kind: kind, reason: reason)
                Counter(
                    label: "lineup_viewer_sessions_closed_total", dimensions: dimensions + [("reason", reason.rawValue)]
                ).increment(by: (count.closedBy[ending] ?? 0) - (before.closedBy[ending] ?? 0))
            }
        }
    }
}
