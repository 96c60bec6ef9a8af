package import Domain
package import Logging
import Metrics
package import NIOCore
import ServiceLifecycle

/// The moment of programme time zero, on both clocks; HLS counts `EXT-X-PROGRAM-DATE-TIME` from it.
package struct ProgrammeZero: Sendable, Equatable {
    package var monotonicNanoseconds: Int64
    package var wall: WallTime

    package init(monotonicNanoseconds: Int64, wall: WallTime) {
        self.monotonicNanoseconds = monotonicNanoseconds
        self.wall = wall
    }
}

/// One channel's programme in the world: runs `Programme` on one event loop, makes the slate, hands units to the readers.
///
/// Everything but the entry points runs on the loop. It wakes when the next unit is due or when a line that it waits for
/// gets media; it never polls. Owned by the assembly, which puts it into the service group.
package final class ChannelBroadcast: ProgrammeControl, InputRack, Service, Sendable {
    private let channel: ChannelName
    private let eventLoop: any EventLoop
    private let slateMaker: any SlateMaker
    private let slateRequest: SlateRequest
    private let wallClock: any WallClock
    private let logger: Logger
    private let core: NIOLoopBoundBox<ProgrammeRunner>
    /// Slates like what DJs on air or near it send; beyond eight the oldest wish is dropped and comes again with the next order.
    private let wishes: (stream: AsyncStream<SlateRequest>, continuation: AsyncStream<SlateRequest>.Continuation)

    /// - Parameters:
    ///   - eventLoop: the channel's own; publishers' arrival times must be of its clock (`NIODeadline.now()`).
    ///   - delay: the programme delay where the channel's settings name none, 0…30 s.
    ///   - makeReaders: called once, on the loop, when the slate is ready and before the first join.
    ///   - onReport: called on the loop, in order; must not block.
    ///   - onHandover: the record of each change of source; called on the loop, must not block.
    ///   - slateFolder: where the files are that a channel's slate may name.
    package init(
        channel: ChannelName, eventLoop: any EventLoop, delay: Duration, slateMaker: any SlateMaker,
        slateRequest: SlateRequest, wallClock: any WallClock,
        makeReaders: @escaping @Sendable (ProgrammeZero) throws -> [any ProgrammeReader],
        onReport: @escaping @Sendable (ProgrammeReport) -> Void,
        onHandover: @escaping @Sendable (HandoverRecord) -> Void = { _ in }, slateFolder: String? = nil,
        logger: Logger
    ) {
        self.channel = channel
        self.eventLoop = eventLoop
        self.slateMaker = slateMaker
        self.slateRequest = slateRequest
        self.wallClock = wallClock
        self.logger = logger
        let wishes = AsyncStream.makeStream(of: SlateRequest.self, bufferingPolicy: .bufferingNewest(8))
        self.wishes = wishes
        self.core = NIOLoopBoundBox.makeBoxSendingValue(
            ProgrammeRunner(
                channel: channel, eventLoop: eventLoop, delay: delay, makeReaders: makeReaders, onReport: onReport,
                onHandover: onHandover, slateRequest: slateRequest, slateFolder: slateFolder,
                onSlateWanted: { wishes.continuation.yield($0) }, logger: logger),
            eventLoop: eventLoop)
    }

    // MARK: Entry points, any thread

    package func direct(_ order: ProgrammeOrder) {
        onLoop { $0.direct(order) }
    }

    package func attach(_ line: DelayLine, as session: PublishSessionID) {
        onLoop { $0.attach(line, as: session) }
    }

    package func detach(_ session: PublishSessionID) {
        onLoop { $0.detach(session) }
    }

    /// Where programme time began; `nil` before the first slate is ready.
    package func programmeZero() async throws -> ProgrammeZero? {
        try await eventLoop.submit { [core] in core.value.zero }.get()
    }

    // MARK: Service

    /// Makes the slate, starts the programme with it, and runs until graceful shutdown or cancellation.
    /// - Throws: what `makeReaders` throws: a programme that nobody reads is of no use.
    package func run() async throws {
        do {
            if let clip = await makeSlate() {
                let wallClock = wallClock
                // Lines may outlive the channel: what they hold to wake it does not keep it.
                let wakeUp: @Sendable () -> Void = { [weak core, eventLoop] in
                    guard let core else { return }
                    eventLoop.execute { core.value.advance() }
                }
                try await eventLoop.submit { [core] in
                    try core.value.start(with: clip, wall: wallClock.now(), wakeUp: wakeUp)
                }.get()
                // Cancellation and graceful shutdown end the programme alike.
                await keepSlatesLikeTheDJs()
            }
        } catch {
            try await stop()
            throw error
        }
        try await stop()
    }

    /// Makes slates in the size, rate and layout of those who are ready and near their turn, for when they drop (design §5, Never
    /// dark): players whose clock is fixed by the first picture's rate go on without a jump. Runs until shutdown.
    private func keepSlatesLikeTheDJs() async {
        for await request in wishes.stream.cancelOnGracefulShutdown() {
            // Wished for more than once while it was made; a loop that is gone needs none.
            let isThere = (try? await eventLoop.submit { [core] in core.value.hasSlate(request) }.get()) ?? true
            guard !isThere, let clip = await makeMatchingSlate(request) else { continue }
            onLoop { $0.keepSlate(clip, for: request) }
        }
    }

    /// - Returns: `nil` when it cannot be made; the slate there is will do.
    private func makeMatchingSlate(_ request: SlateRequest) async -> SlateClip? {
        do {
            let clip = try await slateMaker.makeSlate(request)
            return Programme.canLoop(clip) ? clip : nil
        } catch {
            logger.warning(
                "a slate could not be encoded; the one there is stays",
                metadata: ["file": "\(request.file ?? "-")", "error": "\(error)"])
            return nil
        }
    }

    private func stop() async throws {
        try await eventLoop.submit { [core] in core.value.stop() }.get()
    }

    /// - Returns: `nil` when the service is stopped first.
    private func makeSlate() async -> SlateClip? {
        let (maker, wanted, logger) = (slateMaker, slateRequest, logger)
        // Only cancellation is thrown out of the loop, and it means that the service stops.
        return try? await cancelWhenGracefulShutdown {
            var pause = Duration.milliseconds(250)
            var request = wanted
            while true {
                try Task.checkCancellation()
                do {
                    let clip = try await maker.makeSlate(request)
                    guard Programme.canLoop(clip) else { throw BroadcastError(code: .emptySlate) }
                    return clip
                } catch {
                    // A stop in the middle of the work is no failure of it, whatever the maker makes of it.
                    try Task.checkCancellation()
                    logger.error("the slate could not be encoded; trying again", metadata: ["error": "\(error)"])
                }
                // A file that cannot be shown must not keep the channel dark.
                request.file = nil
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(15))
            }
        }
    }

    private func onLoop(_ work: @escaping @Sendable (ProgrammeRunner) -> Void) {
        let core = core
        if eventLoop.inEventLoop {
            work(core.value)
        } else {
            eventLoop.execute { work(core.value) }
        }
    }
}

extension ChannelBroadcast: ReadinessReporting {
    package func readiness() async -> [ReadinessCheck] {
        // A loop that is gone has no programme: not ready, by the same answer.
        let hasStarted = (try? await eventLoop.submit { [core] in core.value.hasStarted }.get()) ?? false
        return [
            ReadinessCheck(
                name: "programme", isOK: hasStarted, cause: hasStarted ? nil : "the slate is being encoded")
        ]
    }
}
