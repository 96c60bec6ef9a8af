import Domain
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct HistoryTests {
    private static let path = "/api/v1/channels/main/queue/history"
    private static let begin = WallTime(milliseconds: 1_800_000_000_000)

    private static func past(_ name: String, user: UserID = .random(), minute: Int = 0) -> PastEntry {
        PastEntry(
            id: .random(), user: user, name: name, reason: .slotOver, joinedAt: begin, onAirSince: begin + .seconds(60),
            endedAt: begin + .seconds(60 * minute), onAirSeconds: 59.5)
    }

    @Test func operatorsSeeAllInPagesNewestFirst() async throws {
        try await TestSite.run { site async throws in
            for minute in 1...5 { site.history.add(Self.past("DJ \(minute)", minute: minute)) }
            let token = try await site.tokens.make(.operator)
            let first = try await site.call("GET", Self.path + "?limit=2", token: token)
            #expect(first.status == 200)
            #expect(first.names == ["DJ 5", "DJ 4"])
            let cursor = try #require(first.text(after: #""next":""#, until: "\""))
            let second = try await site.call("GET", Self.path + "?limit=2&cursor=\(cursor)", token: token)
            #expect(second.names == ["DJ 3", "DJ 2"])
            let next = try #require(second.text(after: #""next":""#, until: "\""))
            let last = try await site.call("GET", Self.path + "?limit=2&cursor=\(next)", token: token)
            #expect(last.names == ["DJ 1"])
            #expect(last.body.contains(#""next":null"#))
            #expect(last.body.contains(#""reason":"slotOver""#))
        }
    }

    @Test func djsSeeTheirOwnAndStrangersNothing() async throws {
        try await TestSite.run { site async throws in
            let ada = try await site.session("ada")
            site.history.add(Self.past("Ada", user: ada.account.id, minute: 1))
            site.history.add(Self.past("Bob", minute: 2))
            #expect(try await site.read(Self.path, as: ada).names == ["Ada"])
            // Whatever they ask for.
            #expect(try await site.read(Self.path + "?user=\(UserID.random())", as: ada).names == ["Ada"])
            #expect(try await site.send("GET", Self.path).status == 401)
            let machine = try await site.tokens.make(.dj)
            #expect(try await site.call("GET", Self.path, token: machine).status == 403)
        }
    }

    @Test func tableForSpreadsheetsRunsNoFormula() async throws {
        try await TestSite.run { site async throws in
            site.history.add(Self.past(#"=HYPERLINK("http://evil.example","x")"#, minute: 1))
            let token = try await site.tokens.make(.operator)
            let answer = try await site.call("GET", Self.path + ".csv", token: token)
            #expect(answer.headers["content-type"] == "text/csv; charset=utf-8; header=present")
            #expect(answer.headers["content-disposition"] == #"attachment; filename="main-history.csv""#)
            #expect(
                answer.body.contains(
                    "entry,user,name,reason,joinedAt,onAirSince,endedAt,onAirSeconds,viewersPeak,viewersAverage,"
                        + "viewerMinutes\r\n"))
            #expect(answer.body.contains(#","'=HYPERLINK(""http://evil.example"",""x"")",slotOver,"#))
            let headers = [("Authorization", "Bearer \(token)"), ("Accept", "text/csv")]
            #expect(try await site.send("GET", Self.path, headers: headers).body == answer.body)
        }
    }

    @Test func tableHasAllRowsAcrossThePagesOfTheStore() async throws {
        try await TestSite.run { site async throws in
            for number in 0..<(HistoryRoutes.maximumPage * 2 + 1) { site.history.add(Self.past("DJ", minute: number)) }
            let token = try await site.tokens.make(.operator)
            let all = try await site.call("GET", Self.path + ".csv", token: token)
            #expect(all.body.components(of: ",slotOver,") == HistoryRoutes.maximumPage * 2 + 1)
            let some = try await site.call("GET", Self.path + ".csv?limit=3", token: token)
            #expect(some.body.components(of: ",slotOver,") == 3)
            #expect(some.headers["link"]?.hasSuffix(#"&limit=3>; rel="next""#) == true)
        }
    }

    @Test(arguments: ["limit=0", "limit=501", "limit=x", "cursor=x", "cursor=-1.x", "user=x"])
    func nonsenseIsRefused(query: String) async throws {
        try await TestSite.run { site async throws in
            let token = try await site.tokens.make(.operator)
            #expect(try await site.call("GET", Self.path + "?" + query, token: token).status == 400)
        }
    }

    @Test(arguments: [
        ("plain", "plain"), ("a,b", "\"a,b\""), ("say \"hi\"", "\"say \"\"hi\"\"\""), ("=1+1", "\"'=1+1\""),
        ("+1", "\"'+1\""), ("-1", "-1"), ("-0.54", "-0.54"), ("-1+1", "\"'-1+1\""),
        ("@x", "\"'@x\""), (" =1", "\"' =1\""), ("\t=1", "\"'\t=1\""),
        ("＝1", "\"'＝1\""), ("line\nbreak", "\"line\nbreak\""), ("", ""),
    ])
    func cellIsQuoted(text: String, cell: String) {
        #expect(CSV.line([text]) == cell + "\r\n")
    }

    @Test func auditLogIsForOperatorsAndPaged() async throws {
        try await TestSite.run { site async throws in
            for number in 1...3 {
                let actor = Actor(kind: .user, id: "u", name: "Boss")
                try await site.audit.append(
                    AuditRecord(
                        at: Self.begin, actor: actor, action: "queue.skip", channel: number == 2 ? nil : .main,
                        subject: "entry-\(number)", before: #"{"version":1}"#, after: "cut sho"))
            }
            let token = try await site.tokens.make(.operator)
            let page = try await site.call("GET", "/api/v1/audit?limit=2", token: token)
            #expect(page.body.contains(#""subject":"entry-3""#))
            #expect(page.body.contains(#""subject":"entry-2""#))
            #expect(page.body.contains(#""before":{"version":1}"#))
            #expect(page.body.contains(#""after":"cut sho""#))
            #expect(page.body.contains(#""actor":{"id":"u","kind":"user","name":"Boss"}"#))
            #expect(page.body.contains(#""next":2"#))
            let rest = try await site.call("GET", "/api/v1/audit?limit=2&before=2", token: token)
            #expect(rest.body.contains(#""subject":"entry-1""#))
            #expect(rest.body.contains(#""next":null"#))
            let channel = try await site.call("GET", "/api/v1/channels/main/queue/audit", token: token)
            #expect(!channel.body.contains("entry-2"))
            #expect(try await site.send("GET", "/api/v1/audit").status == 401)
            let dj = try await site.tokens.make(.dj)
            #expect(try await site.call("GET", "/api/v1/audit", token: dj).status == 403)
        }
    }
}

extension RawAnswer {
    /// What stands between two marks, at its first place.
    func text(after start: String, until end: String) -> String? {
        guard let from = body.firstRange(of: start)?.upperBound else { return nil }
        guard let to = body[from...].firstRange(of: end)?.lowerBound else { return nil }
        return String(body[from..<to])
    }

    /// The values of `name` fields, in order.
    var names: [String] {
        body.split(separator: #""name":""#).dropFirst().map { String($0.prefix { $0 != "\"" }) }
    }
}

extension String {
    func components(of mark: String) -> Int { ranges(of: mark).count }
}
