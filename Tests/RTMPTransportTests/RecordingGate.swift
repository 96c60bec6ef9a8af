import Domain
import Synchronization

/// Lets publishers in, or keeps them out, and writes down what they send. Shared by the tests of this target.
final class RecordingGate: PublisherGate {
    enum Answer: Sendable {
        /// All into `sink`.
        case accept
        /// Each into a sink of its own, in `sinks`.
        case acceptEach
        case refuse(PublishRefusal)
    }

    private struct State {
        var requests: [PublishRequest] = []
        var connections: [any PublisherConnection] = []
        var sinks: [RecordingSink] = []
    }

    let sink = RecordingSink()
    private let answer: Answer
    private let state = Mutex(State())

    private let opened = AsyncStream<RecordingSink>.makeStream()

    init(_ answer: Answer = .accept) { self.answer = answer }

    func open(
        _ request: PublishRequest, connection: any PublisherConnection
    ) async -> Result<any PublisherSink, PublishRefusal> {
        state.withLock {
            $0.requests.append(request)
            $0.connections.append(connection)
        }
        switch answer {
        case .accept: return .success(sink)
        case .acceptEach:
            let sink = RecordingSink()
            state.withLock { $0.sinks.append(sink) }
            opened.continuation.yield(sink)
            return .success(sink)
        case .refuse(let refusal): return .failure(refusal)
        }
    }

    /// Waits for the next publisher that `acceptEach` lets in.
    func nextSink() async -> RecordingSink? {
        for await sink in opened.stream { return sink }
        return nil
    }

    var sinks: [RecordingSink] { state.withLock { $0.sinks } }
    var requests: [PublishRequest] { state.withLock { $0.requests } }
    var connections: [any PublisherConnection] { state.withLock { $0.connections } }
}

/// Writes down what a publisher sends; tests wait for its events.
final class RecordingSink: PublisherSink {
    struct Record: Sendable {
        var metadata: [StreamMetadata] = []
        var formats: [TrackFormat] = []
        var units: [AccessUnit] = []
        var refusals: [String] = []
        var silences = 0
        var endings: [PublisherEnd] = []

        func units(_ track: TrackKind) -> [AccessUnit] { units.filter { $0.track == track } }
    }

    private let state = Mutex(Record())
    private let firstUnit = AsyncStream<Void>.makeStream()
    private let silence = AsyncStream<Void>.makeStream()
    private let end = AsyncStream<PublisherEnd>.makeStream()

    func metadataReceived(_ metadata: StreamMetadata) { state.withLock { $0.metadata.append(metadata) } }
    func formatReceived(_ format: TrackFormat) { state.withLock { $0.formats.append(format) } }

    func unitReceived(_ unit: AccessUnit) {
        state.withLock { $0.units.append(unit) }
        firstUnit.continuation.yield()
    }

    func tracksLeftOut(_ track: TrackKind, reason: String) {}
    func trackRefused(_ track: TrackKind, reason: String) { state.withLock { $0.refusals.append(reason) } }

    func silenceBegan() {
        state.withLock { $0.silences += 1 }
        silence.continuation.yield()
    }

    func ended(_ how: PublisherEnd) {
        state.withLock { $0.endings.append(how) }
        end.continuation.yield(how)
    }

    var record: Record { state.withLock { $0 } }

    /// Waits for any unit.
    func waitForUnit() async {
        for await _ in firstUnit.stream { return }
    }

    /// Waits for the next silence.
    func waitForSilence() async {
        for await _ in silence.stream { return }
    }

    /// Waits for the first ending.
    func waitForEnd() async -> PublisherEnd? {
        for await how in end.stream { return how }
        return nil
    }
}
