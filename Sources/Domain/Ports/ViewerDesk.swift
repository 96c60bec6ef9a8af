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
    /// Nobody but the viewer has it, as far as one can know.
    package var isAddressCertain: Bool
    /// It came through a cache or proxy, so that it may stand for more viewers than one.
    package var isEstimate: Bool

    package init(
        id: UInt64, channel: ChannelName, kind: ViewerProtocol, openedAt: WallTime, lastSeenAt: WallTime, bytes: Int64,
        agent: String?, address: String, isAddressCertain: Bool, isEstimate: Bool
    ) {
        self.id = id
        self.channel = channel
        self.kind = kind
        self.openedAt = openedAt
        self.lastSeenAt = lastSeenAt
        self.bytes = bytes
        self.agent = agent
        self.address = address
        self.isAddressCertain = isAddressCertain
        self.isEstimate = isEstimate
    }
}

/// A session that is over, without the address it came from.
package struct ClosedViewer: Sendable, Equatable {
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        /// Their connection ended, or the server ended it for another reason than an operator's word.
        case left
        /// They asked for nothing any more.
        case idle
        /// An operator sent them away.
        case kicked
    }

    package var id: UInt64
    package var channel: ChannelName
    package var kind: ViewerProtocol
    package var openedAt: WallTime
    package var lastSeenAt: WallTime
    package var closedAt: WallTime
    package var bytes: Int64
    package var agent: String?
    package var reason: Reason

    package init(_ info: ViewerInfo, closedAt: WallTime, reason: Reason) {
        (id, channel, kind) = (info.id, info.channel, info.kind)
        (openedAt, lastSeenAt, self.closedAt) = (info.openedAt, info.lastSeenAt, closedAt)
        (bytes, agent, self.reason) = (info.bytes, info.agent, reason)
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
    package private(set) var openedBy: [ViewerProtocol: Int64] = [:]
    package private(set) var closedBy: [Ending: Int64] = [:]

    package struct Ending: Sendable, Hashable {
        package var kind: ViewerProtocol
        package var reason: ClosedViewer.Reason

        package init(kind: ViewerProtocol, reason: ClosedViewer.Reason) {
            self.kind = kind
            self.reason = reason
        }
    }

    package init() {}

    /// `opened - closed` is `now`.
    package var opened: Int64 { openedBy.values.reduce(0, +) }
    package var closed: Int64 { closedBy.values.reduce(0, +) }

    package func closed(for reason: ClosedViewer.Reason) -> Int64 {
        closedBy.reduce(0) { $1.key.reason == reason ? $0 + $1.value : $0 }
    }

    package mutating func open(_ kind: ViewerProtocol) {
        now += 1
        peak = max(peak, now)
        byProtocol[kind, default: 0] += 1
        openedBy[kind, default: 0] += 1
    }

    package mutating func close(_ kind: ViewerProtocol, _ reason: ClosedViewer.Reason) {
        now -= 1
        byProtocol[kind, default: 1] -= 1
        if byProtocol[kind] == 0 { byProtocol[kind] = nil }
        closedBy[Ending(kind: kind, reason: reason), default: 0] += 1
    }
}

/// What became of an operator's word that a viewer is to go.
package struct ViewerSentAway: Sendable, Equatable {
    /// Whom the operator named.
    package var viewer: ViewerInfo
    /// Sessions that ended by it, theirs and whichever else the bar covers; 1 at least.
    package var ended: Int
    /// `false`: their address is a proxy's, or may be one's, so it is let in; only their token is not, if they had one.
    package var isAddressBarred: Bool

    package init(viewer: ViewerInfo, ended: Int, isAddressBarred: Bool) {
        self.viewer = viewer
        self.ended = ended
        self.isAddressBarred = isAddressBarred
    }
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
    /// The newest of the sessions that are over, the last first; some dozens are remembered.
    func closedViewers(of channel: ChannelName) -> [ClosedViewer]
    /// Keeps whose session it is out of the channel for `span`, by their token, and by their address (`PeerNetwork`) where it is
    /// their own; ends the session and every other that this covers.
    /// - Returns: `nil` when there is no such session.
    func sendAway(_ id: UInt64, of channel: ChannelName, for span: Duration) -> ViewerSentAway?
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
    package func closedViewers(of channel: ChannelName) -> [ClosedViewer] { [] }
    package func sendAway(_ id: UInt64, of channel: ChannelName, for span: Duration) -> ViewerSentAway? { nil }
    package func playToken(for channel: ChannelName, lasting span: Duration) -> String { "" }
    package var needsToken: Bool { false }
    package func isPlayToken(_ token: String, for channel: ChannelName) -> Bool { false }
}
