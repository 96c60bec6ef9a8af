import Foundation

/// What the command line asks of a running server, and what it answers: one JSON document each way, on one line, over a Unix
/// socket in the data folder that only its owner may open (design §4, One truth).
package struct ControlRequest: Sendable, Codable, Equatable {
    /// `queue.list`, `queue.settings`, `queue.skip`, `queue.set`.
    package var command: String
    package var channel: String
    package var arguments: [String: String]

    package init(command: String, channel: String, arguments: [String: String] = [:]) {
        self.command = command
        self.channel = channel
        self.arguments = arguments
    }
}

/// Either the result's JSON or why there is none.
package enum ControlAnswer: Sendable, Equatable {
    /// A JSON document, without line breaks.
    case result(json: String)
    /// One sentence for the person at the shell.
    case failure(String)

    /// `+` and the JSON, or `-` and the sentence, up to the line break.
    var line: String {
        switch self {
        case .result(let json): "+" + json + "\n"
        case .failure(let text): "-" + text.replacingOccurrences(of: "\n", with: " ") + "\n"
        }
    }

    init?(line: some StringProtocol) {
        switch line.first {
        case "+": self = .result(json: String(line.dropFirst()))
        case "-": self = .failure(String(line.dropFirst()))
        default: return nil
        }
    }
}

/// Limits of both sides.
enum ControlLimits {
    static let maximumRequestBytes = 65_536
    static let maximumAnswerBytes = 16 * 1024 * 1024
    static let deadlineSeconds = 10
}

package struct ControlError: Error, CustomStringConvertible {
    package enum Code: Sendable { case noServer, pathTooLong, refused, brokenAnswer }

    package let code: Code
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
