import FoundationEssentials
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
    /// Of the answer.
    let date: String

    /// §4.2.1. HTTP/1.0 has no `Upgrade` left here (`HTTP1RulesHandler`).
    static func isHandshake(_ head: HTTPRequest) -> Bool {
        let fields = head.headerFields
        return head.method == .get && has("websocket", in: fields[values: .upgrade])
            && has("upgrade", in: fields[values: .connection]) && fields[.secWebSocketVersion] == "13"
            && fields[.secWebSocketKey].map(isKey) == true
    }

    /// One of a list's words, in any case (RFC 9110 §5.6.1).
    private static func has(_ word: String, in values: [String]) -> Bool {
        values.flatMap { $0.split(separator: ",") }.contains { item in
            item.filter { $0 != " " && $0 != "\t" }.lowercased() == word
        }
    }

    /// 16 bytes in base64; two of them in one field are none.
    private static func isKey(_ text: String) -> Bool {
        text.utf8.count == 24 && Data(base64Encoded: text)?.count == 16
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
        var response = HTTPResponse(status: .switchingProtocols, headerFields: [.date: date])
        for (name, value) in answer {
            if let name = HTTPField.Name(name) { response.headerFields[name] = value }
        }
        context.writeAndFlush(NIOAny(HTTPResponsePart.head(response)), promise: nil)
        let pipeline = context.pipeline.syncOperations
        try pipeline.addHandlers(
            [
                ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: WebSocketViewerMessages.maximumBytes)),
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
            try? pipeline.context(handlerType: HTTP1RulesHandler.self),
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
