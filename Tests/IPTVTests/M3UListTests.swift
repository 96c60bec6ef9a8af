import Domain
import IPTV
import TestKit
import Testing

/// The list against a strict reader of its own, for names nobody should have.
@Suite struct M3UListTests {
    /// Reads what a television application reads: attributes in quotes, the title behind the first comma outside of them.
    private struct Read: Equatable {
        var attributes: [String: String] = [:]
        var title = ""
        var tags: [String] = []
        var address = ""
    }

    private func read(_ text: String) throws -> [Read] {
        // Every line end that any reader may know.
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }.map(String.init)
        try #require(lines.first == "#EXTM3U" && lines.last == "")
        var entries: [Read] = []
        var open: Read?
        for line in lines.dropFirst().dropLast() {
            if line.hasPrefix("#EXTINF:-1") {
                try #require(open == nil)
                open = try information(line.dropFirst(10))
            } else if line.hasPrefix("#EXTREM:") {
                open?.tags.append(line)
            } else {
                var entry = try #require(open)
                entry.address = line
                try #require(!line.isEmpty && !line.contains(" "))
                entries.append(entry)
                open = nil
            }
        }
        try #require(open == nil)
        return entries
    }

    private func information(_ text: Substring) throws -> Read {
        var read = Read()
        var rest = text
        while rest.first == " " {
            rest = rest.dropFirst()
            let name = rest.prefix { $0 != "=" }
            rest = rest.dropFirst(name.count)
            try #require(rest.hasPrefix("=\""))
            let value = rest.dropFirst(2).prefix { $0 != "\"" }
            rest = rest.dropFirst(3 + value.count)
            read.attributes[String(name)] = String(value)
        }
        try #require(rest.first == ",")
        read.title = String(rest.dropFirst())
        return read
    }

    @Test func writesEveryAttributeOfAFullEntryAndNoneOfAnEmptyOne() throws {
        var full = M3UList.Entry(title: "Main", address: "https://tv.example/hls/main/index.m3u8")
        full.guideID = "main.tv"
        full.guideName = "Main channel"
        full.logo = "https://tv.example/a logo.png"
        full.group = "Music"
        full.number = 7
        full.variant = "Audio"
        full.next = .init(title: "DJ \"B\"", start: "2026-11-21T20:00:00.000Z")
        full.programmeFeed = "https://tv.example/feed"
        full.description = "One\nline"
        full.allowedRegions = ["GB", "IE"]
        full.blockedRegions = ["US"]
        let text = M3UList([full, M3UList.Entry(title: "x", address: "http://h/")]).rendered()
        #expect(
            text == """
                #EXTM3U
                #EXTINF:-1 tvg-id="main.tv" tvg-name="Main channel" tvg-logo="https://tv.example/a%20logo.png" \
                group-title="Music" channel-number="7",Main [Audio]
                #EXTREM:AMP-VARIANT Audio
                #EXTREM:AMP-NEXT title="DJ ”B”" start="2026-11-21T20:00:00.000Z"
                #EXTREM:AMP-PROGRAM-FEED https://tv.example/feed
                #EXTREM:AMP-DESCRIPTION One line
                #EXTREM:AMP-REGION allow="GB,IE" block="US"
                https://tv.example/hls/main/index.m3u8
                #EXTINF:-1,x
                http://h/

                """)
    }

    @Test func namesTheGuideForApplicationsOfEitherHabit() {
        let text = M3UList([], guide: "https://tv.example/epg.xml?a=\"").rendered()
        let address = "https://tv.example/epg.xml?a=%22"
        #expect(text == "#EXTM3U url-tvg=\"\(address)\" x-tvg-url=\"\(address)\"\n")
    }

    @Test func aNameWithQuoteCommaAndNewlineComesBack() throws {
        var entry = M3UList.Entry(title: "A \"B\", C\n", address: "http://h/x")
        entry.guideName = entry.title
        let read = try read(M3UList([entry]).rendered())
        #expect(read.map(\.title) == ["A \"B\", C"])
        #expect(read.first?.attributes["tvg-name"] == "A ”B”, C")
    }

    @Test func noNameBreaksTheList() throws {
        var generator = SeededGenerator(seed: 20_261_121)
        let pieces = [
            "a", "\"", ",", "\n", "\r\n", "#EXTINF:-1,x", "=", " ", "\t", "\u{2028}", "\u{85}", "é", "日本", "👩‍🎤", "\\",
            "|", "http://evil/", "\u{0}", "'", "[", "]", "tvg-id=\"", "\u{202E}", "#", "%",
        ]
        for _ in 0..<500 {
            func hostile() -> String {
                (0..<Int.random(in: 0...8, using: &generator)).map { _ in pieces.randomElement(using: &generator) ?? ""
                }
                .joined()
            }
            let entries = (0..<3).map { _ -> M3UList.Entry in
                var entry = M3UList.Entry(title: hostile(), address: "http://h/" + hostile())
                entry.guideID = hostile()
                entry.group = hostile()
                entry.logo = "https://h/" + hostile()
                entry.description = hostile()
                entry.next = .init(title: hostile())
                entry.variant = hostile()
                return entry
            }
            let text = M3UList(entries).rendered()
            let once = try read(text)
            #expect(once.count == 3)
            // What is written again from what was read is the same: nothing is lost twice.
            for (entry, back) in zip(entries, once) {
                var again = M3UList.Entry(title: back.title, address: back.address)
                again.guideID = back.attributes["tvg-id"]
                again.group = back.attributes["group-title"]
                again.logo = back.attributes["tvg-logo"]
                let second = try #require(try read(M3UList([again]).rendered()).first)
                #expect(second.title == back.title && second.attributes == back.attributes)
                #expect(back.attributes["tvg-id"] == nil || !(entry.guideID ?? "").isEmpty)
            }
        }
    }

    @Test func filtersByRegionGroupAndIdentifier() throws {
        func takes(_ query: [String: String], group: String? = nil, allowed: [String] = [], blocked: [String] = [])
            throws -> Bool
        {
            try ListFilter { query[$0] }
                .takes(
                    name: "main", number: 3, group: group,
                    regions: RegionRule(
                        allowed: Set(allowed.compactMap { Region($0) }), blocked: Set(blocked.compactMap { Region($0) })
                    ))
        }
        #expect(try takes([:]))
        #expect(try takes(["group": "news,MUSIC"], group: "Music"))
        #expect(try !takes(["group": "news"], group: "Music"))
        #expect(try !takes(["group": "news"]))
        #expect(
            try takes(["group": "music, LIVE"], group: "Music, live")
                && !takes(["group": "music"], group: "Music, live"))
        #expect(try takes(["ids": "1,3"]) && takes(["ids": "main"]))
        #expect(try takes(["ids": "8, 3 "]) && takes(["group": " x , live "], group: "Live"))
        #expect(try !takes(["ids": "x"]))
        #expect(try takes(["region": "us"], allowed: ["US"]))
        #expect(try !takes(["region": "GB"], allowed: ["US"]) && !takes([:], allowed: ["US"]))
        #expect(try !takes(["region": "GB"], blocked: ["GB"]) && takes([:], blocked: ["GB"]))
        #expect(throws: ListFilter.Problem.self) { try ListFilter { $0 == "region" ? "England" : nil } }
        func region(_ query: String?, header: String, isTrusted: Bool = false) throws -> String? {
            try ListFilter(
                query: { $0 == "region" ? query : nil }, regionHeader: header, isFromTrustedProxy: isTrusted
            ).region?.code
        }
        #expect(try region(nil, header: "gb") == "GB" && region("us", header: "GB") == "US")
        #expect(try region(nil, header: "T1") == nil && region("us", header: "T1") == "US")
        // A trusted proxy's word stands, also when it is that it does not know.
        #expect(try region("us", header: "GB", isTrusted: true) == "GB")
        #expect(try region("us", header: "T1", isTrusted: true) == nil)
        for text in ["false", "0", "NO"] { #expect(try !ListFilter { $0 == "variants" ? text : nil }.showsVariants) }
    }
}
