import Domain
import NIOCore
import TestKit
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct EventTests {
    private static func event(
        _ sequence: Int64, epoch: Int64 = 3, kind: String = "queue.joined", payload: String? = nil
    ) -> EventRecord {
        EventRecord(
            id: EventID(epoch: epoch, sequence: sequence), channel: .main, kind: kind, version: sequence,
            at: WallTime(milliseconds: 1_800_000_000_000), payload: payload ?? #"{"name":"DJ \#(sequence)"}"#)
    }

    /// Opens the stream and lends it to `body` after its head.
    private static func follow<Value>(
        _ site: TestSite, _ target: String = "/api/v1/events", headers: [String] = [],
        _ body: (inout RawConnection.Reader) async throws -> Value
    ) async throws -> Value {
        try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer in
            let lines = (["GET \(target) HTTP/1.1", "Host: x"] + headers).joined(separator: "\r\n")
            try await writer.write(ByteBuffer(string: lines + "\r\n\r\n"))
            #expect(try await reader.read(until: "retry: 2000\n\n"))
            return try await body(&reader)
        }
    }

    private static func ids(_ text: String) -> [String] {
        text.split(separator: "\n").filter { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) }
    }

    @Test func changeComesWithItsEvent() async throws {
        try await TestSite.run { site async throws in
            try await Self.follow(site) { reader async throws in
                #expect(try await reader.read(until: "event: queue\ndata: {"))
                site.queue.tell(Self.event(8))
                #expect(try await reader.read(until: "DJ 8"))
                #expect(reader.text.contains("event: queue.joined\nid: 3-8\ndata: {"))
                #expect(reader.text.contains(#""id":"3-8""#))
            }
        }
    }

    @Test(arguments: [false, true])
    func readerThatComesBackGetsWhatItMissedOnceEach(inQuery: Bool) async throws {
        try await TestSite.run { site async throws in
            for sequence in 1...5 { site.events.store(Self.event(Int64(sequence))) }
            let target = "/api/v1/events" + (inQuery ? "?lastEventId=3-2" : "")
            try await Self.follow(site, target, headers: inQuery ? [] : ["Last-Event-ID: 3-2"]) { reader async throws in
                #expect(try await reader.read(until: "event: queue\n"))
                // 5 was stored before the log was read and comes live all the same; 6 only live.
                site.queue.tell(Self.event(5))
                site.queue.tell(Self.event(6))
                #expect(try await reader.read(until: "DJ 6"))
                #expect(Self.ids(reader.text) == ["3-3", "3-4", "3-5", "3-6"])
                #expect(!reader.text.contains("event: reset"))
            }
        }
    }

    @Test func resumesAcrossEpochsAndPages() async throws {
        try await TestSite.run { site async throws in
            let count = Int64(EventRoutes.pageSize + 20)
            for sequence in 1...count { site.events.store(Self.event(sequence)) }
            site.events.store(Self.event(1, epoch: 4))
            try await Self.follow(site, headers: ["Last-Event-ID: 3-1"]) { reader async throws in
                #expect(try await reader.read(until: "event: queue\n"))
                #expect(Self.ids(reader.text) == (2...count).map { "3-\($0)" } + ["4-1"])
            }
        }
    }

    @Test(arguments: [
        "nonsense", "3-9", "2-1", "3-1", "0-0", "-1-1", "99999999999999999999-1", "3-9223372036854775807",
    ])
    func idThatIsNotKeptIsAnsweredWithAResetAndTheView(id: String) async throws {
        try await TestSite.run { site async throws in
            for sequence in 1...5 { site.events.store(Self.event(Int64(sequence))) }
            site.events.prune(before: EventID(epoch: 3, sequence: 3))
            try await Self.follow(site, headers: ["Last-Event-ID: \(id)"]) { reader async throws in
                #expect(try await reader.read(until: "event: queue\n"))
                #expect(
                    reader.text.contains("event: reset\ndata: {}\n\nevent: queue\n")
                        || reader.text.contains("event: reset"))
                #expect(Self.ids(reader.text).isEmpty)
                site.queue.tell(Self.event(6))
                #expect(try await reader.read(until: "id: 3-6"))
            }
        }
    }

    @Test func tooFarBackIsAReset() async throws {
        try await TestSite.run { site async throws in
            for sequence in 0...(EventRoutes.pageSize * EventRoutes.maximumPages) {
                site.events.store(Self.event(Int64(sequence + 1)))
            }
            try await Self.follow(site, headers: ["Last-Event-ID: 3-1"]) { reader async throws in
                #expect(try await reader.read(until: "event: reset"))
                #expect(try await reader.read(until: "event: queue\n"))
            }
        }
    }

    @Test func databaseThatIsAwayCostsTheResumeOnly() async throws {
        try await TestSite.run { site async throws in
            site.events.store(Self.event(1))
            site.events.setAway(true)
            try await Self.follow(site, headers: ["Last-Event-ID: 3-1"]) { reader async throws in
                #expect(try await reader.read(until: "event: reset"))
                site.queue.update { $0.entries = [FakeQueueDesk.entry("Ada")] }
                #expect(try await reader.read(until: "\"Ada\""))
            }
        }
    }

    @Test func streamEndsWhenTheReaderWasTooSlowSoThatItResumes() async throws {
        try await TestSite.run { site async throws in
            try await Self.follow(site) { reader async throws in
                #expect(try await reader.read(until: "event: queue\n"))
                site.queue.endEvents()
                #expect(try await reader.read(until: "\r\n0\r\n\r\n"))
            }
        }
    }

    @Test func mailboxThatIsFullTakesNoMoreAndEnds() {
        let mailbox = EventMailbox()
        for sequence in 1...(EventMailbox.maximumEvents + 5) { mailbox.append(Self.event(Int64(sequence))) }
        let content = mailbox.take()
        #expect(content.isFinished)
        #expect(content.events.map(\.id.sequence) == (1...Int64(EventMailbox.maximumEvents)).map { $0 })
        mailbox.append(Self.event(1))
        #expect(mailbox.take().events.isEmpty)
    }

    @Test func strangersGetPublicKindsAndFieldsOnly() {
        let payload = #"{"entry":"e","missing":["x"],"name":"Ada","secret":"s","user":"u"}"#
        let open = Self.event(1, kind: "queue.unready", payload: payload)
        let text = JSONAnswer.data(EventAnswer(open, for: .everyone)).map { String(buffer: $0) }
        #expect(text?.contains(#""payload":{"entry":"e","name":"Ada"}"#) == true)
        let full = JSONAnswer.data(EventAnswer(open, for: .operators)).map { String(buffer: $0) }
        #expect(full?.contains(#""missing":["x"]"#) == true)
        for kind in ["dj.banned", "dj.unbanned", "dj.blocked", "settings.changed", "something.new"] {
            #expect(EventAnswer(Self.event(1, kind: kind), for: .everyone) == nil, "\(kind)")
            #expect(EventAnswer(Self.event(1, kind: kind), for: .dj(.random())) == nil, "\(kind)")
            #expect(EventAnswer(Self.event(1, kind: kind), for: .operators) != nil, "\(kind)")
        }
        #expect(EventAnswer(Self.event(1, payload: "no json"), for: .operators) == nil)
    }

    @Test func healthIsForOperatorsAndTheDJsOwnEntry() async throws {
        try await TestSite.run { site async throws in
            let ada = try await site.session("Ada")
            site.queue.update { view in
                view.entries = [
                    FakeQueueDesk.entry("Ada", user: ada.account.id, missing: ["Ada's lack"]),
                    FakeQueueDesk.entry("Bob", missing: ["Bob's lack"]),
                ]
            }
            let path = "/api/v1/channels/main/queue"
            let open = try await site.send("GET", path)
            #expect(open.names == ["Ada", "Bob"])
            #expect(!open.body.contains("lack"))
            #expect(!open.body.contains("\"user\""))
            let own = try await site.read(path, as: ada)
            #expect(own.body.contains("Ada's lack"))
            #expect(own.body.contains(ada.account.id.description))
            #expect(!own.body.contains("Bob's lack"))
            let all = try await site.call("GET", path, token: try await site.tokens.make(.operator))
            #expect(all.body.contains("Ada's lack"))
            #expect(all.body.contains("Bob's lack"))
            try await Self.follow(site, headers: ["Cookie: lineup=\(ada.token.exposed)"]) { reader async throws in
                #expect(try await reader.read(until: "Ada's lack"))
                #expect(!reader.text.contains("Bob's lack"))
            }
        }
    }

    @Test func streamOfAnEndedSessionEnds() async throws {
        try await TestSite.run(adjust: { $0.heartbeat = .milliseconds(10) }) { site async throws in
            let boss = try await site.session("Boss", role: .operator)
            try await Self.follow(site, headers: ["Cookie: lineup=\(boss.token.exposed)"]) { reader async throws in
                #expect(try await reader.read(until: "event: queue\n"))
                try await site.accounts.logOut(boss.token)
                #expect(try await reader.read(until: "\r\n0\r\n\r\n"))
            }
        }
    }

    @Test func anotherChannelIsNotFound() async throws {
        try await TestSite.run { site async throws in
            #expect(try await site.send("GET", "/api/v1/events?channel=other").status == 404)
            #expect(try await site.send("GET", "/api/v1/events?channel=UP").status == 404)
        }
    }
}
