import Domain
import HTTPTypes
import Hummingbird
import NIOCore

/// What each change of the programme's source cost (issue 5, must 9); for operators, newest first, in pages, as JSON or CSV.
struct HandoverRoutes: Sendable {
    var handovers: any HandoverLog

    private struct Line: Encodable {
        var id: Int64
        var from: HandoverEntry.Side?
        var to: HandoverEntry.Side?
        var reason: HandoverRecord.Reason.RawValue
        var cause: HandoverEntry.Cause?
        var decidedAt: WallTime
        var onAirAt: WallTime
        var videoGapFrames: Double
        var audioGapMilliseconds: Double
        var soundOffsetMilliseconds: Double

        init(_ stored: StoredHandover) {
            let handover = stored.handover
            id = stored.id
            from = handover.from
            to = handover.to
            reason = handover.reason.rawValue
            cause = handover.cause
            decidedAt = handover.decidedAt
            onAirAt = handover.onAirAt
            videoGapFrames = handover.videoGapFrames
            audioGapMilliseconds = handover.audioGapMilliseconds
            soundOffsetMilliseconds = handover.soundOffsetMilliseconds
        }

        static let columns = [
            "id", "from", "to", "reason", "cause", "decidedAt", "onAirAt", "videoGapFrames", "audioGapMilliseconds",
            "soundOffsetMilliseconds",
        ]

        /// The slate is an empty cell.
        var cells: [String] {
            [
                "\(id)", from?.name ?? "", to?.name ?? "", reason, cause?.rawValue ?? "", decidedAt.description,
                onAirAt.description, "\(videoGapFrames)", "\(audioGapMilliseconds)", "\(soundOffsetMilliseconds)",
            ]
        }
    }

    private struct Page: Encodable {
        private enum CodingKeys: String, CodingKey { case handovers, next }

        var handovers: [Line]
        /// The next page's `before`; `nil` on the last.
        var next: Int64?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(handovers, forKey: .handovers)
            try container.encode(next, forKey: .next)
        }
    }

    static let path = "/api/v1/channels/{channel}/handovers"
    static let maximumPage = 500

    private static let sideSchema = Schema.named(
        "HandoverSide", .object(.required("entry", .id), .required("user", .id), .required("name", .string)))
    private static let schema = Schema.object(
        .required(
            "handovers",
            .array(
                .named(
                    "Handover",
                    .object(
                        .required("id", .integer), .optional("from", .note(sideSchema, "Absent: the slate.")),
                        .optional("to", sideSchema),
                        .required("reason", .choice(HandoverRecord.Reason.allCases.map(\.rawValue))),
                        .optional("cause", .choice(HandoverEntry.Cause.allCases.map(\.rawValue))),
                        .required("decidedAt", .time), .required("onAirAt", .time),
                        .required("videoGapFrames", .note(.number, "Pictures missing in between; negative: overlap.")),
                        .required("audioGapMilliseconds", .number), .required("soundOffsetMilliseconds", .number))))),
        .required("next", .nullable(.integer)))

    private static func operation(_ summary: String, _ answer: Operation.Answer) -> Operation {
        Operation(
            summary, .history, details: "Newest first.",
            parameters: [
                .query(
                    "limit", .integer(1...maximumPage), "Hand-overs of a page; 50, of a table 500, when it is not said."
                ),
                .query("before", .integer, "The `next` of the page before."),
            ], answers: [answer])
    }

    var routes: [Route] {
        [
            Route(
                .get, Self.path, .atLeast(.operator),
                Self.operation("Shows what each change of the programme's source cost", .ok(Self.schema))
            ) { request in
                let page = try await page(request, standard: 50)
                return JSONAnswer.response(page)
            },
            Route(
                .get, Self.path + ".csv", .atLeast(.operator),
                Self.operation("Shows hand-overs as a table", .bytes("text/csv", "With a head line."))
            ) { request in
                let page = try await page(request, standard: Self.maximumPage)
                var headers: HTTPFields = [
                    .contentType: "text/csv; charset=utf-8; header=present", .cacheControl: "no-store",
                    .contentDisposition: "attachment; filename=\"\(try request.channel())-handovers.csv\"",
                ]
                if let next = page.next { headers[.link] = "<?before=\(next)>; rel=\"next\"" }
                let text = CSV.line(Line.columns) + page.handovers.map { CSV.line($0.cells) }.joined()
                return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
            },
        ]
    }

    private func page(_ request: WebRequest, standard: Int) async throws -> Page {
        let channel = try request.channel()
        let limit = try request.limit(upTo: Self.maximumPage) ?? standard
        var before: Int64?
        if let text = request.query("before") {
            guard let number = Int64(text) else {
                throw Problem.badRequest(field: "before", "This takes the `next` of the page before.")
            }
            before = number
        }
        let cursor = before
        let stored = try await stored {
            try await handovers.handovers(of: channel, before: cursor, limit: limit)
        }
        return Page(handovers: stored.map(Line.init), next: stored.count == limit ? stored.last?.id : nil)
    }
}

/// Where no hand-overs are kept.
struct NoHandovers: HandoverLog {
    func handovers(of channel: ChannelName, before: Int64?, limit: Int) async throws -> [StoredHandover] { [] }
}
