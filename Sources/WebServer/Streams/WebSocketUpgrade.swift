import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket

/// Turns an HTTP/1.1 connection into a WebSocket's (RFC 6455 §4.2.2): the codec and what stands on it go, frames come.
///
/// What Hummingbird put behind stays and sees no more bytes; it closes its side when the connection ends. On the event loop.
struct WebSocketUpgrade {
    let head: HTTPRequest
    let own: StreamHandler
    let viewer: WebSocketViewerHandler

    /// 16 bytes in base64 (§4.2.1).
    private static let keyLength = 24

    static func isHandshake(_ head: HTTPRequest) -> Bool {
        head.headerFields[.secWebSocketVersion] == "13"
            && head.headerFields[.secWebSocketKey]?.utf8.count == keyLength
    }

    /// First the decoder goes, so that nothing is read as HTTP any more, then the answer, then the rest. A client may not send
    /// before it has the answer; what one sends all the same is dropped with the decoder.
    func start(on context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        do {
            let pipeline = context.pipeline.syncOperations
            let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
            pipeline.removeHandler(context: decoder)
                .flatMap { bound.value.0.answer(bound.value.1) }
                .flatMapThrowing { try bound.value.0.exchangeHandlers(bound.value.1, answer: $0) }
                .flatMap { $0 }
                .whenComplete { result in
                    let (upgrade, context) = bound.value
                    switch result {
                    case .success: upgrade.viewer.start()
                    case .failure: upgrade.fail(context)
                    }
                }
        } catch {
            // Not HTTP/1.1: over HTTP/2 a WebSocket begins otherwise (RFC 8441), which is not offered.
            fail(context)
        }
    }

    /// NIO's own upgrader makes the headers; the pipeline is ours, because it is not made for upgrades.
    private func answer(_ context: ChannelHandlerContext) -> EventLoopFuture<HTTPHeaders> {
        let upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() })
        let headers: HTTPHeaders = [
            "Sec-WebSocket-Key": head.headerFields[.secWebSocketKey] ?? "",
            "Sec-WebSocket-Version": head.headerFields[.secWebSocketVersion] ?? "",
        ]
        return upgrader.buildUpgradeResponse(
            channel: context.channel,
            upgradeRequest: HTTPRequestHead(version: .http1_1, method: .GET, uri: head.path ?? "/", headers: headers),
            initialResponseHeaders: [:])
    }

    private func exchangeHandlers(
        _ context: ChannelHandlerContext, answer: HTTPHeaders
    ) throws -> EventLoopFuture<Void> {
        var response = HTTPResponse(status: .switchingProtocols)
        for (name, value) in answer {
            if let name = HTTPField.Name(name) { response.headerFields[name] = value }
        }
        context.writeAndFlush(NIOAny(HTTPResponsePart.head(response)), promise: nil)
        let pipeline = context.pipeline.syncOperations
        try pipeline.addHandlers(
            [
                ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: WebSocketViewerHandler.maximumFrameBytes)),
                viewer,
            ],
            position: .after(own))
        // In the clear and under TLS the handlers differ; those that are not there need not go.
        let contexts = [
            try? pipeline.context(handlerType: QuiesceDetour.self),
            try pipeline.context(handlerType: HTTPResponseEncoder.self),
            try? pipeline.context(handlerType: HTTPServerPipelineHandler.self),
            try? pipeline.context(
                handlerType: ConnectionGuardHandler<HTTPServerRequestPart, HTTPServerResponsePart>.self),
            try? pipeline.context(handlerType: ConnectionGuardHandler<HTTPRequestPart, HTTPResponsePart>.self),
            try? pipeline.context(handlerType: DeliveryHandler<PlainHTTP1Wire>.self),
            try? pipeline.context(handlerType: DeliveryHandler<SecureWire>.self),
            try pipeline.context(handlerType: HTTP1ToHTTPServerCodec.self),
            try pipeline.context(handler: own),
        ].compactMap { $0 }
        let removals = contexts.map { pipeline.removeHandler(context: $0) }
        return EventLoopFuture.andAllSucceed(removals, on: context.eventLoop)
    }

    private func fail(_ context: ChannelHandlerContext) {
        viewer.leave()
        context.close(promise: nil)
    }
}
