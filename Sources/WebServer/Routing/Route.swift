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
        /// This role or a higher one, by session or token.
        case atLeast(Role)
    }

    var method: HTTPRequest.Method
    /// `/api/v1/keys/{id}/rotate`: also the metric's label. A last `{name...}` takes the rest of the path.
    var template: String
    var access: Access
    var handle: @Sendable (WebRequest) async throws -> Response

    init(
        _ method: HTTPRequest.Method, _ template: String, _ access: Access = .anybody,
        handle: @escaping @Sendable (WebRequest) async throws -> Response
    ) {
        self.method = method
        self.template = template
        self.access = access
        self.handle = handle
    }

    /// A read changes nothing, so no CSRF defence is due (RFC 9110 §9.2.1).
    var isRead: Bool { method == .get || method == .head || method == .options }
}
