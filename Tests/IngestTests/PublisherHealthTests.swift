import Domain
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import Ingest

/// A publisher's health reaches the queue, coalesced, and its envelope may change while it is here.
@Suite struct PublisherHealthTests {
    private func send(
        _ sink: any PublisherSink, _ bench: IngestServiceTests.Bench, seconds: ClosedRange<Int>, pictureBytes: Int,
        soundBytes: Int = 400
    ) {
        for second in seconds {
            for index in 0..<25 {
                let time = MediaTime.milliseconds(Int64(second * 1000 + index * 40))
                bench.clock.set(time.nanoseconds + 2_000_000_000)
                let isKey = index == 0 && second.isMultiple(of: 2)
                for (track, bytes) in [(TrackKind.video, isKey ? 20_000 : pictureBytes), (.audio, soundBytes)] {
                    sink.unitReceived(
                        AccessUnit(
                            track: track, decodeTime: time, presentationTime: time, isKeyFrame: isKey,
                            payload: ByteBuffer(repeating: 7, count: bytes)))
                }
            }
        }
    }

    private func open(_ bench: IngestServiceTests.Bench) async throws -> any PublisherSink {
        let sink = try await bench.open("good").get()
        sink.formatReceived(.video(.synthetic(width: 1280, frameRate: 25, mark: 1)))
        sink.formatReceived(.audio(.synthetic(sampleRate: 48_000, channels: 2)))
        return sink
    }

    @Test func tellsTheQueueWhenAnIssueIsNamedAndWhenItIsGone() async throws {
        let bench = IngestServiceTests.Bench()
        let sink = try await open(bench)
        send(sink, bench, seconds: 0...20, pictureBytes: 5_000)
        #expect(bench.queue.state.withLock { $0.healths } == [], "nothing is wrong, nothing is told")
        send(sink, bench, seconds: 21...50, pictureBytes: 60_000)
        let told = bench.queue.state.withLock { $0.healths }
        #expect(told.map(\.status) == [.bad])
        #expect(told.first?.issues.map(\.type) == [.bitrateHigh])
        #expect(bench.service.health(of: bench.owner.user)?.summary.status == .bad)
        send(sink, bench, seconds: 51...90, pictureBytes: 5_000)
        #expect(bench.queue.state.withLock { $0.healths }.map(\.status) == [.bad, .good])
        sink.ended(.finished)
        #expect(bench.service.health(of: bench.owner.user) == nil)
    }

    /// Each telling is an event: what viewers miss is told at once, whatever was told just before, and its end in its time.
    @Test func tellsAtOnceWhatViewersMissAndNoMoreOftenThanThat() async throws {
        let bench = IngestServiceTests.Bench()
        let sink = try await open(bench)
        let told = { bench.queue.state.withLock { $0.healths } }
        var second = 0
        while told().isEmpty, second < 20 {
            send(sink, bench, seconds: second...second, pictureBytes: 60_000)
            second += 1
        }
        #expect(told().map { $0.issues.map(\.type) } == [[.bitrateHigh]])
        send(sink, bench, seconds: second...second + 1, pictureBytes: 60_000, soundBytes: 6)
        #expect(told().count == 1, "a pause")
        send(sink, bench, seconds: second + 2...second + 2, pictureBytes: 60_000, soundBytes: 6)
        #expect(told().map { $0.issues.map(\.type) } == [[.bitrateHigh], [.bitrateHigh, .silentAudio]])
        // It comes and goes: the word stays.
        for second in stride(from: second + 3, to: second + 39, by: 4) {
            send(sink, bench, seconds: second...second, pictureBytes: 60_000, soundBytes: 2000)
            send(sink, bench, seconds: second + 1...second + 3, pictureBytes: 60_000, soundBytes: 6)
        }
        #expect(told().count == 2)
        send(sink, bench, seconds: second + 39...second + 54, pictureBytes: 60_000)
        #expect(told().last?.issues.map(\.type) == [.bitrateHigh])
        #expect(told().count == 3)
    }

    @Test func anotherEnvelopeHoldsForWhoIsHereAtOnce() async throws {
        let bench = IngestServiceTests.Bench()
        let sink = try await open(bench)
        send(sink, bench, seconds: 0...6, pictureBytes: 5_000)
        #expect(bench.queue.state.withLock { $0.readiness.last } == .ready)
        var envelope = Envelope()
        (envelope.maximumWidth, envelope.maximumHeight) = (640, 360)
        bench.service.take(envelope, delay: .zero)
        guard case .notReady(let reasons)? = bench.queue.state.withLock({ $0.readiness.last }) else {
            Issue.record("still ready")
            return
        }
        #expect(reasons.count == 1 && reasons[0].contains("640x360"))
        bench.service.take(Envelope(), delay: .zero)
        #expect(bench.queue.state.withLock { $0.readiness.last } == .ready)
    }

    @Test func anotherDelayHoldsForWhoWaitsAtOnce() async throws {
        let bench = IngestServiceTests.Bench()
        let sink = try await open(bench)
        send(sink, bench, seconds: 0...6, pictureBytes: 5_000)
        #expect(bench.queue.state.withLock { $0.readiness.last } == .ready)
        bench.service.take(Envelope(), delay: .seconds(10))
        guard case .notReady(let reasons)? = bench.queue.state.withLock({ $0.readiness.last }) else {
            Issue.record("still ready")
            return
        }
        #expect(reasons.count == 1 && reasons[0].contains("delay"))
        bench.service.take(Envelope(), delay: .seconds(4))
        #expect(bench.queue.state.withLock { $0.readiness.last } == .ready)
        bench.service.take(Envelope(), delay: .seconds(10))
        send(sink, bench, seconds: 7...12, pictureBytes: 5_000)
        #expect(bench.queue.state.withLock { $0.readiness.last } == .ready)
    }
}
