import Audience
import Cryptography
import Domain
import Logging
import Synchronization
import TestKit
import Testing

/// Sessions, tokens, kicks and slots; time is the test's own.
@Suite struct AudienceTests {
    private final class Clock: WallClock {
        private let time = Mutex(WallTime(milliseconds: 1_800_000_000_000))
        func now() -> WallTime { time.withLock { $0 } }
        func advance(_ span: Duration) { time.withLock { $0 = $0 + span } }
    }

    private struct Refused: Error {}

    private struct NoStore: SlotViewingStore {
        func add(_ viewing: SlotViewing) async throws {}
    }

    private let clock = Clock()

    private func tokens(secret: String = "a secret of the server") -> ViewerTokens {
        ViewerTokens(secret: Secret(secret), authentication: SHA256Authentication(), random: SystemRandomBytes())
    }

    private func audience(
        needsToken: Bool = false, maximumSessions: Int = 100, regions: ChannelRegions = ChannelRegions()
    ) -> AudienceService {
        var configuration = AudienceService.Configuration()
        configuration.needsToken = needsToken
        configuration.maximumSessions = maximumSessions
        return AudienceService(
            configuration: configuration, channels: [.main], tokens: tokens(), queue: FakeQueueDesk(), store: NoStore(),
            clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, regions: regions)
    }

    private func request(
        _ kind: DeliveredKind, token: String? = nil, address: String = "192.0.2.1", isCertain: Bool = true,
        forwardedFor: String? = nil
    ) -> DeliveryRequest {
        DeliveryRequest(
            channel: .main, kind: kind, name: "x", token: token, agent: "player",
            place: ViewerPlace(address: address, isCertain: isCertain, forwardedFor: forwardedFor))
    }

    private func stream(_ address: String = "192.0.2.9", token: String? = nil) -> StreamViewer {
        StreamViewer(
            channel: .main, kind: .transportStream, token: token, agent: "vlc", place: ViewerPlace(address: address))
    }

    // MARK: Who left

    @Test func remembersHowTheLastOnesWatchedAndWhyTheyEndedWithoutTheirAddress() throws {
        let audience = audience()
        guard case .admitted(let first) = audience.opened(stream(), end: {}),
            case .admitted(let second) = audience.opened(stream("192.0.2.10"), end: {})
        else { throw Refused() }
        clock.advance(.seconds(3))
        audience.sent(700, in: first)
        audience.closed(first)
        _ = audience.sendAway(second, of: .main, for: .seconds(60))
        let closed = audience.closedViewers(of: .main)
        #expect(closed.map(\.id) == [second, first])
        #expect(closed.map(\.reason) == [.kicked, .left])
        #expect(closed.map(\.bytes) == [0, 700])
        #expect(closed.allSatisfy { $0.closedAt == clock.now() && $0.closedAt - $0.openedAt == .seconds(3) })
        #expect(!closed.map { "\($0)" }.joined().contains("192.0.2"))
    }

    @Test func remembersTheNewestOnly() throws {
        let audience = audience()
        for _ in 0..<71 {
            guard case .admitted(let number) = audience.opened(stream(), end: {}) else { throw Refused() }
            audience.closed(number)
        }
        let closed = audience.closedViewers(of: .main).map(\.id)
        #expect(closed == Array((8...71).reversed()))
    }

    // MARK: Regions

    private func regions(allowed: [String] = [], blocked: [String] = []) -> ChannelRegions {
        var listing = ChannelListing()
        (listing.allowedRegions, listing.blockedRegions) = (allowed, blocked)
        let regions = ChannelRegions()
        regions.set([.main: listing])
        return regions
    }

    @Test func whoIsOutsideGetsNoStreamAndWhoHasNoTokenIsAskedForItFirst() {
        func answer(_ audience: AudienceService, _ region: String?) -> StreamAdmission? {
            var viewer = stream()
            viewer.region = region.flatMap { Region($0) }
            let opened = audience.opened(viewer, end: {})
            let refusal = audience.refusal(of: viewer)
            if case .admitted = opened {
                #expect(refusal == nil)
                return nil
            }
            #expect(opened == refusal)
            return opened
        }
        let some = audience(regions: regions(allowed: ["GB", "IE"], blocked: ["IE"]))
        #expect(answer(some, "GB") == nil)
        #expect(answer(some, "IE") == .outside(reason: "This channel is not offered in your region."))
        #expect(answer(some, "US") == .outside(reason: "This channel is not offered in your region."))
        #expect(
            answer(some, nil)
                == .outside(reason: "This channel is for viewers in some regions only, and yours is not known."))
        #expect(some.count(of: .main).now == 1)
        let most = audience(regions: regions(blocked: ["US"]))
        #expect(answer(most, nil) == nil && answer(most, "GB") == nil && answer(most, "US") != nil)
        guard case .unauthorized = answer(audience(needsToken: true, regions: regions(allowed: ["GB"])), "US") else {
            Issue.record("not asked for a token")
            return
        }
    }

    private func admits(
        _ audience: AudienceService, _ kind: DeliveredKind, _ region: String? = nil, token: String? = nil,
        address: String = "192.0.2.1"
    ) -> Bool {
        var request = request(kind, token: token, address: address)
        request.region = region.flatMap { Region($0) }
        return audience.admit(request) == .admitted
    }

    /// Lists say the region each time; a token of one's own is no pass. Segments' addresses cannot say it.
    @Test func segmentsOfWhichNobodySaysTheRegionAreForWhoeverWasGivenAListThere() {
        let audience = audience(regions: regions(allowed: ["GB"]))
        let token = audience.token(for: request(.multivariantPlaylist))
        #expect(!admits(audience, .multivariantPlaylist) && !admits(audience, .mediaPlaylist, token: token))
        #expect(!admits(audience, .segment) && !admits(audience, .part, token: token))
        #expect(admits(audience, .multivariantPlaylist, "GB"))
        #expect(admits(audience, .segment) && admits(audience, .part) && admits(audience, .initialization))
        #expect(!admits(audience, .mediaPlaylist, token: token) && !admits(audience, .segment, "US"))
        #expect(!admits(audience, .segment, address: "192.0.2.2"))
        clock.advance(.seconds(600))
        #expect(!admits(audience, .segment))
    }

    /// A cache asks for the list on behalf of others.
    @Test func behindAProxyWhoeverWasGivenAListMayHaveSegmentsForLong() {
        let audience = audience(regions: regions(allowed: ["GB"]))
        var list = request(.multivariantPlaylist, address: "198.51.100.1", forwardedFor: "198.51.100.1")
        list.region = Region("GB")
        let segment = request(.segment, address: "198.51.100.1", forwardedFor: "198.51.100.1")
        #expect(audience.admit(list) == .admitted)
        clock.advance(.seconds(12 * 3600 - 1))
        #expect(audience.admit(segment) == .admitted)
        clock.advance(.seconds(1))
        #expect(audience.admit(segment) != .admitted)
    }

    @Test func aBlockedRegionIsOutsideAndWhoeverNobodyKnowsIsNot() {
        let audience = audience(regions: regions(blocked: ["US"]))
        #expect(admits(audience, .multivariantPlaylist) && admits(audience, .segment))
        #expect(!admits(audience, .multivariantPlaylist, "US") && !admits(audience, .segment, "US"))
    }

    @Test func aListingsRegionsHoldFromWhenTheyAreSet() {
        let regions = ChannelRegions()
        let audience = audience(regions: regions)
        #expect(admits(audience, .mediaPlaylist, "US"))
        var listing = ChannelListing()
        listing.allowedRegions = ["GB"]
        regions.set([.main: listing])
        #expect(!admits(audience, .mediaPlaylist, "US"))
        regions.set([.main: ChannelListing()])
        #expect(admits(audience, .mediaPlaylist, "US") && regions.rule(of: .main) == nil)
    }

    // MARK: Tokens

    @Test func aTokenIsOfOneChannelAndOneServerAndUnchanged() throws {
        let (tokens, now) = (tokens(), clock.now())
        let other = try #require(ChannelName("other"))
        let viewer = tokens.viewer(of: .main)
        let play = tokens.play(.main, expires: now + .seconds(100))
        #expect(tokens.read(viewer, of: .main, now: now) == .viewer)
        #expect(tokens.read(play, of: .main, now: now) == .play(expires: now.milliseconds / 1000 + 100))
        for token in [viewer, play] {
            #expect(tokens.read(token, of: other, now: now) == nil)
            #expect(self.tokens(secret: "another secret").read(token, of: .main, now: now) == nil)
            for index in token.indices {
                var changed = token
                changed.replaceSubrange(index...index, with: token[index] == "A" ? "B" : "A")
                #expect(tokens.read(changed, of: .main, now: now) == nil)
            }
            #expect(token.utf8.allSatisfy { $0 < 0x7F && $0 > 0x20 } && !token.contains("/"))
        }
        #expect(tokens.read(play, of: .main, now: now + .seconds(160)) != nil)
        #expect(tokens.read(play, of: .main, now: now + .seconds(161)) == nil)
        for text in ["", ".", "v..", "p.9.x", String(repeating: "v", count: 10_000)] {
            #expect(tokens.read(text, of: .main, now: now) == nil)
        }
    }

    // MARK: Sessions

    @Test func threePlayersBehindOneAddressAreThreeViewers() throws {
        let audience = audience()
        for _ in 0..<3 {
            let list = request(.multivariantPlaylist)
            #expect(audience.admit(list) == .admitted)
            let token = try #require(audience.token(for: list))
            audience.delivered(list, bytes: 300)
            for _ in 0..<4 { audience.delivered(request(.mediaPlaylist, token: token), bytes: 1000) }
            audience.delivered(request(.segment, token: token), bytes: 500_000)
        }
        let count = audience.count(of: .main)
        #expect(count.now == 3 && count.opened == 3 && count.byProtocol == [.hls: 3] && !count.isEstimate)
        #expect(audience.viewers(of: .main, limit: 10).map(\.bytes) == [504_000, 504_000, 504_000])
    }

    /// Players fetch files on other connections than lists, and no file's name has a token.
    @Test func filesWithoutATokenCountForWhoeverAskedForListsFromThere() throws {
        let audience = audience()
        let list = request(.multivariantPlaylist)
        let token = try #require(audience.token(for: list))
        audience.delivered(list, bytes: 300)
        audience.delivered(request(.segment), bytes: 7)
        #expect(audience.count(of: .main).now == 0)
        audience.delivered(request(.mediaPlaylist, token: token), bytes: 1000)
        for kind in [DeliveredKind.initialization, .segment, .part] {
            audience.delivered(request(kind), bytes: 200_000)
        }
        audience.delivered(request(.segment, address: "192.0.2.77"), bytes: 9)
        #expect(audience.viewers(of: .main, limit: 10).map(\.bytes) == [601_000])
        #expect(audience.count(of: .main).now == 1)
    }

    private func manifest(token: String? = nil, address: String = "192.0.2.1", agent: String = "player")
        -> DeliveryRequest
    {
        DeliveryRequest(
            channel: .main, wrapping: .dash, kind: token == nil ? .multivariantPlaylist : .mediaPlaylist,
            name: "manifest.mpd", token: token, agent: agent, place: ViewerPlace(address: address))
    }

    @Test func sendingAwayIsReportedWithoutWhoItWas() throws {
        let reports = Mutex<[ViewerReport]>([])
        let audience = AudienceService(
            channels: [.main], tokens: tokens(), queue: FakeQueueDesk(), store: NoStore(), clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            report: { _, report in reports.withLock { $0.append(report) } })
        guard case .admitted(let session) = audience.opened(stream(), end: {}) else {
            Issue.record("refused")
            return
        }
        #expect(audience.sendAway(session, of: .main, for: .seconds(60)) != nil)
        let kicked = ViewerReport.Kick(kind: .transportStream, seconds: 60)
        #expect(reports.withLock { $0 }.map(\.kicked) == [[kicked]])
    }

    /// Thousands who come at once are one event.
    @Test(.timeLimit(.minutes(1))) func comingsAndGoingsGatherIntoOneReport() async throws {
        let (stream, continuation) = AsyncStream<ViewerReport>.makeStream()
        var configuration = AudienceService.Configuration()
        configuration.idleLimit = .milliseconds(30)
        configuration.eventInterval = .zero
        configuration.maximumSessions = 10_000
        let audience = AudienceService(
            configuration: configuration, channels: [.main], tokens: tokens(), queue: FakeQueueDesk(), store: NoStore(),
            clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            report: { continuation.yield($1) })
        let sessions = (0..<5000).compactMap { _ -> UInt64? in
            guard case .admitted(let session) = audience.opened(self.stream(), end: {}) else { return nil }
            return session
        }
        for session in sessions.prefix(2000) { audience.closed(session) }
        let service = Task { try await audience.run() }
        var reports = stream.makeAsyncIterator()
        let report = try #require(await reports.next())
        #expect(report.opened == 5000 && report.closed == 2000 && report.viewers == 3000 && report.peak == 5000)
        audience.closed(sessions[4000])
        let second = try #require(await reports.next())
        #expect(second.opened == 0 && second.closed == 1 && second.viewers == 2999 && second.peak == nil)
        service.cancel()
        _ = await service.result
    }

    @Test func playersOfDASHThatGoWhereTheyAreToldAreToldApart() throws {
        let audience = audience()
        for _ in 0..<3 {
            audience.delivered(manifest(), bytes: 900)
            let token = try #require(audience.token(for: manifest()))
            for _ in 0..<5 {
                clock.advance(.seconds(2))
                audience.delivered(manifest(token: token), bytes: 1000)
            }
        }
        #expect(audience.count(of: .main).byProtocol == [.dash: 3])
    }

    @Test func aPlayerOfDASHThatStaysAtOneAddressIsOneViewer() {
        let audience = audience()
        for _ in 0..<10 {
            _ = audience.token(for: manifest(agent: "Lavf"))
            audience.delivered(manifest(agent: "Lavf"), bytes: 900)
            clock.advance(.seconds(2))
        }
        #expect(audience.count(of: .main).byProtocol == [.dash: 1])
        // One look is no viewer.
        _ = audience.token(for: manifest(agent: "curl"))
        audience.delivered(manifest(agent: "curl"), bytes: 900)
        #expect(audience.count(of: .main).now == 1)
    }

    @Test func aForgedTokenTellsNobodyApart() {
        let audience = audience()
        for number in 0..<50 { audience.delivered(request(.mediaPlaylist, token: "v.\(number).x"), bytes: 1) }
        #expect(audience.count(of: .main).now == 1)
    }

    @Test func behindAProxyTheCountIsAnEstimate() throws {
        let audience = audience()
        let token = try #require(audience.token(for: request(.multivariantPlaylist)))
        for number in 1...3 {
            audience.delivered(
                request(.mediaPlaylist, token: token, forwardedFor: "198.51.100.\(number)"), bytes: 1)
        }
        #expect(audience.count(of: .main).now == 3 && audience.count(of: .main).isEstimate)
    }

    @Test func whatIsSwitchedOffEndsItsViewersOnceAndTakesNoMore() throws {
        let outputs = OutputSwitches()
        let audience = AudienceService(
            channels: [.main], tokens: tokens(), queue: FakeQueueDesk(), store: NoStore(), clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, outputs: outputs)
        let ended = Mutex<[ViewerProtocol]>([])
        for kind in [ViewerProtocol.rtmp, .webSocket, .rtmp] {
            let viewer = StreamViewer(channel: .main, kind: kind, place: ViewerPlace(address: "192.0.2.9"))
            _ = audience.opened(viewer) { ended.withLock { $0.append(kind) } }
        }
        let gone = outputs.set([.hls, .webSocket])
        audience.end(gone, of: .main)
        audience.end(gone, of: .main)
        #expect(ended.withLock { $0 } == [.rtmp, .rtmp])
        let late = StreamViewer(channel: .main, kind: .rtmp, place: ViewerPlace(address: "192.0.2.9"))
        guard case .refused = audience.opened(late, end: {}) else {
            Issue.record("let in")
            return
        }
    }

    @Test func sessionsBeyondTheBoundWatchUncounted() throws {
        let audience = audience(maximumSessions: 10)
        for _ in 0..<100 {
            guard case .admitted(let session) = audience.opened(stream(), end: {}) else {
                Issue.record("refused")
                continue
            }
            audience.sent(1, in: session)
        }
        #expect(audience.count(of: .main).now == 10)
    }

    @Test func openedLessClosedIsNowAfterAnyStorm() {
        let audience = audience()
        var generator = SeededGenerator(seed: 7)
        var open: [StreamSessionNumber] = []
        for _ in 0..<2000 {
            if open.count < 50, Bool.random(using: &generator) {
                if case .admitted(let number) = audience.opened(stream(), end: {}) { open.append(number) }
            } else if let last = open.popLast() {
                audience.closed(last)
                audience.closed(last)
            }
        }
        let count = audience.count(of: .main)
        #expect(count.now == open.count && count.opened - count.closed == Int64(open.count))
    }

    @Test func whatIsCountedByProtocolAndReasonAddsUpAfterAnyStorm() {
        let audience = audience()
        var generator = SeededGenerator(seed: 8)
        var open: [StreamSessionNumber] = []
        for step in 0..<2000 {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0...4:
                var viewer = stream("192.0.2.\(step % 40)")
                viewer.kind = [.rtmp, .webSocket, .audio].randomElement(using: &generator) ?? .rtmp
                if case .admitted(let number) = audience.opened(viewer, end: {}) { open.append(number) }
            case 5...7: if let last = open.popLast() { audience.closed(last) }
            default:
                guard let one = open.randomElement(using: &generator) else { continue }
                _ = audience.sendAway(one, of: .main, for: .seconds(1))
                clock.advance(.seconds(2))
            }
        }
        let count = audience.count(of: .main)
        #expect(count.opened - count.closed == Int64(count.now) && count.now == count.byProtocol.values.reduce(0, +))
        #expect(count.closed(for: .kicked) > 0 && count.closed(for: .left) > 0)
        for kind in ViewerProtocol.allCases {
            let closed = count.closedBy.reduce(0) { $1.key.kind == kind ? $0 + $1.value : $0 }
            #expect((count.openedBy[kind] ?? 0) - closed == Int64(count.byProtocol[kind] ?? 0))
        }
    }

    // MARK: Sending away

    @Test func whoIsSentAwayStaysOutForTheTime() throws {
        let audience = audience()
        let ended = Mutex(0)
        guard case .admitted(let number) = audience.opened(stream(), end: { ended.withLock { $0 += 1 } }) else {
            Issue.record("refused")
            return
        }
        #expect(audience.sendAway(number, of: .main, for: .seconds(60))?.viewer.kind == .transportStream)
        #expect(ended.withLock { $0 } == 1)
        #expect(audience.sendAway(number, of: .main, for: .seconds(60)) == nil)
        #expect(audience.opened(stream(), end: {}) != .admitted(2))
        #expect(audience.admit(request(.segment, address: "192.0.2.9")) != .admitted)
        #expect(audience.admit(request(.segment, address: "192.0.2.8")) == .admitted)
        clock.advance(.seconds(61))
        #expect(audience.admit(request(.segment, address: "192.0.2.9")) == .admitted)
        #expect(audience.count(of: .main).closed(for: .kicked) == 1)
    }

    @Test func everySessionOfWhoIsSentAwayEndsWithTheOneThatWasNamed() throws {
        let reports = Mutex<[ViewerReport]>([])
        let audience = AudienceService(
            channels: [.main], tokens: tokens(), queue: FakeQueueDesk(), store: NoStore(), clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            report: { _, report in reports.withLock { $0.append(report) } })
        let ended = Mutex<[String]>([])
        func open(_ kind: ViewerProtocol, _ address: String) -> StreamSessionNumber {
            let viewer = StreamViewer(channel: .main, kind: kind, place: ViewerPlace(address: address))
            let answer = audience.opened(viewer) { ended.withLock { $0.append("\(kind) \(address)") } }
            guard case .admitted(let number) = answer else { return 0 }
            return number
        }
        let streams = [ViewerProtocol.rtmp, .webSocket, .audio].map { open($0, "192.0.2.1") }
        let other = open(.rtmp, "192.0.2.2")
        let token = audience.token(for: request(.multivariantPlaylist))
        audience.delivered(request(.mediaPlaylist, token: token), bytes: 1)
        let named = try #require(audience.viewers(of: .main, limit: 10).first { $0.kind == .hls })
        let gone = try #require(audience.sendAway(named.id, of: .main, for: .seconds(60)))
        #expect(gone == ViewerSentAway(viewer: named, ended: 4, isAddressBarred: true))
        #expect(ended.withLock { $0 }.sorted() == ["audio 192.0.2.1", "rtmp 192.0.2.1", "webSocket 192.0.2.1"])
        #expect(audience.viewers(of: .main, limit: 10).map(\.id) == [other])
        // Their handlers say so once more.
        for number in streams { audience.closed(number) }
        let count = audience.count(of: .main)
        #expect(count.opened == 5 && count.closed == 4 && count.closed(for: .kicked) == 4 && count.now == 1)
        let closed = audience.closedViewers(of: .main)
        #expect(closed.map(\.reason) == [.kicked, .kicked, .kicked, .kicked] && closed.first?.id == named.id)
        #expect(reports.withLock { $0.flatMap(\.kicked) } == [ViewerReport.Kick(kind: .hls, seconds: 60)])
    }

    /// The address is others' too: what tells them apart is the token.
    @Test func behindAProxyWhoHasTheTokenOfWhoIsSentAwayEndsToo() throws {
        let audience = audience(needsToken: true)
        func open(_ token: String) throws -> StreamSessionNumber {
            var viewer = stream("10.0.0.1", token: token)
            viewer.place.isCertain = false
            guard case .admitted(let number) = audience.opened(viewer, end: {}) else { throw Refused() }
            return number
        }
        let token = audience.playToken(for: .main, lasting: .seconds(600))
        let (one, other) = (try open(token), try open(audience.playToken(for: .main, lasting: .seconds(600))))
        _ = try open(token)
        let gone = try #require(audience.sendAway(one, of: .main, for: .seconds(60)))
        #expect(gone.ended == 2 && !gone.isAddressBarred)
        #expect(audience.viewers(of: .main, limit: 10).map(\.id) == [other])
    }

    @Test(arguments: [
        ("2001:db8:1:2::5", ["2001:db8:1:2::5", "2001:db8:1:2::6", "2001:DB8:1:2:0:0:0:5"], "2001:db8:1:3::5"),
        ("192.0.2.9", ["::ffff:192.0.2.9", "::FFFF:c000:0209"], "192.0.2.10"),
    ])
    func whoIsSentAwayStaysOutWithEveryAddressThatIsTheirs(address: String, theirs: [String], other: String) throws {
        let audience = audience()
        guard case .admitted(let number) = audience.opened(stream(address), end: {}),
            case .admitted = audience.opened(stream(theirs[1]), end: {})
        else { throw Refused() }
        #expect(audience.sendAway(number, of: .main, for: .seconds(60))?.ended == 2)
        for address in theirs {
            #expect(audience.refusal(of: stream(address)) != nil)
            #expect(audience.admit(request(.segment, address: address)) != .admitted)
        }
        #expect(audience.refusal(of: stream(other)) == nil)
    }

    /// It came through a cache, so the count is an estimate; whose it is, is known all the same.
    @Test func whomADeclaredProxyForwardsIsBarredWithAFreshTokenToo() throws {
        let audience = audience()
        func request(_ kind: DeliveredKind, _ address: String, token: String? = nil) -> DeliveryRequest {
            self.request(kind, token: token, address: address, forwardedFor: address)
        }
        let token = try #require(audience.token(for: request(.multivariantPlaylist, "198.51.100.1")))
        audience.delivered(request(.mediaPlaylist, "198.51.100.1", token: token), bytes: 1)
        let viewer = try #require(audience.viewers(of: .main, limit: 1).first)
        #expect(viewer.isEstimate && viewer.isAddressCertain)
        _ = audience.sendAway(viewer.id, of: .main, for: .seconds(60))
        #expect(audience.admit(request(.multivariantPlaylist, "198.51.100.1")) != .admitted)
        #expect(audience.admit(request(.segment, "198.51.100.1")) != .admitted)
        #expect(audience.admit(request(.multivariantPlaylist, "198.51.100.2")) == .admitted)
    }

    /// Others come from there.
    @Test func theAddressOfAProxyThatNobodyDeclaredIsNotBarredForAStreamEither() {
        let audience = audience()
        var viewer = stream("10.0.0.1")
        (viewer.place.isCertain, viewer.place.forwardedFor) = (false, "198.51.100.1")
        guard case .admitted(let number) = audience.opened(viewer, end: {}) else {
            Issue.record("refused")
            return
        }
        #expect(!audience.count(of: .main).isEstimate)
        #expect(audience.sendAway(number, of: .main, for: .seconds(60))?.isAddressBarred == false)
        #expect(audience.refusal(of: viewer) == nil && audience.refusal(of: stream("10.0.0.1")) == nil)
    }

    @Test func behindAnUndeclaredProxyOnlyTheTokenIsBarred() throws {
        let audience = audience()
        let token = try #require(audience.token(for: request(.multivariantPlaylist)))
        audience.delivered(
            request(.mediaPlaylist, token: token, isCertain: false, forwardedFor: "198.51.100.1"), bytes: 1)
        let viewer = try #require(audience.viewers(of: .main, limit: 1).first)
        _ = audience.sendAway(viewer.id, of: .main, for: .seconds(60))
        #expect(audience.admit(request(.mediaPlaylist, token: token)) != .admitted)
        #expect(
            audience.admit(request(.mediaPlaylist, token: audience.token(for: request(.mediaPlaylist)))) == .admitted)
    }

    // MARK: A channel for invited viewers

    @Test func withoutAPlayTokenNobodyGetsAnything() throws {
        let audience = audience(needsToken: true)
        let viewer = try #require(audience.token(for: request(.multivariantPlaylist)))
        for token in [nil, viewer, "p.99999999999.x.y"] {
            for kind in [DeliveredKind.multivariantPlaylist, .segment] {
                if case .unauthorized = audience.admit(request(kind, token: token)) {} else { Issue.record("let in") }
            }
            if case .unauthorized = audience.opened(stream(token: token), end: {}) {} else { Issue.record("let in") }
        }
        let play = audience.playToken(for: .main, lasting: .seconds(100))
        #expect(audience.isPlayToken(play, for: .main) && !audience.isPlayToken(viewer, for: .main))
        #expect(audience.admit(request(.mediaPlaylist, token: play)) == .admitted)
        audience.delivered(request(.mediaPlaylist, token: play), bytes: 1)
        // Another connection of the same player, which has not sent the token.
        #expect(audience.admit(request(.segment)) == .admitted)
        #expect(audience.admit(request(.segment, address: "192.0.2.2")) != .admitted)
        clock.advance(.seconds(161))
        #expect(audience.admit(request(.mediaPlaylist, token: play)) != .admitted)
    }
}
