import Logging
import NIOCore
import NIOEmbedded
import NIOPosix
import RTMPTransport
import Synchronization
import Testing

@Suite struct AcceptGuardTests {
    private final class LineCounter: LogHandler, Sendable {
        let lines = Mutex(0)
        var metadata: Logger.Metadata {
            get { [:] }
            set {}
        }
        var logLevel: Logger.Level {
            get { .info }
            set {}
        }
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }
        func log(event: LogEvent) { lines.withLock { $0 += 1 } }
    }

    @Test func pausesAfterEachFailureAndLogsOnceAMinute() throws {
        let log = LineCounter()
        var failures = 0
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(
            AcceptGuard(logger: Logger(label: "test", factory: { _ in log })) { failures += 1 })
        /// What `autoRead`, the only option, was set to last.
        func isAccepting() -> Bool? { channel.options.compactMap { $0.value as? Bool }.last }
        for _ in 0..<240 {
            // Accepting from several event loops' worth of callbacks may fail more than once before it stops.
            for _ in 0..<3 { channel.pipeline.fireErrorCaught(IOError(errnoCode: 24, reason: "accept")) }
            #expect(isAccepting() == false)
            channel.embeddedEventLoop.advanceTime(by: AcceptGuard.pause - .milliseconds(1))
            #expect(isAccepting() == false)
            channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
            #expect(isAccepting() == true)
        }
        #expect(failures == 720)
        #expect(log.lines.withLock { $0 } == 2)
        _ = try? channel.finish()
    }

    @Test(.timeLimit(.minutes(1))) func aRealListenerAcceptsAgainAfterThePause() async throws {
        let (accepted, accepting) = AsyncStream.makeStream(of: NIODeadline.self)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGuard(logger: Logger(label: "test")) {})
                }
            }
            .childChannelInitializer { channel in
                accepting.yield(.now())
                return channel.close()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        try await listener.eventLoop.submit {
            listener.pipeline.fireErrorCaught(IOError(errnoCode: 24, reason: "accept"))
        }.get()
        let failed = NIODeadline.now()
        let client = try await RawClient.connect(port: listener.localAddress?.port ?? 0)
        var moments = accepted.makeAsyncIterator()
        let moment = try #require(await moments.next())
        // Nearly all of the pause: the failure came a moment before `failed`.
        #expect(moment - failed > .milliseconds(100))
        _ = try await client.received()
        try await listener.close()
    }

    @Test func leavesOtherErrorsToTheirHandlers() throws {
        struct Other: Error {}
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(AcceptGuard(logger: Logger(label: "test")) {})
        channel.pipeline.fireErrorCaught(Other())
        #expect(throws: Other.self) { try channel.throwIfErrorCaught() }
        #expect(channel.options.isEmpty)
        _ = try? channel.finish()
    }
}
