import Domain
import HTTPTypes
import Hummingbird

/// What a publisher sends, measured, and what is wrong with it: a DJ's own, and each entry's for operators.
struct HealthRoutes: Sendable {
    var health: any StreamHealthDesk
    var queue: any QueueDesk

    /// The whole of it; `connected` is false, and the rest absent, while the DJ publishes nothing here.
    private struct Answer: Encodable {
        var connected: Bool
        var status: HealthSummary.Status?
        var issues: [HealthSummary.Issue]?
        var measures: StreamMeasures?

        init(_ health: StreamHealth?) {
            connected = health != nil
            status = health?.summary.status
            issues = health?.summary.issues
            measures = health?.measures
        }
    }

    static let summarySchema = Schema.named(
        "Health",
        .object(
            .required("status", .choice("noData", "good", "ok", "bad")),
            .required(
                "issues",
                .array(
                    .object(
                        .required("type", .choice(StreamIssue.allCases.map(\.rawValue))),
                        .required("severity", .choice("info", "warning", "error")), .required("advice", .string))))))
    private static let schema = Schema.object(
        .required("connected", .bool), .optional("status", .string), .optional("issues", .array(.any)),
        .optional("measures", .note(.map(.any), "What is sent, over the last ten seconds of arrival.")))

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/me/health", .signedIn,
                Operation(
                    "Shows what one's own encoder sends and what is wrong with it", .queue, answers: [.ok(Self.schema)])
            ) { request in
                JSONAnswer.response(Answer(health.health(of: try request.account().id)))
            },
            Route(
                .get, "/api/v1/channels/{channel}/entries/{entry}/health", .signedInOr(.operator),
                Operation(
                    "Shows what an entry's encoder sends and what is wrong with it", .queue, answers: [.ok(Self.schema)]
                )
            ) { request in
                let entry = try await EntryAccess(queue: queue).entry(of: request)
                return JSONAnswer.response(Answer(health.health(of: entry.user)))
            },
        ]
    }
}

/// Where nobody publishes.
struct NoHealth: StreamHealthDesk {
    func health(of user: UserID) -> StreamHealth? { nil }
}
