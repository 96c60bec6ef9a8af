import Domain
import Foundation
import Synchronization
import TestKit
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct HandoverTests {
    private static let path = "/api/v1/channels/main/handovers"
    private static let now = WallTime(milliseconds: 1_800_000_000_000)

    private static func handover(_ name: String) -> HandoverEntry {
        HandoverEntry(
            from: nil, to: .init(entry: EntryID(high: 1, low: 1), user: UserID(high: 2, low: 2), name: name),
            reason: .ordered, cause: nil, decidedAt: now, onAirAt: now + .milliseconds(480), videoGapFrames: 0,
            audioGapMilliseconds: -3.5, soundOffsetMilliseconds: 1.25)
    }

    @Test func operatorsPageThroughWhatEachHandOverCost() async throws {
        try await TestSite.run { site async throws in
            for name in ["Ada", "Bob", "=Cleo"] { site.handovers.keep(Self.handover(name)) }
            let token = try await site.tokens.make(.operator)
            let first = try await site.call("GET", Self.path + "?limit=2", token: token, nil)
            #expect(first.status == 200)
            #expect(first.body.contains(#""name":"=Cleo""#))
            #expect(first.body.contains(#""audioGapMilliseconds":-3.5"#))
            #expect(first.body.contains(#""next":2"#))
            let second = try await site.call("GET", Self.path + "?limit=2&before=2", token: token, nil)
            #expect(second.body.contains(#""name":"Ada""#))
            #expect(second.body.contains(#""next":null"#))
            let csv = try await site.call("GET", Self.path + ".csv", token: token, nil).body
            #expect(csv.contains("3,,'=Cleo,ordered,,") || csv.contains("3,,\"'=Cleo\",ordered,,"))
            #expect(try await site.call("GET", Self.path + "?before=x", token: token, nil).status == 400)
            #expect(try await site.call("GET", Self.path, token: try await site.tokens.make(.dj), nil).status == 403)
        }
    }

    @Test func aDJSeesTheHealthOfTheirOwnStreamAndOperatorsAll() async throws {
        try await TestSite.run { site async throws in
            let dj = try await site.session("Ada")
            let issue = HealthSummary.Issue(type: .gopSizeLong, advice: "Set it to 2 s.")
            let summary = HealthSummary(issues: [issue])
            site.health.healths.withLock {
                $0[dj.account.id] = StreamHealth(summary: summary, measures: StreamMeasures())
            }
            var ada = FakeQueueDesk.entry("Ada", user: dj.account.id)
            ada.health = summary
            let bob = FakeQueueDesk.entry("Bob")
            site.queue.update { [ada] in $0.entries = [ada, bob] }
            let own = try await site.read("/api/v1/me/health", as: dj)
            #expect(own.body.contains(#""connected":true"#))
            #expect(own.body.contains(#""type":"gopSizeLong""#))
            let entry = "/api/v1/channels/main/entries/"
            #expect(try await site.read(entry + "\(ada.id)/health", as: dj).status == 200)
            #expect(try await site.read(entry + "\(bob.id)/health", as: dj).status == 403)
            #expect(try await site.read(entry + "none/health", as: dj).status == 404)
            let token = try await site.tokens.make(.operator)
            let queue = try await site.call("GET", "/api/v1/channels/main/queue", token: token, nil)
            #expect(queue.body.contains(#""status":"ok""#))
            #expect(try await site.call("GET", entry + "\(bob.id)/health", token: token, nil).body.contains("false"))
            let everybody = try await site.call(
                "GET", "/api/v1/channels/main/queue", token: try await site.tokens.make(.viewer), nil)
            #expect(!everybody.body.contains("gopSizeLong"))
        }
    }
}
