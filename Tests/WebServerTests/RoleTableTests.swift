import Domain
import Foundation
import HTTPTypes
import TestKit
import Testing

@testable import WebServer

/// Who may call what: the table in `docs/roles.md` against the routes, and each route against its row.
@Suite(.timeLimit(.minutes(2))) struct RoleTableTests {
    private static let file = URL(fileURLWithPath: TestSite.webRoot).deletingLastPathComponent()
        .appendingPathComponent("docs/roles.md")

    private func routes(_ site: TestSite) throws -> [Route] {
        try site.server.routes(pages: PageStore(folder: TestSite.webRoot), cookie: SessionCookie(isSecure: false))
    }

    private func table(_ routes: [Route]) -> String {
        var text = """
            # Who may call what

            Written by `scripts/write-docs` from the table of routes; a test fails when they differ, and another calls every route
            without a session, with each role, and with tokens. Everything not listed is a file of `web/`, for anybody.

            "own" means: one's own things. A DJ sees less than an operator where an answer says so (`docs/api.md`).

            | method | address | who |
            |---|---|---|

            """
        let lines = routes.map { "| \($0.method.rawValue) | `\($0.template)` | \($0.access.words) |" }
        text += Set(lines).sorted { left, right in
            let (left, right) = (left.split(separator: "|"), right.split(separator: "|"))
            return (left[1], left[0]) < (right[1], right[0])
        }.joined(separator: "\n")
        return text + "\n"
    }

    @Test func theTableInDocsIsTheTableOfRoutes() async throws {
        try await TestSite.run { site async throws in
            let text = table(try routes(site))
            if ProcessInfo.processInfo.environment["LINEUP_WRITE_DOCS"] != nil {
                try Data(text.utf8).write(to: Self.file)
            }
            let stored = FileManager.default.contents(atPath: Self.file.path).map {
                String(decoding: $0, as: UTF8.self)
            }
            #expect(stored == text, "docs/roles.md is out of date: run scripts/write-docs")
        }
    }

    /// An address that the route matches; what it names does not exist, so that nothing is done.
    private func address(_ route: Route) -> String {
        var address = route.template
        for name in route.parameterNames {
            let value =
                switch name {
                case "channel": "main"
                case "seconds": "60"
                default: "00000000-0000-4000-8000-000000000001"
                }
            for form in ["{\(name)}", "{\(name)...}"] { address = address.replacing(form, with: value) }
        }
        return address
    }

    private func status(
        _ route: Route, on site: TestSite, _ credentials: [(String, String)]
    ) async throws -> Int {
        // HEAD passes the same gate as GET, and ends where a stream would not.
        let method = route.method == .get ? "HEAD" : route.method.rawValue
        var headers = credentials
        if !route.isRead {
            headers.append(("Content-Type", route.operation?.bodyMediaTypes.first ?? "application/json"))
        }
        return try await site.send(method, address(route), headers: headers, body: route.isRead ? nil : "{}").status
    }

    private func cookie(_ session: SignedIn) -> [(String, String)] {
        [("Cookie", "lineup=\(session.token.exposed)"), ("X-CSRF-Token", session.csrfToken.exposed)]
    }

    @Test func everyRouteKeepsOutWhomItsRowNames() async throws {
        try await TestSite.run { site async throws in
            for (index, route) in try routes(site).enumerated() {
                let label = "\(route.method) \(route.template)"
                let none = try await status(route, on: site, [])
                var people: [Role: Int] = [:]
                var machines: [Role: Int] = [:]
                for role in Role.allCases {
                    // New ones each time: a route may end the session it is called with.
                    let session = try await site.session("p\(index)-\(role.rawValue)", role: role)
                    people[role] = try await status(route, on: site, cookie(session))
                    let token = try await site.tokens.make(role)
                    machines[role] = try await status(route, on: site, [("Authorization", "Bearer \(token)")])
                }
                let outside = Set([401, 403])
                switch route.access {
                case .anybody, .anybodyKnown:
                    // 401 is also what a log-in without an account is told.
                    if !label.hasSuffix("/login") { #expect(!outside.contains(none), "\(label)") }
                    for role in Role.allCases {
                        #expect(people[role] != 403 && machines[role] != 403, "\(label) \(role)")
                    }
                case .signedIn:
                    #expect(none == 401, "\(label)")
                    for role in Role.allCases {
                        #expect(!outside.contains(people[role] ?? 0), "\(label) \(role)")
                        #expect(machines[role] == 403, "\(label) \(role)")
                    }
                case .signedInOr(let least):
                    #expect(none == 401, "\(label)")
                    for role in Role.allCases {
                        #expect(!outside.contains(people[role] ?? 0), "\(label) \(role)")
                        #expect(outside.contains(machines[role] ?? 0) == (role < least), "\(label) \(role)")
                    }
                case .atLeast(let least):
                    #expect(none == 401, "\(label)")
                    for role in Role.allCases {
                        #expect(people[role] == 403 || role >= least, "\(label) \(role)")
                        #expect(machines[role] == 403 || role >= least, "\(label) \(role)")
                        if role >= least {
                            #expect(!outside.contains(people[role] ?? 0), "\(label) \(role)")
                            #expect(!outside.contains(machines[role] ?? 0), "\(label) \(role)")
                        }
                    }
                }
            }
        }
    }
}
