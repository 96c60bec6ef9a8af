import Domain
import Ingest
import Logging
import NIOCore
import Synchronization
import TestKit
import Testing

@Suite struct IngestServiceTests {
    /// A service among fakes, with one good key `good` of one DJ.
    struct Bench {
        let keys = FakeKeyDirectory()
        let queue = FakeQueueDoor()
        let rack = FakeRack()
        let clock = FakeMonotonicClock()
        let owner = KeyOwner(key: .random(), user: .random(), name: "Ada", isRevoked: false, isDisabled: false)
        let service: IngestService

        init(delay: Duration = .seconds(2), decoding: PublisherDecoding = PublisherDecoding()) {
            let clock = clock
            service = IngestService(
                keys: keys, digests: FakeDigest(), queue: queue, rack: rack, envelope: Envelope(),
                programmeDelay: delay, decoding: decoding, now: { clock.now }, logger: Logger(label: "test"))
            set("good", owner)
        }

        func set(_ key: String, _ owner: KeyOwner?) {
            let digest = FakeDigest().sha256(Array(key.utf8))
            keys.state.withLock { $0.owners[digest] = owner }
        }

        func open(
            _ key: String, application: String = "live", from address: String = "192.0.2.1",
            connection: FakeConnection = FakeConnection()
        ) async -> Result<any PublisherSink, PublishRefusal> {
            await service.open(
                PublishRequest(application: application, key: Secret(key), remoteAddress: address, encoder: nil),
                connection: connection)
        }

        func refusal(_ key: String, application: String = "live", from address: String = "192.0.2.1") async
            -> PublishRefusal?
        {
            switch await open(key, application: application, from: address) {
            case .success: nil
            case .failure(let refusal): refusal
            }
        }
    }

    @Test func refusesWhatIsNotALiveStreamWithAKey() async {
        let bench = Bench()
        #expect(await bench.refusal("good", application: "vod") == .unknownApplication("vod"))
        #expect(await bench.refusal("") == .missingKey)
        #expect(await bench.refusal("bad") == .unknownKey)
        #expect(bench.rack.lines.withLock { $0.isEmpty })
        #expect(bench.queue.state.withLock { $0.joined.isEmpty })
    }

    @Test func refusesRevokedKeysAndDisabledAccounts() async {
        let bench = Bench()
        var owner = bench.owner
        owner.isRevoked = true
        bench.set("good", owner)
        #expect(await bench.refusal("good") == .revokedKey)
        owner.isRevoked = false
        owner.isDisabled = true
        bench.set("good", owner)
        #expect(await bench.refusal("good") == .accountDisabled)
    }

    @Test func letsAGoodKeyInAndPutsItsLineIntoTheRack() async throws {
        let bench = Bench()
        let sink = try await bench.open("good").get()
        let identity = try #require(bench.queue.state.withLock { $0.joined.first })
        #expect(identity.user == bench.owner.user && identity.name == "Ada")
        #expect(bench.rack.lines.withLock { $0[identity.session] != nil })
        sink.ended(.finished)
        sink.ended(.dropped)
        #expect(bench.queue.state.withLock { $0.ended } == [.finished])
        #expect(bench.rack.lines.withLock { $0.isEmpty })
        #expect(bench.service.statistics(of: identity.session) == nil)
    }

    @Test func tellsConnectionsWhoIsOnAirOrNextWhenThatChanges() async throws {
        let bench = Bench()
        let connection = FakeConnection()
        _ = try await bench.open("good", connection: connection).get()
        let session = try #require(bench.queue.state.withLock { $0.joined.first?.session })
        bench.service.attend(to: [session])
        bench.service.attend(to: [session, .random()])
        bench.service.attend(to: [])
        #expect(connection.attention.withLock { $0 } == [.watched(delay: .seconds(2)), .waiting])
    }

    /// Whoever is on air keeps the delay of their join: a longer one must not let them be read later than that bears.
    @Test func tellsConnectionsOfAShorterDelayAndKeepsTheShortestForWhoIsNearTheirTurn() async throws {
        let bench = Bench(delay: .seconds(2))
        let connection = FakeConnection()
        _ = try await bench.open("good", connection: connection).get()
        let session = try #require(bench.queue.state.withLock { $0.joined.first?.session })
        for delay in [2, 5, 1, 30] {
            bench.service.take(Envelope(), delay: .seconds(delay))
            bench.service.attend(to: [session])
        }
        bench.service.attend(to: [])
        bench.service.attend(to: [session])
        #expect(
            connection.attention.withLock { $0 } == [
                .watched(delay: .seconds(2)), .watched(delay: .seconds(1)), .waiting, .watched(delay: .seconds(30)),
            ])
    }

    @Test func aRefusalOfTheQueueLeavesNothingBehind() async {
        let bench = Bench()
        bench.queue.state.withLock { $0.refusal = .queueClosed }
        #expect(await bench.refusal("good") == .queueClosed)
        #expect(bench.rack.lines.withLock { $0.isEmpty })
    }

    @Test func acceptsAKeyAgainWhileTheDatabaseIsAway() async {
        let bench = Bench()
        #expect(await bench.refusal("good") == nil)
        bench.keys.state.withLock { $0.isAway = true }
        #expect(await bench.refusal("good") == nil)
        guard case .serverBusy = await bench.refusal("other") else {
            Issue.record("a key nobody knows was judged without the database")
            return
        }
        bench.service.close(publishedWith: bench.owner.key, reason: "revoked")
        guard case .serverBusy = await bench.refusal("good") else {
            Issue.record("a revoked key was accepted from memory")
            return
        }
    }

    @Test func closesBySessionKeyAndPerson() async throws {
        let bench = Bench()
        let connection = FakeConnection()
        _ = try await bench.open("good", connection: connection).get()
        let session = try #require(bench.queue.state.withLock { $0.joined.first?.session })
        bench.service.close(.random(), reason: "nobody")
        bench.service.close(session, reason: "session")
        bench.service.close(publishedWith: bench.owner.key, reason: "key")
        bench.service.close(publishedBy: bench.owner.user, reason: "person")
        #expect(connection.reasons.withLock { $0 } == ["session", "key", "person"])
    }

    @Test func aKeyRevokedDuringItsLookUpIsNotLetIn() async {
        let bench = Bench()
        let (service, key) = (bench.service, bench.owner.key)
        bench.keys.state.withLock { $0.onLookUp = { service.close(publishedWith: key, reason: "revoked") } }
        guard case .serverBusy = await bench.refusal("good") else {
            Issue.record("the answer of before the revocation held")
            return
        }
    }

    @Test(.timeLimit(.minutes(1))) func notesUsesBesideTheMediaAndRefusesWhenStopped() async throws {
        let bench = Bench()
        let running = Task { try await bench.service.run() }
        _ = try await bench.open("good").get()
        var noted = bench.keys.noted.makeAsyncIterator()
        #expect(await noted.next() == bench.owner.key)
        running.cancel()
        try await running.value
        #expect(await bench.refusal("good") == .shuttingDown)
    }

    @Test func tellsTheQueueOnlyWhenReadinessChanges() async throws {
        let bench = Bench()
        let sink = try await bench.open("good").get()
        var tape = ProgrammeTape(shape: .init(), mark: 1, startMilliseconds: 500)
        sink.metadataReceived(StreamMetadata(hasVideo: true, hasAudio: true))
        sink.formatReceived(.video(tape.videoFormat))
        sink.formatReceived(.audio(tape.audioFormat))
        let start = bench.clock.now
        for _ in 0..<400 {
            let (unit, after) = tape.next()
            bench.clock.set(start + after.nanoseconds)
            sink.unitReceived(unit)
        }
        let told = bench.queue.state.withLock { $0.readiness }
        #expect(told.last == .ready)
        #expect(told.count == 4)
        let session = try #require(bench.queue.state.withLock { $0.joined.first?.session })
        let statistics = try #require(bench.service.statistics(of: session))
        #expect(abs((statistics.frameRate ?? 0) - 30) < 0.2)
        #expect(statistics.keyFrameInterval == .milliseconds(2000))
        #expect((statistics.bitsPerSecond ?? 0) > 0)
        sink.silenceBegan()
        sink.silenceBegan()
        #expect(bench.service.statistics(of: session)?.isSilent == true)
        sink.unitReceived(tape.next().0)
        #expect(bench.service.statistics(of: session)?.isSilent == false)
        #expect(bench.queue.state.withLock { $0.silences } == [true, false])
        let line = try #require(bench.rack.lines.withLock { $0[session] })
        #expect(line.newestKeyFrame(depth: .zero)?.key.decodeTime == .milliseconds(4000))
    }

    @Test func measuresACodecOutsideTheEnvelopeAndKeepsItFromTheLine() async throws {
        let bench = Bench()
        let sink = try await bench.open("good").get()
        var tape = ProgrammeTape(shape: .init(), mark: 1)
        var format = tape.videoFormat
        format.codec = .hevc
        sink.formatReceived(.video(format))
        sink.formatReceived(.audio(tape.audioFormat))
        let start = bench.clock.now
        func send(_ count: Int) {
            for _ in 0..<count {
                let (unit, after) = tape.next()
                bench.clock.set(start + after.nanoseconds)
                sink.unitReceived(unit)
            }
        }
        send(400)
        let session = try #require(bench.queue.state.withLock { $0.joined.first?.session })
        let line = try #require(bench.rack.lines.withLock { $0[session] })
        #expect(bench.queue.state.withLock { $0.readiness.contains(.ready) } == false)
        #expect(abs((bench.service.statistics(of: session)?.frameRate ?? 0) - 30) < 0.2)
        #expect(line.newestKeyFrame(depth: .zero) == nil)
        // The DJ sets the encoder right.
        sink.formatReceived(.video(tape.videoFormat))
        send(400)
        #expect(bench.queue.state.withLock { $0.readiness.last } == .ready)
        #expect(line.newestKeyFrame(depth: .zero) != nil)
    }
}
