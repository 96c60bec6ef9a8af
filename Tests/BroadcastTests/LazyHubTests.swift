import Broadcast
import Domain
import NIOCore
import NIOEmbedded
import Synchronization
import TestKit
import Testing

/// A hub whose wrapping counts or gathers wraps nothing while nobody reads (issue 3, must 8: cost).
@Suite(.timeLimit(.minutes(1))) struct LazyHubTests {
    /// Every wrapping that was made, and what each was given.
    private final class Workshop: Sendable {
        let made = Mutex<[Numbering]>([])

        func make() -> any HubPacketWrapping {
            let wrapping = Numbering(number: made.withLock { $0.count })
            made.withLock { $0.append(wrapping) }
            return wrapping
        }

        var count: Int { made.withLock { $0.count } }
        func given(to number: Int) -> Int { made.withLock { $0[number] }.count }
    }

    /// Counts its units, as a container does.
    private final class Numbering: HubPacketWrapping {
        let number: Int
        private let state = Mutex(0)

        init(number: Int) { self.number = number }

        var count: Int { state.withLock { $0 } }

        func header(_ format: ProgrammeFormat, at time: MediaTime) -> ByteBuffer {
            ByteBuffer(string: "header \(number)")
        }

        func packet(_ unit: ProgrammeUnit) -> HubPacket? {
            let index = state.withLock { count in
                defer { count += 1 }
                return count
            }
            return HubPacket(unit, bytes: ByteBuffer(string: "\(number):\(index) "))
        }

        func joined(_ format: ProgrammeFormat) -> HubPacket? { nil }
        func finished() -> HubPacket? { nil }
    }

    private final class Reader: HubReader {
        var feed: (any HubFeed)?
        var headers: [String] = []
        var text = ""
        var times: [MediaTime] = []
        var formats: [ProgrammeFormat] = []

        func hubMovedOn() {
            while let event = feed?.next() {
                switch event {
                case .format(let format, _, let header):
                    formats.append(format)
                    headers.append(String(buffer: header))
                case .packet(let packet):
                    text += String(buffer: packet.bytes)
                    times.append(packet.decodeTime)
                case .finished: return
                }
            }
        }
    }

    private static let format = ProgrammeFormat(
        video: .synthetic(width: 1280, frameRate: 25, mark: 1), audio: .synthetic(sampleRate: 48_000, channels: 2))
    private static let otherFormat = ProgrammeFormat(
        video: .synthetic(width: 640, frameRate: 25, mark: 2), audio: .synthetic(sampleRate: 48_000, channels: 2))
    private static let join = ProgrammeJoin(session: nil, at: .zero, formatChanged: true)

    private let loop = EmbeddedEventLoop()
    private let workshop = Workshop()
    private let hub: Hub

    init() {
        let workshop = workshop
        hub = Hub(channel: .main, name: "test", mergeDelay: .milliseconds(50)) { workshop.make() }
        hub.joined(Self.join, format: Self.format)
    }

    /// A key frame each second.
    private func write(_ range: Range<Int>) {
        for index in range {
            let time = MediaTime.milliseconds(Int64(index) * 40)
            hub.unit(
                ProgrammeUnit(
                    track: .video, decodeTime: time, presentationTime: time, duration: .milliseconds(40),
                    isKeyFrame: index % 25 == 0, payload: ByteBuffer(repeating: 1, count: 100)))
        }
    }

    private func subscribe() -> Reader {
        let reader = Reader()
        reader.feed = hub.subscribe(reader, on: loop)
        reader.hubMovedOn()
        return reader
    }

    @Test func wrapsNothingForNobodyAndTheKeptGroupForTheFirstReader() {
        write(0..<80)
        #expect(workshop.count == 0)
        let first = subscribe()
        // The next unit finds the reader; what it begins with is not held back to gather.
        write(80..<81)
        loop.run()
        #expect(first.headers == ["header 0"])
        #expect(first.text == "0:0 0:1 0:2 0:3 0:4 0:5 ")
        #expect(first.times.first == .milliseconds(3000))
        let second = subscribe()
        #expect(second.text == first.text)
        write(81..<84)
        loop.advanceTime(by: .milliseconds(50))
        #expect(first.text.hasSuffix("0:8 ") && second.text == first.text)
        #expect(workshop.count == 1)
        #expect(first.feed?.lostPackets == 0)
    }

    @Test func whoeverComesAndGoesDoesNotMakeItBeginAgainAndAgain() {
        for turn in 0..<20 {
            let reader = subscribe()
            write(turn * 25..<turn * 25 + 25)
            loop.advanceTime(by: .milliseconds(50))
            #expect(!reader.text.isEmpty)
            reader.feed?.cancel()
        }
        #expect(workshop.count == 1)
        #expect(workshop.given(to: 0) == 500)
    }

    @Test func restsAfterTheLastReaderAndBeginsAnewWithTheNext() {
        let first = subscribe()
        write(0..<10)
        loop.advanceTime(by: .milliseconds(50))
        first.feed?.cancel()
        // 10 s later nothing is wrapped any more.
        write(10..<262)
        let given = workshop.given(to: 0)
        #expect((260...261).contains(given))
        write(262..<500)
        #expect(workshop.given(to: 0) == given)
        hub.joined(Self.join, format: Self.otherFormat)
        write(500..<510)
        let second = subscribe()
        write(510..<512)
        loop.advanceTime(by: .milliseconds(50))
        #expect(second.formats == [Self.otherFormat])
        #expect(second.headers == ["header 1"])
        #expect(second.times == (500..<512).map { .milliseconds(Int64($0) * 40) })
        #expect(workshop.count == 2)
    }

    @Test func aGroupWithoutEndIsNotKept() {
        var limits = HubLimits()
        limits.maximumBytes = 1000
        var kept = KeptGroup(limits: limits)
        kept.joined(Self.format)
        for index in 0..<100 {
            kept.append(
                ProgrammeUnit(
                    track: .video, decodeTime: .milliseconds(Int64(index)),
                    presentationTime: .milliseconds(Int64(index)), duration: .milliseconds(1), isKeyFrame: index == 0,
                    front: ByteBuffer(repeating: 0, count: 10), payload: ByteBuffer(repeating: 0, count: 90)))
            #expect(kept.units.reduce(0) { $0 + $1.byteCount } <= 1000)
        }
    }
}
