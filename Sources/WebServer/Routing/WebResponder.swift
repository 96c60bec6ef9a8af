import Domain
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Answers every request: finds the route, refuses what another site sent, reads the body, looks up the session, calls the
/// handler, and turns whatever it throws into a problem document. Runs on the request's task.
struct WebResponder: HTTPResponder {
    typealias Context = WebContext

    var table: RouteTable
    var pages: PageStore
    var authenticator: Authenticator
    var crossSiteGuard: CrossSiteGuard
    var trustedProxies: TrustedProxies
    var crossOrigin: CrossOriginPolicy
    /// It answers on the port for HTTPS.
    var isSecureListener = false
    var metrics: RequestMetrics
    var logger: Logger

    func respond(to request: Request, context: WebContext) async throws -> Response {
        let started = ContinuousClock.now
        var route = "unmatched"
        var response: Response
        do {
            response = try await answer(request, context, route: &route)
        } catch let problem as Problem {
            response = problem.response()
        } catch let error as AccountError {
            logUnavailable(error, route: route)
            response = Problem(error).response()
        } catch let error as QueueCommandError {
            response = Problem(error).response()
        } catch {
            logger.error("Request failed", metadata: [LogKey.route: "\(route)", LogKey.error: "\(type(of: error))"])
            response = Problem.ourFault.response()
        }
        if request.method == .head { response = response.createHeadResponse() }
        addSafetyHeaders(to: &response)
        crossOrigin.apply(to: &response.headers, origin: request.headers[.origin])
        let took = started.duration(to: .now)
        metrics.answered(route: route, method: request.method, status: response.status, took: took)
        logger.debug(
            "Request answered",
            metadata: [
                LogKey.method: "\(request.method.rawValue)", LogKey.route: "\(route)",
                LogKey.status: "\(response.status.code)",
                LogKey.milliseconds: "\(took.wholeMilliseconds)", LogKey.address: "\(context.clientAddress)",
            ])
        return response
    }

    private func answer(_ request: Request, _ context: WebContext, route label: inout String) async throws -> Response {
        let target = request.head.path ?? "/"
        guard target.utf8.count <= WebServerConfiguration.maximumTargetBytes else { throw Problem.targetTooLong }
        let path = target.prefix { $0 != "?" && $0 != "#" }
        switch table.match(request.method, path: path) {
        case .found(let route, let parameters):
            label = route.template
            return try await answer(request, context, route: route, parameters: parameters)
        case .wrongMethod(let allowed):
            throw Problem.wrongMethod(allowed: allowed)
        case .notFound:
            guard let page = pages.page(at: String(path)) else {
                if path.hasPrefix("/api/") { throw Problem.notFound() }
                return try pages.missing(for: request.headers)
            }
            label = "/asset"
            guard request.method == .get || request.method == .head else {
                throw Problem.wrongMethod(allowed: [.get, .head])
            }
            return page.response(to: request.headers)
        }
    }

    private func answer(
        _ request: Request, _ context: WebContext, route: Route, parameters: [String: String]
    ) async throws -> Response {
        let isFromTrustedProxy = trustedProxies.contains(context.clientAddress)
        let words = ForwardedWords(request.headers)
        let client = trustedProxies.client(peer: context.clientAddress, forwarded: words.addresses)
        let isSecure =
            trustedProxies.isSecure(peer: context.clientAddress, forwardedProto: words.scheme) ?? isSecureListener
        let credentials: Credentials =
            route.access == .anybody ? .none : try authenticator.credentials(in: request.headers, isSecure: isSecure)
        var body = ByteBuffer()
        if !route.isRead {
            if !credentials.isBearer { try refuseCrossSite(request) }
            try refuseMediaType(request, route)
            body = try await collect(request, upTo: route.maximumBodyBytes)
        }
        let caller = try await authenticator.caller(credentials, from: client)
        if !route.isRead, case .person(let session) = caller {
            let sent = request.headers[.csrfToken] ?? ""
            guard isEqualInConstantTime(sent, session.csrfToken.exposed) else { throw Problem.csrfToken }
        }
        try refuse(caller, for: route.access)
        return try await route.handle(
            WebRequest(
                head: request.head, parameters: parameters, body: body, caller: caller, credentials: credentials,
                clientAddress: client, isSecure: isSecure, isFromTrustedProxy: isFromTrustedProxy,
                forwardedHost: isFromTrustedProxy ? ForwardedWords.first(words.host) : nil,
                forwardedPort: isFromTrustedProxy ? ForwardedWords.first(words.port) : nil,
                connectionClosed: context.connectionClosed))
    }

    private func refuseCrossSite(_ request: Request) throws(Problem) {
        let isOurs = crossSiteGuard.isSameSite(
            fetchSite: request.headers[.fetchSite], origin: request.headers[.origin], host: request.head.authority)
        guard isOurs else { throw .crossSite }
    }

    /// Forms of other sites can send three media types without asking (WHATWG Fetch, CORS-safelisted); JSON is none of them.
    private func refuseMediaType(_ request: Request, _ route: Route) throws(Problem) {
        let hasBody = request.headers[.transferEncoding] != nil || (request.headers[.contentLength] ?? "0") != "0"
        guard hasBody else { return }
        let type = request.headers[.contentType]?.prefix { $0 != ";" }.lowercased() ?? ""
        let taken = route.operation?.bodyMediaTypes ?? ["application/json"]
        guard let named = type.split(separator: " ").first, taken.contains(String(named)) else {
            throw .mediaType(taken)
        }
    }

    private func collect(_ request: Request, upTo limit: Int) async throws -> ByteBuffer {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw Problem.bodyTooLarge(limit)
        }
        do {
            return try await request.body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw Problem.bodyTooLarge(limit)
        }
    }

    private func refuse(_ caller: Caller?, for access: Route.Access) throws(Problem) {
        switch access {
        case .anybody, .anybodyKnown: return
        case .signedIn:
            guard let caller else { throw .signInFirst }
            guard caller.user != nil else { throw .needsAccount }
        case .signedInOr(let role):
            guard let caller else { throw .signInFirst }
            guard caller.user != nil || caller.role >= role else { throw .roleTooLow(role) }
        case .atLeast(let role):
            guard let caller else { throw .signInFirst }
            guard caller.role >= role else { throw .roleTooLow(role) }
        }
    }

    private func addSafetyHeaders(to response: inout Response) {
        response.headers[.contentTypeOptions] = "nosniff"
        response.headers[.referrerPolicy] = "same-origin"
        if response.headers[.contentSecurityPolicy] == nil {
            response.headers[.contentSecurityPolicy] = "default-src 'none'; frame-ancestors 'none'"
        }
    }

    private func logUnavailable(_ error: AccountError, route: String) {
        guard case .unavailable(let cause) = error else { return }
        logger.warning("Accounts are not available", metadata: [LogKey.route: "\(route)", LogKey.error: "\(cause)"])
    }
}
