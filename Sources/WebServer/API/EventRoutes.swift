import Domain
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle

/// `GET /api/v1/events`: one channel's queue, live, as Server-Sent Events.
///
/// A `queue` event with the whole present view comes first and after each change. Beside it each event of the queue, with its
/// id: a reader that comes back with `Last-Event-ID` (or `?lastEventId=`) gets what it missed, none left out and none twice.
/// An id that is not kept, or too far back, is answered with a `reset` event; the view that follows is the truth then.
struct EventRoutes: Sendable {
    var queue: any QueueDesk
    var log: any EventLog
    var slots: EventStreamSlots
    let renderings = EventRenderings()
    var heartbeat: Duration
    var authenticator: Authenticator

    /// Pages caught up with at most; further back the present view serves better.
    static let maximumPages = 4
    static let pageSize = 500
    /// Heartbeats between looks at whether the reader may still see what it sees.
    static let heartbeatsPerCheck = 4

    /// What one stream follows and writes.
    private struct Reader: Sendable {
        var channel: ChannelName
        var audience: Audience
        var views: AsyncStream<QueueView>
        var events: AsyncStream<EventRecord>
        /// What the reader had before; `nil` for a new one.
        var resume: String?
        var request: WebRequest
    }

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/events", .anybodyKnown,
                Operation(
                    "Follows a channel live", .events,
                    details:
                        "A `queue` event holds the present view, at the start and after each change; each event of "
                        + "the queue comes beside it with its id.",
                    parameters: [
                        .query("channel", .channelName, "`main` when it is not said."),
                        .query("lastEventId", .string, "As `Last-Event-ID`, for whoever cannot set headers."),
                        .header("Last-Event-ID", .string, "What came after this event is told first."),
                    ], answers: [.bytes("text/event-stream", "Server-Sent Events, until either side closes.")],
                    problems: [(.notFound, "There is no such channel.")])
            ) { try await open($0) }
        ]
    }

    private func open(_ request: WebRequest) async throws -> Response {
        let headers: HTTPFields = [
            .contentType: EventStreamFormat.contentType, .cacheControl: "no-store", .accelBuffering: "no",
        ]
        if request.head.method == .head { return Response(status: .ok, headers: headers) }
        guard let channel = ChannelName(request.query("channel") ?? ChannelName.main.text) else {
            throw Problem.notFound("There is no such channel.")
        }
        guard let slot = slots.take() else {
            throw Problem.unavailable("Too many people follow the queue live.", retryAfterSeconds: 10)
        }
        // Before the log is read: what is written meanwhile waits in the stream, so there is no hole between the two.
        let reader = Reader(
            channel: channel, audience: Audience(request.caller), views: try await queue.views(of: channel),
            events: try await queue.events(of: channel),
            resume: request.head.headerFields[.lastEventID] ?? request.query("lastEventId"), request: request)
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                // Held for as long as this runs.
                _ = slot
                try await writer.write(EventStreamFormat.retry)
                let last = try await catchUp(reader, into: &writer)
                try await follow(reader, after: last, into: &writer)
                try await writer.finish(nil)
            })
    }

    // MARK: What was missed

    /// Writes what came after the reader's last event, page by page; `reset` when that id is none of the kept ones, is too far
    /// back, or the database is away.
    /// - Returns: the last event the reader has now; `nil` when that is not known.
    private func catchUp(_ reader: Reader, into writer: inout any ResponseBodyWriter) async throws -> EventID? {
        guard let text = reader.resume, !text.isEmpty else { return nil }
        guard let id = EventID(text), id.sequence > 0, await isKept(id, of: reader.channel) else {
            return try await reset(&writer)
        }
        var last = id
        for _ in 0..<Self.maximumPages {
            guard let page = try? await log.events(of: reader.channel, after: last, limit: Self.pageSize) else {
                return try await reset(&writer)
            }
            for event in page {
                guard let bytes = renderings.event(event, for: reader.audience) else { continue }
                try await writer.write(bytes)
            }
            last = page.last?.id ?? last
            if page.count < Self.pageSize { return last }
        }
        return try await reset(&writer)
    }

    private func isKept(_ id: EventID, of channel: ChannelName) async -> Bool {
        let before = EventID(epoch: id.epoch, sequence: id.sequence - 1)
        // A database that is away answers for nothing: as good as not kept.
        let found = try? await log.events(of: channel, after: before, limit: 1)
        return found?.first?.id == id
    }

    private func reset(_ writer: inout any ResponseBodyWriter) async throws -> EventID? {
        try await writer.write(EventStreamFormat.event("reset", data: ByteBuffer(string: "{}")))
        return nil
    }

    // MARK: What comes

    /// Writes until the queue ends, the server goes down, the reader has gone or may not see it any more.
    private func follow(
        _ reader: Reader, after last: EventID?, into writer: inout any ResponseBodyWriter
    ) async throws {
        let mailbox = EventMailbox()
        reader.request.connectionClosed.whenComplete { _ in mailbox.finish() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                for await view in reader.views { mailbox.offer(view) }
                mailbox.finish()
            }
            group.addTask {
                for await event in reader.events { mailbox.append(event) }
                mailbox.finish()
            }
            group.addTask { try await beat(reader, into: mailbox) }
            group.addTask {
                try await gracefulShutdown()
                mailbox.finish()
            }
            var last = last
            // Cancelled: the server stops hard, and the connection is closed under us.
            for await _ in mailbox.wakeUps {
                let content = mailbox.take()
                if let bytes = render(content, after: &last, for: reader.audience) { try await writer.write(bytes) }
                if content.isFinished { return }
            }
        }
    }

    private func beat(_ reader: Reader, into mailbox: EventMailbox) async throws {
        var count = 0
        while true {
            try await Task.sleep(for: heartbeat)
            mailbox.heartbeatDue()
            count += 1
            guard count.isMultiple(of: Self.heartbeatsPerCheck), reader.request.caller != nil else { continue }
            if await hasLost(reader) { return mailbox.finish() }
        }
    }

    /// Whether the reader's session or token has ended or its role changed. Not while the database is away.
    private func hasLost(_ reader: Reader) async -> Bool {
        do {
            let caller = try await authenticator.caller(
                reader.request.credentials, from: reader.request.clientAddress)
            return Audience(caller) != reader.audience
        } catch {
            return error is Problem
        }
    }

    /// What there is, as one write; shared bytes where it is one piece. `nil` when this audience gets nothing of it.
    private func render(
        _ content: EventMailbox.Content, after last: inout EventID?, for audience: Audience
    ) -> ByteBuffer? {
        var bytes: ByteBuffer?
        func add(_ more: ByteBuffer?) {
            guard let more else { return }
            if bytes == nil { bytes = more } else { bytes?.writeImmutableBuffer(more) }
        }
        for event in content.events where last.map({ event.id > $0 }) ?? true {
            add(renderings.event(event, for: audience))
            last = event.id
        }
        if let view = content.view {
            add(renderings.queue(view, for: audience))
        } else if content.isHeartbeatDue {
            add(EventStreamFormat.heartbeat)
        }
        return bytes
    }
}
