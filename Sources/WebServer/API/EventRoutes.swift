import Domain
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle

/// `GET /api/v1/events`: the queue, live, as Server-Sent Events. First the present view, then each change; a reader that comes
/// back needs nothing of what it missed, since each view is whole.
struct EventRoutes: Sendable {
    var queue: any QueueDesk
    var slots: EventStreamSlots
    var heartbeat: Duration

    var routes: [Route] {
        [Route(.get, "/api/v1/events") { try await open($0) }]
    }

    private func open(_ request: WebRequest) async throws -> Response {
        let headers: HTTPFields = [
            .contentType: EventStreamFormat.contentType, .cacheControl: "no-store", .accelBuffering: "no",
        ]
        if request.head.method == .head { return Response(status: .ok, headers: headers) }
        guard let slot = slots.take() else {
            throw Problem.unavailable("Too many people follow the queue live.", retryAfterSeconds: 10)
        }
        let views = try await queue.views(of: .main)
        let closed = request.connectionClosed
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                // Held for as long as this runs.
                _ = slot
                try await writer.write(EventStreamFormat.retry)
                try await follow(views, until: closed, into: &writer)
                try await writer.finish(nil)
            })
    }

    /// Writes until the queue ends, the server goes down or the reader has gone.
    private func follow(
        _ views: AsyncStream<QueueView>, until closed: EventLoopFuture<Void>, into writer: inout any ResponseBodyWriter
    ) async throws {
        let mailbox = EventMailbox()
        closed.whenComplete { _ in mailbox.finish() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                for await view in views { mailbox.offer(view) }
                mailbox.finish()
            }
            group.addTask {
                while true {
                    try await Task.sleep(for: heartbeat)
                    mailbox.heartbeatDue()
                }
            }
            group.addTask {
                try await gracefulShutdown()
                mailbox.finish()
            }
            // Cancelled: the server stops hard, and the connection is closed under us.
            for await _ in mailbox.wakeUps {
                let content = mailbox.take()
                if let view = content.view, let data = JSONAnswer.data(view) {
                    try await writer.write(EventStreamFormat.event("queue", id: view.version, data: data))
                } else if content.isHeartbeatDue {
                    try await writer.write(EventStreamFormat.heartbeat)
                }
                if content.isFinished { return }
            }
        }
    }
}
