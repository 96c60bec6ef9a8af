import HTTPTypes
import NIOCore

/// The OpenAPI 3.1 document of a route table: every route whose address begins with `/api/`, and the others that are described.
/// Rendered once at start. Pure.
struct OpenAPIDocument {
    private var components: [String: JSONValue] = [:]
    private var paths: [String: [String: JSONValue]] = [:]

    /// Addresses under it are the API: a test fails when one of them is not described.
    static let prefix = "/api/"

    init(_ routes: [Route], version: String) {
        _ = Problem.schema.json(&components)
        for route in routes where route.operation != nil {
            paths[route.template, default: [:]][route.method.rawValue.lowercased()] = operation(route)
        }
        document = .object([
            "openapi": .string("3.1.0"),
            "info": .object([
                "title": .string("Lineup"), "version": .string(version),
                "description": .string(
                    "One broadcast, many DJs. Errors are problem documents (RFC 9457) with a stable `type`. Times are "
                        + "RFC 3339 in UTC. Fields may be added to answers: pass over those you do not know."),
            ]),
            "servers": .array([.object(["url": .string("/")])]),
            "tags": .array(
                Operation.Tag.allCases.map {
                    .object(["name": .string($0.rawValue), "description": .string($0.words)])
                }),
            "paths": .object(paths.mapValues { .object($0) }),
            "components": .object([
                "schemas": .object(components),
                "securitySchemes": .object([
                    "bearer": .object(["type": .string("http"), "scheme": .string("bearer")]),
                    "session": .object([
                        "type": .string("apiKey"), "in": .string("cookie"), "name": .string("__Host-lineup"),
                        "description": .string(
                            "The cookie of a log-in; named `lineup` without TLS. Writes also carry the session's "
                                + "`X-CSRF-Token`, which `GET /api/v1/me` tells."),
                    ]),
                    "csrf": .object([
                        "type": .string("apiKey"), "in": .string("header"), "name": .string("X-CSRF-Token"),
                    ]),
                ]),
            ]),
        ])
    }

    private(set) var document = JSONValue.null

    /// UTF-8 JSON.
    var bytes: ByteBuffer {
        guard let bytes = JSONAnswer.data(document) else { preconditionFailure("the document holds no odd numbers") }
        return bytes
    }

    // MARK: One operation

    private mutating func operation(_ route: Route) -> JSONValue {
        guard let described = route.operation else { preconditionFailure("the caller looked") }
        var fields: [String: JSONValue] = [
            "operationId": .string(Self.identifier(route)), "summary": .string(described.summary),
            "tags": .array([.string(described.tag.rawValue)]), "responses": .object(responses(route, described)),
            "x-role": .string(route.access.words),
        ]
        if let details = described.details { fields["description"] = .string(details) }
        let parameters = pathParameters(route) + described.parameters.map { parameter($0) }
        if !parameters.isEmpty { fields["parameters"] = .array(parameters) }
        if let security = Self.security(route) { fields["security"] = .array(security) }
        if let body = described.body {
            let schema = body.asked.json(&components)
            fields["requestBody"] = .object([
                "required": .bool(!described.isBodyOptional),
                "content": .object(
                    Dictionary(
                        uniqueKeysWithValues: described.bodyMediaTypes.map { ($0, .object(["schema": schema])) })),
            ])
        }
        return .object(fields)
    }

    /// `getChannelsQueue`, `postKeysIdRotate`: stable as long as method and address are.
    static func identifier(_ route: Route) -> String {
        let words = route.template.split { !$0.isLetter && !$0.isNumber }.drop { $0 == "api" || $0 == "v1" }
        return route.method.rawValue.lowercased() + words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    private mutating func parameter(_ parameter: Operation.Parameter) -> JSONValue {
        .object([
            "in": .string(parameter.place.rawValue), "name": .string(parameter.name),
            "description": .string(parameter.words), "required": .bool(parameter.isRequired),
            "schema": parameter.schema.json(&components),
        ])
    }

    private mutating func pathParameters(_ route: Route) -> [JSONValue] {
        route.parameterNames.map { name in
            let schema: Schema =
                switch name {
                case "channel": .channelName
                case "seconds": .integer(1...86_400)
                case "id", "key", "user", "entry": .id
                default: .string
                }
            return .object([
                "in": .string("path"), "name": .string(name), "required": .bool(true),
                "schema": schema.json(&components),
            ])
        }
    }

    private static func security(_ route: Route) -> [JSONValue]? {
        let session: JSONValue =
            route.isRead ? .object(["session": .array([])]) : .object(["session": .array([]), "csrf": .array([])])
        let bearer = JSONValue.object(["bearer": .array([])])
        switch route.access {
        case .anybody: return nil
        case .anybodyKnown: return [.object([:]), session, bearer]
        case .signedIn: return [session]
        case .signedInOr, .atLeast: return [session, bearer]
        }
    }

    private mutating func responses(_ route: Route, _ described: Operation) -> [String: JSONValue] {
        var responses: [String: JSONValue] = [:]
        for answer in described.answers {
            var fields: [String: JSONValue] = ["description": .string(answer.words)]
            if let schema = answer.schema {
                let entry: (String, JSONValue) = (
                    answer.mediaType, .object(["schema": schema.json(&components)])
                )
                // Two forms of one status: JSON and CSV, say.
                if case .object(let before) = responses[String(answer.status.code)],
                    case .object(var content) = before["content"]
                {
                    content[entry.0] = entry.1
                    fields["content"] = .object(content)
                } else {
                    fields["content"] = .object([entry.0: entry.1])
                }
            }
            responses[String(answer.status.code)] = .object(fields)
        }
        for (status, words) in Self.problems(route, described) where responses[String(status.code)] == nil {
            responses[String(status.code)] = problem(words)
        }
        return responses
    }

    private mutating func problem(_ words: String) -> JSONValue {
        .object([
            "description": .string(words),
            "content": .object([
                "application/problem+json": .object(["schema": Problem.schema.json(&components)])
            ]),
        ])
    }

    private static func problems(_ route: Route, _ described: Operation) -> [(HTTPResponse.Status, String)] {
        var problems = described.problems
        if !route.parameterNames.isEmpty || described.parameters.contains(where: { $0.name == "channel" }) {
            problems.append((.notFound, "There is no such thing."))
        }
        if !route.parameterNames.isEmpty || !described.parameters.isEmpty || !route.isRead {
            problems.append((.badRequest, "A parameter or the body makes no sense."))
        }
        if !route.isRead {
            problems += [
                (.forbidden, "Refused for safety: from another site, or without the session's CSRF token."),
                (.contentTooLarge, "The body is too large."), (.unsupportedMediaType, "The body has another type."),
                (.unprocessableContent, "A field is wrong: `field` says which."),
            ]
        }
        switch route.access {
        case .anybody: break
        case .anybodyKnown: problems.append((.unauthorized, "The bearer token is wrong."))
        case .signedIn, .signedInOr, .atLeast:
            problems += [(.unauthorized, "Not signed in."), (.forbidden, "The role is too low.")]
        }
        if route.access != .anybody {
            problems.append((.tooManyRequests, "Too many attempts: wait as `Retry-After` says."))
        }
        problems += [
            (.uriTooLong, "The address is too long."),
            (.serviceUnavailable, "Not now: try again as `Retry-After` says."),
        ]
        return problems
    }
}
