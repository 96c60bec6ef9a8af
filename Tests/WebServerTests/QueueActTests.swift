import Domain
import TestKit
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct QueueActTests {
    private static let queue = "/api/v1/channels/main/queue"
    private static let now = WallTime(milliseconds: 1_800_000_000_000)

    /// Ada on air, Bob and Cleo waiting.
    private static func fill(_ site: TestSite) -> [QueueView.Entry] {
        let entries = [
            FakeQueueDesk.entry("Ada", onAir: true, remaining: 90), FakeQueueDesk.entry("Bob"),
            FakeQueueDesk.entry("Cleo"),
        ]
        site.queue.update { $0.entries = entries }
        return entries
    }

    /// Each act as it is asked for, and what the queue is told. `ADA` and `BOB` stand for their entries' ids.
    @Test func eachActIsToldToTheQueueAsItWasAsked() async throws {
        try await TestSite.run { site async throws in
            let entries = Self.fill(site)
            let (ada, bob) = (entries[0], entries[1])
            let token = try await site.tokens.make(.operator)
            let asked: [(String, String, QueueAct)] = [
                ("hold", #"{"entry":"BOB"}"#, .hold(bob.id)),
                ("release", #"{"entry":"bob"}"#, .release(bob.id)),
                ("move", #"{"entry":"Bob","position":2}"#, .move(bob.id, to: 1)),
                ("put-on-air", #"{"entry":"BOB"}"#, .putOnAir(bob.id)),
                ("extend", #"{"seconds":300}"#, .extend(nil, seconds: 300)),
                ("extend", #"{"entry":"ADA","seconds":-60}"#, .extend(ada.id, seconds: -60)),
                ("remaining", #"{"seconds":0}"#, .setRemaining(nil, seconds: 0)),
                (
                    "slot-length", #"{"seconds":600,"resetRunning":true}"#,
                    .setSlotLength(seconds: 600, resetRunning: true)
                ),
                ("slot-length", #"{"seconds":null}"#, .setSlotLength(seconds: nil, resetRunning: false)),
                ("ban", #"{"entry":"BOB"}"#, .ban(bob.user, until: nil, reason: nil)),
                (
                    "ban", #"{"entry":"BOB","seconds":60,"reason":"loud"}"#,
                    .ban(bob.user, until: Self.now + .seconds(60), reason: "loud")
                ),
                (
                    "ban", #"{"entry":"BOB","until":"2027-01-15T08:01:00.500Z"}"#,
                    .ban(bob.user, until: Self.now + .milliseconds(60_500), reason: nil)
                ),
                ("unban", #"{"entry":"BOB"}"#, .unban(bob.user)),
                ("unblock", #"{"entry":"BOB"}"#, .unblock(bob.user)),
                ("user-slot", #"{"entry":"BOB","seconds":null}"#, .setUserSlot(bob.user, seconds: nil)),
                ("open", "{}", .setOpen(true)),
                ("close", "", .setOpen(false)),
                ("auto-advance", #"{"enabled":false}"#, .setAutoAdvance(false)),
                ("clear", "", .clear(includingOnAir: false)),
                ("clear", #"{"includingOnAir":true}"#, .clear(includingOnAir: true)),
                ("emergency", #"{"state":"slate"}"#, .emergency(.slate)),
                ("emergency", #"{"state":"off"}"#, .emergency(.off)),
                ("remove", #"{"entry":"BOB"}"#, .remove(bob.id)),
                ("skip", "", .skip(nil)),
            ]
            for (name, body, _) in asked {
                let body = body.replacing("ADA", with: ada.id.description).replacing("BOB", with: bob.id.description)
                let answer = try await site.call("POST", "\(Self.queue)/\(name)", token: token, body)
                #expect(answer.status == 200, "\(name) \(body): \(answer.body)")
            }
            #expect(site.queue.commands.map(\.act) == asked.map(\.2))
            #expect(site.queue.commands.allSatisfy { $0.actor.kind == .token && $0.actor.name == "script" })
        }
    }

    @Test func anEmergencyIsTheChannelsToo() async throws {
        try await TestSite.run { site async throws in
            _ = Self.fill(site)
            let token = try await site.tokens.make(.operator)
            let path = "/api/v1/channels/main/emergency"
            #expect(try await site.call("POST", path, token: token, #"{"state":"loud"}"#).status == 422)
            #expect(try await site.call("POST", path, token: token, "{}").status == 422)
            let answer = try await site.call("POST", path, token: token, #"{"state":"mute"}"#)
            #expect(answer.status == 200)
            #expect(answer.body.contains(#""emergency":"mute""#))
            #expect(site.queue.commands.map(\.act) == [.emergency(.mute)])
            let everybody = try await site.call("GET", Self.queue, token: try await site.tokens.make(.dj), nil)
            #expect(!everybody.body.contains("emergency"), "only its operators see what they do")
            #expect(try await site.write("POST", path, as: try await site.session("dj")).status == 403)
        }
    }

    @Test func peopleActByTheirSessionAndAreNamed() async throws {
        try await TestSite.run { site async throws in
            _ = Self.fill(site)
            let boss = try await site.session("Boss", role: .operator)
            #expect(try await site.write("POST", Self.queue + "/close", as: boss).status == 200)
            let actor = try #require(site.queue.commands.first).actor
            #expect(actor == Actor(kind: .user, id: boss.account.id.description, name: "Boss"))
        }
    }

    @Test(arguments: [
        "skip", "remove", "move", "put-on-air", "hold", "release", "extend", "remaining", "slot-length", "ban", "unban",
        "unblock", "user-slot", "open", "close", "auto-advance", "clear", "emergency",
    ])
    func actTakesAnOperator(name: String) async throws {
        try await TestSite.run { site async throws in
            let path = "\(Self.queue)/\(name)"
            #expect(try await site.write("POST", path).status == 401)
            #expect(try await site.write("POST", path, as: try await site.session("dj")).status == 403)
            #expect(try await site.call("POST", path, token: try await site.tokens.make(.dj), "{}").status == 403)
            #expect(site.queue.commands.isEmpty)
        }
    }

    @Test(arguments: [
        ("remove", "{}", "entry"), ("move", #"{"entry":"Bob"}"#, "position"),
        ("move", #"{"entry":"Bob","position":0}"#, "position"), ("extend", "{}", "seconds"),
        ("extend", #"{"seconds":86401}"#, "seconds"), ("extend", #"{"seconds":"5m"}"#, "seconds"),
        ("remaining", #"{"seconds":-1}"#, "seconds"), ("slot-length", "{}", "seconds"),
        ("slot-length", #"{"seconds":0}"#, "seconds"), ("ban", "{}", "user"),
        ("ban", #"{"entry":"Bob","until":"yesterday"}"#, "until"),
        ("ban", #"{"entry":"Bob","until":"2001-01-01T00:00:00Z"}"#, "until"),
        ("ban", #"{"entry":"Bob","seconds":0}"#, "seconds"), ("auto-advance", "{}", "enabled"),
        ("skip", #"{"version":"x"}"#, "version"),
    ])
    func nonsenseIsNamedAndNothingIsDone(name: String, body: String, field: String) async throws {
        try await TestSite.run { site async throws in
            _ = Self.fill(site)
            let token = try await site.tokens.make(.operator)
            let answer = try await site.call("POST", "\(Self.queue)/\(name)", token: token, body)
            #expect(answer.status == 422)
            #expect(answer.body.contains("\"field\":\"\(field)\""), "\(answer.body)")
            #expect(site.queue.commands.isEmpty)
        }
    }

    @Test func actOnAnOlderVersionDoesNothingAndShowsThePresentQueue() async throws {
        try await TestSite.run { site async throws in
            _ = Self.fill(site)
            let token = try await site.tokens.make(.operator)
            let read = try await site.call("GET", Self.queue, token: token)
            let tag = try #require(read.headers["etag"])
            #expect(tag == "\"2\"")
            site.queue.update { $0.entries.removeLast() }
            let headers = [
                ("Authorization", "Bearer \(token)"), ("If-Match", tag), ("Content-Type", "application/json"),
            ]
            let byHeader = try await site.send("POST", Self.queue + "/skip", headers: headers, body: "{}")
            let byBody = try await site.call("POST", Self.queue + "/skip", token: token, #"{"version":2}"#)
            for answer in [byHeader, byBody] {
                #expect(answer.status == 409)
                #expect(answer.headers["content-type"] == "application/problem+json")
                #expect(answer.body.contains(#""type":"/problems/queue-moved""#))
                #expect(answer.body.contains(#""queue":{"#))
                #expect(answer.names == ["Ada", "Bob"])
            }
            #expect(site.queue.commands.isEmpty)
            let now = try await site.call("POST", Self.queue + "/skip", token: token, #"{"version":3}"#)
            #expect(now.status == 200)
            #expect(now.headers["etag"] == "\"4\"")
        }
    }

    @Test(arguments: [("2", 400), ("\"x\"", 400), ("", 200), ("*", 200), ("W/\"2\"", 200), ("\"2\", \"3\"", 400)])
    func conditionIsOneVersion(header: String, status: Int) async throws {
        try await TestSite.run { site async throws in
            _ = Self.fill(site)
            var headers = [("Authorization", "Bearer \(try await site.tokens.make(.operator))")]
            if !header.isEmpty { headers.append(("If-Match", header)) }
            #expect(try await site.send("POST", Self.queue + "/close", headers: headers).status == status)
        }
    }

    @Test func refusalCarriesThePresentQueue() async throws {
        try await TestSite.run { site async throws in
            _ = Self.fill(site)
            let token = try await site.tokens.make(.operator)
            let gone = try await site.call("POST", Self.queue + "/remove", token: token, #"{"entry":"Nobody"}"#)
            #expect(gone.status == 409)
            #expect(gone.body.contains("/problems/entry-gone"))
            #expect(gone.names == ["Ada", "Bob", "Cleo"])
            site.queue.refusal = .refused("Bob is held.")
            let refused = try await site.call("POST", Self.queue + "/put-on-air", token: token, #"{"entry":"Bob"}"#)
            #expect(refused.status == 409)
            #expect(refused.body.contains(#""detail":"Bob is held.""#))
            #expect(refused.names == ["Ada", "Bob", "Cleo"])
        }
    }

    @Test func ambiguousNameIsAnsweredWithTheChoices() async throws {
        try await TestSite.run { site async throws in
            let twins = [FakeQueueDesk.entry("Ada", onAir: true), FakeQueueDesk.entry("ADA")]
            site.queue.update { $0.entries = twins }
            let token = try await site.tokens.make(.operator)
            let answer = try await site.call("POST", Self.queue + "/hold", token: token, #"{"entry":"ada"}"#)
            #expect(answer.status == 409)
            for twin in twins { #expect(answer.body.contains(twin.id.description)) }
            #expect(site.queue.commands.isEmpty)
        }
    }

    @Test func accountsAreBannedByNameWhetherTheyQueueOrNot() async throws {
        try await TestSite.run { site async throws in
            let eve = try await site.session("Eve").account
            let token = try await site.tokens.make(.operator)
            #expect(try await site.call("POST", Self.queue + "/ban", token: token, #"{"user":"Eve"}"#).status == 200)
            #expect(site.queue.commands.map(\.act) == [.ban(eve.id, until: nil, reason: nil)])
            #expect(try await site.call("POST", Self.queue + "/ban", token: token, #"{"user":"No"}"#).status == 404)
        }
    }

    @Test func settingsTakeTextsAndNumbersUnderBothNames() async throws {
        try await TestSite.run { site async throws in
            let token = try await site.tokens.make(.operator)
            let path = Self.queue + "/settings"
            let body = #"{"slotLength":"30m","graceOnAir":45,"isOpen":false,"maximumLength":null}"#
            #expect(try await site.call("PATCH", path, token: token, body).status == 200)
            #expect(site.queue.settings.slotSeconds == 1800)
            #expect(site.queue.settings.graceOnAirSeconds == 45)
            #expect(!site.queue.settings.isOpen)
            for (body, field) in [
                (#"{"nonsense":1}"#, "nonsense"), (#"{"slotLength":{}}"#, "slotLength"),
                (#"{"slotSeconds":0}"#, "slotSeconds"), (#"{"version":"x"}"#, "version"),
            ] {
                let answer = try await site.call("PATCH", path, token: token, body)
                #expect(answer.status == 422, "\(body)")
                #expect(answer.body.contains("\"field\":\"\(field)\""), "\(answer.body)")
            }
            let stale = try await site.call("PATCH", path, token: token, #"{"open":true,"version":1}"#)
            #expect(stale.status == 409)
            #expect(!site.queue.settings.isOpen)
        }
    }
}
