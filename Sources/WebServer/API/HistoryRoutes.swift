import Domain
import HTTPTypes
import Hummingbird
import NIOCore

/// Past entries with their times and reasons: operators see all, a DJ their own. JSON in pages, CSV in pages or whole.
struct HistoryRoutes: Sendable {
    var history: any QueueHistory

    private struct Page: Encodable {
        private enum CodingKeys: String, CodingKey { case entries, next }

        var entries: [PastEntry]
        /// The next page's `cursor`; `nil` on the last.
        var next: String?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(entries, forKey: .entries)
            try container.encode(next, forKey: .next)
        }
    }

    /// What one request asks for.
    private struct Query {
        var channel: ChannelName
        var cursor: HistoryCursor?
        var user: UserID?
        /// `nil`: not said.
        var limit: Int?
    }

    static let path = "/api/v1/channels/{channel}/queue/history"
    static let maximumPage = 500
    private static let schema = Schema.object(
        .required(
            "entries",
            .array(
                .named(
                    "PastEntry",
                    .object(
                        .required("id", .id), .required("user", .id), .required("name", .string),
                        .required("reason", .string), .required("joinedAt", .time), .optional("onAirSince", .time),
                        .required("endedAt", .time), .required("onAirSeconds", .number),
                        .optional("viewersPeak", .integer), .optional("viewersAverage", .number),
                        .optional("viewerMinutes", .number))))),
        .required("next", .nullable(.string)))

    private static func operation(_ summary: String, _ answers: [Operation.Answer]) -> Operation {
        Operation(
            summary, .history, details: "A DJ sees the own entries, operators all.",
            parameters: [
                .query(
                    "limit", .integer(1...maximumPage), "Entries of a page; JSON: 50 when it is not said, CSV: all."),
                .query(
                    "cursor", .pattern("^[0-9]{1,15}[.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"),
                    "The `next` of the page before."),
                .query("user", .id, "Only this person's; for operators."),
            ], answers: answers)
    }

    private static let csvAnswer = Operation.Answer.bytes("text/csv", "With a head line.")

    /// Rows of a CSV without a limit.
    static let maximumRows = 100_000

    var routes: [Route] {
        [
            Route(
                .get, Self.path, .signedInOr(.operator),
                Self.operation("Shows past entries", [.ok(Self.schema), Self.csvAnswer])
            ) { request in
                let query = try query(of: request)
                let wantsCSV = request.head.headerFields[.accept]?.contains("text/csv") == true
                return wantsCSV ? try await csv(query) : try await page(query)
            },
            Route(
                .get, Self.path + ".csv", .signedInOr(.operator),
                Self.operation("Shows past entries as a table", [Self.csvAnswer])
            ) { try await csv(try query(of: $0)) },
        ]
    }

    private func query(of request: WebRequest) throws(Problem) -> Query {
        guard let caller = request.caller else { throw .signInFirst }
        var query = Query(channel: try request.channel(), limit: try request.limit(upTo: Self.maximumPage))
        if let text = request.query("cursor") {
            guard let cursor = HistoryCursor(text) else {
                throw .badRequest(field: "cursor", "A cursor is the `next` of the page before.")
            }
            query.cursor = cursor
        }
        if caller.role >= .operator {
            if let text = request.query("user") {
                guard let user = UserID(text) else { throw .badRequest(field: "user", "This takes a user's id.") }
                query.user = user
            }
        } else {
            guard let user = caller.user else { throw .roleTooLow(.operator) }
            query.user = user
        }
        return query
    }

    private func page(_ query: Query) async throws -> Response {
        let limit = query.limit ?? 50
        let entries = try await entries(query, limit: limit)
        return JSONAnswer.response(Page(entries: entries, next: next(after: entries, limit: limit)))
    }

    private func csv(_ query: Query) async throws -> Response {
        let rows = query.limit ?? Self.maximumRows
        let pageSize = min(rows, Self.maximumPage)
        // Before the head is written, so that a database that is away is answered as such.
        let first = try await entries(query, limit: pageSize)
        var headers: HTTPFields = [
            .contentType: "text/csv; charset=utf-8; header=present", .cacheControl: "no-store",
            .contentDisposition: "attachment; filename=\"\(query.channel)-history.csv\"",
        ]
        if query.limit != nil, let next = next(after: first, limit: pageSize) {
            headers[.link] = "<?cursor=\(next)&limit=\(pageSize)>; rel=\"next\""
        }
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                try await writer.write(ByteBuffer(string: CSV.line(PastEntry.columns)))
                var (page, written, query) = (first, 0, query)
                while true {
                    try await writer.write(ByteBuffer(string: page.map { CSV.line($0.cells) }.joined()))
                    written += page.count
                    guard page.count == pageSize, written < rows, let last = page.last else { break }
                    query.cursor = HistoryCursor(endedAt: last.endedAt, id: last.id)
                    page = try await entries(query, limit: min(pageSize, rows - written))
                }
                try await writer.finish(nil)
            })
    }

    private func entries(_ query: Query, limit: Int) async throws -> [PastEntry] {
        try await stored {
            try await history.pastEntries(
                of: query.channel, before: query.cursor, user: query.user, limit: limit)
        }
    }

    private func next(after entries: [PastEntry], limit: Int) -> String? {
        guard entries.count == limit, let last = entries.last else { return nil }
        return HistoryCursor(endedAt: last.endedAt, id: last.id).text
    }
}

extension HistoryCursor {
    /// `MILLISECONDS.ENTRY`, as it stands in an address.
    var text: String { "\(endedAt.milliseconds).\(id)" }

    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let milliseconds = Int64(parts[0]), milliseconds >= 0, let id = EntryID(parts[1])
        else { return nil }
        self.init(endedAt: WallTime(milliseconds: milliseconds), id: id)
    }
}

extension PastEntry {
    fileprivate static let columns = [
        "entry", "user", "name", "reason", "joinedAt", "onAirSince", "endedAt", "onAirSeconds", "viewersPeak",
        "viewersAverage", "viewerMinutes",
    ]

    fileprivate var cells: [String] {
        [
            id.description, user.description, name, reason.rawValue, joinedAt.description,
            onAirSince?.description ?? "", endedAt.description, String(onAirSeconds),
            viewersPeak.map(String.init) ?? "", viewersAverage.map { String($0) } ?? "",
            viewerMinutes.map { String($0) } ?? "",
        ]
    }
}

extension WebRequest {
    /// The query's `limit`; `nil` when it is not said.
    func limit(upTo maximum: Int) throws(Problem) -> Int? {
        guard let text = query("limit") else { return nil }
        guard let limit = Int(text), (1...maximum).contains(limit) else {
            throw .badRequest(field: "limit", "This must be between 1 and \(maximum).")
        }
        return limit
    }
}

/// Runs a read of the store. Whatever it throws means that the database is away; its words are for the log only.
func stored<Value: Sendable>(_ read: () async throws -> Value) async throws(AccountError) -> Value {
    do {
        return try await read()
    } catch {
        throw .unavailable("\(error)")
    }
}
