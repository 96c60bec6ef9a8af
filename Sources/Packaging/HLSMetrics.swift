import Domain
import Metrics

/// The packager's metrics, by channel.
struct HLSMetrics {
    private let segments: Counter
    private let lost: Counter
    private let windowBytes: Gauge

    init(channel: ChannelName) {
        let dimensions = [("channel", channel.text)]
        self.segments = Counter(label: "lineup_hls_segments_total", dimensions: dimensions)
        self.lost = Counter(label: "lineup_hls_lost_units_total", dimensions: dimensions)
        self.windowBytes = Gauge(label: "lineup_hls_window_bytes", dimensions: dimensions)
    }

    /// - Parameter windowBytes: of all renditions.
    func segmentPublished(windowBytes bytes: Int) {
        segments.increment()
        windowBytes.record(bytes)
    }

    func unitsLost(_ count: Int) { lost.increment(by: Int64(count)) }
}
