package import Domain
package import NIOCore
import NIOHTTP1
import NIOPosix
package import NIOSSL

/// Sends requests to targets over HTTP/1.1, one connection each (docs/decisions/0008-requests-to-targets.md).
///
/// The name is looked up, every address it has is checked, and the connection is made to a checked address: a name that changes
/// in between (DNS rebinding) changes nothing. Redirects are not followed. An answer is read to a small bound, and the whole
/// exchange has one deadline, so that slow bytes gain nothing. Certificates are held to the host's name.
package struct WebhookClient: OutboundHTTP {
    private let group: any EventLoopGroup
    private let policy: AddressPolicy
    private let tls: NIOSSLContext
    private let userAgent: String
    private let resolver = NameResolver()

    /// Heads and framing of chunks come on top of the body.
    private static let receivedBytes = 4 * (OutboundLimits.answerBytes + OutboundLimits.headBytes)
    /// Of the addresses that a name has, so many are tried.
    private static let maximumTries = 4

    /// - Parameter trust: whose certificates are believed.
    /// - Throws: what BoringSSL says of the trust.
    package init(
        group: any EventLoopGroup, policy: AddressPolicy, trust: NIOSSLTrustRoots = .default, userAgent: String
    ) throws {
        self.group = group
        self.policy = policy
        self.userAgent = userAgent
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = trust
        configuration.applicationProtocols = ["http/1.1"]
        tls = try NIOSSLContext(configuration: configuration)
    }

    package func place(of url: Secret) throws(OutboundError) -> String {
        let address = try WebAddress(url)
        if let literal = try? SocketAddress(ipAddress: address.host, port: address.port), !policy.allows(literal) {
            throw .addressNotAllowed
        }
        return address.place
    }

    package func send(_ request: OutboundRequest) async throws(OutboundError) -> OutboundAnswer {
        let address = try WebAddress(request.url)
        let deadline = NIODeadline.now() + TimeAmount(request.timeout)
        let found = try await addresses(of: address, until: deadline)
        // All of them: a name that has one inner address beside outer ones is not to be trusted.
        guard found.allSatisfy(policy.allows) else { throw .addressNotAllowed }
        let candidates = found.prefix(Self.maximumTries)
        var last = OutboundError.unreachable
        for (index, candidate) in candidates.enumerated() {
            let left = deadline - .now()
            guard left > .zero else { throw .timedOut }
            // An address that is silent leaves time for the next one.
            let connectWithin = index == candidates.count - 1 ? left : min(left, .milliseconds(1500))
            do throws(OutboundError) {
                return try await exchange(
                    request, address, with: candidate, deadline: deadline, connectWithin: connectWithin)
            } catch {
                // Only what was not sent at all is tried elsewhere.
                guard error == .unreachable else { throw error }
                last = error
            }
        }
        throw NIODeadline.now() >= deadline ? .timedOut : last
    }

    /// The resolver's thread cannot be stopped; whoever waits for it can.
    private func addresses(
        of address: WebAddress, until deadline: NIODeadline
    ) async throws(OutboundError) -> [SocketAddress] {
        let loop = group.any()
        let promise = loop.makePromise(of: [SocketAddress].self)
        let timeout = loop.scheduleTask(deadline: deadline) { promise.fail(OutboundError.timedOut) }
        let resolver = resolver
        promise.completeWithTask { try await resolver.addresses(of: address.host, port: address.port) }
        defer { timeout.cancel() }
        do {
            return try await promise.futureResult.get()
        } catch {
            throw error as? OutboundError ?? .unknownName
        }
    }

    private func exchange(
        _ request: OutboundRequest, _ address: WebAddress, with peer: SocketAddress, deadline: NIODeadline,
        connectWithin: TimeAmount
    ) async throws(OutboundError) -> OutboundAnswer {
        let loop = group.any()
        let promise = loop.makePromise(of: OutboundAnswer.self)
        let head = head(of: request, address)
        let body = ByteBuffer(bytes: request.body)
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(connectWithin)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if address.isSecure { try pipeline.addHandler(tlsHandler(for: address.host)) }
                    try pipeline.addHandler(ReceiveBoundHandler(bytes: Self.receivedBytes))
                    try pipeline.addHTTPClientHandlers()
                    let handler = OneAnswerHandler(head: head, body: body, promise: promise)
                    try pipeline.addHandler(handler)
                    let context = try pipeline.context(handler: handler)
                    let timeout = channel.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
                        handler.timeOut(context: context)
                    }
                    channel.closeFuture.whenComplete { _ in timeout.cancel() }
                }
            }
        let channel: any Channel
        do {
            channel = try await bootstrap.connect(to: peer).get()
        } catch {
            // Where the channel got as far as its handler, that has said it already; a promise heeds the first.
            promise.fail(OutboundError.unreachable)
            throw NIODeadline.now() >= deadline ? .timedOut : .unreachable
        }
        do {
            return try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        } catch {
            // What was sent must not go to another address: `.unreachable` would.
            let reason = error as? OutboundError ?? .brokenAnswer
            throw reason == .unreachable ? .brokenAnswer : reason
        }
    }

    private func tlsHandler(for host: String) throws -> NIOSSLClientHandler {
        // An address is no name for SNI (RFC 6066 §3); the certificate is then held to the address.
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : host)
    }

    private func head(of request: OutboundRequest, _ address: WebAddress) -> HTTPRequestHead {
        var headers = HTTPHeaders()
        headers.add(name: "Host", value: address.authority)
        headers.add(name: "User-Agent", value: userAgent)
        headers.add(name: "Accept", value: "*/*")
        headers.add(name: "Connection", value: "close")
        for header in request.headers { headers.replaceOrAdd(name: header.name, value: header.value.exposed) }
        if request.method != .get { headers.add(name: "Content-Length", value: String(request.body.count)) }
        return HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method.rawValue), uri: address.target,
            headers: headers)
    }
}
