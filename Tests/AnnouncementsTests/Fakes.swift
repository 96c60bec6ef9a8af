import Domain
import Foundation
import Synchronization

@testable import Announcements

/// Somebody else's server, by a script: what it answers, and what it was sent.
final class FakeHTTP: OutboundHTTP {
    typealias Reply = @Sendable (OutboundRequest) async -> Result<OutboundAnswer, OutboundError>

    private struct State {
        var requests: [OutboundRequest] = []
        var reply: Reply
    }

    private let state: Mutex<State>

    init(_ reply: @escaping Reply = { _ in .success(OutboundAnswer(status: 204)) }) {
        state = Mutex(State(reply: reply))
    }

    var requests: [OutboundRequest] { state.withLock { $0.requests } }

    func answer(_ reply: @escaping Reply) { state.withLock { $0.reply = reply } }

    func send(_ request: OutboundRequest) async throws(OutboundError) -> OutboundAnswer {
        let reply = state.withLock { state in
            state.requests.append(request)
            return state.reply
        }
        return try await reply(request).get()
    }

    func place(of url: Secret) throws(OutboundError) -> String {
        guard let host = URLComponents(string: url.exposed)?.host else { throw .invalidURL }
        return "https://" + host
    }
}

/// Files that fail when told to.
final class FakeFiles: LineFiles {
    private let written = Mutex<[String]>([])

    var lines: [String] { written.withLock { $0 } }

    func append(_ lines: [[UInt8]], to file: String) async throws(LineFileError) {
        written.withLock { $0 += lines.map { String(decoding: $0, as: UTF8.self) } }
    }
}

/// A scene without anything.
struct EmptyScene: AnnouncementScene {
    func view(of channel: ChannelName) async -> QueueView? { nil }
    func listeners(of channel: ChannelName) -> Int? { nil }
    func watchPage(of channel: ChannelName) -> String? { nil }
}

extension OutboundRequest {
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value.exposed }
    var text: String { String(decoding: body, as: UTF8.self) }
}

extension EventRecord {
    static func sample(
        _ sequence: Int64, _ kind: String = "queue.joined", payload: String = "{}", at: WallTime? = nil
    ) -> EventRecord {
        EventRecord(
            id: EventID(epoch: 1, sequence: sequence), channel: .main, kind: kind, version: sequence,
            at: at ?? WallTime(milliseconds: 1_795_291_200_000 + sequence), payload: payload)
    }
}
