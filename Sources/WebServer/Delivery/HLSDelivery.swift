import Domain
import HTTPTypes
import Hummingbird
import NIOCore

/// Answers `/hls/CHANNEL/NAME` from the bytes that `Packaging` holds. A synchronous lookup; nothing is copied.
///
/// Everything about delivery is in this folder, so that it can move below the codec as a channel handler.
struct HLSDelivery: Sendable {
    var origin: any DeliveryOrigin

    /// Players of other sites may read what everybody may read.
    private static let openToAll: HTTPFields = [
        .accessControlAllowOrigin: "*", .accessControlExposeHeaders: "Content-Length, Content-Range, ETag",
    ]

    var routes: [Route] {
        [
            Route(.get, "/hls/{channel}/{name...}") { request in
                answer(
                    try request.channel(), name: request.parameters["name"] ?? "", headers: request.head.headerFields)
            },
            Route(.options, "/hls/{channel}/{name...}") { _ in preflight() },
        ]
    }

    func answer(_ channel: ChannelName, name: String, headers: HTTPFields) -> Response {
        switch origin.resource(channel, name: name) {
        case .found(let resource):
            return answer(resource, headers: headers)
        case .notFound:
            return open(Problem.notFound("There is no such file, or it has left the window.").response())
        case .notYet(let seconds):
            let problem = Problem.unavailable("The channel has nothing to show yet.", retryAfterSeconds: seconds)
            return open(problem.response())
        }
    }

    private func answer(_ resource: DeliveredResource, headers: HTTPFields) -> Response {
        var fields = Self.openToAll
        fields[.eTag] = resource.entityTag
        fields[.contentType] = resource.contentType
        var range = ByteRange.everything
        switch resource.caching {
        case .seconds(let seconds):
            fields[.cacheControl] = seconds > 0 ? "public, max-age=\(seconds)" : "no-cache"
        case .immutable:
            // Ten minutes is longer than any window; a day would outlive a data folder that was thrown away.
            fields[.cacheControl] = "public, max-age=600, immutable"
            fields[.acceptRanges] = "bytes"
            let isSameAsBefore = headers[.ifRange].map { $0 == resource.entityTag } ?? true
            if isSameAsBefore { range = ByteRange(headers[.range], length: resource.body.readableBytes) }
        }
        if EntityTag.matches(headers[.ifNoneMatch], resource.entityTag) {
            return Response(status: .notModified, headers: fields)
        }
        return answer(resource.body, range: range, headers: fields)
    }

    private func answer(_ body: ByteBuffer, range: ByteRange, headers: HTTPFields) -> Response {
        var headers = headers
        let length = body.readableBytes
        switch range {
        case .everything:
            return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: body))
        case .part(let bounds):
            guard let part = body.getSlice(at: body.readerIndex + bounds.lowerBound, length: bounds.count) else {
                return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: body))
            }
            headers[.contentRange] = "bytes \(bounds.lowerBound)-\(bounds.upperBound - 1)/\(length)"
            return Response(status: .partialContent, headers: headers, body: ResponseBody(byteBuffer: part))
        case .unsatisfiable:
            headers[.contentRange] = "bytes */\(length)"
            headers[.contentType] = nil
            return Response(status: .rangeNotSatisfiable, headers: headers)
        }
    }

    private func preflight() -> Response {
        var headers = Self.openToAll
        headers[.accessControlAllowMethods] = "GET, HEAD"
        headers[.accessControlAllowHeaders] = "Range, If-None-Match"
        headers[.accessControlMaxAge] = "86400"
        return Response(status: .noContent, headers: headers)
    }

    private func open(_ response: Response) -> Response {
        var response = response
        for header in Self.openToAll { response.headers[header.name] = header.value }
        return response
    }
}
