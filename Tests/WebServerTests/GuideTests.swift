import Domain
import IPTV
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
}
