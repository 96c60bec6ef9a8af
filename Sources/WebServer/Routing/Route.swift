import Domain
import HTTPTypes
import Hummingbird

/// One address the server answers, with who may ask it. A value in a table, so that policy can be read in one place.
struct Route: Sendable {
    enum Access: Sendable, Equatable {
        /// Anybody; session and token are not even looked up.
        case anybody
        /// Anybody; who asks is known to the handler. A wrong token is refused all the same.
        case anybodyKnown
        /// Whoever is signed in: people only, since a machine has nothing of its own.
        case signedIn
        /// Whoever is signed in, for what is theirs; all of it for this role or a higher one, by session or token.
        case signedInOr(Role)
        /// This role or a higher one, by session or token.
        case atLeast(Role)

        /// As the table of roles says it.
        var words: String {
            switch self {
            case .anybody, .anybodyKnown: "anybody"
            case .signedIn: "signed in"
            case .signedInOr(let role): "own: signed in, all: \(role.rawValue)"
            case .atLeast(let role): role.rawValue
            }
        }
    }

    var method: HTTPRequest.Method
    /// `/api/v1/keys/{id}/rotate`: also the metric's label. A last `{name...}` takes the rest of the path.
    var template: String
    var access: Access
    /// More is refused with 413.
    var maximumBodyBytes = WebServerConfiguration.maximumBodyBytes
    /// What the OpenAPI document says of it; `nil` only for what is no API: pages, media, probes.
    var operation: Operation?
    var handle: @Sendable (WebRequest) async throws -> Response

    init(
        _ method: HTTPRequest.Method, _ template: String, _ access: Access = .anybody, _ operation: Operation? = nil,
        handle: @escaping @Sendable (WebRequest) async throws -> Response
    ) {
        self.method = method
        self.template = template
        self.access = access
        self.operation = operation
        self.handle = handle
    }

    /// Tells a page of another site that it may read what is at `template` (WHATWG Fetch, CORS-preflight).
    static func preflight(_ template: String) -> Route {
        Route(.options, template) { _ in
            Response(
                status: .noContent,
                headers: [
                    .accessControlAllowOrigin: "*", .accessControlAllowMethods: "GET, HEAD",
                    .accessControlAllowHeaders: HTTPField.Name.region.rawName, .accessControlMaxAge: "86400",
                ])
        }
    }

    /// Takes this many bytes: an upload.
    func taking(upTo bytes: Int) -> Route {
        var route = self
        route.maximumBodyBytes = bytes
        return route
    }

    /// The names of the template's parameters, in order.
    var parameterNames: [String] {
        template.split(separator: "/").filter { $0.hasPrefix("{") }.map {
            $0.dropFirst().dropLast().split(separator: ".").first.map(String.init) ?? ""
        }
    }

    /// A read changes nothing, so no CSRF defence is due (RFC 9110 §9.2.1).
    var isRead: Bool { method == .get || method == .head || method == .options }
}
