package import CoreMetrics
import Synchronization

/// A backend for swift-metrics that keeps every series in memory and renders them as Prometheus text.
///
/// Made once by the assembly, given to `MetricsSystem.bootstrap`, and read by `/metrics`. Any thread may use it. A handle that
/// is made twice with the same name and dimensions writes into the same series.
///
/// Bounded: beyond `maximumSeries` a new series is a handle that does nothing, and
/// `lineup_metrics_series_refused_total` says how often that was so. The same happens to a name that is already used for
/// another kind of metric, which would make the exposition invalid.
package final class PrometheusMetrics: MetricsFactory, Sendable {
    /// Upper bounds in seconds for timers: from a cheap request to one that waits for the database.
    package static let secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    /// Upper bounds for recorders, whose unit we do not know.
    package static let valueBuckets: [Double] = [1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 100_000, 1_000_000]

    private enum Kind: String {
        case counter, gauge, histogram
    }

    private struct Family {
        var kind: Kind
        /// By rendered labels.
        var series: [String: any Series] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        var seriesCount = 0
        var refused: UInt64 = 0
    }

    private let maximumSeries: Int
    private let help: [String: String]
    private let state = Mutex(State())

    /// - Parameters:
    ///   - help: what each metric means, by its name, for the HELP lines.
    ///   - maximumSeries: a histogram counts as one.
    package init(help: [String: String] = [:], maximumSeries: Int = 2_000) {
        self.help = help
        self.maximumSeries = maximumSeries
    }

    // MARK: MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter) { CounterSeries() } ?? NOOPMetricsHandler.instance
    }

    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, .counter) { FloatingPointCounterSeries() } ?? NOOPMetricsHandler.instance
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, .gauge) { GaugeSeries() } ?? NOOPMetricsHandler.instance
    }

    package func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        if aggregate {
            return series(label, dimensions, .histogram) { HistogramSeries(bounds: Self.valueBuckets) }
                ?? NOOPMetricsHandler.instance
        }
        return series(label, dimensions, .gauge) { GaugeSeries() } ?? NOOPMetricsHandler.instance
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, .histogram) { HistogramSeries(bounds: Self.secondsBuckets) }
            ?? NOOPMetricsHandler.instance
    }

    package func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    package func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    // MARK: Rendering

    /// The exposition (text format 0.0.4): families and series in order of name, then the process's own figures.
    package func render() -> String {
        let (families, refused) = state.withLock { ($0.families, $0.refused) }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
            text += header(name, family.kind)
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.render(name: name, labels: labels, into: &text)
            }
        }
        text += header(Self.refusedName, .counter) + sampleLine(Self.refusedName, "", String(refused))
        for figure in ProcessFigures.read() {
            text +=
                "# HELP \(figure.name) \(figure.help)\n# TYPE \(figure.name) \(figure.isCounter ? "counter" : "gauge")\n"
            text += sampleLine(figure.name, "", MetricName.value(figure.value))
        }
        return text
    }

    private static let refusedName = "lineup_metrics_series_refused_total"

    private func header(_ name: String, _ kind: Kind) -> String {
        let words =
            name == Self.refusedName
            ? "Metric handles refused because there were too many series or the name had another kind."
            : help[name]
        let line = words.map { "# HELP \(name) \(MetricName.escapedHelp($0))\n" } ?? ""
        return line + "# TYPE \(name) \(kind.rawValue)\n"
    }

    /// The series of that name and dimensions, made when it is new; `nil` when it is refused.
    private func series<Made: Series>(
        _ label: String, _ dimensions: [(String, String)], _ kind: Kind, make: () -> Made
    ) -> Made? {
        let name = MetricName.sanitized(label)
        let labels = MetricName.rendered(MetricName.labels(dimensions))
        return state.withLock { state in
            var family = state.families[name] ?? Family(kind: kind)
            if let known = family.series[labels] {
                guard let made = known as? Made else {
                    state.refused += 1
                    return nil
                }
                return made
            }
            guard family.kind == kind, state.seriesCount < maximumSeries else {
                state.refused += 1
                return nil
            }
            let made = make()
            family.series[labels] = made
            state.families[name] = family
            state.seriesCount += 1
            return made
        }
    }

    private func remove(_ handler: AnyObject) {
        state.withLock { state in
            for (name, family) in state.families {
                guard let labels = family.series.first(where: { $0.value === handler })?.key else { continue }
                state.families[name]?.series[labels] = nil
                state.seriesCount -= 1
                if state.families[name]?.series.isEmpty == true { state.families[name] = nil }
                return
            }
        }
    }
}
