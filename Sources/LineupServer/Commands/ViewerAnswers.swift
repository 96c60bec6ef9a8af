import ControlSocket
import Domain

/// Answers what the command line asks about viewers of the running server; nobody else has any.
struct ViewerAnswers: Sendable {
    let viewers: any ViewerDesk
    let audit: any AuditLog
    let channels: [ChannelName]
    let clock: any WallClock

    static let prefix = "viewer."
    private static let maximumListed = 1000
    /// How long a viewer who was sent away stays out, in seconds, when nothing is said; and at most.
    private static let usualSpan = 600
    private static let maximumSpan = 86_400

    private struct Row: Encodable {
        var id: UInt64
        var `protocol`: ViewerProtocol
        var openedAt: WallTime
        var bytes: Int64
        var agent: String?
        var address: String
        var estimate: Bool
    }

    private struct List: Encodable {
        var channel: ChannelName
        var viewers: Int
        var estimate: Bool
        var peak: Int
        var sessions: [Row]
        var sentAway: SentAway?
    }

    private struct SentAway: Encodable {
        var ended: Int
        var addressBarred: Bool
    }

    /// - Throws: `QueueCommandError`, which has a sentence.
    func answer(_ request: ControlRequest, _ channel: ChannelName) async throws -> String {
        guard channels.contains(channel) else { throw QueueCommandError.unknownChannel }
        switch request.command.dropFirst(Self.prefix.count) {
        case "list": return JSONText.line(list(channel))
        case "kick":
            let gone = try await kick(request, channel)
            var answer = list(channel)
            answer.sentAway = SentAway(ended: gone.ended, addressBarred: gone.isAddressBarred)
            return JSONText.line(answer)
        default:
            throw QueueCommandError.refused("the server does not know '\(request.command)': is it of this version?")
        }
    }

    private func list(_ channel: ChannelName) -> List {
        let count = viewers.count(of: channel)
        return List(
            channel: channel, viewers: count.now, estimate: count.isEstimate, peak: count.peak,
            sessions: viewers.viewers(of: channel, limit: Self.maximumListed).map {
                Row(
                    id: $0.id, protocol: $0.kind, openedAt: $0.openedAt, bytes: $0.bytes, agent: $0.agent,
                    address: $0.address, estimate: $0.isEstimate)
            })
    }

    private func kick(_ request: ControlRequest, _ channel: ChannelName) async throws -> ViewerSentAway {
        let seconds = request.arguments["seconds"].map { Int($0) } ?? Self.usualSpan
        guard let seconds, (1...Self.maximumSpan).contains(seconds) else {
            throw QueueCommandError.refused("this takes 1s to 24h")
        }
        guard let id = request.arguments["id"].flatMap({ UInt64($0) }),
            let gone = viewers.sendAway(id, of: channel, for: .seconds(seconds))
        else { throw QueueCommandError.refused("there is no such viewer: `lineup viewer list` shows them") }
        let actor = Actor(kind: .commandLine, id: nil, name: String((request.arguments["actor"] ?? "").prefix(64)))
        // They are out, whether the log can be written or not.
        do {
            try await audit.append(.viewerKicked(gone, seconds: seconds, by: actor, at: clock.now()))
        } catch {
            throw QueueCommandError.refused("the viewer is out, but the audit log could not be written")
        }
        return gone
    }
}
