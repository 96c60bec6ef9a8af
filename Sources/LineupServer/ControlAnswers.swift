import ControlSocket
import Domain
import Foundation

/// Answers what the command line asks of a queue: for the running server, or without one on the stored queue (design §4, One
/// truth).
struct ControlAnswers: Sendable {
    let queue: any QueueDesk
    let accounts: any AccountDesk
    /// `nil` where no server runs.
    var viewers: ViewerAnswers?
    let clock: any WallClock

    private static let prefix = "queue."

    func answer(_ request: ControlRequest) async -> ControlAnswer {
        guard let channel = ChannelName(request.channel) else { return .failure("no channel '\(request.channel)'") }
        do {
            if request.command.hasPrefix(ViewerAnswers.prefix), let viewers {
                return .result(json: try await viewers.answer(request, channel))
            }
            if request.command == Self.prefix + "settings" {
                return .result(json: JSONText.line(try await queue.view(of: channel).settings))
            }
            return .result(json: JSONText.line(try await view(request, channel)))
        } catch {
            return .failure(CommandContext.sentence(for: error))
        }
    }

    private func view(_ request: ControlRequest, _ channel: ChannelName) async throws -> QueueView {
        let present = try await queue.view(of: channel)
        guard request.command != "queue.list" else { return present }
        guard request.command.hasPrefix(Self.prefix) else {
            throw QueueCommandError.refused("the server does not know '\(request.command)': is it of this version?")
        }
        let reader = QueueActReader(
            arguments: request.arguments, present: present, accounts: accounts, now: clock.now())
        let command = try await reader.command(String(request.command.dropFirst(Self.prefix.count)))
        return try await queue.perform(command, on: channel)
    }
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
        case .versionConflict(let present):
            "the queue has moved since: its version is \(present.version); `lineup queue list` shows it"
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
