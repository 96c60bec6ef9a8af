import Broadcast
import Domain
import Logging
import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization
import TestKit
import Testing

/// The hub between the channel's loop and its readers' loops.
@Suite(.timeLimit(.minutes(1))) struct HubTests {
    /// Counts what it is asked to do; the wrapped form says so.
    private struct CountingWrapping: HubWrapping {
        let calls = Calls()

        final class Calls: Sendable {
            let headers = Mutex(0)
            let bodies = Mutex(0)
        }

        func header(_ format: ProgrammeFormat, at time: MediaTime) -> ByteBuffer {
            calls.headers.withLock { $0 += 1 }
            return ByteBuffer(string: "header \(time.ticks(timescale: 1000))")
        }

        func body(_ unit: ProgrammeUnit) -> ByteBuffer {
            calls.bodies.withLock { $0 += 1 }
            return unit.payload
        }
    }

    private final class Reader: HubReader {
        var feed: (any HubFeed)?
        var told = 0
        var events: [HubEvent] = []
        var isSlow = false

        func hubMovedOn() {
            told += 1
            if !isSlow { take() }
        }

        func take() {
            while let event = feed?.next() {
                events.append(event)
                if event == .finished { return }
            }
        }

        var packets: [HubPacket] {
            events.compactMap { if case .packet(let packet) = $0 { packet } else { nil } }
        }
    }

    private static let format = ProgrammeFormat(
        video: .synthetic(width: 1280, frameRate: 25, mark: 1), audio: .synthetic(sampleRate: 48_000, channels: 2))
    private static let join = ProgrammeJoin(session: nil, at: .zero, formatChanged: true)

    private static func picture(_ index: Int, group: Int = 25) -> ProgrammeUnit {
        ProgrammeUnit(
            track: .video, decodeTime: .milliseconds(Int64(index) * 40),
            presentationTime: .milliseconds(Int64(index) * 40), duration: .milliseconds(40),
            isKeyFrame: index % group == 0, payload: ByteBuffer(repeating: UInt8(index % 256), count: 100))
    }

    private func subscribe(_ hub: Hub, on loop: any EventLoop) -> Reader {
        let reader = Reader()
        reader.feed = hub.subscribe(reader, on: loop)
        return reader
    }

    @Test func wrapsEachUnitOnceAndEachHeaderOnceForItsReaders() {
        let wrapping = CountingWrapping()
        let hub = Hub(channel: .main, name: "test", wrapping: wrapping)
        let loop = EmbeddedEventLoop()
        hub.joined(Self.join, format: Self.format)
        let readers = (0..<20).map { _ in subscribe(hub, on: loop) }
        for index in 0..<10 { hub.unit(Self.picture(index)) }
        loop.run()
        for reader in readers {
            #expect(reader.packets.count == 10)
            #expect(reader.events.first == .format(Self.format, at: .zero, header: ByteBuffer(string: "header 0")))
        }
        #expect(wrapping.calls.bodies.withLock { $0 } == 10)
        #expect(wrapping.calls.headers.withLock { $0 } == 1)
    }

    @Test func crossesToALoopOnceForAllItsReadersUntilItHasLooked() {
        let hub = Hub(channel: .main, name: "test", wrapping: CountingWrapping())
        let (first, second) = (EmbeddedEventLoop(), EmbeddedEventLoop())
        let readers = (0..<5).map { _ in subscribe(hub, on: first) }
        let apart = subscribe(hub, on: second)
        hub.joined(Self.join, format: Self.format)
        for index in 0..<10 { hub.unit(Self.picture(index)) }
        first.run()
        #expect(readers.map(\.told) == [1, 1, 1, 1, 1])
        #expect(apart.told == 0)
        hub.unit(Self.picture(10))
        first.run()
        second.run()
        #expect(readers.map(\.told) == [2, 2, 2, 2, 2])
        #expect(apart.told == 1)
        #expect(apart.packets.count == 11)
    }

    @Test func letsPacketsGatherForTheMergeDelay() {
        let hub = Hub(
            channel: .main, name: "test", wrapping: CountingWrapping(), mergeDelay: .milliseconds(100))
        let loop = EmbeddedEventLoop()
        hub.joined(Self.join, format: Self.format)
        let reader = subscribe(hub, on: loop)
        hub.unit(Self.picture(0))
        loop.advanceTime(by: .milliseconds(99))
        hub.unit(Self.picture(1))
        #expect(reader.told == 0)
        loop.advanceTime(by: .milliseconds(1))
        #expect(reader.told == 1)
        #expect(reader.packets.count == 2)
        hub.unit(Self.picture(2))
        loop.advanceTime(by: .milliseconds(100))
        #expect(reader.packets.count == 3)
    }

    @Test func aSlowReaderLosesItsOwnPacketsOnly() {
        let hub = Hub(channel: .main, name: "test", wrapping: CountingWrapping())
        let loop = EmbeddedEventLoop()
        hub.joined(Self.join, format: Self.format)
        hub.unit(Self.picture(0))
        let (quick, slow) = (subscribe(hub, on: loop), subscribe(hub, on: loop))
        slow.isSlow = true
        for index in 1..<1000 {
            hub.unit(Self.picture(index))
            loop.run()
        }
        #expect(quick.packets.count == 1000)
        #expect(quick.feed?.lostPackets == 0)
        slow.take()
        #expect(slow.packets.first?.isKeyFrame == true)
        #expect((slow.feed?.lostPackets ?? 0) + slow.packets.count == 1000)
    }

    @Test func tellsAReaderNothingOnceItLeft() {
        let hub = Hub(channel: .main, name: "test", wrapping: CountingWrapping())
        let loop = EmbeddedEventLoop()
        hub.joined(Self.join, format: Self.format)
        let (leaving, staying) = (subscribe(hub, on: loop), subscribe(hub, on: loop))
        hub.unit(Self.picture(0))
        leaving.feed?.cancel()
        leaving.feed?.cancel()
        loop.run()
        #expect(leaving.told == 0)
        #expect(leaving.feed?.next() == nil)
        #expect(staying.packets.count == 1)
    }

    @Test func finishesItsReaders() {
        let hub = Hub(channel: .main, name: "test", wrapping: CountingWrapping())
        let loop = EmbeddedEventLoop()
        hub.joined(Self.join, format: Self.format)
        let reader = subscribe(hub, on: loop)
        hub.unit(Self.picture(0))
        hub.finished()
        loop.run()
        #expect(reader.events.last == .finished)
    }

    /// Everything at once on real threads: readers come, read and go on several loops while the programme is written.
    @Test func servesReadersOnManyLoopsWhileTheyComeAndGo() async throws {
        let hub = Hub(channel: .main, name: "test", wrapping: CountingWrapping())
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        hub.joined(Self.join, format: Self.format)
        let done = (0..<12).map { number -> EventLoopFuture<Int> in
            let loop = group.next()
            return loop.flatSubmit { Visitor(hub: hub, loop: loop, wanted: 500 + number * 100).done }
        }
        let writing = group.next()
        let count = 3000
        try await writing.submit {
            for index in 0..<count { hub.unit(Self.picture(index)) }
            hub.finished()
        }.get()
        for future in done { #expect(try await future.get() > 0) }
        try await group.shutdownGracefully()
    }

    /// Reads until it has what it wanted or the programme ends, then leaves; fails on anything out of order.
    private final class Visitor: HubReader {
        private var feed: (any HubFeed)?
        private let wanted: Int
        private var count = 0
        private var last: MediaTime?
        private let promise: EventLoopPromise<Int>

        init(hub: Hub, loop: any EventLoop, wanted: Int) {
            self.wanted = wanted
            promise = loop.makePromise()
            feed = hub.subscribe(self, on: loop)
            hubMovedOn()
        }

        var done: EventLoopFuture<Int> { promise.futureResult }

        func hubMovedOn() {
            while let event = feed?.next() {
                switch event {
                case .format: break
                case .packet(let packet):
                    if let last { #expect(packet.decodeTime > last) } else { #expect(packet.isKeyFrame) }
                    last = packet.decodeTime
                    count += 1
                    if count == wanted { return leave() }
                case .finished: return leave()
                }
            }
        }

        private func leave() {
            feed?.cancel()
            feed = nil
            promise.succeed(count)
        }
    }
}
