package import Domain
package import Logging
import Metrics
import ServiceLifecycle
import Synchronization

/// Counts the viewers of every wrapping, hands out and checks their tokens, sends away whom an operator sends away, and keeps what
/// was watched of each slot.
///
/// Its ports are called on event loops, for every request of a file: one lock, held for dictionary operations. `run()` closes
/// sessions of viewers of files that asked for nothing any more, follows who is on air, and writes slots to the store; while that is
/// away up to `maximumPendingSlots` wait, then the oldest is given up and the log says so.
package final class AudienceService: Service, Sendable {
    package struct Configuration: Sendable {
        /// A viewer of files who asked for nothing for this long has left: longer than any wait between two playlists.
        package var idleLimit: Duration = .seconds(30)
        /// Sessions at once, of all channels.
        package var maximumSessions = 50_000
        /// Media is for those with a play token only.
        package var needsToken = false
        /// How long comings and goings gather before they are reported; `nil`: never.
        package var eventInterval: Duration? = .seconds(60)

        package init() {}
    }

    static let maximumPendingSlots = 100
    /// How long whoever was given a list may fetch segments that nobody says the region of: who plays asks for the list again
    /// every few seconds, who pauses once they go on.
    static let passSpan: Duration = .seconds(600)
    /// The same behind a proxy, which may be a cache: then others ask for the list, and we see little of a viewer after its first.
    static let proxiedPassSpan: Duration = .seconds(12 * 3600)

    let configuration: Configuration
    private let channels: [ChannelName]
    private let tokens: ViewerTokens
    private let pseudonyms: Pseudonyms
    private let queue: any QueueDesk
    private let store: any SlotViewingStore
    private let clock: any WallClock
    private let logger: Logger
    private let outputs: OutputSwitches
    private let regions: ChannelRegions
    private let report: @Sendable (ChannelName, ViewerReport) -> Void
    private let table: Mutex<ViewerTable>
    private let metrics: AudienceMetrics

    /// - Parameter report: told what viewers did, now and then; never waits.
    package init(
        configuration: Configuration = Configuration(), channels: [ChannelName], tokens: ViewerTokens,
        queue: any QueueDesk, store: any SlotViewingStore, clock: any WallClock, logger: Logger,
        outputs: OutputSwitches = OutputSwitches(), regions: ChannelRegions = ChannelRegions(),
        report: @escaping @Sendable (ChannelName, ViewerReport) -> Void = { _, _ in }
    ) {
        self.report = report
        self.outputs = outputs
        self.regions = regions
        self.configuration = configuration
        self.channels = channels
        self.tokens = tokens
        self.pseudonyms = tokens.pseudonyms()
        self.queue = queue
        self.store = store
        self.clock = clock
        self.logger = logger
        self.table = Mutex(ViewerTable(maximumSessions: configuration.maximumSessions))
        self.metrics = AudienceMetrics()
    }

    // MARK: The service

    package func run() async throws {
        let pending = PendingSlots(limit: Self.maximumPendingSlots)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for channel in channels { group.addTask { await self.follow(channel, into: pending) } }
            group.addTask { await self.tend(pending) }
            try? await gracefulShutdown()
            group.cancelAll()
            try await group.waitForAll()
        }
        for channel in channels {
            if let slot = table.withLock({ $0.slotEnded(on: channel, now: clock.now()) }) { pending.append(slot) }
        }
        await write(pending)
    }

    /// Follows who is on air by the queue's events. A stream that ended because we were slow is opened again.
    private func follow(_ channel: ChannelName, into pending: PendingSlots) async {
        while !Task.isCancelled {
            guard let events = try? await queue.events(of: channel), let view = try? await queue.view(of: channel)
            else {
                // The queue is going down.
                return
            }
            if let entry = view.entries.first(where: { $0.state == .onAir && $0.onAirSince != nil }) {
                pending.append(table.withLock { $0.slotStarted(entry.id, on: channel, now: clock.now()) })
            }
            for await event in events.cancelOnGracefulShutdown() {
                let now = clock.now()
                switch event.kind {
                case "onair.started":
                    guard let entry = Self.entry(in: event.payload) else { continue }
                    pending.append(table.withLock { $0.slotStarted(entry, on: channel, now: now) })
                case "onair.ended": pending.append(table.withLock { $0.slotEnded(on: channel, now: now) })
                default: continue
                }
                await write(pending)
            }
            // Never twice a moment, whatever ends the streams.
            try? await Task.sleep(for: .seconds(1))
        }
    }

    /// The `entry` field of an event's payload, which `EventPayload` wrote.
    static func entry(in payload: String) -> EntryID? {
        guard let range = payload.firstRange(of: #""entry":""#) else {
            guard let spaced = payload.firstRange(of: #""entry": ""#) else { return nil }
            return EntryID(String(payload[spaced.upperBound...].prefix { $0 != "\"" }))
        }
        return EntryID(String(payload[range.upperBound...].prefix { $0 != "\"" }))
    }

    private func tend(_ pending: PendingSlots) async {
        let interval = min(.seconds(5), configuration.idleLimit / 3)
        var (reported, recorded): ([ChannelName: ViewerCount], [ChannelName: ViewerCount]) = ([:], [:])
        var nextReport = clock.now() + (configuration.eventInterval ?? .zero)
        while (try? await Task.sleep(for: interval)) != nil {
            let now = clock.now()
            let counts = table.withLock { table in
                table.reap(idleSince: now - configuration.idleLimit, now: now)
                return channels.map { ($0, table.count(of: $0)) }
            }
            // Apart, so that nobody waits for both.
            table.withLock { $0.forget(now: now) }
            for (channel, count) in counts {
                metrics.record(count, since: recorded[channel] ?? ViewerCount(), of: channel)
                recorded[channel] = count
            }
            if let span = configuration.eventInterval, now >= nextReport {
                nextReport = now + span
                for (channel, count) in counts {
                    tell(count, since: reported[channel] ?? ViewerCount(), on: channel)
                    reported[channel] = count
                }
            }
            await write(pending)
        }
    }

    private func tell(_ count: ViewerCount, since before: ViewerCount, on channel: ChannelName) {
        var news = ViewerReport()
        news.viewers = count.now
        news.opened = Int(count.opened - before.opened)
        news.closed = Int(count.closed - before.closed)
        news.peak = count.peak > before.peak ? count.peak : nil
        if news.opened > 0 || news.closed > 0 || news.peak != nil { report(channel, news) }
    }

    private func write(_ pending: PendingSlots) async {
        while let slot = pending.first() {
            do {
                try await store.add(slot)
                pending.removeFirst(slot)
            } catch {
                if pending.takeLoss() {
                    logger.warning("what was watched of a slot is lost", metadata: ["error": "\(error)"])
                }
                return
            }
        }
    }
}

// MARK: Viewers with a connection of their own

extension AudienceService: StreamViewing {
    package func opened(_ viewer: StreamViewer, end: @escaping @Sendable () -> Void) -> StreamAdmission {
        let now = clock.now()
        if let refusal = stranger(viewer, now) { return refusal }
        return table.withLock { table in
            // Looked at under the lock: who comes while it is switched off is either seen here or ended by `end`.
            if let refusal = away(viewer, table, now) { return refusal }
            let number = table.open(
                viewer.channel, viewer.kind, key: nil, token: viewer.token, agent: viewer.agent,
                place: viewer.place, now: now, end: end)
            // 0: watches uncounted.
            return .admitted(number ?? 0)
        }
    }

    package func refusal(of viewer: StreamViewer) -> StreamAdmission? {
        let now = clock.now()
        return stranger(viewer, now) ?? table.withLock { away(viewer, $0, now) }
    }

    /// Who may not watch the channel at all: without the token it wants, or from where it is not offered.
    private func stranger(_ viewer: StreamViewer, _ now: WallTime) -> StreamAdmission? {
        if configuration.needsToken {
            let kind = viewer.token.flatMap { tokens.read($0, of: viewer.channel, now: now) }
            guard case .play = kind else { return .unauthorized(reason: Self.tokenNeeded) }
        }
        if let rule = regions.rule(of: viewer.channel), !rule.admits(viewer.region) {
            return .outside(reason: RegionRefusal.reason(for: viewer.region))
        }
        return nil
    }

    /// Who may not watch now, or not in this way.
    private func away(_ viewer: StreamViewer, _ table: borrowing ViewerTable, _ now: WallTime) -> StreamAdmission? {
        if table.isBarred(viewer.place, token: viewer.token, of: viewer.channel, now: now) {
            return .refused(reason: Self.sentAway)
        }
        return outputs.isOn(viewer.kind, of: viewer.channel) ? nil : .refused(reason: Self.switchedOff)
    }

    package func sent(_ bytes: Int, in session: StreamSessionNumber) {
        guard session != 0 else { return }
        table.withLock { $0.saw(session, bytes: bytes, now: clock.now()) }
        metrics.sent(bytes)
    }

    package func closed(_ session: StreamSessionNumber) {
        guard session != 0 else { return }
        _ = table.withLock { $0.close(session, .left, now: clock.now()) }
    }

    /// Ends the connections of who watches in one of these ways. Viewers of files have none: their next request is refused.
    package func end(_ outputs: Set<ViewerProtocol>, of channel: ChannelName) {
        for end in table.withLock({ $0.takeEndings(of: outputs, on: channel) }) { end() }
    }

    private static let switchedOff = "The channel is not offered in this way any more."
    private static let sentAway = "An operator of this channel sent you away: try again later."
    private static let tokenNeeded =
        "This channel is for invited viewers: use the address that its operator gave you, or ask for a new one."
}

// MARK: Viewers of files

extension AudienceService: DeliveryObserving {
    package func admit(_ request: DeliveryRequest) -> DeliveryAdmission {
        let now = clock.now()
        let kind = verified(request, now)
        let rule = regions.rule(of: request.channel)
        return table.withLock { table in
            if table.isBarred(request.place, token: request.token, of: request.channel, now: now) {
                return .refused(reason: Self.sentAway)
            }
            guard mayRead(request, kind, table) else { return .unauthorized(reason: Self.tokenNeeded) }
            guard let rule else { return .admitted }
            return admit(request, rule, &table, now)
        }
    }

    private func mayRead(
        _ request: DeliveryRequest, _ kind: ViewerTokens.Kind?, _ table: borrowing ViewerTable
    ) -> Bool {
        guard configuration.needsToken else { return true }
        if case .play = kind { return true }
        // Segments carry no token, so that caches can share them: whoever reads a playlist here may read them.
        return !request.kind.isList && table.hasTokenViewer(in: request.place.network, of: request.channel)
    }

    /// Lists are asked for with the region, which the list before puts on their addresses. Those of segments are the same for all
    /// and hold nothing of a viewer: where nobody says whence a request for one comes, whoever was given a list there may have it.
    private func admit(
        _ request: DeliveryRequest, _ rule: RegionRule, _ table: inout ViewerTable, _ now: WallTime
    ) -> DeliveryAdmission {
        if rule.admits(request.region) {
            if request.kind.isList, !rule.admits(nil) {
                let span = request.place.forwardedFor == nil ? Self.passSpan : Self.proxiedPassSpan
                table.pass(pseudonyms.of(request.place, on: request.channel), until: now + span)
            }
            return .admitted
        }
        let isPassing =
            request.region == nil && !request.kind.isList
            && table.hasPass(pseudonyms.of(request.place, on: request.channel), now: now)
        return isPassing ? .admitted : .outside(reason: RegionRefusal.reason(for: request.region))
    }

    package func token(for request: DeliveryRequest) -> String? {
        let token = tokens.viewer(of: request.channel)
        guard request.wrapping == .dash else { return token }
        let now = clock.now()
        var key = key(of: request, now)
        key.token = nil
        (key.address, key.agent) = (request.place.forwardedFor ?? request.place.address, request.agent)
        let pseudonym = pseudonyms.of(key)
        table.withLock { table in
            // Some players ask for a manifest at the same address for ever, whatever it tells them.
            let ignoresTokens = table.offer(token, to: key, pseudonym, for: configuration.idleLimit, now: now)
            guard ignoresTokens, table.number(of: key) == nil else { return }
            _ = table.open(
                request.channel, .dash, key: key, token: nil, agent: request.agent, place: request.place,
                now: now, end: nil)
        }
        return token
    }

    package func delivered(_ request: DeliveryRequest, bytes: Int) {
        let now = clock.now()
        let key = key(of: request, now)
        metrics.sent(bytes)
        table.withLock { table in
            if let number = table.number(of: key) { return table.saw(number, bytes: bytes, now: now) }
            switch request.kind {
            case .mediaPlaylist:
                let number = table.open(
                    request.channel, request.wrapping, key: key, unnamed: key.token == nil ? nil : unnamed(request),
                    token: key.token, agent: request.agent, place: request.place, now: now, end: nil)
                if let number { table.saw(number, bytes: bytes, now: now) }
            // Players fetch files on connections of their own, too. Who never asked for a playlist here does so for a cache.
            case .initialization, .segment, .part:
                table.sent(bytes, toFilesOf: unnamed(request))
            // Who looks at the list of renditions does not watch yet.
            case .multivariantPlaylist: break
            }
        }
    }

    /// A token that is none of ours tells nobody apart. Behind a proxy one token may be in many hands, because the multivariant
    /// playlist was cached with it: there the address it forwards for tells them apart.
    private func key(of request: DeliveryRequest, _ now: WallTime) -> ViewerTable.FileKey {
        let kind = verified(request, now)
        var key = ViewerTable.FileKey(
            channel: request.channel, kind: request.wrapping, token: nil, address: "", agent: nil)
        if kind != nil { key.token = request.token }
        if kind != .viewer || request.place.forwardedFor != nil {
            key.address = request.place.forwardedFor ?? request.place.address
            key.agent = request.agent
        }
        return key
    }

    /// The viewer of a request as far as it can be told without a token.
    private func unnamed(_ request: DeliveryRequest) -> ViewerTable.FileKey {
        ViewerTable.FileKey(
            channel: request.channel, kind: request.wrapping, token: nil,
            address: request.place.forwardedFor ?? request.place.address, agent: request.agent)
    }

    private func verified(_ request: DeliveryRequest, _ now: WallTime) -> ViewerTokens.Kind? {
        request.token.flatMap { tokens.read($0, of: request.channel, now: now) }
    }
}

// MARK: Operators

extension AudienceService: ViewerDesk {
    package func count(of channel: ChannelName) -> ViewerCount { table.withLock { $0.count(of: channel) } }

    package func viewers(of channel: ChannelName, limit: Int) -> [ViewerInfo] {
        table.withLock { $0.viewers(of: channel, limit: limit) }
    }

    package func closedViewers(of channel: ChannelName) -> [ClosedViewer] {
        table.withLock { $0.closedViewers(of: channel) }
    }

    package func sendAway(_ id: UInt64, of channel: ChannelName, for span: Duration) -> ViewerSentAway? {
        let now = clock.now()
        guard let (gone, ends) = table.withLock({ $0.sendAway(id, of: channel, until: now + span, now: now) })
        else { return nil }
        for end in ends { end() }
        if configuration.eventInterval != nil {
            var news = ViewerReport()
            news.kicked = [.init(kind: gone.viewer.kind, seconds: Int(span.components.seconds))]
            report(channel, news)
        }
        return gone
    }

    package func playToken(for channel: ChannelName, lasting span: Duration) -> String {
        tokens.play(channel, expires: clock.now() + span)
    }

    package var needsToken: Bool { configuration.needsToken }

    package func isPlayToken(_ token: String, for channel: ChannelName) -> Bool {
        if case .play = tokens.read(token, of: channel, now: clock.now()) { return true }
        return false
    }
}
