import Domain

/// Who watches, in sessions, with everything that is counted of them. A value without clock or lock; `AudienceService` guards it.
///
/// Two kinds of viewers: those with a connection of their own, whose session is the connection, and those who fetch files, whose
/// session is their token (without one: their address and agent) and ends when they have asked for nothing for a while.
struct ViewerTable {
    /// What tells a viewer of files from the others.
    struct FileKey: Hashable {
        var channel: ChannelName
        var kind: ViewerProtocol
        /// `nil`: told apart by address and agent alone.
        var token: String?
        var address: String
        var agent: String?
    }

    struct Session {
        var info: ViewerInfo
        var key: FileKey?
        /// `key` without its token: address and agent.
        var unnamed: FileKey?
        var token: String?
        var network: PeerNetwork
        /// Ends the connection.
        var end: (@Sendable () -> Void)?
    }

    /// Whom a channel lets in no more for a while.
    private struct Bar: Hashable {
        enum Mark: Hashable {
            case token(String)
            case network(PeerNetwork)
        }

        var channel: ChannelName
        var mark: Mark
    }

    private struct Place: Hashable {
        var channel: ChannelName
        var network: PeerNetwork
    }

    private struct Offer {
        var token: String
        /// Until when using it tells whose it is.
        var end: WallTime
    }

    private struct Slot {
        var entry: EntryID
        var since: WallTime
        var peak: Int
        var viewerSeconds = 0.0
        /// Up to when `viewerSeconds` is counted.
        var counted: WallTime
    }

    /// Sessions at once; who comes beyond watches uncounted.
    let maximumSessions: Int
    private var sessions: [UInt64: Session] = [:]
    private var files: [FileKey: UInt64] = [:]
    /// The newest session with a token of each address and agent: files have no token in their names.
    private var newest: [FileKey: UInt64] = [:]
    private var counts: [ChannelName: ViewerCount] = [:]
    private var estimates: [ChannelName: Int] = [:]
    /// Sessions with a token, by where they are.
    private var tokenPlaces: [Place: Int] = [:]
    private var slots: [ChannelName: Slot] = [:]
    /// The tokens that manifests last offered to whoever came without one.
    private var offers = RecentTable<Pseudonym, Offer>(capacity: 8192)
    private var bars = RecentTable<Bar, WallTime>(capacity: 8192)
    /// From where a list of a channel for some regions was read, and until when segments may be.
    private var passes = RecentTable<Pseudonym, WallTime>(capacity: 65_536)
    /// The newest sessions that are over, in a ring; `nextOver` is the place of the next.
    private var over: [ClosedViewer] = []
    private var nextOver = 0
    private static let maximumOver = 64
    private var lastNumber: UInt64 = 0
    /// Those who came beyond the bound, since the start.
    private(set) var uncounted: Int64 = 0

    init(maximumSessions: Int) { self.maximumSessions = maximumSessions }

    // MARK: Reading

    func count(of channel: ChannelName) -> ViewerCount {
        var count = counts[channel] ?? ViewerCount()
        count.isEstimate = estimates[channel, default: 0] > 0
        return count
    }

    var channels: [ChannelName] { Array(counts.keys) }

    func viewers(of channel: ChannelName, limit: Int) -> [ViewerInfo] {
        let numbers = sessions.values.lazy.filter { $0.info.channel == channel }.map(\.info.id).sorted().prefix(limit)
        return numbers.compactMap { sessions[$0]?.info }
    }

    /// The last first.
    func closedViewers(of channel: ChannelName) -> [ClosedViewer] {
        (over.dropFirst(nextOver) + over.prefix(nextOver)).reversed().filter { $0.channel == channel }
    }

    func isBarred(_ place: ViewerPlace, token: String?, of channel: ChannelName, now: WallTime) -> Bool {
        // Nearly always, and asked for every file.
        guard bars.count > 0 else { return false }
        func holds(_ mark: Bar.Mark) -> Bool { bars[Bar(channel: channel, mark: mark)].map { $0 > now } ?? false }
        return holds(.network(place.network)) || token.map { holds(.token($0)) } ?? false
    }

    /// Whether somebody in this network fetches files of the channel with a token.
    func hasTokenViewer(in network: PeerNetwork, of channel: ChannelName) -> Bool {
        tokenPlaces[Place(channel: channel, network: network)] != nil
    }

    func hasPass(_ place: Pseudonym, now: WallTime) -> Bool { passes[place].map { $0 > now } ?? false }

    mutating func pass(_ place: Pseudonym, until end: WallTime) { passes[place] = end }

    /// What is remembered of viewers without a session; for tests.
    var remembered: Int { passes.count + offers.count + bars.count }

    // MARK: Coming and going

    mutating func open(
        _ channel: ChannelName, _ kind: ViewerProtocol, key: FileKey?, unnamed: FileKey? = nil, token: String?,
        agent: String?,
        place: ViewerPlace, now: WallTime, end: (@Sendable () -> Void)?
    ) -> UInt64? {
        guard sessions.count < maximumSessions else {
            uncounted += 1
            return nil
        }
        lastNumber += 1
        // A connection of its own is one viewer, whatever stands between.
        let isEstimate = key != nil && place.isEstimate
        let info = ViewerInfo(
            id: lastNumber, channel: channel, kind: kind, openedAt: now, lastSeenAt: now, bytes: 0, agent: agent,
            address: place.address, isAddressCertain: place.isCertain, isEstimate: isEstimate)
        let network = place.network
        sessions[lastNumber] = Session(
            info: info, key: key, unnamed: unnamed, token: token, network: network, end: end)
        if let key { files[key] = lastNumber }
        if let unnamed { newest[unnamed] = lastNumber }
        if token != nil { tokenPlaces[Place(channel: channel, network: network), default: 0] += 1 }
        settleSlot(channel, now)
        counts[channel, default: ViewerCount()].open(kind)
        if isEstimate { estimates[channel, default: 0] += 1 }
        if let peak = slots[channel]?.peak { slots[channel]?.peak = max(peak, counts[channel]?.now ?? 0) }
        return lastNumber
    }

    func number(of key: FileKey) -> UInt64? { files[key] }

    /// Counts what `key`, without a token, was sent: of several with one address and agent it is the newest's. It keeps nobody's session
    /// open, since it may be another's.
    mutating func sent(_ bytes: Int, toFilesOf key: FileKey) {
        if let number = newest[key] { sessions[number]?.info.bytes += Int64(bytes) }
    }

    /// Remembers for `span` that `token` was offered to `key`.
    /// - Parameter pseudonym: of `key`.
    /// - Returns: whether one was offered before that is still remembered and was never used: whoever it is goes on without.
    mutating func offer(
        _ token: String, to key: FileKey, _ pseudonym: Pseudonym, for span: Duration, now: WallTime
    ) -> Bool {
        let before = offers[pseudonym]
        offers[pseudonym] = Offer(token: token, end: now + span)
        guard let before, before.end >= now else { return false }
        var (direct, forwarded) = (key, key)
        direct.token = before.token
        forwarded.token = before.token
        (direct.address, direct.agent) = ("", nil)
        return files[direct] == nil && files[forwarded] == nil
    }

    mutating func saw(_ number: UInt64, bytes: Int, now: WallTime) {
        sessions[number]?.info.bytes += Int64(bytes)
        sessions[number]?.info.lastSeenAt = now
    }

    @discardableResult
    mutating func close(_ number: UInt64, _ how: ClosedViewer.Reason, now: WallTime) -> Session? {
        guard let session = sessions.removeValue(forKey: number) else { return nil }
        let info = session.info
        if let key = session.key { files[key] = nil }
        if let unnamed = session.unnamed, newest[unnamed] == number { newest[unnamed] = nil }
        if session.token != nil { leave(Place(channel: info.channel, network: session.network)) }
        settleSlot(info.channel, now)
        if case .idle = how, var slot = slots[info.channel] {
            // They left when they were seen last; until now they counted.
            let excess = now - max(info.lastSeenAt, slot.since)
            slot.viewerSeconds = max(0, slot.viewerSeconds - Double(excess.wholeMilliseconds) / 1000)
            slots[info.channel] = slot
        }
        counts[info.channel, default: ViewerCount()].close(info.kind, how)
        if info.isEstimate { estimates[info.channel, default: 1] -= 1 }
        remember(ClosedViewer(info, closedAt: now, reason: how))
        return session
    }

    private mutating func remember(_ viewer: ClosedViewer) {
        if over.count < Self.maximumOver { over.append(viewer) } else { over[nextOver] = viewer }
        nextOver = (nextOver + 1) % Self.maximumOver
    }

    private mutating func leave(_ place: Place) {
        let left = tokenPlaces[place, default: 1] - 1
        tokenPlaces[place] = left > 0 ? left : nil
    }

    /// Closes the viewers of files who asked for nothing since `limit` before `now`.
    mutating func reap(idleSince limit: WallTime, now: WallTime) {
        let gone = sessions.values.filter { $0.key != nil && $0.info.lastSeenAt < limit }.map(\.info.id)
        for number in gone { close(number, .idle, now: now) }
    }

    /// Forgets what is over of all that is remembered of viewers without a session.
    mutating func forget(now: WallTime) {
        passes.removeAll { $0 <= now }
        offers.removeAll { $0.end < now }
        bars.removeAll { $0 <= now }
    }

    /// Bars whose session it is, and closes each session of the channel that nobody would let in any more.
    /// An address that others may share, because it is a proxy's, is not barred.
    /// - Returns: whom to tell of it, and what ends the connections.
    mutating func sendAway(
        _ number: UInt64, of channel: ChannelName, until: WallTime, now: WallTime
    ) -> (gone: ViewerSentAway, ends: [@Sendable () -> Void])? {
        guard let named = sessions[number], named.info.channel == channel else { return nil }
        let network = named.info.isAddressCertain && named.network != .unknown ? named.network : nil
        if let token = named.token { bars[Bar(channel: channel, mark: .token(token))] = until }
        if let network { bars[Bar(channel: channel, mark: .network(network))] = until }
        let others = sessions.values.filter {
            $0.info.channel == channel && $0.info.id != number
                && ($0.network == network || ($0.token != nil && $0.token == named.token))
        }
        // The named one last, so that it is the first of those who left.
        let closed = (others.map(\.info.id).sorted() + [number]).compactMap { close($0, .kicked, now: now) }
        let gone = ViewerSentAway(viewer: named.info, ended: closed.count, isAddressBarred: network != nil)
        return (gone, closed.compactMap(\.end))
    }

    /// Takes what ends the connections of a channel's viewers who watch in one of these ways; each is given away once.
    mutating func takeEndings(of outputs: Set<ViewerProtocol>, on channel: ChannelName) -> [@Sendable () -> Void] {
        guard !outputs.isEmpty else { return [] }
        let watching = sessions.values.filter { $0.info.channel == channel && outputs.contains($0.info.kind) }
        return watching.compactMap { session in
            sessions[session.info.id]?.end = nil
            return session.end
        }
    }

    // MARK: Slots

    mutating func slotStarted(_ entry: EntryID, on channel: ChannelName, now: WallTime) -> SlotViewing? {
        let before = slotEnded(on: channel, now: now)
        slots[channel] = Slot(entry: entry, since: now, peak: counts[channel]?.now ?? 0, counted: now)
        return before
    }

    mutating func slotEnded(on channel: ChannelName, now: WallTime) -> SlotViewing? {
        settleSlot(channel, now)
        guard let slot = slots.removeValue(forKey: channel) else { return nil }
        return SlotViewing(
            entry: slot.entry, peak: slot.peak, viewerSeconds: slot.viewerSeconds,
            airSeconds: Double((now - slot.since).wholeMilliseconds) / 1000)
    }

    /// Counts the running slot's seconds up to now, before the number of viewers changes.
    private mutating func settleSlot(_ channel: ChannelName, _ now: WallTime) {
        guard var slot = slots[channel] else { return }
        let span = max(0, Double((now - slot.counted).wholeMilliseconds) / 1000)
        slot.viewerSeconds += span * Double(counts[channel]?.now ?? 0)
        slot.counted = max(now, slot.counted)
        slots[channel] = slot
    }
}
