import Domain
import HTTPTypes
import Hummingbird
import NIOCore

/// One request as handlers see it: checked, its body read, its session looked up as the route asked.
struct WebRequest: Sendable {
    var head: HTTPRequest
    /// What the route's `{name}` segments matched.
    var parameters: [String: String]
    /// Empty for reads.
    var body: ByteBuffer
    /// Who sent it; `nil` for nobody, and for routes that do not look.
    var caller: Caller?
    /// What the caller showed, to look again while a long answer runs.
    var credentials: Credentials
    /// The client's address without its port, as the socket or a trusted proxy says it.
    var clientAddress: String
    /// The client speaks TLS with us or with a trusted proxy.
    var isSecure = false
    /// The connection is a trusted proxy's, whose word about the client counts.
    var isFromTrustedProxy = false
    /// What a trusted proxy was asked for, as it says.
    var forwardedHost: String?
    var forwardedPort: String?
    /// Done when the connection is closed, by either side: what ends an answer that waits for something.
    var connectionClosed: EventLoopFuture<Void>

    /// - Throws: 404 for a name that is no channel's.
    func channel() throws(Problem) -> ChannelName {
        guard let name = parameters["channel"].flatMap({ ChannelName($0) }) else {
            throw .notFound("There is no such channel.")
        }
        return name
    }

    /// For rate limits and the list of one's sessions.
    var client: ClientIdentity {
        ClientIdentity(address: clientAddress, agent: head.headerFields[.userAgent].map { String($0.prefix(200)) })
    }

    /// An id in the address.
    /// - Throws: 404 for what is none.
    func id<Tag>(_ name: String = "id") throws(Problem) -> ID<Tag> {
        guard let id = parameters[name].flatMap({ ID<Tag>($0) }) else { throw .notFound("There is no such thing.") }
        return id
    }

    /// Who is signed in; `nil` for nobody and for machines.
    var session: SignedIn? {
        guard case .person(let session) = caller else { return nil }
        return session
    }

    /// The session's cookie value, when a live session was found.
    var sessionToken: Secret? {
        guard session != nil, case .cookie(let token) = credentials else { return nil }
        return token
    }

    /// - Throws: 401 when nobody is signed in, 403 for a machine; routes with `.signedIn` access never get there.
    func account() throws(Problem) -> Account {
        guard let caller else { throw .signInFirst }
        guard case .person(let session) = caller else { throw .needsAccount }
        return session.account
    }

    /// Whom the audit log names. Routes with a role never throw.
    func actor() throws(Problem) -> Actor {
        guard let caller else { throw .signInFirst }
        return caller.actor
    }

    func json<Value: Decodable>(_ type: Value.Type) throws(Problem) -> Value {
        try JSONAnswer.read(type, from: body)
    }

    /// The body as JSON; an empty one counts as an object without fields.
    func optionalJSON<Value: Decodable>(_ type: Value.Type) throws(Problem) -> Value {
        try JSONAnswer.read(type, from: body.readableBytes == 0 ? ByteBuffer(string: "{}") : body)
    }

    /// The first value of a field of the query, percent-decoded; `nil` when it is absent or no text.
    func query(_ name: String) -> String? {
        guard let target = head.path, let start = target.firstIndex(of: "?") else { return nil }
        for pair in target[target.index(after: start)...].prefix(while: { $0 != "#" }).split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.first.flatMap(Self.decoded) == name else { continue }
            return parts.count == 2 ? Self.decoded(parts[1]) : ""
        }
        return nil
    }

    /// Where the client is; `nil`: nobody says.
    /// - Throws: 400 for what is no region.
    func region() throws(Problem) -> Region? {
        do throws(Region.Malformed) {
            return try Region.read(
                query: query(Region.parameter), header: head.headerFields[.region],
                isFromTrustedProxy: isFromTrustedProxy)
        } catch {
            throw .badRequest(field: Region.Malformed.field, Region.Malformed.reason)
        }
    }

    /// Percent-decoded (RFC 3986 §2.1), with `+` as a space; `nil` for a broken escape or what is not UTF-8.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(hexadecimalValue),
                    let low = rest.popFirst().flatMap(hexadecimalValue)
                else { return nil }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexadecimalValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// What Hummingbird makes for each request: what we need of its channel.
struct WebContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let clientAddress: String
    let connectionClosed: EventLoopFuture<Void>

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        clientAddress = source.channel.remoteAddress?.ipAddress ?? "unknown"
        connectionClosed = source.channel.closeFuture
    }
}
