import Domain
import Synchronization

/// What one event stream has to write next. Between the queue's speed and a reader's: holds the newest view and nothing else,
/// so a slow reader misses steps and never the end (I11).
final class EventMailbox: Sendable {
    struct Content: Sendable {
        var view: QueueView?
        var isHeartbeatDue = false
        var isFinished = false
    }

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
