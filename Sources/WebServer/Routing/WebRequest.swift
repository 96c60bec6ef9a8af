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
    /// Who is signed in; `nil` for nobody, and for routes that do not look.
    var session: SignedIn?
    /// The session's cookie value, when a live session was found.
    var token: Secret?
    /// The socket peer's address without its port. Trusted proxies come with their own configuration.
    var clientAddress: String
    /// Done when the connection is closed, by either side: what ends an answer that waits for something.
    var connectionClosed: EventLoopFuture<Void>

    /// - Throws: 404 for a name that is no channel's.
    func channel() throws(Problem) -> ChannelName {
        guard let name = parameters["channel"].flatMap({ ChannelName($0) }) else {
            throw .notFound("There is no such channel.")
        }
        return name
    }

    /// - Throws: 401 when nobody is signed in; routes with `.signedIn` access never get there.
    func account() throws(Problem) -> Account {
        guard let session else { throw .signInFirst }
        return session.account
    }

    func json<Value: Decodable>(_ type: Value.Type) throws(Problem) -> Value {
        try JSONAnswer.read(type, from: body)
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
