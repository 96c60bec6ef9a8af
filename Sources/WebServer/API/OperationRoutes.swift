import Domain
import HTTPTypes
import Hummingbird
import NIOCore

/// What operators' tools ask for, and the public facts that pages need.
struct OperationRoutes: Sendable {
    var readiness: [any ReadinessReporting]
    var renderMetrics: @Sendable () -> String
    var configuration: WebServerConfiguration

    private struct ReadinessBody: Encodable {
        struct Check: Encodable {
            var name: String
            var ok: Bool
            var cause: String?
        }

        var ready: Bool
        var checks: [Check]
    }

    private struct Facts: Encodable {
        struct RTMP: Encodable {
            var url: String
            var host: String
            var port: Int
            var application: String
        }

        var channels: [ChannelName]
        var rtmp: RTMP
    }

    var routes: [Route] {
        [
            Route(.get, "/healthz") { _ in Self.text("ok\n", type: "text/plain; charset=utf-8") },
            Route(.get, "/readyz") { _ in await readyz() },
            Route(.get, "/metrics") { _ in
                Self.text(renderMetrics(), type: "text/plain; version=0.0.4; charset=utf-8")
            },
            Route(
                .get, "/api/v1/server", .anybodyKnown,
                Operation(
                    "Tells where to publish", .server,
                    answers: [
                        .ok(
                            .object(
                                .required("channels", .array(.channelName)),
                                .required(
                                    "rtmp",
                                    .object(
                                        .required("url", .string), .required("host", .string),
                                        .required("port", .integer(1...65_535)), .required("application", .string)))))
                    ])
            ) { request in JSONAnswer.response(facts(for: request)) },
        ]
    }

    private func readyz() async -> Response {
        var checks: [ReadinessBody.Check] = []
        for reporter in readiness {
            for check in await reporter.readiness() {
                checks.append(.init(name: check.name, ok: check.isOK, cause: check.cause))
            }
        }
        let isReady = checks.allSatisfy(\.ok)
        return JSONAnswer.response(
            ReadinessBody(ready: isReady, checks: checks), status: isReady ? .ok : .serviceUnavailable)
    }

    /// The host is the one the operator named, else the one this browser reached us by.
    private func facts(for request: WebRequest) -> Facts {
        let asked = request.head.authority.flatMap { Authority($0)?.host }
        let host = configuration.publicOrigin?.host ?? asked ?? "localhost"
        let port = configuration.rtmpPort
        let authority = port == 1935 ? host : "\(host):\(port)"
        return Facts(
            channels: configuration.channels,
            rtmp: .init(url: "rtmp://\(authority)/live", host: host, port: port, application: "live"))
    }

    private static func text(_ text: String, type: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
