import Broadcast
import Domain
import Foundation
import Logging
import NIOCore
import NIOPosix
import PrometheusMetrics
import RTMPTransport
import Synchronization
import TestKit
import Testing

/// A server with a real hub behind `play/main`, fed by the test with a real clip, over and over.
final class PlayStage: Sendable {
    let hub = Hub(channel: .main, name: "test", wrapping: RTMPHubWrapping())
    let gate = RecordingGate()
    let clip: MediaClip
    private let units: [ProgrammeUnit]
    private let length: MediaTime
    private let fed = Mutex(0)

    init(_ recipe: MediaRecipe = MediaRecipe().with { $0.seconds = 4 }, startingAt start: MediaTime = .zero) throws {
        clip = try MediaClip.generate(recipe)
        // As a programme begins: with its first key frame, which the encoder's first sound comes before.
        units = Array(clip.programme(startingAt: start).drop { $0.track == .audio || !$0.isKeyFrame })
        length = clip.end(startingAt: start) - start
        hub.joined(ProgrammeJoin(session: nil, at: start, formatChanged: true), format: clip.format)
    }

    /// The decode times of the clip's key frames as RTMP tells them, in milliseconds.
    var keyFrames: [MediaTime] {
        units.filter { $0.track == .video && $0.isKeyFrame }.map { .milliseconds($0.decodeTime.ticks(timescale: 1000)) }
    }

    /// The next `count` units of the programme.
    func feed(_ count: Int) {
        let first = fed.withLock { fed in
            defer { fed += count }
            return fed
        }
        for index in first..<first + count {
            var unit = units[index % units.count]
            let shift = length * Int64(index / units.count)
            unit.decodeTime = unit.decodeTime + shift
            unit.presentationTime = unit.presentationTime + shift
            hub.unit(unit)
        }
    }

    func withServer(
        limits: RTMPPlaying.Limits = .init(), secure: RTMPSListening? = nil,
        _ body: @escaping @Sendable (RTMPServer, Int) async throws -> Void
    ) async throws {
        // Tests that try again and again are no attack.
        var configuration = RTMPServerConfiguration(host: "127.0.0.1", port: 0)
        configuration.limits.maximumConnections = 50_000
        configuration.limits.maximumConnectionsPerAddress = 50_000
        // Nor is it the system that ends who does not read.
        configuration.limits.keepAlive.unacknowledged = .seconds(600)
        let server = RTMPServer(
            configuration: configuration, group: MultiThreadedEventLoopGroup.singleton, gate: gate,
            playing: RTMPPlaying(limits: limits) { [hub] in $0 == .main ? hub : nil }, secure: secure,
            logger: Logger(label: "test"))
        let port = try await server.bind()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            try await body(server, port)
            tasks.cancelAll()
        }
    }

    static func client(_ change: (inout RTMPClientConfiguration) -> Void = { _ in }) -> RTMPClient {
        var configuration = RTMPClientConfiguration()
        change(&configuration)
        return RTMPClient(
            configuration: configuration, group: MultiThreadedEventLoopGroup.singleton, logger: Logger(label: "test"))
    }

    static func address(_ text: String) throws -> RTMPAddress { try #require(RTMPAddress(Secret(text))) }
}

/// Takes what a client plays; tests wait until there is enough.
final class PlayedSink: PublisherSink {
    struct Record: Sendable {
        var formats: [TrackFormat] = []
        var units: [AccessUnit] = []
        var metadata: [StreamMetadata] = []
        var endings: [PublisherEnd] = []
    }

    private let state = Mutex(Record())
    private let moves = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    var record: Record { state.withLock { $0 } }

    func metadataReceived(_ metadata: StreamMetadata) { state.withLock { $0.metadata.append(metadata) } }
    func formatReceived(_ format: TrackFormat) { state.withLock { $0.formats.append(format) } }
    func unitReceived(_ unit: AccessUnit) {
        state.withLock { $0.units.append(unit) }
        moves.continuation.yield()
    }
    func tracksLeftOut(_ track: TrackKind, reason: String) { Issue.record("left out: \(reason)") }
    func trackRefused(_ track: TrackKind, reason: String) { Issue.record("refused: \(reason)") }
    func silenceBegan() {}
    func ended(_ how: PublisherEnd) {
        state.withLock { $0.endings.append(how) }
        moves.continuation.finish()
    }

    /// Waits for `count` units in all, or the end.
    func wait(forUnits count: Int) async {
        if record.units.count >= count { return }
        for await _ in moves.stream where record.units.count >= count { return }
    }
}

/// Accepts and says nothing.
struct SilentServer {
    private let channel: any Channel
    var port: Int { channel.localAddress?.port ?? 0 }

    static func start() async throws -> SilentServer {
        SilentServer(
            channel: try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: "127.0.0.1", port: 0).get())
    }

    func stop() async throws { try await channel.close() }
}

/// Runs a server with RTMPS around `body`, which gets the port of that.
func withSecureServer(
    _ configuration: RTMPServerConfiguration, _ identity: TLSIdentity, metrics: PrometheusMetrics = PrometheusMetrics(),
    _ body: @escaping @Sendable (Int) async throws -> Void
) async throws {
    let server = RTMPServer(
        configuration: configuration, group: MultiThreadedEventLoopGroup.singleton, gate: RecordingGate(),
        secure: RTMPSListening(port: 0, identity: identity), logger: Logger(label: "test"), metricsFactory: metrics)
    try await server.bind()
    let port = try #require(server.securePort)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await server.run() }
        try await body(port)
        tasks.cancelAll()
    }
}
