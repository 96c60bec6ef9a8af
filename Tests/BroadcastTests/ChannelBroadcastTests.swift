import Broadcast
import Domain
import Logging
import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization
import TestKit
import Testing

@Suite struct ChannelBroadcastTests {
    private struct StillClock: WallClock {
        func now() -> WallTime { WallTime(milliseconds: 1_700_000_000_000) }
    }

    private struct Encoder: SlateMaker {
        var failures = 0
        let calls = Calls()
        var asked: AsyncStream<SlateRequest>.Continuation?

        final class Calls: Sendable {
            let count = Mutex(0)
        }

        func makeSlate(_ request: SlateRequest) async throws -> SlateClip {
            asked?.yield(request)
            let call = calls.count.withLock { count in
                count += 1
                return count
            }
            if call <= failures { throw CancellationError() }
            return .synthetic()
        }
    }

    /// Keeps what it reads; on the loop, looked at there.
    private final class Recorder: ProgrammeReader {
        let seen: Seen
        init(_ seen: Seen) { self.seen = seen }

        func joined(_ join: ProgrammeJoin, format: ProgrammeFormat) {
            seen.state.withLock { $0.joins.append(join) }
            seen.moved.yield()
        }
        func unit(_ unit: ProgrammeUnit) { seen.state.withLock { $0.units += 1 } }
        func finished() {
            seen.state.withLock { $0.isFinished = true }
            seen.moved.yield()
        }
    }

    private final class Seen: Sendable {
        struct State {
            var joins: [ProgrammeJoin] = []
            var units = 0
            var isFinished = false
        }
        let state = Mutex(State())
        let (moves, moved) = AsyncStream.makeStream(of: Void.self)
    }

    private func broadcast(
        on loop: any EventLoop, encoder: Encoder, seen: Seen, file: String? = nil
    ) -> ChannelBroadcast {
        ChannelBroadcast(
            channel: .main, eventLoop: loop, delay: .zero, slateMaker: encoder,
            slateRequest: SlateRequest(
                text: "", file: file, width: 1280, height: 720, frameRate: 30, sampleRate: 48_000, channels: 2),
            wallClock: StillClock(), makeReaders: { _ in [Recorder(seen)] }, onReport: { _ in },
            logger: Logger(label: "test"))
    }

    @Test func isNotReadyBeforeTheSlateIsThere() async {
        let loop = NIOAsyncTestingEventLoop()
        let broadcast = broadcast(on: loop, encoder: Encoder(), seen: Seen())
        async let checks = broadcast.readiness()
        await loop.run()
        #expect(await checks == [ReadinessCheck(name: "programme", isOK: false, cause: "the slate is being encoded")])
        await loop.shutdownGracefully()
    }

    /// Encodes until it is told to stop.
    private struct EndlessEncoder: SlateMaker {
        let begun: AsyncStream<Void>.Continuation

        func makeSlate(_ request: SlateRequest) async throws -> SlateClip {
            begun.yield()
            try await Task.sleep(for: .seconds(3600))
            return .synthetic()
        }
    }

    /// Counts what a person would be alarmed by.
    private struct AlarmCounter: LogHandler {
        final class Count: Sendable {
            let alarms = Mutex(0)
        }
        let count: Count
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.warning

        func log(event: LogEvent) { count.alarms.withLock { $0 += 1 } }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
    }

    @Test(.timeLimit(.minutes(1))) func aStopWhileTheSlateIsMadeIsNoFailure() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let (begins, begun) = AsyncStream.makeStream(of: Void.self)
        let count = AlarmCounter.Count()
        let broadcast = ChannelBroadcast(
            channel: .main, eventLoop: group.next(), delay: .zero, slateMaker: EndlessEncoder(begun: begun),
            slateRequest: SlateRequest(
                text: "", width: 1280, height: 720, frameRate: 30, sampleRate: 48_000, channels: 2),
            wallClock: StillClock(), makeReaders: { _ in [] }, onReport: { _ in },
            logger: Logger(label: "test") { _ in AlarmCounter(count: count) })
        let running = Task { try await broadcast.run() }
        for await _ in begins { break }
        running.cancel()
        try await running.value
        #expect(count.alarms.withLock { $0 } == 0)
        try await group.shutdownGracefully()
    }

    @Test(.timeLimit(.minutes(1))) func beginsWithTheTextWhenTheFileCannotBeShown() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let seen = Seen()
        let (requests, asked) = AsyncStream.makeStream(of: SlateRequest.self)
        let broadcast = broadcast(
            on: group.next(), encoder: Encoder(failures: 1, asked: asked), seen: seen, file: "/slate.png")
        var made = requests.makeAsyncIterator()
        var moves = seen.moves.makeAsyncIterator()
        let running = Task { try await broadcast.run() }
        #expect(await made.next()?.file == "/slate.png")
        let second = await made.next()
        #expect(second != nil && second?.file == nil)
        await moves.next()
        running.cancel()
        try await running.value
        try await group.shutdownGracefully()
    }

    /// Before they go on air: when they drop, it is too late to begin.
    @Test(.timeLimit(.minutes(1))) func asksForASlateLikeWhoeverIsReadyAndNext() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let seen = Seen()
        let (requests, asked) = AsyncStream.makeStream(of: SlateRequest.self)
        let broadcast = broadcast(on: group.next(), encoder: Encoder(asked: asked), seen: seen)
        var made = requests.makeAsyncIterator()
        var moves = seen.moves.makeAsyncIterator()
        let running = Task { try await broadcast.run() }
        #expect(await made.next()?.width == 1280)
        await moves.next()
        let line = DelayLine()
        let session = PublishSessionID.random()
        line.append(.video(.synthetic(width: 854, frameRate: 50, mark: 1)))
        line.append(.audio(.synthetic(sampleRate: 44_100, channels: 1)))
        broadcast.attach(line, as: session)
        broadcast.direct(ProgrammeOrder(version: 1, onAir: nil, standby: [session]))
        let request = await made.next()
        #expect(request?.width == 854 && request?.height == 480 && request?.frameRate == 50)
        #expect(request?.sampleRate == 44_100 && request?.channels == 1)
        running.cancel()
        try await running.value
        try await group.shutdownGracefully()
    }

    @Test(.timeLimit(.minutes(1))) func anEmergencyTakesTheDJOffAndTellsTheRecord() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let seen = Seen()
        let records = Mutex<[HandoverRecord]>([])
        let (told, tell) = AsyncStream.makeStream(of: Void.self)
        let broadcast = ChannelBroadcast(
            channel: .main, eventLoop: group.next(), delay: .zero, slateMaker: Encoder(),
            slateRequest: SlateRequest(
                text: "", width: 1280, height: 720, frameRate: 30, sampleRate: 48_000, channels: 2),
            wallClock: StillClock(), makeReaders: { _ in [Recorder(seen)] }, onReport: { _ in },
            onHandover: { record in
                records.withLock { $0.append(record) }
                tell.yield()
            }, logger: Logger(label: "test"))
        var moves = seen.moves.makeAsyncIterator()
        var tellings = told.makeAsyncIterator()
        let running = Task { try await broadcast.run() }
        await moves.next()
        await tellings.next()
        let line = DelayLine()
        let session = PublishSessionID.random()
        broadcast.attach(line, as: session)
        broadcast.direct(ProgrammeOrder(version: 1, onAir: session, standby: []))
        var tape = ProgrammeTape(shape: .init(), mark: 1)
        line.append(.video(tape.videoFormat))
        line.append(.audio(tape.audioFormat))
        // Enough that nothing runs empty, however slow the machine is.
        for _ in 0..<4000 { line.append(tape.next().unit, at: Int64(NIODeadline.now().uptimeNanoseconds)) }
        await moves.next()
        await tellings.next()
        var output = OutputSettings()
        output.emergency = .slate
        broadcast.direct(ProgrammeOrder(version: 2, onAir: session, standby: [], output: output))
        await tellings.next()
        running.cancel()
        try await running.value
        let kept = records.withLock { $0 }
        #expect(kept.map(\.reason) == [.started, .ordered, .emergency])
        #expect(kept.map(\.to) == [nil, session, nil])
        #expect(kept.allSatisfy { abs($0.videoGapFrames) <= 1 && $0.onAirAt >= $0.decidedAt })
        try await group.shutdownGracefully()
    }

    /// On a real loop, against its clock: slate, a publisher, slate, stop.
    @Test(.timeLimit(.minutes(1))) func carriesAPublisherInAndOutAndFinishesItsReaders() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let seen = Seen()
        let line = DelayLine()
        let session = PublishSessionID.random()
        let broadcast = broadcast(on: group.next(), encoder: Encoder(failures: 1), seen: seen)
        var moves = seen.moves.makeAsyncIterator()
        let running = Task { try await broadcast.run() }
        await moves.next()
        #expect(try await broadcast.programmeZero()?.wall == StillClock().now())
        #expect(await broadcast.readiness().first?.isOK == true)
        broadcast.attach(line, as: session)
        broadcast.direct(ProgrammeOrder(version: 1, onAir: session, standby: []))
        var tape = ProgrammeTape(shape: .init(), mark: 1)
        line.append(.video(tape.videoFormat))
        line.append(.audio(tape.audioFormat))
        // A publisher's first second at once: the key frame is the newest, so it is taken.
        for _ in 0..<4 { line.append(tape.next().unit, at: Int64(NIODeadline.now().uptimeNanoseconds)) }
        await moves.next()
        line.end()
        broadcast.detach(session)
        await moves.next()
        let joins = seen.state.withLock { $0.joins }
        #expect(joins.map(\.session) == [nil, session, nil])
        running.cancel()
        await moves.next()
        #expect(seen.state.withLock { $0.isFinished })
        try await running.value
        try await group.shutdownGracefully()
    }
}
