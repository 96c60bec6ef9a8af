import Domain
import HTTPTypes
import Hummingbird

/// What a DJ does with the own place: leave the queue, or let one other go first.
struct OwnPlaceRoutes: Sendable {
    var queue: any QueueDesk

    private static let path = "/api/v1/channels/{channel}/queue/"
    private static let absent: (HTTPResponse.Status, String) = (
        .conflict, "One has no place in the queue, or none behind."
    )

    var routes: [Route] {
        [
            Route(
                .post, Self.path + "leave", .signedIn,
                Operation(
                    "Leaves the queue", .queue, details: "The own entry ends, on air or waiting; the stream is closed.",
                    answers: [.ok(QueueAnswer.schema, "The queue afterwards.")], problems: [Self.absent])
            ) { request in
                try await act(request) { _, own in .remove(own.id) }
            },
            Route(
                .post, Self.path + "step-back", .signedIn,
                Operation(
                    "Goes one place back", .queue, details: "Whoever is behind plays first.",
                    answers: [.ok(QueueAnswer.schema, "The queue afterwards.")], problems: [Self.absent])
            ) { request in
                try await act(request) { view, own in
                    let waiting = view.entries.filter { $0.state == .waiting }
                    guard let place = waiting.firstIndex(where: { $0.id == own.id }), place + 1 < waiting.count else {
                        throw Problem(
                            status: .conflict, slug: "nobody-behind", title: "Nobody is behind you",
                            detail: "There is nobody behind you in the queue to let go first.")
                    }
                    return .move(own.id, to: place + 1)
                }
            },
        ]
    }

    /// Conditional on the version that the act was made from: a place is counted in that queue and in no other.
    private func act(
        _ request: WebRequest, _ make: (QueueView, QueueView.Entry) throws -> QueueAct
    ) async throws -> Response {
        let (channel, account) = (try request.channel(), try request.account())
        let view = try await queue.view(of: channel)
        guard let own = view.entries.first(where: { $0.user == account.id }) else {
            throw Problem(
                status: .conflict, slug: "not-in-queue", title: "Not in the queue",
                detail: "You have no place in the queue.")
        }
        let after = try await queue.perform(
            QueueCommand(act: try make(view, own), actor: try request.actor(), expectedVersion: view.version),
            on: channel)
        return QueueAnswer.response(after, for: Audience(request.caller))
    }
}
