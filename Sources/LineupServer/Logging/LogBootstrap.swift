import Logging
import Metrics
import PrometheusMetrics

/// Sets the process's loggers and metrics up, once.
enum LogBootstrap {
    /// For `serve`: all loggers and metrics of the process.
    static func bootstrap(_ configuration: ServerConfiguration) -> PrometheusMetrics {
        let clock = SystemWallClock()
        let (format, level) = (configuration.logFormat, configuration.logLevel)
        LoggingSystem.bootstrap { label in LineLogHandler(label: label, format: format, level: level, clock: clock) }
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        return metrics
    }

    /// For a command: one logger, no metrics.
    static func logger(for configuration: ServerConfiguration, label: String) -> Logger {
        let (format, level) = (configuration.logFormat, configuration.logLevel)
        return Logger(label: label) { label in
            LineLogHandler(label: label, format: format, level: level, clock: SystemWallClock())
        }
    }
}
