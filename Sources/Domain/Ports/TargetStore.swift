/// A target as it is stored: its secrets sealed.
package struct StoredTarget: Sendable, Equatable {
    package var target: Target
    package var sealed: [UInt8]
    package var progress: TargetProgress
    package var waiting: Int
    package var failures: Int

    package init(target: Target, sealed: [UInt8], progress: TargetProgress, waiting: Int = 0, failures: Int = 0) {
        self.target = target
        self.sealed = sealed
        self.progress = progress
        self.waiting = waiting
        self.failures = failures
    }
}

package enum TargetStoreError: Error, Sendable, Equatable {
    case nameTaken
}

/// Stores targets; implemented by `PostgresStore`. Each change has its audit line in the same transaction, and is told to
/// whoever listens.
package protocol TargetStore: Sendable {
    /// Oldest first.
    func targets() async throws -> [StoredTarget]
    func target(_ id: TargetID) async throws -> StoredTarget?
    /// Its cursor stands behind the newest event of each channel.
    func insertTarget(_ target: Target, sealed: [UInt8], audit: AuditRecord) async throws
    /// - Parameter sealed: `nil` leaves the secrets as they are.
    /// - Returns: `false` when there is none.
    func updateTarget(_ target: Target, sealed: [UInt8]?, audit: AuditRecord) async throws -> Bool
    func deleteTarget(_ id: TargetID, audit: AuditRecord) async throws -> Bool
    func parkTarget(_ id: TargetID, reason: String, at: WallTime, audit: AuditRecord) async throws -> Bool
    /// Forgets failed tries; with `skipping` the cursor moves behind the newest event of each channel.
    func resumeTarget(_ id: TargetID, skipping: Bool, audit: AuditRecord) async throws -> Bool
    /// Those of the kept events that the filter lets through, at most `limit`; one that waits for it already is not doubled.
    /// - Returns: how many wait to be sent again now.
    func requestReplay(
        to target: Target, channel: ChannelName, from first: EventID, through last: EventID, limit: Int,
        audit: AuditRecord
    ) async throws -> Int
    /// Newest first.
    func failures(of id: TargetID) async throws -> [FailedDelivery]
}

/// An event to send again; `row` is its order's number.
package struct ReplayedEvent: Sendable, Equatable {
    package var row: Int64
    package var event: EventRecord

    package init(row: Int64, event: EventRecord) {
        self.row = row
        self.event = event
    }
}

/// What a target is to get next, in order.
package struct PendingDeliveries: Sendable, Equatable {
    package var replays: [ReplayedEvent]
    package var events: [EventRecord]

    package init(replays: [ReplayedEvent] = [], events: [EventRecord] = []) {
        self.replays = replays
        self.events = events
    }

    package var isEmpty: Bool { replays.isEmpty && events.isEmpty }
}

/// What deliveries have come to since the last time it was written.
package struct DeliveryReport: Sendable, Equatable {
    package var progress: TargetProgress
    /// The last event that is done with, of each channel.
    package var cursors: [ChannelName: EventID]
    /// Rows of events sent again that are done with.
    package var finishedReplays: [Int64]
    package var failures: [FailedDelivery]

    package init(
        progress: TargetProgress, cursors: [ChannelName: EventID] = [:], finishedReplays: [Int64] = [],
        failures: [FailedDelivery] = []
    ) {
        self.progress = progress
        self.cursors = cursors
        self.finishedReplays = finishedReplays
        self.failures = failures
    }
}

/// What waits to be told, and how far each target has come; implemented by `PostgresStore`.
///
/// A cursor a target and channel, so that an event costs nothing beside its own row, and order is kept. At least once: what was
/// sent but not yet reported is sent again after a crash.
package protocol Outbox: Sendable {
    /// - Parameter limit: of each list, 1…1,000.
    /// - Returns: `nil` while another server delivers: one does, whichever asks first, until its connection ends. A target that is parked or
    ///   off has no new events from that moment on, whether or not its runner has heard of it yet.
    func pending(for target: TargetID, limit: Int) async throws -> PendingDeliveries?
    /// - Parameter version: the target's, as the caller read it.
    /// - Returns: `false`, and nothing is written, when the target was changed since.
    func report(_ report: DeliveryReport, of target: TargetID, version: Int64) async throws -> Bool
    /// The Discord id that this person linked, if any.
    func discordID(of user: UserID) async throws -> String?
    /// The channels there are.
    func channels() async throws -> [ChannelName]
}
