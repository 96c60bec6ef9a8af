import Domain
import HTTPTypes
import NIOCore

/// An answer to a `DeliveryQuestion`, before it is put into the words of HTTP/1.1 or HTTP/2.
struct DeliveryReply {
    enum Body {
        case none
        case bytes(ByteBuffer)
        case file(any DeliveredFile, Range<Int>)
        /// One behind the other; none of them is of this case.
        case pieces([Body])

        var count: Int {
            switch self {
            case .none: 0
            case .bytes(let bytes): bytes.readableBytes
            case .file(_, let range): range.count
            case .pieces(let pieces): pieces.reduce(0) { $0 + $1.count }
            }
        }

        init(_ content: DeliveredContent) {
            switch content {
            case .bytes(let bytes): self = .bytes(bytes)
            case .text(let text): self = .bytes(text.plain().body)
            case .file(let file, let range): self = .file(file, range)
            case .pieces(let pieces): self = .pieces(pieces.flatMap { Self($0).flat })
            }
        }

        /// Itself, but a little of a file is read.
        var inHand: Self {
            guard case .file(let file, let range) = self, range.count < DeliveryReply.smallFileBytes else {
                return self
            }
            return .bytes(file.read(range))
        }

        /// Itself in pieces.
        var flat: [Body] {
            switch self {
            case .none: []
            case .bytes, .file: [self]
            case .pieces(let pieces): pieces
            }
        }
    }

    /// Less than this of a file is read rather than handed to the kernel: not worth a `sendfile`.
    static let smallFileBytes = 16_384

    var status: Int
    /// Names in lower case.
    var fields: [(name: String, value: String)]
    var body: Body

    /// With what is said of every answer when it goes.
    private static let usualFields = 12

    /// Players of other sites may read what everybody may read.
    private static let openToAll: [(name: String, value: String)] = [
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "Content-Length, Content-Range, ETag, Date"),
        ("x-content-type-options", "nosniff"),
    ]

    static var preflight: DeliveryReply {
        DeliveryReply(
            status: 204,
            fields: openToAll + [
                ("access-control-allow-methods", "GET, HEAD"),
                ("access-control-allow-headers", "Range, If-None-Match, X-Region"), ("access-control-max-age", "86400"),
            ], body: .none)
    }

    /// A clock's reading, kept by nobody.
    static func clock(_ now: WallTime) -> DeliveryReply {
        let body = ByteBuffer(string: now.description)
        return DeliveryReply(
            status: 200,
            fields: openToAll + [
                ("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-store"),
                ("content-length", String(body.readableBytes)),
            ], body: .bytes(body))
    }

    /// A problem document that players of other sites may read.
    init(_ problem: Problem) {
        let body = problem.body()
        var fields = Self.openToAll + [("content-type", "application/problem+json"), ("cache-control", "no-store")]
        for header in problem.headers { fields.append((header.name.canonicalName, header.value)) }
        fields.append(("content-length", String(body.readableBytes)))
        self.init(status: problem.status.code, fields: fields, body: .bytes(body))
    }

    /// Nothing between us and the viewer keeps it.
    mutating func keepPrivate() {
        for index in fields.indices where fields[index].name == "cache-control" {
            fields[index].value = fields[index].value.replacing("public", with: "private")
        }
    }

    init(status: Int, fields: [(name: String, value: String)], body: Body) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// What is there, as the headers want it: whole, in part, or not at all since the client has it.
    init(_ resource: DeliveredResource, headers: DeliveryQuestion.Headers) {
        switch resource.content {
        case .text(let text): self.init(text, resource, headers)
        case .bytes, .file, .pieces:
            let body = Body(resource.content)
            self.init(resource, body, length: body.count, headers)
        }
    }

    private init(_ text: DeliveredText, _ resource: DeliveredResource, _ headers: DeliveryQuestion.Headers) {
        let compressed = headers.acceptsGzip ? text.compressed() : nil
        let form = compressed ?? text.plain()
        var fields = Self.openToAll
        fields.reserveCapacity(Self.usualFields)
        fields.append(("etag", form.entityTag))
        fields.append(("content-type", resource.contentType))
        fields.append(("cache-control", resource.caching.header))
        fields.append(("vary", "Accept-Encoding"))
        guard !EntityTag.matches(headers.ifNoneMatch, form.entityTag) else {
            self.init(status: 304, fields: fields, body: .none)
            return
        }
        if compressed != nil { fields.append(("content-encoding", "gzip")) }
        fields.append(("content-length", String(form.body.readableBytes)))
        self.init(status: 200, fields: fields, body: .bytes(form.body))
    }

    private init(_ resource: DeliveredResource, _ body: Body, length: Int, _ headers: DeliveryQuestion.Headers) {
        var fields = Self.openToAll
        fields.reserveCapacity(Self.usualFields)
        fields.append(("etag", resource.entityTag))
        fields.append(("cache-control", resource.caching.header))
        if EntityTag.matches(headers.ifNoneMatch, resource.entityTag) {
            self.init(status: 304, fields: fields, body: .none)
            return
        }
        var range = ByteRange.everything
        if resource.caching == .immutable {
            fields.append(("accept-ranges", "bytes"))
            let isSameAsBefore = headers.ifRange.map { $0 == resource.entityTag } ?? true
            if isSameAsBefore { range = ByteRange(headers.range, length: length) }
        }
        switch range {
        case .everything:
            fields.append(("content-type", resource.contentType))
            fields.append(("content-length", String(length)))
            self.init(status: 200, fields: fields, body: body)
        case .part(let bounds):
            fields.append(("content-type", resource.contentType))
            fields.append(("content-range", "bytes \(bounds.lowerBound)-\(bounds.upperBound - 1)/\(length)"))
            fields.append(("content-length", String(bounds.count)))
            self.init(status: 206, fields: fields, body: body.piece(bounds))
        case .unsatisfiable:
            fields.append(("content-range", "bytes */\(length)"))
            fields.append(("content-length", "0"))
            self.init(status: 416, fields: fields, body: .none)
        }
    }
}

extension DeliveryReply.Body {
    private static func within(_ bounds: Range<Int>, of pieces: [Self]) -> [Self] {
        var start = 0
        return pieces.compactMap { piece in
            let whole = start..<start + piece.count
            start = whole.upperBound
            let shared = whole.clamped(to: bounds)
            guard !shared.isEmpty else { return nil }
            return piece.piece(shared.lowerBound - whole.lowerBound..<shared.upperBound - whole.lowerBound)
        }
    }

    /// - Parameter bounds: within the body.
    func piece(_ bounds: Range<Int>) -> Self {
        switch self {
        case .none: .none
        case .bytes(let bytes):
            .bytes(bytes.getSlice(at: bytes.readerIndex + bounds.lowerBound, length: bounds.count) ?? ByteBuffer())
        case .file(let file, let range):
            .file(file, range.lowerBound + bounds.lowerBound..<range.lowerBound + bounds.upperBound)
        case .pieces(let pieces): .pieces(Self.within(bounds, of: pieces))
        }
    }
}

extension DeliveredResource.Caching {
    /// `Cache-Control`. Ten minutes is longer than any window; a day would outlive a data folder that was thrown away.
    var header: String {
        switch self {
        case .seconds(let seconds): seconds > 0 ? "public, max-age=\(seconds)" : "no-cache"
        case .immutable: "public, max-age=600, immutable"
        }
    }
}
