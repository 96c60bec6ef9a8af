import Domain
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import Ingest

/// Takes feeds and stills; tests say what comes of them.
private final class FakeDecoding: SoundDecoding, StillMaking {
    final class Feed: SoundFeed {
        let onLevels: @Sendable (SoundLevels) -> Void
        let state = Mutex((formats: 0, units: 0, isEnded: false, isWatched: false))

        init(_ onLevels: @escaping @Sendable (SoundLevels) -> Void) { self.onLevels = onLevels }

        func append(_ format: AudioFormat) { state.withLock { $0.formats += 1 } }
        func append(_ unit: AccessUnit) { state.withLock { $0.units += 1 } }
        func watched(_ isWatched: Bool) { state.withLock { $0.isWatched = isWatched } }
        func end() { state.withLock { $0.isEnded = true } }
    }

    let feeds = Mutex<[Feed]>([])
    let isFull = Mutex(false)
    let stills = Mutex<[@Sendable (Result<ByteBuffer, StillError>) -> Void]>([])

    var open: [Feed] { feeds.withLock { $0 }.filter { !$0.state.withLock { $0.isEnded } } }

    func open(isEssential: Bool, onLevels: @escaping @Sendable (SoundLevels) -> Void) -> (any SoundFeed)? {
        guard !isFull.withLock({ $0 }) else { return nil }
        let feed = Feed(onLevels)
        feeds.withLock { $0.append(feed) }
        return feed
    }

    func makeStill(
        _ format: VideoFormat, _ picture: ByteBuffer, done: @escaping @Sendable (Result<ByteBuffer, StillError>) -> Void
    ) {
        stills.withLock { $0.append(done) }
        done(.success(ByteBuffer(string: "jpeg of \(picture.readableBytes) bytes")))
    }
}

/// Whose sound is decoded, and when a still is made.
@Suite struct PublisherMonitorTests {
    private let decoding = FakeDecoding()
    private let bench: IngestServiceTests.Bench

    init() {
        bench = IngestServiceTests.Bench(decoding: PublisherDecoding(sound: decoding, stills: decoding))
    }

    private static let silence = SoundLevels(channels: [.init(peak: -120, rms: -120), .init(peak: -120, rms: -120)])
    private static let music = SoundLevels(channels: [.init(peak: -6, rms: -12), .init(peak: -6, rms: -12)])

    private func open() async throws -> any PublisherSink {
        let sink = try await bench.open("good").get()
        sink.formatReceived(.video(.synthetic(width: 1280, frameRate: 25, mark: 1)))
        sink.formatReceived(.audio(.synthetic(sampleRate: 48_000, channels: 2)))
        return sink
    }

    /// One second each: 25 pictures with a key frame first, 25 sounds of 400 bytes.
    private func send(
        _ sink: any PublisherSink, seconds: ClosedRange<Int>, keyBytes: Int = 20_000, _ each: () -> Void = {}
    ) {
        for second in seconds {
            for index in 0..<25 {
                let time = MediaTime.milliseconds(Int64(second * 1000 + index * 40))
                bench.clock.set(time.nanoseconds + 2_000_000_000)
                for (track, bytes) in [(TrackKind.video, index == 0 ? keyBytes : 5_000), (.audio, 400)] {
                    sink.unitReceived(
                        AccessUnit(
                            track: track, decodeTime: time, presentationTime: time, isKeyFrame: index == 0,
                            payload: ByteBuffer(repeating: 7, count: bytes)))
                }
                if index % 6 == 0 { each() }
            }
        }
    }

    private var session: PublishSessionID { bench.queue.state.withLock { $0.joined[0].session } }

    @Test func decodesNothingForWhoeverNobodyLooksAt() async throws {
        let sink = try await open()
        send(sink, seconds: 0...10)
        #expect(decoding.feeds.withLock { $0.count } == 0)
        #expect(decoding.stills.withLock { $0.count } == 0)
        sink.ended(.finished)
    }

    @Test func decodesThreeOfTwoHundredWhenNobodyLooks() async throws {
        var sinks: [any PublisherSink] = []
        for number in 0..<200 {
            bench.set(
                "\(number)",
                KeyOwner(key: .random(), user: .random(), name: "DJ \(number)", isRevoked: false, isDisabled: false))
            let sink = try await bench.open("\(number)").get()
            sink.formatReceived(.video(.synthetic(width: 1280, frameRate: 25, mark: 1)))
            sink.formatReceived(.audio(.synthetic(sampleRate: 48_000, channels: 2)))
            sinks.append(sink)
        }
        bench.service.attend(to: bench.queue.state.withLock { $0.joined.prefix(3).map(\.session) })
        for sink in sinks { send(sink, seconds: 0...1) }
        #expect(decoding.open.count == 3)
        #expect(decoding.open.map { $0.state.withLock { $0.units } } == [50, 50, 50])
        #expect(decoding.stills.withLock { $0.count } == 0)
        for sink in sinks { sink.ended(.finished) }
        #expect(decoding.open.isEmpty)
    }

    @Test func decodesTheSoundOfWhoIsOnAirOrNext() async throws {
        let sink = try await open()
        bench.service.attend(to: [session])
        let feed = try #require(decoding.open.first)
        send(sink, seconds: 0...1)
        #expect(feed.state.withLock { $0.units } == 50)
        #expect(feed.state.withLock { $0.formats } == 1)
        #expect(!feed.state.withLock { $0.isWatched })
        bench.service.attend(to: [])
        #expect(decoding.open.isEmpty)
        send(sink, seconds: 2...3)
        #expect(feed.state.withLock { $0.units } == 50)
        bench.service.attend(to: [session])
        #expect(decoding.open.count == 1)
        sink.ended(.dropped)
        #expect(decoding.open.isEmpty)
    }

    private func listen(_ body: (AsyncStream<SoundLevels>) async -> Void) async {
        guard case .levels(let stream) = bench.service.levels(of: bench.owner.user) else {
            Issue.record("no levels")
            return
        }
        await body(stream)
    }

    @Test func decodesForAListenerWhileItListens() async throws {
        #expect({ if case .nobody = bench.service.levels(of: bench.owner.user) { true } else { false } }())
        let sink = try await open()
        await listen { first in
            await listen { second in
                #expect(decoding.open.count == 1, "one feed, however many listen")
                #expect(decoding.open.first?.state.withLock { $0.isWatched } == true)
                decoding.open.first?.onLevels(Self.music)
                for await level in first {
                    #expect(level == Self.music)
                    break
                }
                for await _ in second { break }
            }
            #expect(decoding.open.count == 1)
        }
        // Both have left.
        #expect(decoding.open.isEmpty)
        decoding.isFull.withLock { $0 = true }
        #expect({ if case .full = bench.service.levels(of: bench.owner.user) { true } else { false } }())
        sink.ended(.finished)
    }

    @Test func tellsOfPaddedSilenceAndOfItsEnd() async throws {
        let sink = try await open()
        bench.service.attend(to: [session])
        let feed = try #require(decoding.open.first)
        send(sink, seconds: 0...14) { feed.onLevels(Self.silence) }
        let absences = bench.queue.state.withLock { $0.absences }
        #expect(absences.count == 1 && absences[0][0] == nil && absences[0][1] ?? .zero >= .seconds(2))
        #expect(bench.service.health(of: bench.owner.user)?.summary.issues.map(\.type) == [.silentAudio])
        send(sink, seconds: 15...40) { feed.onLevels(Self.music) }
        #expect(bench.queue.state.withLock { $0.absences.last } == [nil, nil])
        #expect(bench.service.health(of: bench.owner.user)?.summary.issues.map(\.type) == [])
        // Without a verdict the sizes count, which say that there is sound.
        send(sink, seconds: 41...42) { feed.onLevels(Self.silence) }
        bench.service.attend(to: [])
        send(sink, seconds: 43...60)
        #expect(bench.queue.state.withLock { $0.absences.last } == [nil, nil])
        sink.ended(.finished)
    }

    @Test func namesOneSidedSoundAndFurtherTracks() async throws {
        let sink = try await open()
        bench.service.attend(to: [session])
        let feed = try #require(decoding.open.first)
        sink.tracksLeftOut(.audio, reason: "The first one is used.")
        let left = SoundLevels(channels: [.init(peak: -6, rms: -12), .init(peak: -90, rms: -95)])
        send(sink, seconds: 0...14) { feed.onLevels(left) }
        let issues = bench.service.health(of: bench.owner.user)?.summary.issues ?? []
        #expect(issues.map(\.type) == [.oneSidedAudio, .multitrack])
        #expect(issues.last?.advice == "The first one is used.")
        sink.ended(.finished)
    }

    @Test func makesAStillForWhoAsksAtMostEachFiveSeconds() async throws {
        let user = bench.owner.user
        #expect(await bench.service.still(of: user) == nil)
        let sink = try await open()
        #expect(await bench.service.still(of: user) == nil, "no key frame yet")
        send(sink, seconds: 0...0)
        #expect(await bench.service.still(of: user) == ByteBuffer(string: "jpeg of 20000 bytes"))
        send(sink, seconds: 1...3, keyBytes: 30_000)
        #expect(await bench.service.still(of: user) == ByteBuffer(string: "jpeg of 20000 bytes"))
        #expect(decoding.stills.withLock { $0.count } == 1)
        send(sink, seconds: 4...6, keyBytes: 30_000)
        #expect(await bench.service.still(of: user) == ByteBuffer(string: "jpeg of 30000 bytes"))
        #expect(await bench.service.still(of: user) == ByteBuffer(string: "jpeg of 30000 bytes"))
        #expect(decoding.stills.withLock { $0.count } == 2)
        sink.ended(.finished)
        #expect(await bench.service.still(of: user) == nil)
    }

    @Test func showsAPictureThatTheChannelDoesNotTakeOnceSomebodyLooks() async throws {
        let sink = try await bench.open("good").get()
        var format = VideoFormat.synthetic(width: 1280, frameRate: 25, mark: 1)
        format.codec = .hevc
        sink.formatReceived(.video(format))
        send(sink, seconds: 0...0)
        #expect(await bench.service.still(of: bench.owner.user) == nil)
        send(sink, seconds: 1...1, keyBytes: 9_000)
        #expect(await bench.service.still(of: bench.owner.user) == ByteBuffer(string: "jpeg of 9000 bytes"))
        sink.ended(.finished)
    }
}
