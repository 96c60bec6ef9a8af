import Domain
import HTTPTypes
import Hummingbird

/// "Test my stream": what the server receives of a DJ who publishes to the application `test`, in no queue.
struct RehearsalRoutes: Sendable {
    var rehearsals: any RehearsalDesk

    private struct Body: Encodable {
        private enum CodingKeys: String, CodingKey { case stream }

        var stream: Rehearsal?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(stream, forKey: .stream)
        }
    }

    private static let schema = Schema.object(
        .required(
            "stream",
            .nullable(
                .object(
                    .required("missing", .note(.array(.string), "What would keep it from the air; empty: ready.")),
                    .optional("bitsPerSecond", .integer), .optional("frameRate", .number),
                    .optional("keyFrameSeconds", .number), .required("isSilent", .bool),
                    .required("clockJumps", .integer)))))

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/account/test-stream", .signedIn,
                Operation(
                    "Shows one's test stream", .keys,
                    details: "Published to the application `test` with any of one's keys. `null`: nothing arrives.",
                    answers: [.ok(Self.schema)])
            ) { request in
                JSONAnswer.response(Body(stream: rehearsals.rehearsal(of: try request.account().id)))
            }
        ]
    }
}
