import Domain
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import TestKit
import Testing
import WebServer

@Suite(.timeLimit(.minutes(1))) struct OperationTests {
    @Test func tellsLifeReadinessAndMetrics() async throws {
        try await TestSite.run { site async throws in
            #expect(try await site.send("GET", "/healthz").body == "ok\n")
            let ready = try await site.send("GET", "/readyz")
            #expect(ready.status == 200)
            #expect(ready.body == #"{"checks":[{"name":"database","ok":true}],"ready":true}"#)
            site.readiness.fail("no connection")
            let notReady = try await site.send("GET", "/readyz")
            #expect(notReady.status == 503)
            #expect(
                notReady.body == #"{"checks":[{"cause":"no connection","name":"database","ok":false}],"ready":false}"#)
            let metrics = try await site.send("GET", "/metrics")
            #expect(metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(
                metrics.body.contains(
                    #"lineup_http_requests_total{method="GET",route="/readyz",status="5xx"} 1"# + "\n"))
        }
    }

    @Test func metricsNameTemplatesAndNeverWhatAClientSent() async throws {
        try await TestSite.run { site async throws in
            _ = try await site.send("GET", "/hls/main/segment-77.m4s?token=abc")
            _ = try await site.send("GET", "/secret-path")
            _ = try await site.send("TRACE", "/pot")
            let text = try await site.send("GET", "/metrics").body
            #expect(text.contains(#"route="/hls/{channel}/{name...}""#))
            #expect(text.contains(#"method="other",route="unmatched""#))
            for forbidden in ["segment-77", "token", "secret-path", "TRACE"] { #expect(!text.contains(forbidden)) }
        }
    }

    /// Host header, public URL, RTMP port, and the address for the encoder.
    @Test(
        arguments: [
            ("stage.example:8080", nil, 1935, "rtmp://stage.example/live"),
            ("stage.example", nil, 1936, "rtmp://stage.example:1936/live"),
            ("[::1]:8080", nil, 1935, "rtmp://[::1]/live"),
            ("inside:8080", "https://lineup.example", 1935, "rtmp://lineup.example/live"),
            ("a'b;c", nil, 1935, "rtmp://localhost/live"),
        ] as [(String, String?, Int, String)])
    func tellsTheAddressForTheEncoder(host: String, publicURL: String?, port: Int, url: String) async throws {
        try await TestSite.run(publicURL: publicURL, adjust: { $0.rtmpPort = port }) { site async throws in
            let answer = try await site.send("GET", "/api/v1/server", headers: [("Host", host)])
            #expect(answer.body.contains("\"url\":\"\(url)\""))
            #expect(answer.body.hasPrefix(#"{"channels":["main"],"rtmp":{"application":"live","#))
        }
    }

    @Test(arguments: ["ftp://x", "lineup.example", "https://", "https://x/path", "https://a b", "http://x:99999"])
    func refusesAPublicURLThatIsNone(text: String) {
        #expect(throws: WebServerError.self) {
            try WebServerConfiguration(host: "::", port: 0, webRoot: "web", publicURL: text, rtmpPort: 1935)
        }
    }

    @Test func busyPortIsSaidPlainly() async throws {
        try await TestSite.run { site async throws in
            let error = await #expect(throws: WebServerError.self) {
                try await TestSite.run(adjust: { $0.port = site.port }) { _ in }
            }
            #expect(error?.code == .portBusy)
            #expect(error?.message.contains("LINEUP_HTTP_PORT") == true)
        }
    }

    @Test func wrongFolderIsSaidPlainly() async throws {
        let error = await #expect(throws: WebServerError.self) {
            try await TestSite.run(adjust: { $0.webRoot = "/nonexistent" }) { _ in }
        }
        #expect(error?.code == .pagesMissing)
    }
}
