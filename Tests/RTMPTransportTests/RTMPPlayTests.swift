import Domain
import Foundation
import NIOCore
import RTMP
import RTMPTransport
import TestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct RTMPPlayTests {
    /// One kept group and a little of the next: 60 pictures a group, and the sound beside them.
    private static let someUnits = 250

    @Test func startsWithTheKeptGroupAndGoesOnLive() async throws {
        let stage = try PlayStage(startingAt: .milliseconds(5000))
        stage.feed(Self.someUnits)
        try await stage.withServer { _, port in
            let sink = PlayedSink()
            let session = try await PlayStage.client().play(
                PlayStage.address("rtmp://127.0.0.1:\(port)/play/main"), into: sink)
            await sink.wait(forUnits: 10)
            stage.feed(100)
            await sink.wait(forUnits: 110)
            let record = sink.record
            #expect(record.formats == [.video(stage.clip.format.video), .audio(stage.clip.format.audio)])
            #expect(record.metadata.first?.width == stage.clip.recipe.width)
            let pictures = record.units.filter { $0.track == .video }
            #expect(pictures.first?.isKeyFrame == true)
            // In the programme's own time.
            #expect(pictures.first?.decodeTime == stage.keyFrames[1])
            for (earlier, later) in zip(pictures, pictures.dropFirst()) {
                #expect(later.decodeTime > earlier.decodeTime)
            }
            session.stop()
            #expect(await session.end() == .finished)
        }
    }

    /// What came between two looks of a loop goes to all its players as one buffer.
    @Test func givesPlayersOfOneLoopTheSameProgrammeWhole() async throws {
        let stage = try PlayStage()
        stage.feed(60)
        try await stage.withServer { _, port in
            let address = try PlayStage.address("rtmp://127.0.0.1:\(port)/play/main")
            let sinks = (0..<6).map { _ in PlayedSink() }
            for sink in sinks { _ = try await PlayStage.client().play(address, into: sink) }
            for round in 1...8 {
                stage.feed(20)
                for sink in sinks { await sink.wait(forUnits: 60 + round * 20) }
            }
            let first = sinks[0].record.units
            #expect(first.count == 220)
            for sink in sinks {
                let units = sink.record.units
                #expect(units.map(\.decodeTime) == first.map(\.decodeTime))
                #expect(units.map(\.payload) == first.map(\.payload))
            }
        }
    }

    @Test func keepsTimesBeyondWhatAHeaderHoldsPlain() async throws {
        // 24 bits of milliseconds end after 4.7 hours.
        let start = MediaTime.milliseconds(0xFF_FFFF - 1000)
        let stage = try PlayStage(startingAt: start)
        stage.feed(60)
        try await stage.withServer { _, port in
            let sink = PlayedSink()
            _ = try await PlayStage.client().play(
                PlayStage.address("rtmp://127.0.0.1:\(port)/play/main"), into: sink)
            stage.feed(140)
            // The clip's later key frame stays within the first call's group.
            await sink.wait(forUnits: 190)
            let pictures = sink.record.units.filter { $0.track == .video }
            #expect(pictures.first?.decodeTime == stage.keyFrames[0])
            #expect(pictures.last.map { $0.decodeTime > start + .milliseconds(2000) } == true)
        }
    }

    @Test func tellsAPlayerThatTheChannelIsUnknown() async throws {
        let stage = try PlayStage()
        try await stage.withServer { _, port in
            for name in ["other", "..", "Main"] {
                let error = await #expect(throws: RTMPClientError.self) {
                    try await PlayStage.client().play(
                        PlayStage.address("rtmp://127.0.0.1:\(port)/play/\(name)"), into: PlayedSink())
                }
                guard case .refused(let refusal) = error?.cause else {
                    Issue.record("\(name): \(String(describing: error))")
                    continue
                }
                #expect(refusal.code == "NetStream.Play.StreamNotFound")
            }
        }
    }

    @Test func boundsPlayersFromOneAddressAndGivesPlacesBack() async throws {
        let stage = try PlayStage()
        stage.feed(10)
        var limits = RTMPPlaying.Limits()
        limits.maximumPlayersPerAddress = 1
        try await stage.withServer(limits: limits) { _, port in
            let address = try PlayStage.address("rtmp://127.0.0.1:\(port)/play/main")
            let first = try await PlayStage.client().play(address, into: PlayedSink())
            let error = await #expect(throws: RTMPClientError.self) {
                try await PlayStage.client().play(address, into: PlayedSink())
            }
            #expect(error?.message.contains("Too many players play from your address.") == true)
            first.stop()
            _ = await first.end()
            try await Self.play(address, retryWhileFull: true)
        }
    }

    /// The server counts a player out when it notices; until then it says that it is full.
    private static func play(_ address: RTMPAddress, retryWhileFull: Bool) async throws {
        while true {
            do {
                _ = try await PlayStage.client().play(address, into: PlayedSink())
                return
            } catch let error as RTMPClientError where error.message.contains("Too many players") {
                await Task.yield()
            }
        }
    }

    @Test func closesAPlayerThatTakesNothingAndDisturbsNoOther() async throws {
        let stage = try PlayStage(MediaRecipe().with { $0.seconds = 2 })
        stage.feed(20)
        var limits = RTMPPlaying.Limits()
        limits.maximumPlayersPerAddress = 2
        limits.stallLimit = .milliseconds(300)
        try await stage.withServer(limits: limits) { _, port in
            let address = try PlayStage.address("rtmp://127.0.0.1:\(port)/play/main")
            let sink = PlayedSink()
            _ = try await PlayStage.client().play(address, into: sink)
            let stalled = try await RawClient.connect(port: port, isReading: false)
            try await stalled.send(PeerBytes.play("main"))
            // Until the stalled one has lost its place, a third is told that there are too many; meanwhile the programme goes on.
            var seen = 20
            while true {
                stage.feed(400)
                seen += 400
                await sink.wait(forUnits: seen)
                do {
                    _ = try await PlayStage.client().play(address, into: PlayedSink())
                    break
                } catch let error as RTMPClientError {
                    #expect(error.message.contains("Too many players"))
                }
            }
            #expect(sink.record.units.count == seen)
        }
    }

    /// Players are read though they do not read us, paused ones without end: what they ask for must not pile up here.
    @Test(arguments: [false, true]) func closesAPlayerThatAsksOnAndReadsNoAnswer(isPaused: Bool) async throws {
        let stage = try PlayStage()
        stage.feed(10)
        try await stage.withServer { _, port in
            let client = try await RawClient.connect(port: port, isReading: false)
            try await client.send(PeerBytes.play("main"))
            if isPaused { try await client.send(PeerBytes.pause()) }
            let limit = 16 << 20
            #expect(await client.flood(PeerBytes.seeks(1000), limit: limit) < limit)
            await client.close()
        }
    }

    @Test func endsPlayersWhenItStops() async throws {
        let stage = try PlayStage()
        stage.feed(10)
        let sink = PlayedSink()
        try await stage.withServer { _, port in
            _ = try await PlayStage.client().play(
                PlayStage.address("rtmp://127.0.0.1:\(port)/play/main"), into: sink)
            await sink.wait(forUnits: 10)
        }
        await sink.wait(forUnits: .max)
        #expect(sink.record.endings == [.dropped])
    }
}
