import CoreMetrics
import Synchronization

/// One line (or, for a histogram, one block) of the exposition: what a metric handle of swift-metrics writes into.
/// Written from any thread, read by whoever renders.
protocol Series: AnyObject, Sendable {
    /// Appends its sample lines. `name` and `labels` (without braces) are ready for the wire.
    func render(name: String, labels: String, into text: inout String)
}

/// A number that only rises. One atomic add per increment.
final class CounterSeries: Series, CounterHandler {
    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        value.wrappingAdd(amount, ordering: .relaxed)
    }

    func reset() { value.store(0, ordering: .relaxed) }

    func render(name: String, labels: String, into text: inout String) {
        text += sampleLine(name, labels, String(value.load(ordering: .relaxed)))
    }
}

/// A rising number with a fraction: seconds spent, for example.
final class FloatingPointCounterSeries: Series, FloatingPointCounterHandler {
    private let value = Mutex<Double>(0)

    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        value.withLock { $0 += amount }
    }

    func reset() { value.withLock { $0 = 0 } }

    func render(name: String, labels: String, into text: inout String) {
        text += sampleLine(name, labels, MetricName.value(value.withLock { $0 }))
    }
}

/// A number that goes both ways: swift-metrics' `Meter`, and its `Gauge` (a recorder that does not aggregate).
final class GaugeSeries: Series, MeterHandler, RecorderHandler {
    private let value = Mutex<Double>(0)

    func set(_ number: Int64) { set(Double(number)) }
    func set(_ number: Double) { value.withLock { $0 = number } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ number: Int64) { set(Double(number)) }
    func record(_ number: Double) { set(number) }

    func render(name: String, labels: String, into text: inout String) {
        text += sampleLine(name, labels, MetricName.value(value.withLock { $0 }))
    }
}

/// A distribution in fixed buckets: swift-metrics' `Timer` (in seconds) and its aggregating `Recorder`.
final class HistogramSeries: Series, TimerHandler, RecorderHandler {
    private struct State {
        /// Observations per bucket, the last beyond every bound; not cumulative.
        var counts: [UInt64]
        var sum = 0.0
    }

    /// Upper bounds, inclusive, rising.
    private let bounds: [Double]
    private let state: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        self.state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard value.isFinite else { return }
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock {
            $0.counts[bucket] += 1
            $0.sum += value
        }
    }

    func render(name: String, labels: String, into text: inout String) {
        let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
        let prefix = labels.isEmpty ? "" : labels + ","
        var total: UInt64 = 0
        for (bound, count) in zip(bounds + [.infinity], counts) {
            total += count
            text += sampleLine(name + "_bucket", prefix + "le=\"\(MetricName.value(bound))\"", String(total))
        }
        text += sampleLine(name + "_sum", labels, MetricName.value(sum))
        text += sampleLine(name + "_count", labels, String(total))
    }
}

/// `name{labels} value` and a line end.
func sampleLine(_ name: String, _ labels: String, _ value: String) -> String {
    labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
}
