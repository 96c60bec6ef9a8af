import Domain
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct ShutdownTests {
    /// Who is connected when the server goes down, and what they do then.
    enum Client: CaseIterable {
        /// Follows the queue live.
        case eventStream
        /// A player between two requests.
        case idle
        /// Has asked for much and reads no more.
        case stalled
        /// Has sent half a request.
        case halfRequest

        var request: String {
            switch self {
            case .eventStream: "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n"
            case .idle: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
            case .stalled: "GET /hls/main/big HTTP/1.1\r\nHost: x\r\n\r\n"
            case .halfRequest: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHo"
            }
        }

        /// What the client has read when the server is told to stop.
        var mark: String {
            switch self {
            case .eventStream: "event: queue"
            case .idle, .halfRequest: "ok\n"
            case .stalled: "\r\n\r\n"
            }
        }
    }

    @Test(arguments: Client.allCases)
    func nobodyHoldsUpTheShutdown(client: Client) async throws {
        let clock = ContinuousClock()
        let (connected, connect) = AsyncStream<Void>.makeStream()
        let (released, release) = AsyncStream<Void>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (ports, tellPort) = AsyncStream<Int>.makeStream()
            group.addTask {
                guard let port = await ports.first(where: { _ in true }) else { return }
                try await RawConnection.open(port: port, group: TestSite.group, receiveBuffer: 4_096) {
                    reader, writer in
                    try await writer.write(ByteBuffer(string: client.request))
                    #expect(try await reader.read(until: client.mark))
                    connect.yield()
                    // Holds the connection open, reading nothing, until the server has stopped.
                    for await _ in released {}
                }
            }
            let stopping = Mutex(clock.now)
            try await TestSite.run(adjust: { $0.drainDeadline = .milliseconds(300) }) { site async throws in
                let big = ByteBuffer(repeating: 7, count: 32 << 20)
                site.origin.set(
                    "big",
                    to: .found(.init(body: big, contentType: "video/mp4", caching: .immutable, entityTag: "\"b\"")))
                tellPort.yield(site.port)
                _ = await connected.first { _ in true }
                stopping.withLock { $0 = clock.now }
            }
            #expect(stopping.withLock { $0 }.duration(to: clock.now) < .seconds(4))
            release.finish()
            try await group.waitForAll()
        }
    }

    @Test func eventStreamEndsWithACompleteAnswer() async throws {
        let (ports, tellPort) = AsyncStream<Int>.makeStream()
        let (connected, connect) = AsyncStream<Void>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                guard let port = await ports.first(where: { _ in true }) else { return }
                try await RawConnection.open(port: port, group: TestSite.group) { reader, writer in
                    try await writer.write(.init(string: Client.eventStream.request))
                    #expect(try await reader.read(until: "event: queue"))
                    connect.yield()
                    await reader.readToEnd()
                    #expect(reader.text.hasSuffix("0\r\n\r\n"))
                }
            }
            try await TestSite.run { site async throws in
                tellPort.yield(site.port)
                _ = await connected.first { _ in true }
            }
            try await group.waitForAll()
        }
    }

    @Test func idleConnectionIsClosedWhileTheServerRuns() async throws {
        try await TestSite.run(adjust: { $0.idleTimeout = .seconds(1) }) { site async throws in
            // Sends nothing: a connection that only idles is closed.
            try await RawConnection.open(port: site.port, group: TestSite.group) { reader, _ in
                await reader.readToEnd()
                #expect(reader.text.isEmpty)
            }
        }
    }

    @Test func watchClosesTheIdleTheSlowAndTheDeaf() {
        let second: Int64 = 1_000_000_000
        func watch() -> ConnectionWatch { ConnectionWatch(idle: .seconds(40), request: .seconds(30), now: 0) }

        var idle = watch()
        #expect(idle.looked(now: 39 * second, pendingBytes: 0) == .keep)
        #expect(idle.looked(now: 40 * second, pendingBytes: 0) == .close)

        var slow = watch()
        slow.requestHeadReceived(now: 0)
        for tick in 1..<30 {
            slow.requestBodyReceived(now: Int64(tick) * second)
            #expect(slow.looked(now: Int64(tick) * second, pendingBytes: 0) == .keep)
        }
        slow.requestBodyReceived(now: 30 * second)
        #expect(slow.looked(now: 30 * second, pendingBytes: 0) == .close)

        var deaf = watch()
        deaf.requestHeadReceived(now: 0)
        deaf.requestEndReceived(now: 0)
        deaf.partWritten()
        #expect(deaf.looked(now: 2 * second, pendingBytes: 1_000) == .keep)
        deaf.partWritten()
        #expect(deaf.looked(now: 41 * second, pendingBytes: 2_000) == .keep)
        #expect(deaf.looked(now: 42 * second, pendingBytes: 2_000) == .close)

        var reading = watch()
        reading.requestHeadReceived(now: 0)
        reading.requestEndReceived(now: 0)
        reading.partWritten()
        var pending = 1_000
        for tick in stride(from: 30, through: 300, by: 30) {
            pending -= 50
            #expect(reading.looked(now: Int64(tick) * second, pendingBytes: pending) == .keep)
        }

        var listening = watch()
        listening.requestHeadReceived(now: 0)
        listening.requestEndReceived(now: 0)
        for tick in stride(from: 15, through: 150, by: 15) {
            listening.partWritten()
            #expect(listening.looked(now: Int64(tick) * second, pendingBytes: 0) == .keep)
        }
    }
}
