import HTTPTypes
import Hummingbird
import NIOCore

/// `GET /api/openapi.json`: what the API is, rendered once from the routes themselves.
struct OpenAPIRoutes: Sendable {
    static let path = "/api/openapi.json"

    /// `routes`, and the one that describes them.
    static func describing(_ routes: [Route], version: String) -> [Route] {
        let operation = Operation(
            "Describes this API", .server, details: "OpenAPI 3.1, made from the table of routes.",
            answers: [.ok(.object(.required("openapi", .string), .required("paths", .map(.any))))])
        let own = Route(.get, path, .anybody, operation) { _ in preconditionFailure("replaced below") }
        let bytes = OpenAPIDocument(routes + [own], version: version).bytes
        let tag = EntityTag.of(bytes)
        let route = Route(.get, path, .anybody, operation) { request in
            let headers: HTTPFields = [.contentType: "application/json", .eTag: tag, .cacheControl: "no-cache"]
            if EntityTag.matches(request.head.headerFields[.ifNoneMatch], tag) {
                return Response(status: .notModified, headers: headers)
            }
            return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: bytes))
        }
        return routes + [route]
    }
}
