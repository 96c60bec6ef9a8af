import Domain
import IPTV
import Synchronization
import TestKit
import Testing

@testable import WebServer

@Suite struct GuideTests {
    private static let now = WallTime(milliseconds: 1_700_000_000_000)

    private static func entry(
        _ name: String, _ state: QueueView.Entry.State, since: Int64? = nil, left: Double? = nil,
        estimated: Int64? = nil,
        slot: Double? = nil
    ) -> QueueView.Entry {
        QueueView.Entry(
            id: EntryID(high: 1, low: 2), user: UserID(high: 1, low: 2), name: name, state: state, connected: true,
            ready: true, missing: [], joinedAt: now, graceUntil: nil,
            onAirSince: since.map { WallTime(milliseconds: $0) }, remainingSeconds: left,
            estimatedStart: estimated.map { WallTime(milliseconds: $0) }, slotSeconds: slot)
    }

    /// Who cannot be reckoned is left out; a slot without an end of its own ends where the next begins.
    @Test func tellsWhoIsOnAndWhoShouldBeWhen() {
        let zero = Self.now.milliseconds
        let entries = [
            Self.entry("On", .onAir, since: zero - 60_000, left: 600),
            Self.entry("Next", .waiting, estimated: zero + 600_000, slot: nil),
            Self.entry("Then", .waiting, estimated: zero + 900_000, slot: 300),
            Self.entry("Nobody knows", .waiting),
        ]
        let view = QueueView(
            channel: .main, version: 1, at: Self.now, showing: .slate, isOpen: true, slotSeconds: nil, entries: entries)
        let programmes = GuideRoutes.programmes(in: view, channel: "main", ChannelListing())
        #expect(programmes.map(\.title) == ["On", "Next", "Then"])
        #expect(programmes.map { $0.start.milliseconds - zero } == [-60_000, 600_000, 900_000])
        #expect(programmes.map { ($0.stop?.milliseconds ?? 0) - zero } == [600_000, 900_000, 1_200_000])
    }

    @Test func everybodyMayReadTheGuide() async throws {
        try await TestSite.run { site async throws in
            let answer = try await site.send("GET", "/epg.xml")
            #expect(answer.status == 200 && answer.headers["content-type"] == "application/xml; charset=utf-8")
            #expect(answer.body.contains(#"<channel id="main">"#) && answer.body.hasSuffix("</tv>\n"))
            #expect(try await site.send("GET", "/epg.xml?ids=nobody").body.contains("<channel") == false)
            #expect(try await site.send("GET", "/epg.xml?region=England").status == 400)
        }
    }

    /// Applications put a channel and its programmes together by the id, to the letter.
    @Test(arguments: [
        ("main.tv", "main.tv"), (#"a "b" c"#, "a ”b” c"), ("a  b\t\nc ", "a b c"),
        ("a\u{1}b\u{85}c\u{2028}d\u{FFFE}e", "a b c d e"),
        (" \n", "main"), ("", "main"), ("Ä’日本", "Ä’日本"),
    ])
    func theGuideAndTheListCallAChannelTheSame(id: String, written: String) async throws {
        try await TestSite.run { site async throws in
            var listing = ChannelListing()
            (listing.guideID, listing.description) = (id, "All night")
            site.listings.set(listing)
            site.queue.update { $0.entries = [FakeQueueDesk.entry("Ada")] }
            let (list, guide) = try await (site.send("GET", "/playlist.m3u"), site.send("GET", "/epg.xml"))
            #expect(list.body.contains(#"#EXTREM:AMP-NEXT title="Ada" description="All night""#))
            #expect(list.body.contains(#"tvg-id="\#(written)""#))
            #expect(guide.body.contains(#"<channel id="\#(written)">"#))
        }
    }

    /// What a listing cannot say is refused by its name, and nothing of what was set before goes with it.
    @Test func aListingWithNothingToReadIsRefused() async throws {
        try await TestSite.run { site async throws in
            let path = "/api/v1/channels/main/listing"
            let token = try await site.tokens.make(.operator)
            let good = #"{"logo":"https://münchen.example:8080/a?b","title":"Main"}"#
            #expect(try await site.call("PUT", path, token: token, good).status == 200)
            for (body, field) in [
                (#"{"title":"   "}"#, "title"), (#"{"title":""}"#, "title"), (#"{"guideID":"\n"}"#, "guideID"),
                (#"{"group":"\u00a0\u200b"}"#, "group"), (#"{"description":"\t\u2028"}"#, "description"),
                (#"{"logo":"http://"}"#, "logo"), (#"{"logo":"https:///logo.png"}"#, "logo"),
                (#"{"logo":"http://a b/"}"#, "logo"), (#"{"programmeFeed":"http://:80/"}"#, "programmeFeed"),
                (#"{"programmeFeed":"http://u:p@x/"}"#, "programmeFeed"), (#"{"logo":"ftp://x/"}"#, "logo"),
                (#"{"title":"x","titel":"y"}"#, "titel"), (#"{"Title":"x"}"#, "Title"), (#"{"zzz":null}"#, "zzz"),
            ] {
                let bad = try await site.call("PUT", path, token: token, body)
                #expect(bad.status == 422 && bad.body.contains("\"field\":\"\(field)\""), "\(body): \(bad.body)")
            }
            #expect(try await site.send("GET", path).body == good)
        }
    }

    /// From before they were refused.
    @Test func whatIsStoredAndSaysNothingIsAsIfItWereNot() async throws {
        try await TestSite.run { site async throws in
            var listing = ChannelListing()
            (listing.title, listing.group, listing.description) = ("   ", "\u{200B}", " \n")
            (listing.guideID, listing.logo, listing.programmeFeed) = ("\u{A0}", "http://", "https://?x")
            site.listings.set(listing)
            site.queue.update { $0.entries = [FakeQueueDesk.entry("Ada")] }
            let list = try await site.send("GET", "/playlist.m3u?variants=0").body
            #expect(list.contains("#EXTINF:-1 tvg-id=\"main\" tvg-name=\"main\",main\n"), "\(list)")
            #expect(!list.contains("FEED") && !list.contains("DESCRIPTION"))
            let guide = try await site.send("GET", "/epg.xml").body
            #expect(guide.contains(#"<channel id="main">"#) && guide.contains("<display-name>main</display-name>"))
            #expect(!guide.contains("<icon") && !guide.contains("<desc>") && !guide.contains("<category>"))
        }
    }

    @Test func theGuideAndTheListHaveTheSameLogo() async throws {
        try await TestSite.run { site async throws in
            var listing = ChannelListing()
            listing.logo = #"http://h/a b"c<d>.png?x=1&y=2#ü"#
            site.listings.set(listing)
            let written = "http://h/a%20b%22c%3Cd%3E.png?x=1&y=2#%C3%BC"
            #expect(try await site.send("GET", "/playlist.m3u").body.contains(#"tvg-logo="\#(written)""#))
            let guide = try await site.send("GET", "/epg.xml").body
            #expect(guide.contains(#"<icon src="\#(written.replacing("&", with: "&amp;"))"/>"#), "\(guide)")
        }
    }

    private final class Clock: WallClock {
        private let time = Mutex(GuideTests.now)
        func now() -> WallTime { time.withLock { $0 } }
        func set(_ now: WallTime) { time.withLock { $0 = now } }
    }

    /// From the first moment until before the last; nothing that a cache keeps is wrong for longer.
    @Test func aScheduledChannelIsListedWithinItsTime() async throws {
        let clock = Clock()
        try await TestSite.run(clock: clock) { site async throws in
            let (from, until) = (Self.now + .milliseconds(3700), Self.now + .seconds(60))
            var listing = ChannelListing()
            (listing.listedFrom, listing.listedUntil) = (from, until)
            site.listings.set(listing)
            let looks: [(WallTime, Bool, Int)] = [
                (Self.now, false, 3), (from + .milliseconds(-1), false, 0), (from, true, 10),
                (until + .milliseconds(-8999), true, 8), (until + .milliseconds(-1), true, 0), (until, false, 10),
            ]
            for (now, isListed, age) in looks {
                clock.set(now)
                let (list, guide) = try await (site.send("GET", "/playlist.m3u"), site.send("GET", "/epg.xml"))
                #expect(list.body.contains("/stream/main") == isListed, "\(now)")
                #expect(list.headers["cache-control"] == "no-store")
                #expect(guide.body.contains(#"<channel id="main">"#) == isListed, "\(now)")
                #expect(guide.headers["cache-control"] == "public, max-age=\(age)", "\(now)")
            }
        }
    }

    @Test func aWindowIsSetReadBackAndRefusedByTheFieldThatIsWrong() async throws {
        try await TestSite.run { site async throws in
            let path = "/api/v1/channels/main/listing"
            let token = try await site.tokens.make(.operator)
            @Sendable func put(_ body: String) async throws -> RawAnswer {
                try await site.call("PUT", path, token: token, body)
            }
            let good = try await put(#"{"listedFrom":"2026-11-21T20:15:00Z","listedUntil":"2026-11-21T22:00:00.5Z"}"#)
            #expect(good.status == 200, "\(good.body)")
            #expect(
                good.body
                    == #"{"listedFrom":"2026-11-21T20:15:00.000Z","listedUntil":"2026-11-21T22:00:00.500Z"}"#)
            #expect(try await site.send("GET", path).body == good.body)
            for (body, field) in [
                (#"{"listedFrom":"2026-11-21T20:15:00Z","listedUntil":"2026-11-21T20:15:00Z"}"#, "listedUntil"),
                (#"{"listedFrom":"tomorrow"}"#, "listedFrom"), (#"{"listedUntil":"2026-11-21"}"#, "listedUntil"),
                (#"{"listedUntil":"2026-11-21T20:15:00+01:00"}"#, "listedUntil"), (#"{"listedFrom":7}"#, "listedFrom"),
            ] {
                let bad = try await put(body)
                #expect(bad.status == 422 && bad.body.contains("\"field\":\"\(field)\""), "\(body): \(bad.body)")
            }
            #expect(try await put(#"{"listedUntil":"2026-11-21T20:15:00Z"}"#).status == 200)
        }
    }
}
