import Metrics
import HTTPTypes
import Synchronization

/// Counts and times answers by route template, method and status class. Handles are kept, so that a request costs one lookup.
final class RequestMetrics: Sendable {
    private struct Label: Hashable {
        var route: String
        var method: String
        var status: String
    }

    private let factory: any MetricsFactory
    private let counters = Mutex<[Label: Counter]>([:])
    private let timers = Mutex<[String: Timer]>([:])

    init(factory: any MetricsFactory) {
        self.factory = factory
    }

    /// - Parameter route: a template, never the path a client sent.
    func answered(route: String, method: HTTPRequest.Method, status: HTTPResponse.Status, took: Duration) {
        let label = Label(route: route, method: Self.name(of: method), status: "\(status.code / 100)xx")
        let counter = counters.withLock { counters in
            if let counter = counters[label] { return counter }
            let made = Counter(
                label: "lineup_http_requests_total",
                dimensions: [("route", label.route), ("method", label.method), ("status", label.status)],
                factory: factory)
            counters[label] = made
            return made
        }
        counter.increment()
        let timer = timers.withLock { timers in
            if let timer = timers[route] { return timer }
            let made = Timer(
                label: "lineup_http_request_duration_seconds", dimensions: [("route", route)], factory: factory)
            timers[route] = made
            return made
        }
        timer.recordNanoseconds(took.components.seconds * 1_000_000_000 + took.components.attoseconds / 1_000_000_000)
    }

    /// Methods we know; a client may invent others, and each would be a series.
    private static func name(of method: HTTPRequest.Method) -> String {
        switch method {
        case .get, .head, .post, .patch, .delete, .put, .options: method.rawValue
        default: "other"
        }
    }
}
