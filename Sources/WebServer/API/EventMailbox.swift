import Domain
import Synchronization

/// What one event stream has to write next. Between the queue's speed and a reader's (I11): holds the newest view, and events up
/// to a bound; past it the stream ends, and the reader resumes by the id of the last event it got.
final class EventMailbox: Sendable {
    struct Content: Sendable {
        /// In order.
        var events: [EventRecord] = []
        var view: QueueView?
        var isHeartbeatDue = false
        var isFinished = false
    }

    static let maximumEvents = 1_000

    private let content = Mutex(Content())
    /// One token means "look again"; more would say no more.
    let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    init() {
        (wakeUps, wakeUp) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func offer(_ view: QueueView) { change { $0.view = view } }
    func heartbeatDue() { change { $0.isHeartbeatDue = true } }
    func finish() { change { $0.isFinished = true } }

    func append(_ event: EventRecord) {
        change { content in
            // After the first that does not fit none may follow: there would be a hole.
            guard !content.isFinished else { return }
            if content.events.count >= Self.maximumEvents {
                content.isFinished = true
            } else {
                content.events.append(event)
            }
        }
    }

    /// Takes what is there.
    func take() -> Content {
        content.withLock { content in
            defer { content = Content(isFinished: content.isFinished) }
            return content
        }
    }

    private func change(_ body: (inout Content) -> Void) {
        content.withLock { body(&$0) }
        wakeUp.yield()
    }
}
