import Domain
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Answers requests for streams itself, on the event loop, before they reach the router: from there on the hub's shared bytes go
/// straight into the connection. Everything else passes through.
///
/// One per connection, between the HTTP codec and Hummingbird. It never answers while Hummingbird owes an earlier answer.
final class StreamHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private enum Stage {
        /// Requests go to Hummingbird. To `waiting`, `answering`.
        case passing
        /// A stream was asked for while an earlier answer is due. To `answering`.
        case waiting(HTTPRequest)
        /// The rest of the request is ours to drop. To `passing`, `streaming`, `ended`.
        case answering(HTTPRequest)
        /// To `ended`.
        case streaming
        /// The connection closes, or belongs to a WebSocket.
        case ended
    }

    /// How often what a viewer got is told to whoever counts.
    private static let reportInterval = TimeAmount.seconds(2)

    private let places: StreamPlaces
    private let registry: ConnectionRegistry
    private let metrics: RequestMetrics
    private var stage = Stage.passing
    /// Requests that Hummingbird has not answered yet.
    private var owed = 0
    private var visit: StreamVisit?
    private var writer: HubStreamWriter?
    private var report: RepeatedTask?

    init(places: StreamPlaces, registry: ConnectionRegistry, metrics: RequestMetrics) {
        self.places = places
        self.registry = registry
        self.metrics = metrics
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let pipeline = context.pipeline.syncOperations
        // HTTP/2 has none, and rules of its own.
        guard let codec = try? pipeline.handler(type: HTTP1ToHTTPServerCodec.self) else { return }
        let rules = HTTP1RulesHandler(metrics: metrics, clock: places.clock)
        // In front of all that answers. Fails on a connection that is closing only.
        if let pipelining = try? pipeline.handler(type: HTTPServerPipelineHandler.self) {
            try? pipeline.addHandler(rules, position: .after(pipelining))
        } else {
            // Under TLS the pipeline is Hummingbird's, which keeps the order of its own answers only: ours would overtake them.
            let delivery = try? pipeline.handler(type: DeliveryHandler<SecureWire>.self)
            try? pipeline.addHandler(QuiesceDetour { delivery?.quiesce($0) }, position: .before(codec))
            try? pipeline.addHandler(HTTPServerPipelineHandler(), position: .before(codec))
            try? pipeline.addHandler(rules, position: .before(codec))
        }
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        switch stage {
        case .passing: pass(part, data, context)
        case .waiting:
            // What comes behind a request for a stream is not read; its end is all that is waited for.
            if case .head = part { context.close(promise: nil) }
        case .answering(let head):
            if case .end = part { answer(head, context) }
        case .streaming:
            if case .head = part { context.close(promise: nil) }
        case .ended: break
        }
    }

    private func pass(_ part: HTTPRequestPart, _ data: NIOAny, _ context: ChannelHandlerContext) {
        guard case .head(let head) = part else { return context.fireChannelRead(data) }
        switch StreamRequest.read(head) {
        case .notOurs:
            owed += 1
            context.fireChannelRead(data)
        case .stream, .problem, .preflight:
            stage = owed > 0 ? .waiting(head) : .answering(head)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part = unwrapOutboundIn(data)
        context.write(data, promise: promise)
        guard case .end = part else { return }
        owed -= 1
        guard owed <= 0, case .waiting(let head) = stage else { return }
        // The answer before must be on its way first; nothing is read in between.
        context.flush()
        stage = .answering(head)
        answer(head, context)
    }

    // MARK: Answers

    private func answer(_ head: HTTPRequest, _ context: ChannelHandlerContext) {
        switch StreamRequest.read(head) {
        case .notOurs: stage = .passing
        case .preflight: write(head: preflight(head), to: head, body: nil, context)
        case .problem(let kind): refuse(Self.problem(kind), head, route: "/stream", context)
        case .stream(let request):
            switch StreamVisit.enter(request, head: head, places: places, channel: context.channel) {
            case .failure(let problem): refuse(problem, head, route: request.route, context)
            case .success(let visit): begin(visit, request, head, context)
            }
        }
    }

    private func begin(
        _ visit: StreamVisit, _ request: StreamRequest, _ head: HTTPRequest, _ context: ChannelHandlerContext
    ) {
        switch request.form {
        case .webSocket:
            stage = .ended
            upgrade(visit, request, head, context)
        case .webSocketMissing:
            visit.leave(lostPackets: 0, wasStalled: false)
            refuse(Self.upgradeRequired, head, route: request.route, context)
        case .body(let contentType):
            var response = HTTPResponse(status: .ok, headerFields: commonFields)
            response.headerFields[.contentType] = contentType
            response.headerFields[.cacheControl] = "no-store"
            response.headerFields[.accelBuffering] = "no"
            response.headerFields[.contentTypeOptions] = "nosniff"
            if case .audio = request.kind { response.headerFields[.vary] = "Accept" }
            places.crossOrigin.apply(to: &response.headerFields, origin: head.headerFields[.origin])
            guard request.wantsBody else {
                visit.leave(lostPackets: 0, wasStalled: false)
                return end(head: response, context)
            }
            answered(request.route, head, .ok)
            // It has no end but the connection's; a stream of HTTP/2 ends by itself (RFC 9113 §8.2.2).
            if isHTTP1(context) { response.headerFields[.connection] = "close" }
            stage = .streaming
            context.write(wrapOutboundOut(.head(response)), promise: nil)
            stream(visit, context)
        }
    }

    private func stream(_ visit: StreamVisit, _ context: ChannelHandlerContext) {
        self.visit = visit
        let limits = places.streams.limits
        HubStreamWriter.bound(context.channel, to: limits.maximumPendingBytes)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let writer = HubStreamWriter(
            channel: context.channel, stallLimit: limits.stallLimit,
            sink: .init(
                write: { bytes in
                    let (handler, context) = bound.value
                    context.write(handler.wrapOutboundOut(.body(bytes)), promise: nil)
                },
                flush: { bound.value.1.flush() },
                end: { how in
                    let (handler, context) = bound.value
                    handler.ended(how, context)
                }))
        self.writer = writer
        report = visit.report(of: writer, every: Self.reportInterval, on: context.eventLoop)
        context.flush()
        writer.start(from: visit.hub)
    }

    private func ended(_ how: HubStreamWriter.End, _ context: ChannelHandlerContext) {
        stop(wasStalled: how == .stalled)
        switch how {
        case .programmeFinished:
            // The guard closes behind an answer that says so.
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        case .stalled: HubStreamWriter.abort(context.channel)
        }
    }

    private func stop(wasStalled: Bool = false) {
        if case .streaming = stage { stage = .ended }
        report?.cancel()
        report = nil
        writer?.stop()
        if let visit, let writer {
            visit.sent(writer.takeSentBytes())
            visit.leave(lostPackets: writer.lostPackets, wasStalled: wasStalled)
        }
        visit = nil
        writer = nil
    }

    /// Over HTTP/2 each stream has a channel without HTTP/1.1's codec.
    private func isHTTP1(_ context: ChannelHandlerContext) -> Bool {
        let decoder = ByteToMessageHandler<HTTPRequestDecoder>.self
        return (try? context.pipeline.syncOperations.context(handlerType: decoder)) != nil
    }

    private func upgrade(
        _ visit: StreamVisit, _ request: StreamRequest, _ head: HTTPRequest, _ context: ChannelHandlerContext
    ) {
        answered(request.route, head, .switchingProtocols)
        let viewer = WebSocketViewerHandler(visit: visit, limits: places.streams.limits, registry: registry)
        WebSocketUpgrade(
            head: head, own: self, viewer: viewer, date: HTTPDate.text(of: places.clock.now())
        ).start(on: context)
    }

    // MARK: Small answers

    private func refuse(_ problem: Problem, _ head: HTTPRequest, route: String, _ context: ChannelHandlerContext) {
        answered(route, head, problem.status)
        var response = HTTPResponse(status: problem.status, headerFields: commonFields)
        response.headerFields[.contentType] = "application/problem+json"
        response.headerFields[.cacheControl] = "no-store"
        response.headerFields[.contentTypeOptions] = "nosniff"
        for field in problem.headers where field.name != .upgrade || isHTTP1(context) {
            response.headerFields[field.name] = field.value
        }
        places.crossOrigin.apply(to: &response.headerFields, origin: head.headerFields[.origin])
        write(head: response, to: head, body: problem.body(), context)
    }

    /// Answers whole; the connection takes more requests unless the peer wants none.
    private func write(
        head: HTTPResponse, to request: HTTPRequest, body: ByteBuffer?, _ context: ChannelHandlerContext
    ) {
        var head = head
        if let body { head.headerFields[.contentLength] = String(body.readableBytes) }
        if request.headerFields[.connection]?.lowercased() == "close" { head.headerFields[.connection] = "close" }
        stage = .passing
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if let body, request.method != .head { context.write(wrapOutboundOut(.body(body)), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// The head of an answer without a length, and nothing after it: NIO's encoder would mark the end of a body that a HEAD has
    /// not (RFC 9112 §6.3), so the connection's end says it.
    private func end(head: HTTPResponse, _ context: ChannelHandlerContext) {
        guard isHTTP1(context) else {
            let asked = HTTPRequest(method: .head, scheme: nil, authority: nil, path: nil)
            return write(head: head, to: asked, body: nil, context)
        }
        var head = head
        head.headerFields[.connection] = "close"
        stage = .ended
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        context.close(promise: nil)
    }

    private func preflight(_ request: HTTPRequest) -> HTTPResponse {
        var response = HTTPResponse(status: .noContent, headerFields: commonFields)
        response.headerFields[.accessControlAllowMethods] = "GET, HEAD"
        response.headerFields[.accessControlAllowHeaders] = HTTPField.Name.region.rawName
        response.headerFields[.accessControlMaxAge] = "86400"
        places.crossOrigin.apply(to: &response.headerFields, origin: request.headerFields[.origin])
        return response
    }

    private static func problem(_ kind: StreamRequest.ProblemKind) -> Problem {
        switch kind {
        case .noChannel: .notFound("There is no such channel.")
        case .wrongMethod: .wrongMethod(allowed: [.get, .head])
        case .unknownFormat: .badRequest(field: "format", "This takes mp4 or ts.")
        }
    }

    private static let upgradeRequired = Problem(
        status: .upgradeRequired, slug: "upgrade-required", title: "A WebSocket address",
        detail: "Open this address with a WebSocket client (RFC 6455, version 13).",
        headers: [.upgrade: "websocket", .secWebSocketVersion: "13"])

    private func answered(_ route: String, _ head: HTTPRequest, _ status: HTTPResponse.Status) {
        metrics.answered(route: route, method: head.method, status: status, took: .zero)
    }

    /// Pages and players of other sites may read what everybody may read. A stream has one head: its date is made for it.
    private var commonFields: HTTPFields {
        [.accessControlAllowOrigin: "*", .date: HTTPDate.text(of: places.clock.now())]
    }

    // MARK: The connection

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writer?.writabilityChanged()
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A viewer that sends FIN has left: nothing is left to ask for on this connection.
        if case .streaming = stage, event as? ChannelEvent == .inputClosed { context.close(promise: nil) }
        // Nothing but its end can tell a body's reader.
        if event is ViewingEnded { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { stop() }
}
