import Cryptography
import Domain
import Foundation
import Logging
import PostgresStore
import PostgresTestKit
import Synchronization
import TestKit
import Testing

@testable import Announcements

/// Deliveries from a real database.
@Suite(.timeLimit(.minutes(2))) struct DeliveryTests {
    private struct Site {
        var database: DatabaseConfiguration
        var store: PostgresStore
        var http: FakeHTTP
        var files = FakeFiles()
        var desk: TargetService
        var outside: AnnouncementsOutside
        var parkAfter: Duration = .seconds(86_400)

        static let admin = Actor(kind: .commandLine, id: nil, name: "root")

        static func make() async throws -> Site {
            let database = try await TestDatabase.make()
            let store = PostgresStore(database, logger: TestDatabase.logger)
            let (http, files) = (FakeHTTP(), FakeFiles())
            let outside = AnnouncementsOutside(
                http: http, files: files, sealing: SecretBox(secret: Secret("a secret of the tests, long enough")),
                authentication: SHA256Authentication())
            let desk = TargetService(store: store, outside: outside, random: SystemRandomBytes(), clock: SystemTime())
            return Site(database: database, store: store, http: http, files: files, desk: desk, outside: outside)
        }

        func service() -> AnnouncementService {
            AnnouncementService(
                store: store, outside: outside, scene: EmptyScene(), clock: SystemTime(), parkAfter: parkAfter,
                logger: TestDatabase.logger
            ) { [store] in
                store.listen().compactMap { notice -> AnnouncementSignal? in
                    switch notice {
                    case .queueChanged: .events
                    case .targetChanged: .targets
                    case .keyRevoked, .accountDisabled, .studioChanged, .listingChanged: nil
                    }
                }
            }
        }

        /// Writes events as a queue's moves do, one a move.
        func write(_ versions: ClosedRange<Int64>, kind: DomainEvent = .slateStarted) async throws {
            for version in versions {
                try await store.commit(
                    QueueTransition(
                        channel: .main, fromVersion: version - 1, version: version, changed: [], settings: nil,
                        events: [kind], firstEventSequence: version, at: SystemTime().now()))
            }
        }

        func add(_ adjust: (inout TargetDraft) -> Void = { _ in }) async throws -> TargetStatus {
            var draft = TargetDraft()
            draft.name = "studio"
            draft.kind = .webhook
            draft.url = Secret("https://example.org/hook")
            adjust(&draft)
            return try await desk.create(draft, by: Self.admin).status
        }

        /// Runs store and service while `body` does.
        func running(_ body: @Sendable () async throws -> Void) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await store.run() }
                await store.listening()
                group.addTask { try await service().run() }
                defer { group.cancelAll() }
                try await body()
            }
        }

        func until(_ what: String, _ isTrue: () async throws -> Bool) async throws {
            let deadline = ContinuousClock.now + .seconds(40)
            while try await !isTrue() {
                try #require(ContinuousClock.now < deadline, "waited in vain: \(what)")
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private static func ids(_ requests: [OutboundRequest]) -> [String] {
        requests.compactMap { $0.header("X-Lineup-Event-Id") }
    }

    @Test func deliversInOrderWhatComesAfterTheTargetWasMade() async throws {
        let site = try await Site.make()
        try await site.write(1...3)
        let target = try await site.add()
        try await site.running {
            try await site.write(4...60)
            try await site.until("57 events") { site.http.requests.count == 57 }
            #expect(Self.ids(site.http.requests) == (4...60).map { "main/0-\($0)" })
            try await site.until("the cursor") { try await site.desk.target(target.target.id).waiting == 0 }
            let status = try await site.desk.target(target.target.id)
            #expect(status.progress.delivered == 57 && status.state == "fine")
        }
    }

    @Test func goesOnAfterARestartAndRepeatsOnlyWhatWasNotWrittenDown() async throws {
        let site = try await Site.make()
        _ = try await site.add()
        try await site.write(1...200)
        let gate = Mutex(0)
        site.http.answer { _ in
            let count = gate.withLock { count in
                count += 1
                return count
            }
            // It hangs in the midst, and the server ends.
            if count == 120 { try? await Task.sleep(for: .seconds(600)) }
            return .success(OutboundAnswer(status: 200))
        }
        try await site.running { try await site.until("half of them") { site.http.requests.count == 120 } }
        site.http.answer { _ in .success(OutboundAnswer(status: 200)) }
        var again = site
        again.store = PostgresStore(site.database, logger: TestDatabase.logger)
        let second = again
        try await second.running {
            try await second.until("the last") { Self.ids(site.http.requests).last == "main/0-200" }
        }
        let seen = Self.ids(site.http.requests)
        var firsts: [String] = []
        for id in seen where !firsts.contains(id) { firsts.append(id) }
        #expect(firsts == (1...200).map { "main/0-\($0)" })
    }

    @Test func aFailingTargetGetsEverythingInOrderWhenItReturnsAndHoldsNobodyElseUp() async throws {
        let site = try await Site.make()
        _ = try await site.add()
        _ = try await site.add { draft in
            draft.name = "other"
            draft.url = Secret("https://other.example/hook")
        }
        let isDown = Mutex(true)
        site.http.answer { request in
            guard request.url.exposed.contains("example.org") else { return .success(OutboundAnswer(status: 200)) }
            return isDown.withLock { $0 } ? .failure(.unreachable) : .success(OutboundAnswer(status: 200))
        }
        @Sendable func seen(_ host: String) -> [OutboundRequest] {
            site.http.requests.filter { $0.url.exposed.contains(host) }
        }
        try await site.running {
            try await site.write(1...20)
            try await site.until("the other has all") { seen("other.example").count == 20 }
            try await site.until("three tries") { seen("example.org").count >= 3 }
            #expect(Set(Self.ids(seen("example.org"))) == ["main/0-1"])
            let failing = try await site.desk.target(named: "studio")
            #expect(failing.state == "failing" && failing.progress.lastError == "nobody answers there")
            let tries = seen("example.org").count
            isDown.withLock { $0 = false }
            try await site.until("all of them") { Self.ids(seen("example.org")).last == "main/0-20" }
            let late = Self.ids(Array(seen("example.org").dropFirst(tries)))
            #expect(Array(late.drop { $0 == "main/0-1" }) == (2...20).map { "main/0-\($0)" })
        }
    }

    @Test func anEventThatIsRefusedIsListedAndTheOthersFlow() async throws {
        let site = try await Site.make()
        let id = try await site.add { $0.batch = 10 }.target.id
        site.http.answer { request in
            .success(OutboundAnswer(status: request.text.contains("\"0-5\"") ? 400 : 200))
        }
        try await site.running {
            try await site.write(1...10)
            try await site.until("all are done with") { try await site.desk.target(id).waiting == 0 }
            let failures = try await site.desk.failures(of: id)
            #expect(failures.map(\.id) == [EventID(epoch: 0, sequence: 5)])
            #expect(failures.first?.error == "it answered 400")
            #expect(try await site.desk.target(id).progress.delivered == 9)
        }
    }

    @Test func deliversOnlyWhatTheFilterLetsThrough() async throws {
        let site = try await Site.make()
        _ = try await site.add { $0.kinds = ["slate.*"] }
        try await site.running {
            try await site.write(1...2, kind: .settingsChanged)
            try await site.write(3...3)
            try await site.until("one") { !site.http.requests.isEmpty }
            try await site.until("none waits") { try await site.desk.targets()[0].waiting == 0 }
            #expect(Self.ids(site.http.requests) == ["main/0-3"])
        }
    }

    @Test func replaysAnEventAndARange() async throws {
        let site = try await Site.make()
        let id = try await site.add().target.id
        try await site.running {
            try await site.write(1...9)
            try await site.until("all") { site.http.requests.count == 9 }
            let count = try await site.desk.replay(
                id, channel: .main, from: EventID(epoch: 0, sequence: 3), through: EventID(epoch: 0, sequence: 5),
                by: Site.admin)
            #expect(count == 3)
            try await site.until("again") { site.http.requests.count == 12 }
            let again = site.http.requests.suffix(3)
            #expect(Self.ids(Array(again)) == ["main/0-3", "main/0-4", "main/0-5"])
            #expect(again.allSatisfy { $0.header("X-Lineup-Replay") == "true" })
            try await site.until("none waits") { try await site.desk.target(id).waiting == 0 }
        }
    }

    @Test func parksADeadTargetAndResumesItWithWhatWaited() async throws {
        var site = try await Site.make()
        site.parkAfter = .milliseconds(300)
        let (here, id) = (site, try await site.add().target.id)
        here.http.answer { _ in .failure(.timedOut) }
        try await here.running {
            try await here.write(1...5)
            try await here.until("parked") { try await here.desk.target(id).state == "parked" }
            let parked = try await here.desk.target(id)
            #expect(parked.waiting == 5 && parked.progress.parkedReason?.contains("no answer in time") == true)
            here.http.answer { _ in .success(OutboundAnswer(status: 200)) }
            _ = try await here.desk.resume(id, skipping: false, by: Site.admin)
            try await here.until("all") { try await here.desk.target(id).waiting == 0 }
            #expect(Self.ids(here.http.requests).suffix(5) == (1...5).map { "main/0-\($0)" })
            _ = try await here.desk.park(id, reason: "quiet", by: Site.admin)
            try await here.write(6...8)
            _ = try await here.desk.resume(id, skipping: true, by: Site.admin)
            try await here.write(9...9)
            try await here.until("the newest") { Self.ids(here.http.requests).last == "main/0-9" }
            #expect(!Self.ids(here.http.requests).contains("main/0-7"))
        }
    }

    @Test func oneServerOfTwoDelivers() async throws {
        let site = try await Site.make()
        let id = try await site.add().target.id
        let other = PostgresStore(site.database, logger: TestDatabase.logger)
        #expect(try await site.store.pending(for: id, limit: 5) != nil)
        #expect(try await other.pending(for: id, limit: 5) == nil)
        await site.store.close()
        try await site.until("the other takes over") { try await other.pending(for: id, limit: 5) != nil }
        await other.close()
    }

    @Test func retentionLeavesWhatALiveTargetHasStillToGet() async throws {
        let site = try await Site.make()
        try await site.write(1...5)
        let id = try await site.add().target.id
        try await site.write(6...8)
        let raw = PostgresConnection(site.database, name: "raw", logger: TestDatabase.logger)
        let awaited =
            "SELECT string_agg(sequence::text, ',' ORDER BY sequence) FROM events WHERE id IN (SELECT id FROM events_in_use)"
        #expect(try await raw.firstText(awaited) == "6,7,8")
        _ = try await site.desk.park(id, reason: "quiet", by: Site.admin)
        #expect(try await raw.firstText(awaited) == nil)
    }

    @Test func secretsAreSealedAndNeverShown() async throws {
        let site = try await Site.make()
        let made = try await site.desk.create(
            {
                var draft = TargetDraft()
                draft.name = "studio"
                draft.kind = .webhook
                draft.url = Secret("https://example.org/hook/TOP-SECRET")
                draft.headers = [TargetHeader(name: "Authorization", value: Secret("Bearer TOP-SECRET"))]
                return draft
            }(), by: Site.admin)
        let secret = try #require(made.secret)
        #expect(secret.exposed.count == 48 && made.status.target.place == "https://example.org")
        let raw = PostgresConnection(site.database, name: "raw", logger: TestDatabase.logger)
        let everything = try await raw.firstText(
            "SELECT string_agg(t::text, '') || (SELECT string_agg(a::text, '') FROM audit_log a) FROM targets t")
        let text = try #require(everything)
        for hidden in ["TOP-SECRET", secret.exposed, "544f502d534543524554"] { #expect(!text.contains(hidden)) }
        // A change of something else keeps them.
        var draft = TargetDraft()
        draft.kinds = ["queue.*"]
        _ = try await site.desk.change(made.status.target.id, draft, by: Site.admin)
        _ = try await site.desk.test(made.status.target.id, by: Site.admin)
        let request = try #require(site.http.requests.last)
        #expect(request.url.exposed.hasSuffix("TOP-SECRET") && request.header("Authorization") == "Bearer TOP-SECRET")
    }

    @Test func refusesWhatATargetCannotBe() async throws {
        let site = try await Site.make()
        func expectInvalid(_ field: String, _ adjust: @escaping (inout TargetDraft) -> Void) async {
            do {
                _ = try await site.add(adjust)
                Issue.record("\(field) was taken")
            } catch TargetError.invalid(let name, _) {
                #expect(name == field)
            } catch {
                Issue.record("\(error)")
            }
        }
        await expectInvalid("name") { $0.name = " x" }
        await expectInvalid("name") { $0.name = String(repeating: "x", count: 41) }
        await expectInvalid("secret") { $0.secret = Secret("short") }
        await expectInvalid("kinds") { $0.kinds = ["queue*"] }
        await expectInvalid("channels") { $0.channels = ["Not A Channel"] }
        await expectInvalid("batch") { $0.batch = 101 }
        await expectInvalid("headers") { $0.headers = [TargetHeader(name: "Host", value: Secret("x"))] }
        await expectInvalid("headers") { $0.headers = [TargetHeader(name: "X-A", value: Secret("a\r\nB: c"))] }
        await expectInvalid("headers") { $0.headers = [TargetHeader(name: "X-Lineup-Signature", value: Secret("x"))] }
        await expectInvalid("url") { draft in
            draft.kind = .discord
            draft.url = Secret("https://example.org/hook")
        }
        await expectInvalid("file") { draft in
            draft.kind = .file
            draft.url = nil
            draft.file = "../x"
        }
        _ = try await site.add()
        await #expect(throws: TargetError.nameTaken) { try await site.add() }
    }
}

/// The time of day, as it is.
private struct SystemTime: WallClock {
    func now() -> WallTime { WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }
}
