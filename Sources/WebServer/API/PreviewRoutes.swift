import Domain
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle

/// What a publisher sends, to be seen and heard of: a still, and levels as they are decoded. A DJ's own, and each entry's for
/// operators. Asking is what has it decoded; nobody asks without an account.
struct PreviewRoutes: Sendable {
    var previews: any StreamPreviewDesk
    var queue: any QueueDesk
    /// Shared with the other event streams.
    var slots: EventStreamSlots
    var heartbeat: Duration
    var authenticator: Authenticator

    /// Heartbeats between looks at whether the reader may still see what it sees.
    private static let heartbeatsPerCheck = 4

    private enum Turn {
        case levels(SoundLevels)
        case heartbeat
    }

    private static let levelDetails =
        "A `level` event about four times a second while sound arrives: `peak` and `rms` of the loudest channel and of each of "
        + "`channels`, in dBFS from -120. The sound is decoded for as long as somebody reads."
    private static let levelAnswers = [
        Operation.Answer.bytes("text/event-stream", "Server-Sent Events, until the DJ stops or either side closes.")
    ]
    private static let levelProblems: [(HTTPResponse.Status, String)] = [
        (.notFound, "Nothing is sent now."), (.serviceUnavailable, "Too many meters are open."),
    ]

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/me/level", .signedIn,
                Operation(
                    "Follows how loud one's own stream is", .queue, details: Self.levelDetails,
                    answers: Self.levelAnswers, problems: Self.levelProblems)
            ) { request in
                try levels(of: try request.account().id, for: request)
            },
            Route(
                .get, "/api/v1/channels/{channel}/entries/{entry}/level", .signedInOr(.operator),
                Operation(
                    "Follows how loud an entry's stream is", .queue, details: Self.levelDetails,
                    answers: Self.levelAnswers, problems: Self.levelProblems)
            ) { request in
                try levels(of: try await EntryAccess(queue: queue).entry(of: request).user, for: request)
            },
            Route(
                .get, "/api/v1/channels/{channel}/entries/{entry}/still.jpg", .signedInOr(.operator),
                Operation(
                    "Shows an entry's picture", .queue,
                    details: "The newest key frame as the server receives it, made anew at most each 5 s.",
                    answers: [.bytes("image/jpeg", "At most 480 pixels wide and high.")],
                    problems: [(.notFound, "There is no such entry, or no picture of it yet.")])
            ) { request in
                let entry = try await EntryAccess(queue: queue).entry(of: request)
                guard let still = await previews.still(of: entry.user) else {
                    throw Problem.notFound("There is no picture of this stream yet.")
                }
                return Response(
                    status: .ok,
                    headers: [
                        .contentType: "image/jpeg", .cacheControl: "no-store",
                        .contentSecurityPolicy: "default-src 'none'; sandbox",
                    ], body: ResponseBody(byteBuffer: still))
            },
        ]
    }

    private func levels(of user: UserID, for request: WebRequest) throws -> Response {
        let headers: HTTPFields = [
            .contentType: EventStreamFormat.contentType, .cacheControl: "no-store", .accelBuffering: "no",
        ]
        if request.head.method == .head { return Response(status: .ok, headers: headers) }
        guard let slot = slots.take() else {
            throw Problem.unavailable("Too many event streams are open.", retryAfterSeconds: 10)
        }
        let levels: AsyncStream<SoundLevels>
        switch previews.levels(of: user) {
        case .levels(let stream): levels = stream
        case .nobody: throw Problem.notFound("Nothing is sent now.")
        case .full: throw Problem.unavailable("Too many meters are open.", retryAfterSeconds: 30)
        }
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                // Held for as long as this runs.
                _ = slot
                try await writer.write(EventStreamFormat.retry)
                try await follow(levels, of: user, for: request, into: &writer)
                try await writer.finish(nil)
            })
    }

    /// Writes until the publisher ends, the server goes down, the reader has gone or may not see it any more.
    private func follow(
        _ levels: AsyncStream<SoundLevels>, of user: UserID, for request: WebRequest,
        into writer: inout any ResponseBodyWriter
    ) async throws {
        let (turns, next) = AsyncStream.makeStream(of: Turn.self, bufferingPolicy: .bufferingNewest(2))
        request.connectionClosed.whenComplete { _ in next.finish() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                for await one in levels { next.yield(.levels(one)) }
                next.finish()
            }
            group.addTask {
                var count = 0
                while true {
                    try await Task.sleep(for: heartbeat)
                    next.yield(.heartbeat)
                    count += 1
                    guard count.isMultiple(of: Self.heartbeatsPerCheck), await hasLost(request, sight: user) else {
                        continue
                    }
                    return next.finish()
                }
            }
            group.addTask {
                try await gracefulShutdown()
                next.finish()
            }
            for await turn in turns {
                switch turn {
                case .heartbeat: try await writer.write(EventStreamFormat.heartbeat)
                case .levels(let levels):
                    guard let data = JSONAnswer.data(levels) else { continue }
                    try await writer.write(EventStreamFormat.event("level", data: data))
                }
            }
        }
    }

    /// Whether the reader's session or token has ended or its role has fallen. Not while the database is away.
    private func hasLost(_ request: WebRequest, sight user: UserID) async -> Bool {
        do {
            guard let caller = try await authenticator.caller(request.credentials, from: request.clientAddress) else {
                return true
            }
            return caller.user != user && caller.role < .operator
        } catch {
            return error is Problem
        }
    }
}

/// Where nothing is decoded.
struct NoPreviews: StreamPreviewDesk {
    func levels(of user: UserID) -> LevelsAnswer { .nobody }
    func still(of user: UserID) async -> ByteBuffer? { nil }
}
