package import Domain
package import Logging
private import Metrics
import Synchronization

/// Takes a channel's lease, keeps it, and says when it is lost (design §4, Ownership).
///
/// Used by one task; `situation` may be asked by any. While the database is away nothing is lost: nobody can take the
/// channel there, and what is on air stays on air. Only an answer that names a higher epoch ends the ownership.
package final class LeaseKeeper: Sendable {
    /// How long a lease lasts past its last renewal: what a server that dies for good keeps the others waiting.
    package static let span = Duration.seconds(15)
    /// Two renewals may fail before the lease runs out.
    package static let renewalInterval = Duration.seconds(5)
    /// How often who waits for another's lease looks, and who could not ask tries again: the end of a lease has no event.
    package static let retryInterval = Duration.seconds(1)

    package enum Situation: Sendable, Equatable {
        /// Nobody was asked yet, or the database is away: why.
        case asking(cause: String?)
        /// Another server owns the channel and may go on to.
        case standby(owner: InstanceID, until: WallTime)
        case owner(epoch: Int64)
        /// The owner, but the lease could not be renewed: why.
        case ownerUnrenewed(epoch: Int64, cause: String)
    }

    private let channel: ChannelName
    private let instance: InstanceID
    private let store: any LeaseStore
    private let timer: any Clock<Duration>
    private let logger: Logger
    private let present = Mutex(Situation.asking(cause: nil))

    package init(
        channel: ChannelName, instance: InstanceID, store: any LeaseStore,
        timer: any Clock<Duration> = ContinuousClock(), logger: Logger
    ) {
        self.channel = channel
        self.instance = instance
        self.store = store
        self.timer = timer
        var logger = logger
        logger[metadataKey: "channel"] = "\(channel)"
        self.logger = logger
    }

    package var situation: Situation { present.withLock { $0 } }

    /// Waits until the channel is ours.
    /// - Returns: the epoch; every write of the queue carries it.
    /// - Throws: `CancellationError`; `QueueStoreError.unknownChannel`.
    package func acquire() async throws -> Int64 {
        while true {
            if let epoch = try await retrying({ try await self.tryToAcquire() }) { return epoch }
            try await timer.sleep(for: Self.retryInterval)
        }
    }

    /// - Returns: the epoch; `nil` when another owns the channel.
    /// - Throws: what the store says.
    package func tryToAcquire() async throws -> Int64? {
        switch try await store.acquire(channel, as: instance, for: Self.span) {
        case .owned(let epoch):
            become(.owner(epoch: epoch))
            return epoch
        case .ownedByOther(let owner, let until):
            become(.standby(owner: owner, until: until))
            return nil
        }
    }

    /// Asks the store until it answers.
    /// - Throws: `CancellationError`; `QueueStoreError`.
    func retrying<Value: Sendable>(_ call: @Sendable () async throws -> Value) async throws -> Value {
        while true {
            do {
                return try await call()
            } catch let error as QueueStoreError {
                throw error
            } catch {
                try Task.checkCancellation()
                become(.asking(cause: "\(error)"))
            }
            try await timer.sleep(for: Self.retryInterval)
        }
    }

    /// Renews until another has taken the channel, which is when it returns.
    /// - Throws: `CancellationError`: still ours.
    package func keep(epoch: Int64) async throws {
        var pause = Self.renewalInterval
        while true {
            try await timer.sleep(for: pause)
            do {
                guard try await store.renew(channel, as: instance, epoch: epoch, for: Self.span) else {
                    become(.asking(cause: nil))
                    return
                }
                become(.owner(epoch: epoch))
                pause = Self.renewalInterval
            } catch {
                try Task.checkCancellation()
                become(.ownerUnrenewed(epoch: epoch, cause: "\(error)"))
                pause = Self.retryInterval
            }
        }
    }

    /// Lets another have the channel at once; a failure only makes it wait for the lease's end.
    package func release(epoch: Int64) async {
        do {
            try await store.release(channel, as: instance, epoch: epoch)
        } catch {
            logger.debug("the lease was not given back", metadata: ["cause": "\(error)"])
        }
        become(.asking(cause: nil))
    }

    /// Tells the log what changed: not each renewal, not each look of who waits.
    private func become(_ next: Situation) {
        let before = present.withLock { present in
            defer { present = next }
            return present
        }
        switch (before, next) {
        case (.owner, .owner), (.standby, .standby), (.ownerUnrenewed, .ownerUnrenewed), (.asking, .asking): break
        case (_, .owner(let epoch)):
            Gauge(label: "lineup_channel_epoch", dimensions: [("channel", channel.text)]).record(epoch)
            logger.notice("this server owns the channel", metadata: ["epoch": "\(epoch)"])
        case (_, .standby(let owner, let until)):
            logger.notice(
                "another server owns the channel; this one stands by",
                metadata: ["owner": "\(owner)", "until": "\(until)"])
        case (_, .ownerUnrenewed(_, let cause)):
            logger.warning("the channel's lease cannot be renewed", metadata: ["cause": "\(cause)"])
        case (.owner, .asking), (.ownerUnrenewed, .asking):
            logger.notice("this server owns the channel no more")
        case (.standby, .asking): break
        }
    }
}
