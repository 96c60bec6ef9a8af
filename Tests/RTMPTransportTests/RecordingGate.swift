import Domain
import Synchronization

/// Lets publishers in, or keeps them out, and writes down what they send. Shared by the tests of this target.
final class RecordingGate: PublisherGate {
    enum Answer: Sendable {
        case accept
        case refuse(PublishRefusal)
    }

    private struct State {
        var requests: [PublishRequest] = []
        var connections: [any PublisherConnection] = []
    }

    let sink = RecordingSink()
    private let answer: Answer
    private let state = Mutex(State())

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
        case .refuse(let refusal): return .failure(refusal)
        }
    }

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
        var endings: [PublisherEnd] = []

        func units(_ track: TrackKind) -> [AccessUnit] { units.filter { $0.track == track } }
    }

    private let state = Mutex(Record())
    private let firstUnit = AsyncStream<Void>.makeStream()
    private let end = AsyncStream<PublisherEnd>.makeStream()

    func metadataReceived(_ metadata: StreamMetadata) { state.withLock { $0.metadata.append(metadata) } }
    func formatReceived(_ format: TrackFormat) { state.withLock { $0.formats.append(format) } }

    func unitReceived(_ unit: AccessUnit) {
        state.withLock { $0.units.append(unit) }
        firstUnit.continuation.yield()
    }

    func trackRefused(_ track: TrackKind, reason: String) { state.withLock { $0.refusals.append(reason) } }

    func ended(_ how: PublisherEnd) {
        state.withLock { $0.endings.append(how) }
        end.continuation.yield(how)
    }

    var record: Record { state.withLock { $0 } }

    /// Waits for any unit.
    func waitForUnit() async {
        for await _ in firstUnit.stream { return }
    }

    /// Waits for the first ending.
    func waitForEnd() async -> PublisherEnd? {
        for await how in end.stream { return how }
        return nil
    }
}
