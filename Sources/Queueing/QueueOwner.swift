package import Domain
package import Logging
import ServiceLifecycle
import Synchronization

/// Runs one channel's queue while this server owns the channel, and stands by while another does (design §4, Ownership).
///
/// Whoever needs the queue talks to this; each ownership has a `QueueService` of its own, made from what was stored when the
/// lease was taken, so nothing of an earlier ownership can be written in a later one. Any thread may call in. Without the
/// channel nobody joins and nothing is changed: the callers are told who owns it.
package final class QueueOwner: QueueDoor, QueueDesk, StudioNewsDesk, ReadinessReporting, Service, Sendable {
    /// A queue that starts from this record and has not run; its orders go to the given programme.
    package typealias MakeQueue = @Sendable (QueueRecord, any ProgrammeControl) -> QueueService

    private struct Ownership {
        var epoch: Int64
        var queue: QueueService
    }

    private let channel: ChannelName
    private let lease: LeaseKeeper
    private let store: any QueueStore
    private let programme: any ProgrammeControl
    private let makeQueue: MakeQueue
    private let logger: Logger
    private let orders = OrderNumbers()
    private let present = Mutex<Ownership?>(nil)

    /// - Parameter programme: takes the orders of one ownership after the other; the slate's between them.
    package init(
        channel: ChannelName, lease: LeaseKeeper, store: any QueueStore, programme: any ProgrammeControl,
        logger: Logger, makeQueue: @escaping MakeQueue
    ) {
        self.channel = channel
        self.lease = lease
        self.store = store
        self.programme = programme
        self.logger = logger
        self.makeQueue = makeQueue
    }

    // MARK: Owning

    /// Tries once to take the channel, so that a server that starts alone has its queue before it listens.
    /// - Throws: what the database says.
    package func takeIfFree() async throws {
        guard let epoch = try await lease.tryToAcquire() else { return }
        try await begin(epoch)
    }

    /// Owns the channel whenever it can, until graceful shutdown; then gives the lease back.
    package func run() async throws {
        while let ownership = try await nextOwnership() {
            let isLost = try await keep(ownership)
            present.withLock { $0 = nil }
            guard isLost else { return await lease.release(epoch: ownership.epoch) }
            orders.newOwnership(of: programme).direct(ProgrammeOrder(version: 1, onAir: nil, standby: []))
        }
    }

    /// - Returns: `nil` at graceful shutdown.
    private func nextOwnership() async throws -> Ownership? {
        do {
            return try await cancelWhenGracefulShutdown { () async throws -> Ownership? in
                while true {
                    if let ownership = self.present.withLock({ $0 }) { return ownership }
                    try await self.begin(try await self.lease.acquire())
                }
            }
        } catch is CancellationError {
            return nil
        }
    }

    /// Reads after the taking: whatever an earlier owner wrote is in it, and it writes nothing more. Another epoch in it means
    /// that the channel was taken again in between.
    private func begin(_ epoch: Int64) async throws {
        let record = try await lease.retrying { try await self.store.load(self.channel) }
        guard record.epoch == epoch else { return }
        let queue = makeQueue(record, orders.newOwnership(of: programme))
        present.withLock { $0 = Ownership(epoch: epoch, queue: queue) }
    }

    /// Runs one ownership.
    /// - Returns: whether the channel was lost; `false` at graceful shutdown.
    private func keep(_ ownership: Ownership) async throws -> Bool {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                // Returns at graceful shutdown, and when a write or the lease said that the channel is lost.
                try await ownership.queue.run()
            }
            group.addTask {
                do {
                    try await self.lease.keep(epoch: ownership.epoch)
                    ownership.queue.stepDown()
                } catch is CancellationError {
                    // The queue has ended first.
                }
            }
            _ = try await group.next()
            // Whichever ended first: the queue has ended or was told to, and the lease need not be kept.
            group.cancelAll()
        }
        return ownership.queue.hasSteppedDown
    }

    private var queue: QueueService? { present.withLock { $0?.queue } }

    // MARK: QueueDoor

    package func join(_ publisher: PublisherIdentity) async -> Result<EntryID, PublishRefusal> {
        guard let queue else { return .failure(.serverBusy(Self.reason(lease.situation))) }
        return await queue.join(publisher)
    }

    package func readinessChanged(_ session: PublishSessionID, to readiness: Readiness) {
        queue?.readinessChanged(session, to: readiness)
    }

    package func silenceChanged(_ session: PublishSessionID, isSilent: Bool) {
        queue?.silenceChanged(session, isSilent: isSilent)
    }

    package func mediaAbsent(_ session: PublishSessionID, picture: Duration?, sound: Duration?) {
        queue?.mediaAbsent(session, picture: picture, sound: sound)
    }

    package func healthChanged(_ session: PublishSessionID, to health: HealthSummary) {
        queue?.healthChanged(session, to: health)
    }

    package func studioReported(_ news: StudioNews, on channel: ChannelName) {
        queue?.studioReported(news, on: channel)
    }

    package func ended(_ session: PublishSessionID, how: PublisherEnd) { queue?.ended(session, how: how) }

    /// What left the programme's output; called by the assembly for `Broadcast`.
    package func programmeReported(_ report: ProgrammeReport) { queue?.programmeReported(report) }
    package func handedOver(_ record: HandoverRecord) { queue?.handedOver(record) }
    package func viewersReported(_ report: ViewerReport) { queue?.viewersReported(report) }

    // MARK: QueueDesk

    package func view(of channel: ChannelName) async throws(QueueCommandError) -> QueueView {
        try await owned(channel).view(of: channel)
    }

    package func views(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<QueueView> {
        try await owned(channel).views(of: channel)
    }

    package func perform(
        _ command: QueueCommand, on channel: ChannelName
    ) async throws(QueueCommandError) -> QueueView {
        try await owned(channel).perform(command, on: channel)
    }

    package func settings(of channel: ChannelName) async throws(QueueCommandError) -> QueueSettings {
        try await owned(channel).settings(of: channel)
    }

    package func events(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<EventRecord> {
        try await owned(channel).events(of: channel)
    }

    private func owned(_ asked: ChannelName) throws(QueueCommandError) -> QueueService {
        guard asked == channel else { throw .unknownChannel }
        guard let queue else { throw .refused("This server cannot say: \(Self.reason(lease.situation)).") }
        return queue
    }

    // MARK: ReadinessReporting

    package func readiness() async -> [ReadinessCheck] {
        if let queue { return await queue.readiness() }
        return [ReadinessCheck(name: "queue", isOK: false, cause: Self.reason(lease.situation))]
    }

    /// Why there is no queue here, in words that go on after a colon.
    private static func reason(_ situation: LeaseKeeper.Situation) -> String {
        switch situation {
        case .standby(let owner, let until): "another server (\(owner)) owns this channel, at least until \(until)"
        // What the database said is for the log: this is shown to encoders too.
        case .asking(let cause):
            "it does not own this channel yet" + (cause == nil ? "" : ": the database does not answer")
        case .owner, .ownerUnrenewed: "it reads the queue just now"
        }
    }
}

/// Lets the orders of one ownership after another rise as the programme wants them: every order of a later one is above every
/// order of an earlier one, also above one that a thread still carries.
private final class OrderNumbers: Sendable {
    private let ownerships = Mutex<Int64>(0)

    func newOwnership(of programme: any ProgrammeControl) -> any ProgrammeControl {
        let number = ownerships.withLock { count in
            count += 1
            return count
        }
        return Orders(base: number << 40, programme: programme)
    }

    private struct Orders: ProgrammeControl {
        let base: Int64
        let programme: any ProgrammeControl

        func direct(_ order: ProgrammeOrder) {
            var order = order
            order.version += base
            programme.direct(order)
        }
    }
}
