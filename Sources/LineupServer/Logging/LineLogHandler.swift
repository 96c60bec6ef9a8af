package import Domain
import Foundation
package import Logging

/// Writes each entry as one line to standard error, as text or as JSON.
///
/// `write(2)` per line: nothing is buffered, so a killed process loses nothing it logged.
package struct LineLogHandler: LogHandler {
    package var logLevel: Logger.Level = .info
    package var metadata: Logger.Metadata = [:]
    private let label: String
    private let format: ServerConfiguration.LogFormat
    private let clock: any WallClock

    package init(label: String, format: ServerConfiguration.LogFormat, level: Logger.Level, clock: any WallClock) {
        self.label = label
        self.format = format
        self.logLevel = level
        self.clock = clock
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = metadata.merging(event.metadata ?? [:]) { _, new in new }
        if let error = event.error { fields["error"] = "\(error)" }
        var line = line(level: event.level, message: event.message.description, fields: fields) + "\n"
        line.withUTF8 { bytes in
            // A standard error that is gone loses the entry; there is nowhere left to say so.
            _ = Foundation.write(2, bytes.baseAddress, bytes.count)
        }
    }

    /// One entry without its line break; the fields in alphabetical order.
    package func line(level: Logger.Level, message: String, fields: Logger.Metadata) -> String {
        let pairs = fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value.description) }
        return switch format {
        case .text: textLine(level, message, pairs)
        case .json: jsonLine(level, message, pairs)
        }
    }

    private func textLine(_ level: Logger.Level, _ message: String, _ pairs: [(String, String)]) -> String {
        var line = "\(clock.now()) \(level.rawValue) [\(label)] \(oneLine(message))"
        for (key, value) in pairs { line += " \(key)=\(quotedIfNeeded(value))" }
        return line
    }

    private func jsonLine(_ level: Logger.Level, _ message: String, _ pairs: [(String, String)]) -> String {
        var line = #"{"time":"\#(clock.now())","level":"\#(level.rawValue)","logger":"# + jsonText(label)
        line += #","message":"# + jsonText(message)
        for (key, value) in pairs { line += "," + jsonText(key) + ":" + jsonText(value) }
        return line + "}"
    }

    /// A peer's text must not be able to forge a line of its own.
    private func oneLine(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
    }

    private func quotedIfNeeded(_ text: String) -> String {
        let clean = oneLine(text)
        guard clean.isEmpty || clean.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" }) else { return clean }
        return "\"" + clean.replacingOccurrences(of: "\"", with: "'") + "\""
    }

    private func jsonText(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}

/// UTC that never runs backwards: read once, then carried on by the monotonic clock, so that a step of the system's clock
/// cannot end a slot or a grace.
package struct SystemWallClock: WallClock {
    private let start: WallTime
    private let startedAt = ContinuousClock.now

    package init() {
        start = WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    }

    package func now() -> WallTime { start + (ContinuousClock.now - startedAt) }
}
