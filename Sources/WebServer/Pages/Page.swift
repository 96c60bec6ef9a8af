import HTTPTypes
import Hummingbird
import NIOCore

/// One static file, held in memory with its headers.
struct Page: Sendable {
    var body: ByteBuffer
    var contentType: String
    /// Quoted, strong.
    var entityTag: String

    /// Pages run our own scripts and styles only, and nobody may frame them.
    static let contentSecurityPolicy =
        "default-src 'self'; media-src 'self' blob:; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        + "form-action 'self'; frame-ancestors 'none'"

    /// The player for other sites: any of them may frame it. It holds no form and no session's power.
    static let embedSecurityPolicy =
        "default-src 'self'; media-src 'self' blob:; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        + "form-action 'none'; frame-ancestors *"

    /// Overlays for OBS: its browser source puts the operator's own style into the page.
    static let overlaySecurityPolicy =
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
        + "base-uri 'none'; form-action 'none'"

    /// Always asked again (`no-cache`), and then mostly answered with 304: a new version is seen at the next load.
    func response(to headers: HTTPFields, policy: String = contentSecurityPolicy) -> Response {
        var answer: HTTPFields = [
            .contentType: contentType, .eTag: entityTag, .cacheControl: "no-cache",
            .contentSecurityPolicy: policy,
        ]
        // A sandboxed frame is of no origin, and module scripts are loaded by CORS alone. What a page is made of holds no secret.
        if !contentType.hasPrefix("text/html") { answer[.accessControlAllowOrigin] = "*" }
        if EntityTag.matches(headers[.ifNoneMatch], entityTag) {
            answer[.contentType] = nil
            return Response(status: .notModified, headers: answer)
        }
        return Response(status: .ok, headers: answer, body: ResponseBody(byteBuffer: body))
    }
}
