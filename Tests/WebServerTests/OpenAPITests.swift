import Domain
import Foundation
import HTTPTypes
import TestKit
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(2))) struct OpenAPITests {
    private func routes(_ site: TestSite) throws -> [Route] {
        try site.server.routes(pages: PageStore(folder: TestSite.webRoot), cookie: SessionCookie(isSecure: false))
    }

    private func document(_ site: TestSite) async throws -> [String: Any] {
        let answer = try await site.send("GET", "/api/openapi.json")
        #expect(answer.status == 200)
        #expect(answer.headers["content-type"] == "application/json")
        return try #require(try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any])
    }

    /// An address under `/api/` that is not described is in no document: give its `Route` an `Operation`.
    @Test func everyRouteOfTheAPIIsDescribed() async throws {
        try await TestSite.run { site async throws in
            let missing = try routes(site).filter {
                $0.template.hasPrefix(OpenAPIDocument.prefix) && $0.operation == nil
            }.map { "\($0.method) \($0.template)" }
            #expect(missing == [])
        }
    }

    @Test func theDocumentHoldsExactlyTheDescribedRoutes() async throws {
        try await TestSite.run { site async throws in
            let document = try await document(site)
            #expect(document["openapi"] as? String == "3.1.0")
            let paths = try #require(document["paths"] as? [String: [String: Any]])
            let stated = Set(paths.flatMap { path, methods in methods.keys.map { "\($0) \(path)" } })
            let served = Set(
                try routes(site).filter { $0.operation != nil }.map {
                    "\($0.method.rawValue.lowercased()) \($0.template)"
                })
            #expect(stated == served)
            let operations = paths.values.flatMap(\.values).compactMap { $0 as? [String: Any] }
            let identifiers = operations.compactMap { $0["operationId"] as? String }
            #expect(Set(identifiers).count == operations.count)
        }
    }

    @Test func everyReferenceLeadsSomewhere() async throws {
        try await TestSite.run { site async throws in
            let text = try await site.send("GET", "/api/openapi.json").body
            let document = try await document(site)
            let components = try #require(document["components"] as? [String: Any])
            let schemas = try #require(components["schemas"] as? [String: Any])
            let names = text.matches(of: /#\/components\/schemas\/(\w+)/).map { String($0.1) }
            #expect(names.count > 20)
            #expect(Set(names).subtracting(schemas.keys) == [])
            #expect(schemas.values.allSatisfy { $0 is [String: Any] })
        }
    }

    @Test func isAnsweredFromTheBrowsersMemoryWhileItIsTheSame() async throws {
        try await TestSite.run { site async throws in
            let tag = try #require(try await site.send("GET", "/api/openapi.json").headers["etag"])
            let again = try await site.send("GET", "/api/openapi.json", headers: [("If-None-Match", tag)])
            #expect(again.status == 304)
            #expect(again.body.isEmpty)
        }
    }

    @Test func saysWhoMayAndHow() async throws {
        try await TestSite.run { site async throws in
            let paths = try #require(try await document(site)["paths"] as? [String: [String: [String: Any]]])
            let make = try #require(paths["/api/v1/tokens"]?["post"])
            #expect(make["x-role"] as? String == "admin")
            let responses = try #require(make["responses"] as? [String: Any])
            #expect(Set(["201", "401", "403", "422", "503"]).subtracting(responses.keys) == [])
            let security = try #require(make["security"] as? [[String: Any]])
            #expect(security.map { $0.keys.sorted() } == [["csrf", "session"], ["bearer"]])
        }
    }
}
