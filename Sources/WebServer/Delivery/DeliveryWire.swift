import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// The words of one kind of connection, for `DeliveryHandler`.
protocol DeliveryWire {
    associatedtype Request
    associatedtype Response

    /// The target of a request's head; `nil` for the parts behind it.
    static func target(_ part: Request) -> String?
    static func isEnd(_ part: Request) -> Bool
    /// What the head says beside its target, and whether the connection goes on after the answer.
    static func read(
        _ part: Request
    ) -> (method: DeliveryQuestion.Method, headers: DeliveryQuestion.Headers, keepsAlive: Bool)
    static func head(_ reply: DeliveryReply, keepsAlive: Bool) -> Response
    static func body(_ bytes: ByteBuffer) -> Response
    /// `nil` where bytes must pass through the process.
    static func body(_ region: FileRegion) -> Response?
    static var end: Response { get }
}

/// HTTP/1.1 without TLS, below Hummingbird's codec: files go from memory to the socket by themselves (`sendfile(2)`).
enum PlainHTTP1Wire: DeliveryWire {
    static func target(_ part: HTTPServerRequestPart) -> String? {
        if case .head(let head) = part { head.uri } else { nil }
    }

    static func isEnd(_ part: HTTPServerRequestPart) -> Bool {
        if case .end = part { true } else { false }
    }

    static func read(
        _ part: HTTPServerRequestPart
    ) -> (method: DeliveryQuestion.Method, headers: DeliveryQuestion.Headers, keepsAlive: Bool) {
        var headers = DeliveryQuestion.Headers()
        guard case .head(let head) = part else { return (.other, headers, false) }
        for (name, value) in head.headers { headers.take(name.utf8, value) }
        let method: DeliveryQuestion.Method =
            switch head.method {
            case .GET: .get
            case .HEAD: .head
            case .OPTIONS: .options
            default: .other
            }
        return (method, headers, head.isKeepAlive)
    }

    static func head(_ reply: DeliveryReply, keepsAlive: Bool) -> HTTPServerResponsePart {
        var headers = HTTPHeaders(reply.fields)
        if !keepsAlive { headers.add(name: "connection", value: "close") }
        return .head(
            HTTPResponseHead(version: .http1_1, status: .init(statusCode: reply.status), headers: headers))
    }

    static func body(_ bytes: ByteBuffer) -> HTTPServerResponsePart { .body(.byteBuffer(bytes)) }
    static func body(_ region: FileRegion) -> HTTPServerResponsePart? { .body(.fileRegion(region)) }
    static var end: HTTPServerResponsePart { .end(nil) }
}

/// HTTP/1.1 over TLS and the streams of HTTP/2, above their codecs.
enum SecureWire: DeliveryWire {
    static func target(_ part: HTTPRequestPart) -> String? {
        if case .head(let head) = part { head.path } else { nil }
    }

    static func isEnd(_ part: HTTPRequestPart) -> Bool {
        if case .end = part { true } else { false }
    }

    static func read(
        _ part: HTTPRequestPart
    ) -> (method: DeliveryQuestion.Method, headers: DeliveryQuestion.Headers, keepsAlive: Bool) {
        var headers = DeliveryQuestion.Headers()
        guard case .head(let head) = part else { return (.other, headers, false) }
        for field in head.headerFields { headers.take(field.name.canonicalName.utf8, field.value) }
        let method: DeliveryQuestion.Method =
            switch head.method {
            case .get: .get
            case .head: .head
            case .options: .options
            default: .other
            }
        return (method, headers, head.headerFields[.connection]?.lowercased() != "close")
    }

    static func head(_ reply: DeliveryReply, keepsAlive: Bool) -> HTTPResponsePart {
        var fields = HTTPFields()
        for (name, value) in reply.fields {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        if !keepsAlive { fields[.connection] = "close" }
        return .head(HTTPResponse(status: .init(code: reply.status), headerFields: fields))
    }

    static func body(_ bytes: ByteBuffer) -> HTTPResponsePart { .body(bytes) }
    static func body(_ region: FileRegion) -> HTTPResponsePart? { nil }
    static var end: HTTPResponsePart { .end(nil) }
}
