import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// JSON in and out: keys in order of name, so that answers can be compared as text.
enum JSONAnswer {
    static func response(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
        let body = data(value)
        return Response(
            status: body == nil ? .internalServerError : status,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: body ?? ByteBuffer()))
    }

    /// `nil` only when a value of ours cannot be encoded (a number that is none), which is our bug.
    static func data(_ value: some Encodable) -> ByteBuffer? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Nothing is lost: the caller answers 500.
        return (try? encoder.encode(value)).map { ByteBuffer(bytes: $0) }
    }

    static func noContent() -> Response {
        Response(status: .noContent, headers: [.cacheControl: "no-store"])
    }

    /// Reads a body.
    /// - Throws: a problem that names the field which is missing or of the wrong type, never its value.
    static func read<Value: Decodable>(_ type: Value.Type, from body: ByteBuffer) throws(Problem) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
        } catch DecodingError.keyNotFound(let key, _) {
            throw .invalid(field: key.stringValue, "This is missing.")
        } catch DecodingError.valueNotFound(_, let context), DecodingError.typeMismatch(_, let context) {
            guard let key = context.codingPath.first else { throw .malformedBody }
            throw .invalid(field: key.stringValue, "This has the wrong type.")
        } catch DecodingError.dataCorrupted(let context) where context.underlyingError is WallTime.Unreadable {
            guard let key = context.codingPath.first else { throw .malformedBody }
            throw .invalid(field: key.stringValue, WallTime.Unreadable.reason)
        } catch {
            throw .malformedBody
        }
    }
}
