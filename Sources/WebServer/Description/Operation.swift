import HTTPTypes

/// What one route takes and answers: the part of the OpenAPI document that its method, template and access do not say.
///
/// Stands in the route table beside the handler, so that there is one source for both. What follows from the route is added by
/// `OpenAPIDocument`: path parameters, security, 401, 403, 404 for parameters, 400, 413, 415 and 422 for bodies, 429 and 503.
struct Operation: Sendable {
    enum Tag: String, Sendable, CaseIterable {
        case accounts = "Accounts"
        case keys = "Stream keys"
        case users = "Users"
        case tokens = "Tokens"
        case queue = "Queue"
        case history = "History"
        case events = "Events"
        case programme = "Programme"
        case delivery = "Delivery"
        case announcements = "Announcements"
        case stage = "OBS"
        case server = "Server"
        case olderNames = "Older names"

        var words: String {
            switch self {
            case .accounts: "Signing up, logging in, one's own account."
            case .keys: "What an encoder publishes with."
            case .users: "Accounts as admins run them."
            case .tokens: "Bearer tokens for machines."
            case .queue: "Who plays, who waits, and what operators do about it."
            case .history: "What was, and who did what."
            case .events: "Live updates as Server-Sent Events."
            case .programme: "What is on air: emergency, hand-overs, health."
            case .delivery: "Playlists, media and guides."
            case .announcements: "Webhooks and their deliveries."
            case .stage: "OBS instances that follow the programme."
            case .server: "The server itself."
            case .olderNames: "Names of before, kept for older scripts."
            }
        }
    }

    /// A field of the query or of the head; the path's are read off the template.
    struct Parameter: Sendable {
        enum Place: String, Sendable { case query, header }

        var place: Place
        var name: String
        var schema: Schema
        var words: String
        var isRequired = false

        static func query(_ name: String, _ schema: Schema, _ words: String) -> Parameter {
            Parameter(place: .query, name: name, schema: schema, words: words)
        }

        static func header(_ name: String, _ schema: Schema, _ words: String) -> Parameter {
            Parameter(place: .header, name: name, schema: schema, words: words)
        }
    }

    /// What comes back when all is well.
    struct Answer: Sendable {
        var status: HTTPResponse.Status
        var words: String
        /// `nil`: no content.
        var schema: Schema?
        var mediaType = "application/json"

        static func ok(_ schema: Schema, _ words: String = "What was asked for.") -> Answer {
            Answer(status: .ok, words: words, schema: schema)
        }

        static func created(_ schema: Schema, _ words: String = "What was made.") -> Answer {
            Answer(status: .created, words: words, schema: schema)
        }

        /// The work goes on after the answer.
        static func accepted(_ schema: Schema, _ words: String) -> Answer {
            Answer(status: .accepted, words: words, schema: schema)
        }

        static func noContent(_ words: String = "Done.") -> Answer {
            Answer(status: .noContent, words: words, schema: nil)
        }

        /// Anything but JSON.
        static func bytes(_ mediaType: String, _ words: String, status: HTTPResponse.Status = .ok) -> Answer {
            Answer(status: status, words: words, schema: .string, mediaType: mediaType)
        }
    }

    /// One line, an order: "Ends the slot on air".
    var summary: String
    var tag: Tag
    /// What the summary does not say: limits, side effects.
    var details: String?
    var parameters: [Parameter] = []
    /// Of a write; `nil`: none is read.
    var body: Schema?
    /// A write whose body may be left out.
    var isBodyOptional = false
    /// Other than JSON: an upload.
    var bodyMediaTypes = ["application/json"]
    var answers: [Answer]
    /// Statuses of problem documents beyond those that follow from the route: 409 and such, with the reason.
    var problems: [(HTTPResponse.Status, String)] = []

    init(
        _ summary: String, _ tag: Tag, details: String? = nil, parameters: [Parameter] = [], body: Schema? = nil,
        isBodyOptional: Bool = false, bodyMediaTypes: [String] = ["application/json"], answers: [Answer],
        problems: [(HTTPResponse.Status, String)] = []
    ) {
        self.summary = summary
        self.tag = tag
        self.details = details
        self.parameters = parameters
        self.body = body
        self.isBodyOptional = isBodyOptional
        self.bodyMediaTypes = bodyMediaTypes
        self.answers = answers
        self.problems = problems
    }
}
