package enum QueueCommandError: Error, Sendable, Equatable {
    case unknownChannel
    /// There is no such entry in the queue any more.
    case unknownEntry
    /// Nobody is on air.
    case nobodyOnAir
    /// A value outside its range; names the setting and the range.
    case invalidSetting(String)
    /// The server is going down.
    case stopping
    /// The queue has moved since the caller looked (`QueueCommand.expectedVersion`): nothing was done. The present state.
    indirect case versionConflict(present: QueueView)
    /// A rule forbids it now; one sentence that says why.
    case refused(String)
}

/// The queue as pages, the API and the command line use it; implemented by `Queueing`.
package protocol QueueDesk: Sendable {
    func view(of channel: ChannelName) async throws(QueueCommandError) -> QueueView
    /// The present view at once, then one after each change; slow readers get the newest only.
    func views(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<QueueView>
    /// Does one act and returns the queue after it. An act that would change nothing succeeds, moves no version and writes
    /// no line into the audit log; so a second click is harmless.
    func perform(_ command: QueueCommand, on channel: ChannelName) async throws(QueueCommandError) -> QueueView
    func settings(of channel: ChannelName) async throws(QueueCommandError) -> QueueSettings
    /// The events from now on, each after its move was committed, in order and without a gap. A reader who is too slow has
    /// the stream ended: it reads on from the event log after the last id it got. While the database is away none come.
    func events(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<EventRecord>
}
