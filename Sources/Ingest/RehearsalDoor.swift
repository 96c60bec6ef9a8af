import Domain
import Synchronization

/// What a test stream knocks at in the queue's stead: it remembers what is missing, and nothing else comes of it. Any thread.
final class RehearsalDoor: QueueDoor {
    private let told = Mutex<Readiness?>(nil)

    /// `nil` before anything was said.
    var readiness: Readiness? { told.withLock { $0 } }

    /// Nobody asks: a test has no place.
    func join(_ publisher: PublisherIdentity) async -> Result<EntryID, PublishRefusal> {
        .failure(.serverBusy("a test has no place in the queue"))
    }

    func readinessChanged(_ session: PublishSessionID, to readiness: Readiness) {
        told.withLock { $0 = readiness }
    }

    func silenceChanged(_ session: PublishSessionID, isSilent: Bool) {}
    func mediaAbsent(_ session: PublishSessionID, picture: Duration?, sound: Duration?) {}
    func healthChanged(_ session: PublishSessionID, to health: HealthSummary) {}
    func ended(_ session: PublishSessionID, how: PublisherEnd) {}
}
