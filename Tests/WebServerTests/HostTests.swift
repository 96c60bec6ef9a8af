import Domain
import NIOCore
import NIOHTTP1
import TestKit
import Testing

@testable import WebServer

/// RFC 9112 §3.2: a request of HTTP/1.1 names its host, once.
@Suite(.timeLimit(.minutes(2))) struct HostTests {
    private static func exchange(_ site: TestSite, _ request: String) async throws -> String {
        try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
            try await writer.write(ByteBuffer(string: request))
            await reader.readToEnd()
            return reader.text
        }
    }

    private static func run(_ body: @Sendable (TestSite) async throws -> Void) async throws {
        let hub = FakeHub(first: [FakeHub.packet("media"), .finished])
        try await TestSite.run(streams: ProgrammeStreams { _, _ in hub }) { site async throws in
            site.origin.set(
                "segment-1.m4s", body: Array("0123456789".utf8), contentType: "video/mp4", caching: .immutable)
            try await body(site)
        }
    }

    private static let paths = [
        "/healthz", "/", "/none", "/api/v1/channels/main/queue", "/hls/main/segment-1.m4s", "/stream/main", "/ws/main",
    ]

    @Test(arguments: paths) func noHostAndTwoAreRefused(path: String) async throws {
        try await Self.run { site async throws in
            for hosts in ["", "Host: x\r\nhost: x\r\n", "Host: a b\r\n", "Host: user@x\r\n", "Host: x/y\r\n"] {
                // What stands behind it on the connection is not looked at.
                let request = "GET \(path) HTTP/1.1\r\n\(hosts)\r\n"
                let text = try await Self.exchange(site, request + "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                let answer = try #require(RawAnswer(text), "\(hosts)")
                #expect(answer.status == 400 && answer.headers["connection"] == "close", "\(hosts)")
                #expect(answer.headers["content-type"] == "application/problem+json")
                #expect(answer.body.contains(#""field":"Host""#) && answer.body.hasSuffix("}"))
            }
            let head = try #require(RawAnswer(try await Self.exchange(site, "HEAD \(path) HTTP/1.1\r\n\r\n")))
            #expect(head.status == 400 && head.body.isEmpty)
        }
    }

    /// A load balancer may look with HTTP/1.0, which knows no `Host`; and an address without a host has an empty one.
    @Test(arguments: paths) func olderHTTPNeedsNone(path: String) async throws {
        try await Self.run { site async throws in
            let good = try #require(RawAnswer(try await Self.exchange(site, "GET \(path) HTTP/1.0\r\n\r\n")))
            #expect(good.status != 400)
            let empty = try await Self.exchange(site, "GET \(path) HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n")
            #expect(try #require(RawAnswer(empty)).status == good.status)
            let two = try await Self.exchange(site, "GET \(path) HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n")
            #expect(try #require(RawAnswer(two)).status == 400)
        }
    }

    @Test func aRefusalWaitsForTheAnswersBeforeIt() async throws {
        try await Self.run { site async throws in
            let upload = "POST /api/v1/login HTTP/1.1\r\nContent-Length: 100000\r\n\r\n{"
            for bad in ["GET /healthz HTTP/1.1\r\n\r\n", upload] {
                let text = try await Self.exchange(site, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + bad)
                let answers = text.ranges(of: "HTTP/1.1 ").map { text[$0.upperBound...].prefix(3) }
                #expect(answers == ["200", "400"])
            }
        }
    }

    /// §3.2.2, as a proxy sends it.
    @Test(arguments: paths) func theAbsoluteFormIsTakenLikeAPath(path: String) async throws {
        try await Self.run { site async throws in
            let end = "Connection: close\r\n\r\n"
            let plain = try await Self.exchange(site, "GET \(path) HTTP/1.1\r\nHost: x\r\n" + end)
            for scheme in ["http", "HTTPS"] {
                let text = try await Self.exchange(site, "GET \(scheme)://x:1\(path) HTTP/1.1\r\nHost: y\r\n" + end)
                #expect(try #require(RawAnswer(text)).status == (try #require(RawAnswer(plain))).status)
            }
            let bad = try await Self.exchange(site, "GET http://me@x\(path) HTTP/1.1\r\nHost: y\r\n" + end)
            #expect(try #require(RawAnswer(bad)).status == 400)
        }
    }

    @Test func theAbsoluteFormsHostCounts() {
        func taken(_ uri: String) -> [String]? {
            var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: uri, headers: ["Host": "y"])
            return HTTP1RulesHandler.takeAbsoluteForm(of: &head) ? [head.uri] + head.headers["host"] : nil
        }
        #expect(taken("http://x:80/a?b=http://c/d") == ["/a?b=http://c/d", "x:80"])
        #expect(taken("http://x") == ["/", "x"])
        #expect(taken("https://[::1]?q") == ["/?q", "[::1]"])
        for uri in ["/a?b=http://c/d", "*", "x:80", "ftp://x/a", "", "://x"] { #expect(taken(uri) == nil, "\(uri)") }
    }

    @Test func goodHostsAreTold() {
        func isGood(_ hosts: [String], _ version: HTTPVersion = .http1_1) -> Bool {
            var head = HTTPRequestHead(version: version, method: .GET, uri: "/")
            for host in hosts { head.headers.add(name: "HOST", value: host) }
            return HTTP1RulesHandler.look(at: head).hasGoodHost
        }
        for host in [
            "x", "", "x ", "x \t", "127.0.0.1:8080", "[2001:db8::1]:80", "a_b.example", "xn--mnchen-3ya.example",
            "%41.x",
        ] {
            #expect(isGood([host]), "\(host)")
        }
        for host in ["münchen.example", "a,b c", "x\u{1}", "<x>", "x?y", "x#y", "x\\y"] { #expect(!isGood([host])) }
        #expect(!isGood([]) && isGood([], .http1_0) && isGood([], .init(major: 0, minor: 9)))
    }
}
