import HTTPTypes

/// Finds the route of a request. Built once; read from everywhere.
struct RouteTable: Sendable {
    enum Match {
        case found(Route, parameters: [String: String])
        case wrongMethod(allowed: [HTTPRequest.Method])
        case notFound
    }

    private enum Segment: Sendable {
        case literal(String)
        case parameter(String)
        case rest(String)
    }

    private struct Pattern: Sendable {
        var segments: [Segment]
        var routes: [Route]
    }

    /// Templates without parameters, by path.
    private var literals: [String: [Route]] = [:]
    /// The others, looked through in the order they were added.
    private var patterns: [Pattern] = []

    init(_ routes: [Route]) {
        var positions: [String: Int] = [:]
        for route in routes {
            guard route.template.contains("{") else {
                literals[route.template, default: []].append(route)
                continue
            }
            if let position = positions[route.template] {
                patterns[position].routes.append(route)
            } else {
                positions[route.template] = patterns.count
                patterns.append(Pattern(segments: Self.segments(of: route.template), routes: [route]))
            }
        }
    }

    /// - Parameter path: without the query, not percent-decoded: nothing we serve needs it.
    func match(_ method: HTTPRequest.Method, path: some StringProtocol) -> Match {
        if let routes = literals[String(path)] { return choose(method, among: routes, parameters: [:]) }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for pattern in patterns {
            guard let parameters = Self.match(pattern.segments, parts: Array(parts)) else { continue }
            return choose(method, among: pattern.routes, parameters: parameters)
        }
        return .notFound
    }

    private func choose(_ method: HTTPRequest.Method, among routes: [Route], parameters: [String: String]) -> Match {
        let wanted = method == .head ? HTTPRequest.Method.get : method
        if let route = routes.first(where: { $0.method == wanted }) { return .found(route, parameters: parameters) }
        let methods = routes.flatMap { $0.method == .get ? [$0.method, .head] : [$0.method] }
        return .wrongMethod(allowed: methods)
    }

    private static func segments(of template: String) -> [Segment] {
        template.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { part in
            guard part.hasPrefix("{"), part.hasSuffix("}") else { return .literal(String(part)) }
            let name = part.dropFirst().dropLast()
            return name.hasSuffix("...") ? .rest(String(name.dropLast(3))) : .parameter(String(name))
        }
    }

    /// What the parameters took, or `nil`. A parameter never takes nothing.
    private static func match(_ segments: [Segment], parts: [some StringProtocol]) -> [String: String]? {
        var parameters: [String: String] = [:]
        for (index, segment) in segments.enumerated() {
            guard index < parts.count else { return nil }
            switch segment {
            case .literal(let text):
                guard parts[index] == text else { return nil }
            case .parameter(let name):
                guard !parts[index].isEmpty else { return nil }
                parameters[name] = String(parts[index])
            case .rest(let name):
                let rest = parts[index...].joined(separator: "/")
                guard !rest.isEmpty else { return nil }
                parameters[name] = rest
                return parameters
            }
        }
        return segments.count == parts.count ? parameters : nil
    }
}
