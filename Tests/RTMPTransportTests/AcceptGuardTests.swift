import Logging
import NIOCore
import NIOEmbedded
import RTMPTransport
import Synchronization
import Testing

@Suite struct AcceptGuardTests {
    private final class ReadCounter: ChannelOutboundHandler {
        typealias OutboundIn = Never
        var reads = 0
        func read(context: ChannelHandlerContext) { reads += 1 }
    }

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
        let reads = ReadCounter()
        var failures = 0
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandlers([
            reads, AcceptGuard(logger: Logger(label: "test", factory: { _ in log })) { failures += 1 },
        ])
        channel.read()
        #expect(reads.reads == 1)
        for _ in 0..<240 {
            channel.pipeline.fireErrorCaught(IOError(errnoCode: 24, reason: "accept"))
            let before = reads.reads
            // However often it is asked meanwhile, it accepts once, and after the pause.
            for _ in 0..<10 { channel.read() }
            #expect(reads.reads == before)
            channel.embeddedEventLoop.advanceTime(by: AcceptGuard.pause)
            #expect(reads.reads == before + 1)
        }
        #expect(failures == 240)
        #expect(log.lines.withLock { $0 } == 2)
        channel.read()
        #expect(reads.reads == 242)
        _ = try? channel.finish()
    }
}
