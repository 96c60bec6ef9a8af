import Domain
import Logging
import NIOCore
import NIOPosix
import PrometheusMetrics
import RTMPTransport
import Testing

/// Runs a server on a port of its own around `body`, then stops it and waits until it is gone.
func withServer(
    _ gate: any PublisherGate, limits: RTMPServerConfiguration.Limits = .init(),
    metrics: PrometheusMetrics = PrometheusMetrics(),
    _ body: @escaping @Sendable (Int) async throws -> Void
) async throws {
    let server = RTMPServer(
        configuration: RTMPServerConfiguration(host: "127.0.0.1", port: 0, limits: limits),
        group: MultiThreadedEventLoopGroup.singleton, gate: gate, logger: Logger(label: "test"), metricsFactory: metrics
    )
    let port = try await server.bind()
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await server.run() }
        try await body(port)
        tasks.cancelAll()
    }
}

@Suite(.timeLimit(.minutes(2)))
struct RTMPServerTests {
    @Test func takesFFmpegsStreamWholeAndSeesItsCleanEnd() async throws {
        let gate = RecordingGate()
        try await withServer(gate) { port in
            let ffmpeg = try FFmpegPublisher.testPicture(seconds: 4, to: "rtmp://127.0.0.1:\(port)/live/the-key")
            #expect(await gate.sink.waitForEnd() == .finished)
            let outcome = await ffmpeg.outcome()
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        let record = gate.sink.record
        #expect(gate.requests.first?.key == Secret("the-key"))
        #expect(gate.requests.first?.remoteAddress == "127.0.0.1")
        #expect(record.endings == [.finished])
        #expect(record.metadata.first?.width == 320)
        #expect(record.metadata.first?.hasAudio == true)
        #expect(record.units(.video).count == 100)
        #expect(record.units(.video).filter(\.isKeyFrame).count >= 2)
        #expect((187...190).contains(record.units(.audio).count), "\(record.units(.audio).count)")
        try expectFormats(record)
        expectRisingTimes(record.units(.video))
        expectRisingTimes(record.units(.audio))
    }

    private func expectFormats(_ record: RecordingSink.Record) throws {
        guard case .video(let video) = try #require(record.formats.first(where: { $0.track == .video })),
            case .audio(let audio) = try #require(record.formats.first(where: { $0.track == .audio }))
        else { return }
        #expect(record.formats.count == 2)
        #expect(video.width == 320 && video.height == 180)
        #expect(video.frameRate == 25)
        #expect(audio.sampleRate == 48_000 && audio.channels == 2 && audio.objectType == 2)
    }

    private func expectRisingTimes(_ units: [AccessUnit]) {
        for (earlier, later) in zip(units, units.dropFirst()) { #expect(earlier.decodeTime < later.decodeTime) }
        #expect(units.allSatisfy { $0.presentationTime >= $0.decodeTime })
    }

    @Test func tellsFFmpegWhyItsKeyIsRefused() async throws {
        let gate = RecordingGate(.refuse(.unknownKey))
        try await withServer(gate) { port in
            let ffmpeg = try FFmpegPublisher.testPicture(seconds: 4, to: "rtmp://127.0.0.1:\(port)/live/wrong")
            let outcome = await ffmpeg.outcome()
            #expect(outcome.status != 0)
            #expect(outcome.errors.contains(PublishRefusal.unknownKey.message), "\(outcome.errors)")
        }
        #expect(gate.sink.record.endings.isEmpty)
    }

    @Test func tellsFFmpegThatItsApplicationIsUnknown() async throws {
        let gate = RecordingGate()
        try await withServer(gate) { port in
            let ffmpeg = try FFmpegPublisher.testPicture(seconds: 4, to: "rtmp://127.0.0.1:\(port)/stage/key")
            let outcome = await ffmpeg.outcome()
            #expect(outcome.status != 0)
            #expect(outcome.errors.contains("There is no application 'stage' here"), "\(outcome.errors)")
        }
        #expect(gate.requests.isEmpty)
    }

    @Test func reportsAKilledFFmpegAsDropped() async throws {
        let gate = RecordingGate()
        try await withServer(gate) { port in
            let ffmpeg = try FFmpegPublisher.testPicture(
                seconds: 60, isPaced: true, to: "rtmp://127.0.0.1:\(port)/live/key")
            await gate.sink.waitForUnit()
            ffmpeg.kill()
            #expect(await gate.sink.waitForEnd() == .dropped)
            _ = await ffmpeg.outcome()
        }
        #expect(gate.sink.record.endings == [.dropped])
    }

    @Test func sendsAPublisherAwayWithTheReason() async throws {
        let gate = RecordingGate()
        try await withServer(gate) { port in
            let ffmpeg = try FFmpegPublisher.testPicture(
                seconds: 60, isPaced: true, to: "rtmp://127.0.0.1:\(port)/live/key")
            await gate.sink.waitForUnit()
            gate.connections.first?.close(reason: "Your slot is over.")
            #expect(await gate.sink.waitForEnd() == .closedByServer)
            let outcome = await ffmpeg.outcome()
            #expect(outcome.errors.contains("Your slot is over."), "\(outcome.errors)")
        }
        #expect(gate.sink.record.endings == [.closedByServer])
    }

    @Test func endsPublishersWhenItStops() async throws {
        let gate = RecordingGate()
        try await withServer(gate) { port in
            _ = try FFmpegPublisher.testPicture(
                seconds: 60, isPaced: true, to: "rtmp://127.0.0.1:\(port)/live/key")
            await gate.sink.waitForUnit()
        }
        #expect(gate.sink.record.endings == [.closedByServer])
    }

    @Test func saysThatAPortIsBusy() async throws {
        try await withServer(RecordingGate()) { port in
            let second = RTMPServer(
                configuration: RTMPServerConfiguration(host: "127.0.0.1", port: port),
                group: MultiThreadedEventLoopGroup.singleton, gate: RecordingGate(), logger: Logger(label: "test"))
            let error = await #expect(throws: RTMPServerError.self) { try await second.bind() }
            #expect(error?.code == .portInUse)
        }
    }
}
