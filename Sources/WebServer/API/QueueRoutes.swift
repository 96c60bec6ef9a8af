import Domain
import HTTPTypes
import Hummingbird

/// The queue of a channel, as everybody may see it; its own entry in full for a DJ, all of it for operators.
struct QueueRoutes: Sendable {
    var queue: any QueueDesk

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/channels/{channel}/queue", .anybodyKnown,
                Operation(
                    "Shows the queue", .queue,
                    details:
                        "A DJ sees all of the own entry, operators see everything. The version is also the `ETag`.",
                    answers: [.ok(QueueAnswer.schema)])
            ) { request in
                let view = try await queue.view(of: try request.channel())
                return QueueAnswer.response(view, for: Audience(request.caller))
            }
        ]
    }
}
