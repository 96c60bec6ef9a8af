import Domain
import TestKit
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct OlderNameTests {
    private static func fill(_ site: TestSite) {
        site.queue.update { view in
            view.showing = .dj
            view.entries = [
                FakeQueueDesk.entry("Ada", onAir: true, remaining: 90.5), FakeQueueDesk.entry("<b>Bob</b>"),
            ]
        }
    }

    @Test func readsArePublicAndHoldNamesAndSecondsOnly() async throws {
        try await TestSite.run { site async throws in
            #expect(try await site.send("GET", "/queue-json").body == #"{"stream_queue":[]}"#)
            #expect(try await site.send("GET", "/timer-data").body == #"{"remaining_time":null}"#)
            Self.fill(site)
            #expect(try await site.send("GET", "/queue-json").body == #"{"stream_queue":["Ada","<b>Bob</b>"]}"#)
            #expect(try await site.send("GET", "/timer-data").body == #"{"remaining_time":90.5}"#)
        }
    }

    @Test func queuePageShowsTheNamesAsTextAndFollowsLive() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            let page = try await site.send("GET", "/queue-list?size=40")
            #expect(page.status == 200)
            #expect(page.headers["content-type"] == "text/html; charset=utf-8")
            #expect(page.headers["content-security-policy"]?.contains("script") == false)
            #expect(page.body.contains("<li>Ada</li><li>&lt;b&gt;Bob&lt;/b&gt;</li>"))
            #expect(page.body.contains("/js/queue-list.js"))
            for path in ["/js/queue-list.js", "/js/timer-page.js", "/js/overlay-model.js", "/overlay.css"] {
                #expect(try await site.send("GET", path).status == 200)
            }
        }
    }

    @Test func timerPageShowsTheTimeLeftOrNothing() async throws {
        try await TestSite.run { site async throws in
            #expect(try await site.send("GET", "/timer-page").body.contains(#"class="overlay-timer"></p>"#))
            Self.fill(site)
            #expect(try await site.send("GET", "/timer-page").body.contains(">1:31</p>"))
        }
    }

    @Test(arguments: [
        (7.0, "0:07"), (750, "12:30"), (3723, "1:02:03"), (0, "0:00"), (-1, "0:00"), (.infinity, "277:46:40"),
    ])
    func clockFaceIsThatOfThePage(seconds: Double, face: String) {
        #expect(OlderNameRoutes.clockFace(seconds) == face)
    }

    @Test func timerIsChangedWithOrWithoutABeginAnew() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            let token = try await site.tokens.make(.operator)
            let kept = try await site.call("POST", "/update-timer/600?reset_time=false", token: token)
            #expect(kept.status == 200)
            #expect(kept.body == #"{"interval":600,"remaining_time":90.5}"#)
            #expect(try await site.call("POST", "/update-timer/300/?reset_time=True", token: token).status == 200)
            #expect(try await site.call("POST", "/update-timer/200", token: token).status == 200)
            #expect(
                site.queue.commands.map(\.act) == [
                    .setSlotLength(seconds: 600, resetRunning: false), .setSlotLength(seconds: 300, resetRunning: true),
                    .setSlotLength(seconds: 200, resetRunning: false),
                ])
        }
    }

    @Test(arguments: ["0", "-5", "x", "1.5", "86401", "99999999999999999999", "60?reset_time=perhaps"])
    func timerThatMakesNoSenseIsABadRequest(seconds: String) async throws {
        try await TestSite.run { site async throws in
            let token = try await site.tokens.make(.operator)
            #expect(try await site.call("POST", "/update-timer/" + seconds, token: token).status == 400)
            #expect(site.queue.commands.isEmpty)
        }
    }

    @Test(arguments: ["/update-timer/60", "/update-timer/60/", "/update-block-toggle", "/update-block-toggle/"])
    func writesNeedAnOperator(path: String) async throws {
        try await TestSite.run { site async throws in
            #expect(try await site.send("POST", path).status == 401)
            #expect(try await site.send("GET", path).status == 405)
            #expect(try await site.call("POST", path, token: try await site.tokens.make(.dj)).status == 403)
            let boss = try await site.session("boss", role: .operator)
            let cookie = ("Cookie", "lineup=\(boss.token.exposed)")
            #expect(try await site.send("POST", path, headers: [cookie]).status == 403)
            let safe = [cookie, ("X-CSRF-Token", boss.csrfToken.exposed)]
            #expect(try await site.send("POST", path, headers: safe).status == 200)
            #expect(site.queue.commands.count == 1)
        }
    }
}
