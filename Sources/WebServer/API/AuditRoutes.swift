import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird

/// Who did what, when, and what it changed (features DJ-22); for operators, newest first, in pages.
struct AuditRoutes: Sendable {
    var audit: any AuditLog

    private struct Line: Encodable {
        var id: Int64
        var at: WallTime
        var actor: Actor
        var action: String
        var channel: ChannelName?
        var subject: String?
        var before: JSONValue?
        var after: JSONValue?

        init(_ stored: StoredAuditRecord) {
            let record = stored.record
            id = stored.id
            at = record.at
            actor = record.actor
            action = record.action
            channel = record.channel
            subject = record.subject
            before = record.before.map(Self.document)
            after = record.after.map(Self.document)
        }

        /// Stored as text; what is no JSON (cut short) is shown as the text it is.
        private static func document(_ text: String) -> JSONValue {
            (try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))) ?? .string(text)
        }
    }

    private struct Page: Encodable {
        private enum CodingKeys: String, CodingKey { case records, next }

        var records: [Line]
        /// The next page's `before`; `nil` on the last.
        var next: Int64?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(records, forKey: .records)
            try container.encode(next, forKey: .next)
        }
    }

    static let maximumPage = 500

    private static let schema = Schema.object(
        .required(
            "records",
            .array(
                .named(
                    "AuditRecord",
                    .object(
                        .required("id", .integer), .required("at", .time),
                        .required(
                            "actor",
                            .object(.required("kind", .string), .optional("id", .string), .required("name", .string))),
                        .required("action", .string), .optional("channel", .channelName),
                        .optional("subject", .string), .optional("before", .any), .optional("after", .any))))),
        .required("next", .nullable(.integer)))

    private static func operation(_ summary: String, _ more: [Operation.Parameter] = []) -> Operation {
        Operation(
            summary, .history, details: "Newest first.",
            parameters: [
                .query("limit", .integer(1...maximumPage), "Lines of a page; 50 when it is not said."),
                .query("before", .integer, "The `next` of the page before."),
            ] + more, answers: [.ok(schema)])
    }

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/audit", .atLeast(.operator),
                Self.operation(
                    "Shows who did what", [.query("channel", .channelName, "Only what was done to this channel.")])
            ) { request in
                let name = request.query("channel")
                let channel = name.flatMap { ChannelName($0) }
                guard name == nil || channel != nil else { throw Problem.notFound("There is no such channel.") }
                return try await page(request, channel)
            },
            Route(
                .get, "/api/v1/channels/{channel}/queue/audit", .atLeast(.operator),
                Self.operation("Shows who did what to a channel")
            ) { request in
                try await page(request, try request.channel())
            },
        ]
    }

    private func page(_ request: WebRequest, _ channel: ChannelName?) async throws -> Response {
        let limit = try request.limit(upTo: Self.maximumPage) ?? 50
        var before: Int64?
        if let text = request.query("before") {
            guard let number = Int64(text) else {
                throw Problem.badRequest(field: "before", "This takes the `next` of the page before.")
            }
            before = number
        }
        let cursor = before
        let records = try await stored {
            try await audit.records(before: cursor, limit: limit, channel: channel)
        }
        return JSONAnswer.response(
            Page(records: records.map(Line.init), next: records.count == limit ? records.last?.id : nil))
    }
}
