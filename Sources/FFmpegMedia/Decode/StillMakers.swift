import Domain
import Metrics
import NIOCore
import Synchronization

/// Key frames on their way to a decode worker. Any thread asks; the lane's thread takes. Never waits: being full refuses.
final class StillMakers: StillMaking {
    private struct Waiting {
        var question: DecodeWire.Message
        var done: @Sendable (Result<ByteBuffer, StillError>) -> Void
    }

    private struct State {
        var waiting = CircularBuffer<Waiting>()
        var hasEnded = false
    }

    static let maximumWaiting = 16
    /// Of a key frame.
    static let maximumBytes = 4 << 20

    private let state = Mutex(State())
    private let bell: @Sendable () -> Void

    init(ring bell: @escaping @Sendable () -> Void) { self.bell = bell }

    func makeStill(
        _ format: VideoFormat, _ picture: ByteBuffer, done: @escaping @Sendable (Result<ByteBuffer, StillError>) -> Void
    ) {
        guard picture.readableBytes <= Self.maximumBytes else {
            count("failed")
            return done(.failure(.undecodable))
        }
        let refusal: StillError? = state.withLock { state in
            if state.hasEnded { return .workerLost }
            guard state.waiting.count < Self.maximumWaiting else { return .busy }
            state.waiting.append(Waiting(question: DecodeWire.still(format, picture), done: done))
            return nil
        }
        if let refusal {
            count("refused")
            return done(.failure(refusal))
        }
        bell()
    }

    func next() -> DecodeJob? {
        guard let waiting = state.withLock({ $0.waiting.popFirst() }) else { return nil }
        return DecodeJob(question: waiting.question) { [self] result in
            switch result {
            case .success(let answer) where answer.kind == .picture && answer.payload.readableBytes > 3:
                count("made")
                waiting.done(.success(answer.payload))
            case .success:
                count("failed")
                waiting.done(.failure(.undecodable))
            case .failure:
                count("lost")
                waiting.done(.failure(.workerLost))
            }
        }
    }

    /// No question is asked any more.
    func end() {
        let left = state.withLock { state in
            state.hasEnded = true
            defer { state.waiting.removeAll() }
            return Array(state.waiting)
        }
        for one in left { one.done(.failure(.workerLost)) }
    }

    private func count(_ outcome: String) {
        Counter(label: "lineup_stills_total", dimensions: [("outcome", outcome)]).increment()
    }
}
