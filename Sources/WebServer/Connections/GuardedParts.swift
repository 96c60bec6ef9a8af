import HTTPTypes
import NIOHTTP1
import NIOHTTPTypes

/// What `ConnectionGuardHandler` needs of a request's part, whichever codec made it.
protocol GuardedRequestPart: SendableMetatype {
    var kind: GuardedRequestKind { get }
}

enum GuardedRequestKind {
    case head
    case body
    case end
}

/// What it needs of an answer's part.
protocol GuardedResponsePart: SendableMetatype {
    var kind: GuardedResponseKind { get }
}

enum GuardedResponseKind {
    case head(connection: String?, contentType: String?)
    case body
    case end
}

extension HTTPRequestPart: GuardedRequestPart {
    var kind: GuardedRequestKind {
        switch self {
        case .head: .head
        case .body: .body
        case .end: .end
        }
    }
}

extension HTTPResponsePart: GuardedResponsePart {
    var kind: GuardedResponseKind {
        switch self {
        case .head(let head):
            .head(connection: head.headerFields[.connection], contentType: head.headerFields[.contentType])
        case .body: .body
        case .end: .end
        }
    }
}

extension HTTPServerRequestPart: GuardedRequestPart {
    var kind: GuardedRequestKind {
        switch self {
        case .head: .head
        case .body: .body
        case .end: .end
        }
    }
}

extension HTTPServerResponsePart: GuardedResponsePart {
    var kind: GuardedResponseKind {
        switch self {
        case .head(let head):
            .head(
                connection: head.headers.first(name: "connection"),
                contentType: head.headers.first(name: "content-type"))
        case .body: .body
        case .end: .end
        }
    }
}
