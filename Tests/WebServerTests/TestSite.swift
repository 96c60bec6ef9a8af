import Domain
import Foundation
import Logging
import NIOCore
import NIOPosix
import PrometheusMetrics
import ServiceLifecycle
import Synchronization
import TestKit
import Testing
import WebServer

/// A running web server on a free port, with fakes behind it.
struct TestSite: Sendable {
    let accounts = FakeAccountDesk()
    let profiles = FakeProfileDesk()
    let queue = FakeQueueDesk()
    let tokens = FakeTokenDesk()
    let events = FakeEventLog()
    let history = FakeHistory()
    let audit = FakeAuditLog()
    let handovers = FakeHandoverLog()
    let health = FakeHealthDesk()
    let previews = FakePreviewDesk()
    let targets = FakeTargetDesk()
    let studios = FakeStudioDesk()
    let origin = FakeDeliveryOrigin()
    let outputs = OutputSwitches()
    let regions: ChannelRegions
    let listings = FakeListings()
    let readiness = SettableReadiness()
    let metrics = PrometheusMetrics()
    let server: WebServer
    let services: ServiceGroup
    var port = 0

    static let group = MultiThreadedEventLoopGroup.singleton
    /// `web/` of this repository.
    static let webRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("web").path

    private init(
        publicURL: String?, streams: ProgrammeStreams, viewers: any DeliveryObserving, regions: ChannelRegions,
        clock: any WallClock, adjust: (inout WebServerConfiguration) -> Void
    ) throws {
        var configuration = try WebServerConfiguration(
            host: "127.0.0.1", port: 0, webRoot: Self.webRoot, publicURL: publicURL, rtmpPort: 1935)
        adjust(&configuration)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var ports = WebServerPorts(
            accounts: accounts, profiles: profiles, rehearsals: NoRehearsals(), tokens: tokens, queue: queue,
            events: events, history: history, audit: audit, targets: targets, discord: targets, origin: origin,
            viewers: viewers, readiness: [readiness])
        ports.streams = streams
        ports.outputs = outputs
        self.regions = regions
        ports.regions = regions
        ports.listings = listings
        ports.handovers = handovers
        ports.health = health
        ports.previews = previews
        ports.studios = studios
        server = WebServer(
            configuration: configuration, group: Self.group, ports: ports,
            renderMetrics: { [metrics] in metrics.render() }, clock: clock,
            logger: logger, metrics: metrics)
        services = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
    }

    /// Runs a server for the time of `body` and stops it gracefully.
    static func run(
        publicURL: String? = nil, streams: ProgrammeStreams = .nothing,
        viewers: any DeliveryObserving = NoDeliveryObserver(), regions: ChannelRegions = ChannelRegions(),
        clock: any WallClock = FixedClock(), adjust: (inout WebServerConfiguration) -> Void = { _ in },
        _ body: @Sendable (TestSite) async throws -> Void
    ) async throws {
        var site = try TestSite(
            publicURL: publicURL, streams: streams, viewers: viewers, regions: regions, clock: clock, adjust: adjust)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [services = site.services] in try await services.run() }
            site.port = try await site.server.port()
            let result: Result<Void, any Error>
            do {
                try await body(site)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await site.services.triggerGracefulShutdown()
            try await group.waitForAll()
            try result.get()
        }
    }

    /// One request on a connection of its own.
    func send(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: String? = nil
    ) async throws -> RawAnswer {
        var text = "\(method) \(path) HTTP/1.1\r\nConnection: close\r\n"
        if !headers.contains(where: { $0.0.lowercased() == "host" }) { text += "Host: 127.0.0.1:\(port)\r\n" }
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
        text += "\r\n" + (body ?? "")
        let answer = try await RawConnection.open(port: port, group: Self.group) { [text] reader, writer in
            try await writer.write(ByteBuffer(string: text))
            await reader.readToEnd()
            return reader.text
        }
        return try #require(RawAnswer(answer), "no answer to \(method) \(path)")
    }

    /// A write as our own pages make it.
    func write(
        _ method: String, _ path: String, as session: SignedIn? = nil, _ body: String = "{}"
    ) async throws -> RawAnswer {
        var headers = [
            ("Origin", "http://127.0.0.1:\(port)"), ("Sec-Fetch-Site", "same-origin"),
            ("Content-Type", "application/json"),
        ]
        if let session {
            headers.append(("Cookie", "lineup=\(session.token.exposed)"))
            headers.append(("X-CSRF-Token", session.csrfToken.exposed))
        }
        return try await send(method, path, headers: headers, body: body)
    }

    func read(_ path: String, as session: SignedIn) async throws -> RawAnswer {
        try await send("GET", path, headers: [("Cookie", "lineup=\(session.token.exposed)")])
    }

    /// As a machine asks, with a bearer token.
    func call(_ method: String, _ path: String, token: String, _ body: String? = nil) async throws -> RawAnswer {
        var headers = [("Authorization", "Bearer \(token)")]
        if body != nil { headers.append(("Content-Type", "application/json")) }
        return try await send(method, path, headers: headers, body: body)
    }

    func session(_ name: String, role: Role = .dj) async throws -> SignedIn {
        let form = SignUpForm(email: "\(name)@example.org", name: name, password: Secret("a long password"))
        return accounts.signIn(try await accounts.create(form, role: role))
    }
}

struct FixedClock: WallClock {
    func now() -> WallTime { WallTime(milliseconds: 1_800_000_000_000) }
}

/// A check that tests switch.
final class SettableReadiness: ReadinessReporting {
    private let cause = Mutex<String?>(nil)

    func fail(_ text: String?) { cause.withLock { $0 = text } }

    func readiness() async -> [ReadinessCheck] {
        let cause = cause.withLock { $0 }
        return [ReadinessCheck(name: "database", isOK: cause == nil, cause: cause)]
    }
}
