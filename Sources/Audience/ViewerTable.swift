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

    enum Closing { case left, idle, kicked }

    struct Session {
        var info: ViewerInfo
        var key: FileKey?
        var token: String?
        /// Ends the connection.
        var end: (@Sendable () -> Void)?
    }

    /// Whom nobody lets in for a while.
    enum Bar: Hashable {
        case token(String)
        case address(String)
    }

    private struct Place: Hashable {
        var channel: ChannelName
        var address: String
    }

    private struct Offer {
        var token: String
        var at: WallTime
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
    private var counts: [ChannelName: ViewerCount] = [:]
    private var estimates: [ChannelName: Int] = [:]
    /// Sessions with a token, by where they are.
    private var tokenPlaces: [Place: Int] = [:]
    private var slots: [ChannelName: Slot] = [:]
    /// The tokens that manifests last offered to whoever came without one.
    private var offers = RecentTable<FileKey, Offer>(capacity: 8192)
    private var bars = RecentTable<Bar, WallTime>(capacity: 8192)
    /// From where a list of a channel for some regions was read, and until when segments may be.
    private var passes = RecentTable<Place, WallTime>(capacity: 65_536)
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

    func isBarred(_ bar: Bar, now: WallTime) -> Bool { bars[bar].map { $0 > now } ?? false }

    /// Whether somebody at this address fetches files of the channel with a token.
    func hasTokenViewer(at address: String, of channel: ChannelName) -> Bool {
        tokenPlaces[Place(channel: channel, address: address)] != nil
    }

    func hasPass(_ address: String, of channel: ChannelName, now: WallTime) -> Bool {
        passes[Place(channel: channel, address: address)].map { $0 > now } ?? false
    }

    mutating func pass(_ address: String, of channel: ChannelName, until end: WallTime) {
        passes[Place(channel: channel, address: address)] = end
    }

    // MARK: Coming and going

    mutating func open(
        _ channel: ChannelName, _ kind: ViewerProtocol, key: FileKey?, token: String?, agent: String?, address: String,
        isEstimate: Bool, now: WallTime, end: (@Sendable () -> Void)?
    ) -> UInt64? {
        guard sessions.count < maximumSessions else {
            uncounted += 1
            return nil
        }
        lastNumber += 1
        let info = ViewerInfo(
            id: lastNumber, channel: channel, kind: kind, openedAt: now, lastSeenAt: now, bytes: 0, agent: agent,
            address: address, isEstimate: isEstimate)
        sessions[lastNumber] = Session(info: info, key: key, token: token, end: end)
        if let key { files[key] = lastNumber }
        if token != nil { tokenPlaces[Place(channel: channel, address: address), default: 0] += 1 }
        settleSlot(channel, now)
        var count = counts[channel] ?? ViewerCount()
        count.now += 1
        count.opened += 1
        count.byProtocol[kind, default: 0] += 1
        count.peak = max(count.peak, count.now)
        counts[channel] = count
        if isEstimate { estimates[channel, default: 0] += 1 }
        if let peak = slots[channel]?.peak { slots[channel]?.peak = max(peak, count.now) }
        return lastNumber
    }

    func number(of key: FileKey) -> UInt64? { files[key] }

    /// Remembers that `token` was offered to `key`.
    /// - Returns: whether one was offered within `limit` before and never used: whoever it is goes on without.
    mutating func offer(_ token: String, to key: FileKey, within limit: Duration, now: WallTime) -> Bool {
        let before = offers[key]
        offers[key] = Offer(token: token, at: now)
        guard let before, now - before.at <= limit else { return false }
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
    mutating func close(_ number: UInt64, _ how: Closing, now: WallTime) -> Session? {
        guard let session = sessions.removeValue(forKey: number) else { return nil }
        let info = session.info
        if let key = session.key { files[key] = nil }
        if session.token != nil { leave(Place(channel: info.channel, address: info.address)) }
        settleSlot(info.channel, now)
        if case .idle = how, var slot = slots[info.channel] {
            // They left when they were seen last; until now they counted.
            let excess = now - max(info.lastSeenAt, slot.since)
            slot.viewerSeconds = max(0, slot.viewerSeconds - Double(excess.wholeMilliseconds) / 1000)
            slots[info.channel] = slot
        }
        var count = counts[info.channel] ?? ViewerCount()
        count.now -= 1
        count.closed += 1
        count.byProtocol[info.kind, default: 1] -= 1
        if count.byProtocol[info.kind] == 0 { count.byProtocol[info.kind] = nil }
        switch how {
        case .left: break
        case .idle: count.closedIdle += 1
        case .kicked: count.kicked += 1
        }
        counts[info.channel] = count
        if info.isEstimate { estimates[info.channel, default: 1] -= 1 }
        return session
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

    /// Ends one session and bars whoever it was.
    /// An address that others share, because it is a proxy's, is not barred.
    mutating func sendAway(_ number: UInt64, of channel: ChannelName, until: WallTime, now: WallTime) -> Session? {
        guard let session = sessions[number], session.info.channel == channel else { return nil }
        if let token = session.token { bars[.token(token)] = until }
        if !session.info.isEstimate { bars[.address(session.info.address)] = until }
        return close(number, .kicked, now: now)
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
