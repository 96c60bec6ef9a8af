import ControlSocket
import Domain
import Foundation

/// Answers what the command line asks of the running server (design §4, One truth).
struct ControlAnswers: Sendable {
    let queue: any QueueDesk

    func answer(_ request: ControlRequest) async -> ControlAnswer {
        guard let channel = ChannelName(request.channel) else { return .failure("no channel '\(request.channel)'") }
        do throws(QueueCommandError) {
            return .result(json: try await JSONText.line(view(request, channel)))
        } catch {
            return .failure(error.sentence)
        }
    }

    private func view(_ request: ControlRequest, _ channel: ChannelName) async throws(QueueCommandError) -> QueueView {
        switch request.command {
        case "queue.list":
            return try await queue.view(of: channel)
        case "queue.skip":
            return try await queue.perform(QueueCommand(act: .skip(nil), actor: .shell), on: channel)
        case "queue.set":
            return try await queue.perform(QueueCommand(act: .set(request.arguments), actor: .shell), on: channel)
        default:
            throw .invalidSetting("the server does not know '\(request.command)'")
        }
    }
}

extension Actor {
    /// Whoever may open the control socket.
    fileprivate static let shell = Actor(kind: .commandLine, id: nil, name: "command line")
}

extension QueueCommandError {
    /// For the person at the shell.
    package var sentence: String {
        switch self {
        case .unknownChannel: "there is no such channel"
        case .unknownEntry: "that entry is not in the queue any more"
        case .nobodyOnAir: "nobody is on air"
        case .invalidSetting(let problem): problem
        case .stopping: "the server is going down"
        case .versionConflict(let present): "the queue has moved since: its version is \(present.version)"
        case .refused(let why): why
        }
    }
}

/// JSON with a stable order of keys.
package enum JSONText {
    package static func line(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else {
            preconditionFailure("our own values have no cycles and no NaN")
        }
        return String(decoding: data, as: UTF8.self)
    }
}
