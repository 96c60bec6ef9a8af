import HTTPTypes
import Testing

@testable import WebServer

@Suite struct RouteTableTests {
    private static let table = RouteTable(
        [
            (.get, "/a"), (.post, "/a"), (.get, "/keys/{id}"), (.delete, "/keys/{id}"), (.post, "/keys/{id}/rotate"),
            (.get, "/hls/{channel}/{name...}"),
        ].map { (method: HTTPRequest.Method, path: String) in Route(method, path) { _ in throw Problem.notFound() } })

    private static func found(_ method: HTTPRequest.Method, _ path: String) -> (String, [String: String])? {
        guard case .found(let route, let parameters) = table.match(method, path: path) else { return nil }
        return (route.template, parameters)
    }

    @Test func findsByPathAndMethod() throws {
        #expect(Self.found(.get, "/a")?.0 == "/a")
        #expect(Self.found(.head, "/a")?.0 == "/a")
        let rotate = try #require(Self.found(.post, "/keys/7/rotate"))
        #expect(rotate.1 == ["id": "7"])
        let nested = try #require(Self.found(.get, "/hls/main/video/1.m4s"))
        #expect(nested.1 == ["channel": "main", "name": "video/1.m4s"])
    }

    @Test func parametersNeverTakeNothing() {
        #expect(Self.found(.get, "/keys/") == nil)
        #expect(Self.found(.post, "/keys//rotate") == nil)
        #expect(Self.found(.get, "/hls/main/") == nil)
        #expect(Self.found(.get, "/a/") == nil)
    }

    @Test func tellsWhichMethodsAreTaken() {
        guard case .wrongMethod(let allowed) = Self.table.match(.patch, path: "/keys/7") else {
            Issue.record("expected a wrong method")
            return
        }
        #expect(allowed == [HTTPRequest.Method.get, .head, .delete])
    }
}
