import CFFmpeg
import Synchronization

package import Logging

/// Routes libav's own messages into swift-log. libav has one log per process, so this is state of the process as well.
///
/// Errors become warnings, warnings become debug lines, the rest is dropped. At most `linesPerSecond` pass: a broken stream
/// makes libav complain about every packet. What was held back is counted and said with the next line that passes.
package enum FFmpegLog {
    private static let linesPerSecond = 10

    private struct Route {
        var logger: Logger
        var second: Int64 = 0
        var linesInSecond = 0
        var heldBack = 0
    }

    private static let route = Mutex<Route?>(nil)

    /// Call once at start, before the first muxer; later calls replace the logger.
    package static func install(_ logger: Logger) {
        route.withLock { $0 = Route(logger: logger) }
        av_log_set_level(AV_LOG_WARNING)
        av_log_set_callback { context, level, format, arguments in
            guard level <= AV_LOG_WARNING, let format, let arguments else { return }
            var line = [CChar](repeating: 0, count: 512)
            var startsLine: Int32 = 1
            _ = av_log_format_line2(context, level, format, arguments, &line, Int32(line.count), &startsLine)
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            FFmpegLog.pass(text, isError: level <= AV_LOG_ERROR)
        }
    }

    private static func pass(_ text: String, isError: Bool) {
        let now = ContinuousClock.now.secondsSinceStart
        let passed: (logger: Logger, heldBack: Int)? = route.withLock { route in
            guard var current = route else { return nil }
            defer { route = current }
            if current.second != now {
                current.second = now
                current.linesInSecond = 0
            }
            guard current.linesInSecond < linesPerSecond else {
                current.heldBack += 1
                return nil
            }
            current.linesInSecond += 1
            defer { current.heldBack = 0 }
            return (current.logger, current.heldBack)
        }
        guard let passed else { return }
        var words = text
        while words.last?.isNewline == true { words.removeLast() }
        passed.logger.log(
            level: isError ? .warning : .debug, "libav says",
            metadata: ["text": "\(words)", "heldBack": "\(passed.heldBack)"])
    }
}

extension ContinuousClock.Instant {
    private static let start = ContinuousClock.now

    /// Whole seconds since the first use in this process.
    fileprivate var secondsSinceStart: Int64 { Self.start.duration(to: self).components.seconds }
}
