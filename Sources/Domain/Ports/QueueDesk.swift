/// The queue as pages and the API see it: names, never keys.
package struct QueueView: Sendable, Equatable, Encodable {
    package struct Entry: Sendable, Equatable, Encodable {
        package enum State: String, Sendable, Encodable { case onAir, waiting }

        package var id: EntryID
        package var user: UserID
        package var name: String
        package var state: State
        package var connected: Bool
        package var ready: Bool
        /// What is missing, in words; empty when ready.
        package var missing: [String]
        package var joinedAt: WallTime
        /// Set while the place of a dropped DJ is kept.
        package var graceUntil: WallTime?
        package var onAirSince: WallTime?
        /// Left of the slot as of `QueueView.at`; absent when waiting or unlimited. Never negative.
        package var remainingSeconds: Double?
        /// The slot clock runs: the output shows this DJ. While it does not, `remainingSeconds` stands still.
        package var clockRuns: Bool

        package init(
            id: EntryID, user: UserID, name: String, state: State, connected: Bool, ready: Bool, missing: [String],
            joinedAt: WallTime, graceUntil: WallTime?, onAirSince: WallTime?, remainingSeconds: Double?,
            clockRuns: Bool = false
        ) {
            self.id = id
            self.user = user
            self.name = name
            self.state = state
            self.connected = connected
            self.ready = ready
            self.missing = missing
            self.joinedAt = joinedAt
            self.graceUntil = graceUntil
            self.onAirSince = onAirSince
            self.remainingSeconds = remainingSeconds
            self.clockRuns = clockRuns
        }
    }

    /// What the programme's output shows now.
    package enum Showing: String, Sendable, Encodable { case dj, slate }

    package var channel: ChannelName
    package var version: Int64
    /// When this view was true; `remainingSeconds` counts from here.
    package var at: WallTime
    package var showing: Showing
    package var isOpen: Bool
    package var slotSeconds: Int?
    /// The entry on air first, then in order.
    package var entries: [Entry]

    package init(
        channel: ChannelName, version: Int64, at: WallTime, showing: Showing, isOpen: Bool, slotSeconds: Int?,
        entries: [Entry]
    ) {
        self.channel = channel
        self.version = version
        self.at = at
        self.showing = showing
        self.isOpen = isOpen
        self.slotSeconds = slotSeconds
        self.entries = entries
    }
}

package enum QueueCommandError: Error, Sendable, Equatable {
    case unknownChannel
    /// There is no such entry in the queue any more.
    case unknownEntry
    /// Nobody is on air or waiting.
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
    /// Ends the slot of whoever is on air, or, with `entry`, of that one only: a second click is then harmless.
    func skip(_ channel: ChannelName, entry: EntryID?) async throws(QueueCommandError) -> QueueView
    func change(
        _ channel: ChannelName, settings change: @escaping @Sendable (inout QueueSettings) -> Void
    ) async throws(QueueCommandError) -> QueueView
    /// Does an operator's act, or nothing when the queue is not at the version that was looked at.
    func perform(_ command: QueueCommand, on channel: ChannelName) async throws(QueueCommandError) -> QueueView
    func settings(of channel: ChannelName) async throws(QueueCommandError) -> QueueSettings
    /// Events from now on, in order, once stored; ends when the reader is too slow, who then resumes by the last id.
    func events(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<EventRecord>
}
