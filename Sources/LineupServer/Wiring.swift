import Domain
import Logging
import PostgresStore
import ServiceLifecycle
import Synchronization

/// Lets the queue close publishers although `Ingest`, which does it, needs the queue first.
///
/// Set once while the server is put together, before anything runs.
final class PublisherControlRelay: PublisherControl, Sendable {
    private let target = Mutex<(any PublisherControl)?>(nil)

    func set(_ control: any PublisherControl) { target.withLock { $0 = control } }

    func close(_ session: PublishSessionID, reason: String) {
        target.withLock { $0 }?.close(session, reason: reason)
    }
    func close(publishedWith key: KeyID, reason: String) {
        target.withLock { $0 }?.close(publishedWith: key, reason: reason)
    }
    func close(publishedBy user: UserID, reason: String) {
        target.withLock { $0 }?.close(publishedBy: user, reason: reason)
    }
}

/// Hands the queue's orders to the programme and to `Ingest`: whoever is on air or next is read at once, and the envelope is
/// the channel's newest.
struct OrderRelay: ProgrammeControl {
    let programme: any ProgrammeControl
    /// Set once while the server is put together, before anything runs.
    private let ingest = Attention()

    init(to programme: any ProgrammeControl) { self.programme = programme }

    func set(_ attend: @escaping @Sendable (ProgrammeOrder) -> Void) { ingest.target.withLock { $0 = attend } }

    func direct(_ order: ProgrammeOrder) {
        ingest.target.withLock { $0 }?(order)
        programme.direct(order)
    }

    private final class Attention: Sendable {
        let target = Mutex<(@Sendable (ProgrammeOrder) -> Void)?>(nil)
    }
}

/// Lets the programme report to the queue, which is made after it.
final class ProgrammeReportRelay: Sendable {
    private struct Target {
        var report: (@Sendable (ProgrammeReport) -> Void)?
        var handover: (@Sendable (HandoverRecord) -> Void)?
    }

    private let target = Mutex(Target())

    func set(
        _ report: @escaping @Sendable (ProgrammeReport) -> Void,
        handover: @escaping @Sendable (HandoverRecord) -> Void
    ) {
        target.withLock { $0 = Target(report: report, handover: handover) }
    }

    func report(_ report: ProgrammeReport) { target.withLock { $0.report }?(report) }
    func handedOver(_ record: HandoverRecord) { target.withLock { $0.handover }?(record) }
}

/// Ends live connections when their key is revoked or their account disabled, whoever wrote that into the database (I10).
struct RevocationService: Service {
    let store: PostgresStore
    let publishers: any PublisherControl
    let logger: Logger

    func run() async throws {
        for await notice in store.listen().cancelOnGracefulShutdown() {
            switch notice {
            case .keyRevoked(let key):
                publishers.close(publishedWith: key, reason: PublishRefusal.revokedKey.message)
            case .accountDisabled(let user):
                publishers.close(publishedBy: user, reason: PublishRefusal.accountDisabled.message)
            case .queueChanged, .targetChanged, .studioChanged, .listingChanged:
                break
            }
        }
    }
}
