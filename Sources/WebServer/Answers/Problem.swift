import Domain
import HTTPTypes
import Hummingbird
import NIOCore

/// An error answer (RFC 9457). Thrown by handlers, rendered in one place. Holds no secret and nothing of the database's words.
struct Problem: Error {
    var status: HTTPResponse.Status
    /// The stable last part of `type`: `/problems/<slug>`.
    var slug: String
    var title: String
    /// What the person can do about it.
    var detail: String
    /// The form field that is wrong.
    var field: String?
    var headers: HTTPFields = [:]
    /// The present queue, for whoever acted on another one; operators only.
    var queue: QueueAnswer?

    static let schema = Schema.named(
        "Problem",
        .object(
            .required("type", .note(.string, "Stable: /problems/SLUG.")), .required("title", .string),
            .required("status", .integer(400...599)), .required("detail", .note(.string, "What to do about it.")),
            .optional("field", .note(.string, "The field that is wrong.")),
            .optional("queue", .note(QueueAnswer.schema, "The present queue, when the act was meant for another one.")))
    )

    private struct Document: Encodable {
        var type: String
        var title: String
        var status: Int
        var detail: String
        var field: String?
        var queue: QueueAnswer?
    }

    private var document: Document {
        Document(
            type: "/problems/" + slug, title: title, status: status.code, detail: detail, field: field,
            queue: queue)
    }

    /// The body alone.
    func body() -> ByteBuffer { JSONAnswer.data(document) ?? ByteBuffer() }

    func response() -> Response {
        var response = JSONAnswer.response(document, status: status)
        response.headers[.contentType] = "application/problem+json"
        for header in headers { response.headers[header.name] = header.value }
        return response
    }
}

extension Problem {
    static func notFound(_ detail: String = "There is nothing at this address.") -> Self {
        Self(status: .notFound, slug: "not-found", title: "Not found", detail: detail)
    }

    static func wrongMethod(allowed: [HTTPRequest.Method]) -> Self {
        let list = allowed.map(\.rawValue).joined(separator: ", ")
        return Self(
            status: .methodNotAllowed, slug: "method-not-allowed", title: "Method not allowed",
            detail: "This address takes \(list).", headers: [.allow: list])
    }

    static let signInFirst = Self(
        status: .unauthorized, slug: "sign-in-first", title: "Not signed in",
        detail: "Log in first, or send a bearer token.", headers: [.wwwAuthenticate: "Bearer realm=\"lineup\""])

    /// RFC 6750 §3.1.
    static let wrongToken = Self(
        status: .unauthorized, slug: "wrong-token", title: "Wrong token",
        detail: "This token is not known, or it is revoked.",
        headers: [.wwwAuthenticate: "Bearer realm=\"lineup\", error=\"invalid_token\""])

    static let needsAccount = Self(
        status: .forbidden, slug: "needs-account", title: "Not for tokens",
        detail: "This belongs to a person: log in with an account.")

    static func roleTooLow(_ needed: Role) -> Self {
        Self(
            status: .forbidden, slug: "role-too-low", title: "Not allowed",
            detail: "This needs the role \(needed.rawValue).")
    }

    static let crossSite = Self(
        status: .forbidden, slug: "cross-site", title: "Refused for safety",
        detail: "The request came from another site.")

    static let csrfToken = Self(
        status: .forbidden, slug: "csrf-token", title: "Refused for safety",
        detail: "The page is out of date: reload it and try again.")

    static func mediaType(_ taken: [String]) -> Self {
        Self(
            status: .unsupportedMediaType, slug: "unsupported-media-type", title: "Unsupported media type",
            detail: "This address takes \(taken.joined(separator: ", ")).",
            headers: [.accept: taken.joined(separator: ", ")])
    }

    static func bodyTooLarge(_ limit: Int) -> Self {
        Self(
            status: .contentTooLarge, slug: "body-too-large", title: "Too large",
            detail: "A request to this address may hold \(limit) bytes.", headers: [.connection: "close"])
    }

    static let targetTooLong = Self(
        status: .uriTooLong, slug: "target-too-long", title: "Address too long",
        detail: "The address is longer than \(WebServerConfiguration.maximumTargetBytes) bytes.")

    static func missing(_ field: String) -> Self { invalid(field: field, "This is missing.") }

    static let malformedBody = Self(
        status: .badRequest, slug: "malformed-body", title: "Malformed request",
        detail: "The body is not the JSON object this address takes.")

    static func invalid(field: String, _ reason: String) -> Self {
        Self(
            status: .unprocessableContent, slug: "invalid-field", title: "Please correct the form", detail: reason,
            field: field)
    }

    /// A part of the address or a header that makes no sense.
    static func badRequest(field: String, _ reason: String) -> Self {
        Self(status: .badRequest, slug: "bad-request", title: "Bad request", detail: reason, field: field)
    }

    static func unavailable(_ detail: String, retryAfterSeconds: Int) -> Self {
        Self(
            status: .serviceUnavailable, slug: "unavailable", title: "Not available now", detail: detail,
            headers: [.retryAfter: String(retryAfterSeconds)])
    }

    /// - Parameter elsewhere: the same broadcast is to be had by HLS.
    static func streamsAreFull(elsewhere: Bool) -> Self {
        let why = "As many people watch this way as the server lets in: "
        return Self(
            status: .serviceUnavailable, slug: "full", title: "Full",
            detail: why + (elsewhere ? "watch by HLS, or try again later." : "try again later."),
            headers: [.retryAfter: "10"])
    }

    static func viewerSentAway(_ reason: String) -> Self {
        Self(status: .forbidden, slug: "sent-away", title: "Sent away", detail: reason)
    }

    /// Media for invited viewers. A 401 must name a scheme (RFC 9110 §15.5.2); players carry theirs in the address (RFC 6750 §2.3).
    static func viewerToken(_ reason: String) -> Self {
        Self(
            status: .unauthorized, slug: "viewer-token", title: "A token is needed", detail: reason,
            headers: [.wwwAuthenticate: "Bearer realm=\"lineup\""])
    }

    /// Who is outside is answered by where they are: no cache may hand that on.
    static func outsideRegion(_ reason: String) -> Self {
        Self(
            status: .forbidden, slug: "region", title: "Not in your region", detail: reason,
            headers: [.vary: HTTPField.Name.region.rawName])
    }

    static let ourFault = Self(
        status: .internalServerError, slug: "internal", title: "Something went wrong here",
        detail: "The server could not answer; the operator's log says why.")
}

extension Problem {
    init(_ error: AccountError) {
        switch error {
        case .invalid(let field, let reason): self = .invalid(field: field, reason)
        case .emailTaken: self = .taken(field: "email", "An account with this address exists: log in instead.")
        case .nameTaken: self = .taken(field: "name", "Another DJ has this name.")
        case .wrongCredentials:
            self = Self(
                status: .unauthorized, slug: "wrong-credentials", title: "Wrong address or password",
                detail: "No account has this address and password.")
        case .disabled:
            self = Self(
                status: .forbidden, slug: "account-disabled", title: "Account disabled",
                detail: "This account is disabled: ask an admin of the channel.")
        case .codeNeeded:
            self = Self(
                status: .unauthorized, slug: "code-needed", title: "One more step",
                detail: "Enter the present code of your authenticator.", field: "code")
        case .signUpClosed(let reason):
            self = Self(status: .forbidden, slug: "sign-up-closed", title: "No sign-up", detail: reason)
        case .unknownLink:
            self = Self(
                status: .gone, slug: "link-gone", title: "This link is no good any more",
                detail: "It was used, replaced by a newer one, or has expired: ask for another one.")
        case .unknownInvitation: self = .notFound("There is no such invitation, or it has expired.")
        case .unknownSession: self = .notFound("There is no such session.")
        case .noMail:
            self = Self(
                status: .conflict, slug: "no-mail", title: "No mail from here",
                detail: "This server sends no mail: ask an admin.")
        case .unknownUser: self = .notFound("There is no such account.")
        case .unknownKey: self = .notFound("There is no such stream key.")
        case .unknownToken: self = .notFound("There is no such token, or it is revoked.")
        case .tooManyKeys(let maximum):
            self = Self(
                status: .conflict, slug: "too-many-keys", title: "Too many keys",
                detail: "An account may have \(maximum) stream keys: revoke one first.")
        case .slowDown(let span):
            let seconds = max(1, span.components.seconds + (span.components.attoseconds > 0 ? 1 : 0))
            self = Self(
                status: .tooManyRequests, slug: "slow-down", title: "Too many attempts",
                detail: "Try again in \(seconds) s.", headers: [.retryAfter: String(seconds)])
        case .unavailable:
            // The associated text is the database's, for the operator's log only.
            self = .unavailable("The database is away for a moment; the broadcast goes on.", retryAfterSeconds: 3)
        }
    }

    init(_ error: QueueCommandError) {
        switch error {
        case .unknownChannel: self = .notFound("There is no such channel.")
        case .unknownEntry:
            self = Self(
                status: .conflict, slug: "entry-gone", title: "Already gone",
                detail: "This entry is not in the queue, or not where it was when you looked.")
        case .nobodyOnAir:
            self = Self(
                status: .conflict, slug: "nobody-on-air", title: "Nobody on air",
                detail: "Nobody is on air.")
        case .invalidSetting(let reason): self = .invalid(field: "settings", reason)
        case .stopping: self = .unavailable("The server is going down.", retryAfterSeconds: 5)
        case .versionConflict(let present):
            self = Self(
                status: .conflict, slug: "queue-moved", title: "The queue has moved",
                detail: "The queue has moved since you looked: its version is \(present.version) now.",
                queue: QueueAnswer(present, for: .operators))
        case .refused(let why):
            self = Self(status: .conflict, slug: "not-now", title: "Not possible now", detail: why)
        }
    }

    static func taken(field: String, _ detail: String) -> Self {
        Self(status: .conflict, slug: "already-taken", title: "Already taken", detail: detail, field: field)
    }
}
