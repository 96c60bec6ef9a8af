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
    private static let otherFormat = ProgrammeFormat(
        video: .synthetic(width: 640, frameRate: 25, mark: 2), audio: .synthetic(sampleRate: 48_000, channels: 2))
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

    /// Takes what is joined where it can, and keeps the bytes only.
    private final class Writer: HubReader {
        var feed: (any HubFeed)?
        var bytes = ByteBuffer()
        var joined: [ByteBuffer] = []
        var isTold = true

        func hubMovedOn() { if isTold { take() } }

        func take() {
            while true {
                if let run = feed?.nextJoined() {
                    joined.append(run)
                    bytes.writeImmutableBuffer(run)
                } else if let event = feed?.next() {
                    if event == .finished { return }
                    if case .packet(let packet) = event { bytes.writeImmutableBuffer(packet.bytes) }
                } else {
                    return
                }
            }
        }
    }

    private func write(_ hub: Hub, on loop: any EventLoop) -> Writer {
        let writer = Writer()
        writer.feed = hub.subscribe(writer, on: loop)
        writer.take()
        return writer
    }

    @Test func joinsAWakesPacketsIntoOneBufferForWhoKeepsUp() {
        let hub = Hub(channel: .main, name: "test", wrapping: CountingWrapping())
        let loop = EmbeddedEventLoop()
        hub.joined(Self.join, format: Self.format)
        hub.unit(Self.picture(0))
        let writers = (0..<3).map { _ in write(hub, on: loop) }
        loop.run()
        for index in 1..<6 { hub.unit(Self.picture(index)) }
        // One reads ahead of the wake, so its place is another one.
        writers[2].take()
        hub.unit(Self.picture(6))
        #expect(writers[0].feed?.nextJoined() == nil)
        loop.run()
        #expect(writers.map(\.joined.count) == [1, 1, 0])
        let addresses = writers[..<2].map { $0.joined[0].withUnsafeReadableBytes { $0.baseAddress } }
        #expect(addresses[0] == addresses[1])
        #expect(writers[0].bytes.readableBytes == 700)
        #expect(writers.allSatisfy { $0.bytes == writers[0].bytes })
        // From here on all three are in one place again.
        for index in 7..<9 { hub.unit(Self.picture(index)) }
        loop.run()
        #expect(writers.map(\.joined.count) == [2, 2, 1])
    }

    @Test func joinsNothingForOneReaderAloneOrOnePacket() {
        let hub = Hub(channel: .main, name: "test", wrapping: CountingWrapping())
        let loop = EmbeddedEventLoop()
        hub.joined(Self.join, format: Self.format)
        hub.unit(Self.picture(0))
        let first = write(hub, on: loop)
        loop.run()
        for index in 1..<4 { hub.unit(Self.picture(index)) }
        loop.run()
        let second = write(hub, on: loop)
        hub.unit(Self.picture(4))
        loop.run()
        #expect(first.joined.isEmpty && second.joined.isEmpty)
        #expect(first.bytes == second.bytes)
    }

    /// Whoever takes joined packets gets the bytes that somebody gets who takes each alone.
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func joinedOrNotTheBytesAreTheSame(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var limits = HubLimits()
        limits.maximumRunBytes = 1000
        limits.maximumLag = .milliseconds(100_000)
        let hub = Hub(channel: .main, name: "test", wrapping: CountingWrapping(), limits: limits)
        let loop = EmbeddedEventLoop()
        hub.joined(Self.join, format: Self.format)
        hub.unit(Self.picture(0))
        let plain = subscribe(hub, on: loop)
        let writers = (0..<6).map { _ in write(hub, on: loop) }
        for index in 1..<2000 {
            hub.unit(Self.picture(index))
            if index % 100 == 50 {
                hub.joined(Self.join, format: index % 200 == 50 ? Self.otherFormat : Self.format)
            }
            if Int.random(in: 0..<6, using: &random) == 0 { loop.run() }
            for (number, writer) in writers.enumerated() {
                // The first is always told; others come and go, some between the wakes, yet none falls behind for good.
                if number > 0 { writer.isTold = Int.random(in: 0..<(number + 1), using: &random) > 0 }
                if number > 2, Int.random(in: 0..<20, using: &random) == 0 { writer.take() }
            }
        }
        for writer in writers { writer.isTold = true }
        hub.finished()
        loop.run()
        var expected = ByteBuffer()
        for packet in plain.packets { expected.writeImmutableBuffer(packet.bytes) }
        #expect(plain.packets.count == 2000)
        for writer in writers {
            #expect(writer.bytes == expected)
            #expect(writer.joined.count > 20)
            #expect(writer.feed?.lostPackets == 0)
        }
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
