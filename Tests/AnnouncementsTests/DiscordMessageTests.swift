import Domain
import Foundation
import Testing

@testable import Announcements

/// Messages are within Discord's limits whatever goes in.
struct DiscordMessageTests {
    private struct Read: Decodable {
        struct Embed: Decodable {
            struct Field: Decodable {
                var name: String
                var value: String
            }
            var title: String
            var description: String?
            var url: String?
            var color: Int
            var fields: [Field]
        }
        struct Mentions: Decodable {
            var parse: [String]
            var users: [String]
        }
        var content: String?
        var embeds: [Embed]
        var allowed_mentions: Mentions
    }

    private func read(_ message: DiscordMessage) throws -> Read {
        try JSONDecoder().decode(Read.self, from: Data(message.json.utf8))
    }

    @Test(arguments: ["x", "é", "\u{0}", "\"\\\n", "👩‍👩‍👧‍👦", "Z\u{0301}\u{0327}\u{0308}"])
    func keepsTheLimitsWithTextsOfAnyLength(_ piece: String) throws {
        let long = String(repeating: piece, count: 9000)
        var message = DiscordMessage()
        message.content = long
        message.title = long
        message.description = long
        message.url = "https://example.org/" + String(repeating: "x", count: 3000)
        message.color = 0x7FFF_FFFF
        message.fields = (0..<40).map { _ in .init(name: long, value: long) }
        message.mentions = (0..<300).map { String(100_000 + $0) } + ["@everyone", "1\"", ""]
        let seen = try read(message)
        let embed = try #require(seen.embeds.first)
        #expect(seen.embeds.count == 1 && embed.url == nil && embed.color == 0xFF_FFFF)
        #expect(try #require(seen.content).unicodeScalars.count <= 2000)
        #expect(embed.title.unicodeScalars.count <= 256 && (embed.description ?? "").unicodeScalars.count <= 4096)
        #expect(embed.fields.count <= 25)
        for field in embed.fields {
            #expect((1...256).contains(field.name.unicodeScalars.count))
            #expect((1...1024).contains(field.value.unicodeScalars.count))
        }
        let texts = [embed.title, embed.description ?? ""] + embed.fields.flatMap { [$0.name, $0.value] }
        #expect(texts.map(\.utf16.count).reduce(0, +) <= 6000)
        #expect(seen.allowed_mentions.parse.isEmpty && seen.allowed_mentions.users.count == 100)
        #expect(seen.allowed_mentions.users.allSatisfy { $0.allSatisfy(\.isNumber) })
    }

    @Test func aNameSaysWhatItSaysAndNothingElse() {
        #expect(DiscordMessage.plain("DJ *x* <@1> [a](http://b)") == #"DJ \*x\* \<\@1\> \[a\]\(http\://b\)"#)
        #expect(DiscordMessage.plain("a\nb") == "a b")
        #expect(DiscordMessage.plain("Мира 🎧 é") == "Мира 🎧 é")
    }

    @Test func fillsTemplates() {
        let options = DiscordOptions(templates: ["onAir": "{dj} {unknown} { on {channel}", "ended": "}{"])
        #expect(DiscordSentence.onAir.text(options, ["dj": "A", "channel": "main"]) == "A {unknown} { on {channel}")
        #expect(DiscordSentence.ended.text(options, [:]) == "}{")
        #expect(
            DiscordSentence.queueOpened.text(options, ["channel": "main"]) == "The queue of main is open: DJs can join."
        )
    }

    @Test func readsWebhookURLs() throws {
        let plain = try #require(DiscordAddress(Secret("https://discord.com/api/webhooks/123/to-ken_1")))
        #expect(plain.posting.exposed == "https://discord.com/api/webhooks/123/to-ken_1?wait=true")
        #expect(plain.editing("9").exposed == "https://discord.com/api/webhooks/123/to-ken_1/messages/9")
        let thread = try #require(
            DiscordAddress(Secret("https://discord.com/api/v10/webhooks/123/t?wait=false&thread_id=7")))
        #expect(thread.posting.exposed == "https://discord.com/api/v10/webhooks/123/t?wait=true&thread_id=7")
        #expect(thread.editing("9").exposed == "https://discord.com/api/v10/webhooks/123/t/messages/9?thread_id=7")
        for wrong in [
            "", "https://discord.com/api/webhooks/123", "https://discord.com/api/webhooks/abc/t",
            "ftp://d/api/webhooks/1/t",
            "https://discord.com/webhooks/1/t", "https://discord.com/api/webhooks/1/t/slack",
            "https://d/api/webhooks/1/t?thread_id=x",
        ] {
            #expect(DiscordAddress(Secret(wrong)) == nil, "\(wrong)")
        }
    }

    @Test func readsAnswers() {
        func answer(_ status: Int, _ headers: [String: String] = [:], _ body: String = "{}") -> DiscordAnswer {
            DiscordAnswer(OutboundAnswer(status: status, headers: headers, body: Array(body.utf8)))
        }
        #expect(answer(200, [:], #"{"id":"77"}"#) == .taken(id: "77", pause: nil))
        #expect(
            answer(200, ["x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "1.5"], #"{"id":"x/../1"}"#)
                == .taken(id: nil, pause: .milliseconds(1500)))
        #expect(
            answer(429, ["retry-after": "65"], #"{"retry_after":64.57,"global":true}"#)
                == .slowDown(.milliseconds(64_570), isGlobal: true))
        #expect(answer(429, ["retry-after": "7"], "<html>") == .slowDown(.seconds(7), isGlobal: false))
        #expect(answer(429, [:], #"{"retry_after":1e99}"#) == .slowDown(.seconds(3600), isGlobal: false))
        #expect(answer(404, [:], #"{"code":10008}"#) == .messageGone)
        for status in [401, 403, 404] {
            guard case .webhookGone = answer(status, [:], #"{"code":10015}"#) else {
                Issue.record("\(status)")
                continue
            }
        }
        #expect(
            answer(400) == .refused("Discord answered 400") && answer(502, [:], "x") == .failed("Discord answered 502"))
    }

    @Test func invalidRequestsAreStoppedLongBeforeDiscordBansUs() {
        let gate = DiscordGate()
        let start = WallTime(milliseconds: 1_795_291_200_000)
        for second in 0..<DiscordGate.maximumInvalid - 1 { gate.noteInvalid(now: start + .milliseconds(second)) }
        #expect(gate.closedUntil(now: start + .seconds(1)) == nil)
        gate.noteInvalid(now: start + .seconds(1))
        #expect(gate.closedUntil(now: start + .seconds(1)) == start + .seconds(600))
        #expect(gate.closedUntil(now: start + .seconds(601)) == nil)
        gate.close(until: start + .seconds(700))
        #expect(gate.closedUntil(now: start + .seconds(650)) == start + .seconds(700))
    }
}
