package enum InstanceTag {}
/// One data folder, and so one server at a time: a restarted server has the same.
package typealias InstanceID = ID<InstanceTag>

/// What came of asking for a channel (design §4, Ownership).
package enum LeaseOutcome: Sendable, Equatable {
    /// It is ours, in this epoch and in no lower one. Nobody had this number before and nobody will again.
    case owned(epoch: Int64)
    /// Another instance owns it until then, by the database's clock, and may renew.
    case ownedByOther(InstanceID, until: WallTime)
}

/// Who owns a channel; implemented by `PostgresStore`. Spans count from the database's clock, which all owners share.
///
/// The epoch rises with each taking, and every write of the queue is conditional on it: of two servers that both believe
/// to be the owner, the one with the lower epoch finds out at its next write (invariant I1).
package protocol LeaseStore: Sendable {
    /// Takes the channel when nobody owns it, its lease is over, or `instance` owns it already (a server that was killed and
    /// started again).
    /// - Throws: `QueueStoreError.unknownChannel`, or what keeps the database away.
    func acquire(_ channel: ChannelName, as instance: InstanceID, for span: Duration) async throws -> LeaseOutcome
    /// Lengthens the lease to `span` from now, even one that is over while nobody else took it.
    /// - Returns: `false` when the channel was taken in a higher epoch: the caller must step down.
    func renew(
        _ channel: ChannelName, as instance: InstanceID, epoch: Int64, for span: Duration
    ) async throws -> Bool
    /// Ends the lease, so that another need not wait for it; harmless when it is lost already.
    func release(_ channel: ChannelName, as instance: InstanceID, epoch: Int64) async throws
}
