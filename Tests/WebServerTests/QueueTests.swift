import Domain
import NIOCore
import TestKit
import Testing
import WebServer

@Suite(.timeLimit(.minutes(1))) struct QueueTests {
    private static func fill(_ site: TestSite) {
        site.queue.update { view in
            view.entries = [
                FakeQueueDesk.entry("Ada", onAir: true, remaining: 90.5), FakeQueueDesk.entry("Bob"),
            ]
        }
    }

    @Test func everybodyMaySeeTheQueue() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            let answer = try await site.send("GET", "/api/v1/channels/main/queue")
            #expect(answer.status == 200)
            #expect(answer.body.hasPrefix(#"{"at":"2027-01-15T08:00:00.000Z","channel":"main","entries":[{"#))
            #expect(answer.body.contains(#""name":"Ada""#))
            #expect(answer.body.contains(#""remainingSeconds":90.5"#))
            #expect(try await site.send("GET", "/api/v1/channels/other/queue").status == 404)
            #expect(try await site.send("GET", "/api/v1/channels/UP/queue").status == 404)
        }
    }

    @Test func olderNameListsTheHeadFirst() async throws {
        try await TestSite.run { site async throws in
            #expect(try await site.send("GET", "/queue-json").body == #"{"stream_queue":[]}"#)
            Self.fill(site)
            #expect(try await site.send("GET", "/queue-json").body == #"{"stream_queue":["Ada","Bob"]}"#)
        }
    }

    @Test func onlyOperatorsSkip() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            let path = "/api/v1/channels/main/queue/skip"
            #expect(try await site.write("POST", path).status == 401)
            let dj = try await site.write("POST", path, as: try await site.session("dj"))
            #expect(dj.status == 403)
            #expect(dj.body.contains("/problems/role-too-low"))
            let operatorSession = try await site.session("op", role: .operator)
            #expect(try await site.write("POST", path, as: operatorSession).status == 200)
            #expect(try await site.send("GET", "/queue-json").body == #"{"stream_queue":["Bob"]}"#)
            let admin = try await site.session("admin", role: .admin)
            #expect(try await site.write("POST", path, as: admin).status == 200)
            #expect(try await site.write("POST", path, as: admin).status == 409)
        }
    }

    @Test func djLeavesAndLetsOneOtherGoFirst() async throws {
        try await TestSite.run { site async throws in
            let session = try await site.session("bob")
            let bob = FakeQueueDesk.entry("Bob", user: session.account.id)
            site.queue.update {
                $0.entries = [FakeQueueDesk.entry("Ada", onAir: true), bob, FakeQueueDesk.entry("Cy")]
            }
            let path = "/api/v1/channels/main/queue/"
            #expect(try await site.write("POST", path + "step-back", as: session).status == 200)
            #expect(site.queue.commands.last?.act == .move(bob.id, to: 1))
            #expect(try await site.write("POST", path + "leave", as: session).status == 200)
            #expect(site.queue.commands.last?.act == .remove(bob.id))
            site.queue.update { $0.entries = [bob] }
            let last = try await site.write("POST", path + "step-back", as: session)
            #expect(last.status == 409)
            #expect(last.body.contains("/problems/nobody-behind"))
            let other = try await site.write("POST", path + "leave", as: try await site.session("cy"))
            #expect(other.status == 409)
            #expect(other.body.contains("/problems/not-in-queue"))
        }
    }

    @Test func djIsToldOfTheOwnBlockOnly() async throws {
        try await TestSite.run { site async throws in
            let (blocked, other) = (try await site.session("bob"), try await site.session("cy"))
            site.queue.update { view in
                view.blocked = [
                    .init(
                        user: blocked.account.id, name: "Bob", rule: .until, since: view.at,
                        until: view.at + .seconds(60))
                ]
            }
            let path = "/api/v1/channels/main/queue"
            let told = try await site.send("GET", path, headers: [("Cookie", "lineup=\(blocked.token.exposed)")])
            #expect(told.body.contains(#""rule":"until""#))
            let untold = try await site.send("GET", path, headers: [("Cookie", "lineup=\(other.token.exposed)")])
            #expect(!untold.body.contains("blocked"))
        }
    }

    @Test func secondClickOnOneEntrySkipsNobodyElse() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            let admin = try await site.session("admin", role: .admin)
            let head = try #require(try await site.queue.view(of: .main).entries.first).id
            let body = "{\"entry\":\"\(head)\"}"
            #expect(try await site.write("POST", "/api/v1/channels/main/queue/skip", as: admin, body).status == 200)
            let second = try await site.write("POST", "/api/v1/channels/main/queue/skip", as: admin, body)
            #expect(second.status == 409)
            #expect(second.body.contains("/problems/entry-gone"))
            #expect(try await site.send("GET", "/queue-json").body == #"{"stream_queue":["Bob"]}"#)
        }
    }

    @Test func settingsChangeOnlyWhatIsNamed() async throws {
        try await TestSite.run { site async throws in
            let admin = try await site.session("admin", role: .admin)
            let path = "/api/v1/channels/main/settings"
            #expect(try await site.read(path, as: admin).status == 200)
            #expect(try await site.write("PATCH", path, as: admin, #"{"isOpen":false}"#).status == 200)
            #expect(site.queue.settings == QueueSettings(isOpen: false))
            #expect(try await site.write("PATCH", path, as: admin, #"{"slotSeconds":null}"#).status == 200)
            #expect(site.queue.settings == QueueSettings(slotSeconds: nil, isOpen: false))
            let wrong = try await site.write("PATCH", path, as: admin, #"{"slotSeconds":0}"#)
            #expect(wrong.status == 422)
            #expect(wrong.body.contains(#""field":"slotSeconds""#))
            #expect(try await site.write("PATCH", path, as: try await site.session("dj"), "{}").status == 403)
        }
    }

    @Test func liveStreamSendsThePresentViewAndThenEachChange() async throws {
        try await TestSite.run { site async throws in
            Self.fill(site)
            try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                try await writer.write(.init(string: "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n"))
                #expect(try await reader.read(until: "\"Bob\""))
                #expect(reader.text.lowercased().contains("content-type: text/event-stream\r\n"))
                #expect(reader.text.lowercased().contains("cache-control: no-store\r\n"))
                #expect(reader.text.contains("event: queue\ndata: {"))
                reader.text = ""
                site.queue.update { $0.entries.append(FakeQueueDesk.entry("Cleo")) }
                #expect(try await reader.read(until: "\"Cleo\""))
                #expect(reader.text.contains("event: queue\ndata: {"))
            }
        }
    }

    @Test func liveStreamBeatsWhileNothingHappens() async throws {
        try await TestSite.run(adjust: { $0.heartbeat = .milliseconds(20) }) { site async throws in
            try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                try await writer.write(.init(string: "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n"))
                #expect(try await reader.read(until: ": still here\n\n"))
            }
        }
    }

    @Test func liveStreamsBeyondTheBoundAreRefusedAndPlacesComeBack() async throws {
        try await TestSite.run(adjust: { $0.maximumEventStreams = 1 }) { site async throws in
            try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                try await writer.write(.init(string: "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n"))
                #expect(try await reader.read(until: "event: queue"))
                let second = try await site.send("GET", "/api/v1/events")
                #expect(second.status == 503)
                #expect(second.headers["retry-after"] == "10")
            }
            // The first reader has left: its place is free as soon as the server sees that.
            var status = 503
            while status == 503 {
                status = try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
                    try await writer.write(.init(string: "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n"))
                    _ = try await reader.read(until: "\r\n\r\n")
                    return RawAnswer(reader.text)?.status ?? 0
                }
            }
            #expect(status == 200)
        }
    }
}
