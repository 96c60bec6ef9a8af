import CoreMetrics
import PrometheusMetrics
import Testing

@Suite struct PrometheusMetricsTests {
    @Test func rendersCounterWithLabelsInOrderOfName() {
        let metrics = PrometheusMetrics(help: ["lineup_http_requests_total": "Requests answered."])
        let counter = metrics.makeCounter(
            label: "lineup_http_requests_total", dimensions: [("status", "2xx"), ("route", "/api")])
        counter.increment(by: 2)
        counter.increment(by: 3)
        #expect(
            metrics.render().hasPrefix(
                """
                # HELP lineup_http_requests_total Requests answered.
                # TYPE lineup_http_requests_total counter
                lineup_http_requests_total{route="/api",status="2xx"} 5

                """))
    }

    @Test func sameNameAndDimensionsShareOneSeries() {
        let metrics = PrometheusMetrics()
        metrics.makeCounter(label: "a_total", dimensions: [("x", "1"), ("y", "2")]).increment(by: 1)
        metrics.makeCounter(label: "a_total", dimensions: [("y", "2"), ("x", "1")]).increment(by: 1)
        #expect(metrics.render().contains("a_total{x=\"1\",y=\"2\"} 2\n"))
    }

    @Test func counterIgnoresWhatWouldMakeItFall() {
        let metrics = PrometheusMetrics()
        let counter = metrics.makeCounter(label: "a_total", dimensions: [])
        counter.increment(by: 4)
        counter.increment(by: -1)
        #expect(metrics.render().contains("a_total 4\n"))
    }

    @Test func meterGoesBothWays() {
        let metrics = PrometheusMetrics()
        let meter = metrics.makeMeter(label: "waiting", dimensions: [])
        meter.set(Int64(7))
        meter.decrement(by: 2.5)
        let text = metrics.render()
        #expect(text.contains("# TYPE waiting gauge\nwaiting 4.5\n"))
    }

    @Test func recorderThatDoesNotAggregateIsAGauge() {
        let metrics = PrometheusMetrics()
        let gauge = metrics.makeRecorder(label: "depth", dimensions: [], aggregate: false)
        gauge.record(Int64(3))
        gauge.record(1.5)
        #expect(metrics.render().contains("# TYPE depth gauge\ndepth 1.5\n"))
    }

    @Test func timerBecomesCumulativeHistogramInSeconds() {
        let metrics = PrometheusMetrics()
        let timer = metrics.makeTimer(label: "took_seconds", dimensions: [("route", "/")])
        timer.recordNanoseconds(1_000_000)
        timer.recordNanoseconds(30_000_000)
        timer.recordNanoseconds(60_000_000_000)
        let text = metrics.render()
        #expect(text.contains("# TYPE took_seconds histogram\n"))
        #expect(text.contains("took_seconds_bucket{route=\"/\",le=\"0.001\"} 1\n"))
        #expect(text.contains("took_seconds_bucket{route=\"/\",le=\"0.05\"} 2\n"))
        #expect(text.contains("took_seconds_bucket{route=\"/\",le=\"10\"} 2\n"))
        #expect(text.contains("took_seconds_bucket{route=\"/\",le=\"+Inf\"} 3\n"))
        #expect(text.contains("took_seconds_sum{route=\"/\"} 60.031\n"))
        #expect(text.contains("took_seconds_count{route=\"/\"} 3\n"))
    }

    @Test func escapesLabelValuesAndSanitizesNames() {
        let metrics = PrometheusMetrics()
        metrics.makeCounter(label: "9-lives.total", dimensions: [("a b", "q\"u\\o\nte")]).increment(by: 1)
        #expect(metrics.render().contains("_9_lives_total{a_b=\"q\\\"u\\\\o\\nte\"} 1\n"))
    }

    @Test func refusesAndCountsSeriesBeyondTheBound() {
        let metrics = PrometheusMetrics(maximumSeries: 2)
        for number in 0..<5 {
            metrics.makeCounter(label: "n_total", dimensions: [("n", String(number))]).increment(by: 1)
        }
        let text = metrics.render()
        #expect(text.contains("n_total{n=\"1\"} 1\n"))
        #expect(!text.contains("n_total{n=\"2\"}"))
        #expect(text.contains("lineup_metrics_series_refused_total 3\n"))
    }

    @Test func refusesASecondKindUnderOneName() {
        let metrics = PrometheusMetrics()
        metrics.makeCounter(label: "same", dimensions: []).increment(by: 1)
        metrics.makeMeter(label: "same", dimensions: []).set(Int64(9))
        metrics.makeMeter(label: "same", dimensions: [("x", "1")]).set(Int64(9))
        let text = metrics.render()
        #expect(text.contains("# TYPE same counter\nsame 1\n"))
        #expect(!text.contains("same{"))
        #expect(text.contains("lineup_metrics_series_refused_total 2\n"))
    }

    @Test func destroyedSeriesLeavesRoomForAnother() {
        let metrics = PrometheusMetrics(maximumSeries: 1)
        let first = metrics.makeMeter(label: "first", dimensions: [])
        metrics.destroyMeter(first)
        metrics.makeMeter(label: "second", dimensions: []).set(Int64(1))
        let text = metrics.render()
        #expect(!text.contains("first"))
        #expect(text.contains("second 1\n"))
    }

    @Test func tellsTheProcessesOwnFigures() throws {
        let lines = PrometheusMetrics().render().split(separator: "\n")
        for name in [
            "lineup_process_resident_memory_bytes", "lineup_process_cpu_seconds_total", "lineup_process_open_fds",
        ] {
            let line = try #require(lines.first { $0.hasPrefix(name + " ") })
            #expect(try #require(Double(line.split(separator: " ").last ?? "")) > 0)
        }
    }

    @Test func countsFromManyTasksAtOnce() async {
        let metrics = PrometheusMetrics()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let counter = metrics.makeCounter(label: "a_total", dimensions: [])
                    for _ in 0..<1_000 { counter.increment(by: 1) }
                }
            }
        }
        #expect(metrics.render().contains("a_total 8000\n"))
    }
}
