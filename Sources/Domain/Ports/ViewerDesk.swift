/// One viewer's session, as an operator sees it.
package struct ViewerInfo: Sendable, Equatable {
    /// Of this server's run.
    package var id: UInt64
    package var channel: ChannelName
    package var kind: ViewerProtocol
    package var openedAt: WallTime
    /// The last byte of a stream that was counted, the last file of HLS or DASH.
    package var lastSeenAt: WallTime
    /// Of body, without what the transport adds.
    package var bytes: Int64
    package var agent: String?
    /// Kept as long as the session and no longer.
    package var address: String
    /// It came through a cache or proxy, so that it may stand for more viewers than one.
    package var isEstimate: Bool

    package init(
        id: UInt64, channel: ChannelName, kind: ViewerProtocol, openedAt: WallTime, lastSeenAt: WallTime, bytes: Int64,
        agent: String?, address: String, isEstimate: Bool
    ) {
        self.id = id
        self.channel = channel
        self.kind = kind
        self.openedAt = openedAt
        self.lastSeenAt = lastSeenAt
        self.bytes = bytes
        self.agent = agent
        self.address = address
        self.isEstimate = isEstimate
    }
}

/// How many watch a channel, and how many did since the server started.
package struct ViewerCount: Sendable, Equatable {
    package var now = 0
    /// Some of them came through a cache or proxy: there may be more.
    package var isEstimate = false
    package var byProtocol: [ViewerProtocol: Int] = [:]
    /// The most at once since the server started.
    package var peak = 0
    /// `opened - closed` is `now`.
    package var opened: Int64 = 0
    package var closed: Int64 = 0
    /// Of those closed: they asked for nothing any more.
    package var closedIdle: Int64 = 0
    /// Of those closed: an operator sent them away.
    package var kicked: Int64 = 0

    package init() {}
}

/// What was watched of one slot.
package struct SlotViewing: Sendable, Equatable {
    package var entry: EntryID
    /// The most at once.
    package var peak: Int
    /// Seconds watched, of all viewers together.
    package var viewerSeconds: Double
    /// How long the slot was counted.
    package var airSeconds: Double

    package init(entry: EntryID, peak: Int, viewerSeconds: Double, airSeconds: Double) {
        self.entry = entry
        self.peak = peak
        self.viewerSeconds = viewerSeconds
        self.airSeconds = airSeconds
    }
}

/// The viewers as the API uses them; implemented by `Audience`. Any thread; never waits.
package protocol ViewerDesk: Sendable {
    func count(of channel: ChannelName) -> ViewerCount
    /// The oldest first; at most `limit`.
    func viewers(of channel: ChannelName, limit: Int) -> [ViewerInfo]
    /// Ends a session and keeps whoever it was out for `span`: their token, and their address where it is their own.
    /// - Returns: `nil` when there is no such session.
    func sendAway(_ id: UInt64, of channel: ChannelName, for span: Duration) -> ViewerInfo?
    /// Something to watch `channel` with, for who has no account: for URLs in playlists.
    /// - Parameter span: how long it lasts.
    func playToken(for channel: ChannelName, lasting span: Duration) -> String
    /// Whether a channel's media is for those with a play token only.
    var needsToken: Bool { get }
    /// Whether `token` lets in to `channel` now.
    func isPlayToken(_ token: String, for channel: ChannelName) -> Bool
}

/// Stores what was watched of a slot with its entry; implemented by `PostgresStore`.
package protocol SlotViewingStore: Sendable {
    /// Adds to what is stored: a DJ who dropped and came back has one entry and several spans.
    func add(_ viewing: SlotViewing) async throws
}

/// Nobody counts, and everybody may watch.
package struct NoViewerDesk: ViewerDesk {
    package init() {}
    package func count(of channel: ChannelName) -> ViewerCount { ViewerCount() }
    package func viewers(of channel: ChannelName, limit: Int) -> [ViewerInfo] { [] }
    package func sendAway(_ id: UInt64, of channel: ChannelName, for span: Duration) -> ViewerInfo? { nil }
    package func playToken(for channel: ChannelName, lasting span: Duration) -> String { "" }
    package var needsToken: Bool { false }
    package func isPlayToken(_ token: String, for channel: ChannelName) -> Bool { false }
}
