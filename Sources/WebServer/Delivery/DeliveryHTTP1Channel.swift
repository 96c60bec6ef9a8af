import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// An HTTP/1.1 connection: files are answered by `DeliveryHandler` and streams by `StreamHandler` on the event loop, all else
/// goes on to Hummingbird.
///
///     socket ─ DeliveryFastPath ─ HTTP/1.1 codec ─ pipelining ─ HTTP1RulesHandler ─ guard ─ DeliveryHandler ─ HTTP types codec ─ StreamHandler ─
///     Hummingbird's async channel
struct DeliveryHTTP1Channel: HTTPChannelHandler {
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    let responder: HTTPChannelHandler.Responder
    let desk: DeliveryDesk
    let makeGuard: @Sendable () -> ConnectionGuardHandler<HTTPServerRequestPart, HTTPServerResponsePart>
    let makeStreams: @Sendable () -> StreamHandler

    static let decoderLimits: HTTP1Channel.Configuration.DecoderConfiguration = .init(
        maxHeaderFieldSize: 16 * 1024, maxHeaderListSize: 32 * 1024, maxHeaderFieldCount: 100)

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = Self.decoderLimits.maxHeaderFieldSize
            limits.maxHeaderListSize = Self.decoderLimits.maxHeaderListSize
            limits.maxHeaderFieldCount = Self.decoderLimits.maxHeaderFieldCount
            let pipeline = channel.pipeline.syncOperations
            // Without pipelining assistance a fast answer of ours could overtake a slow one of Hummingbird's. Errors and the
            // outbound headers are checked above.
            try pipeline.configureHTTPServerPipeline(
                withPipeliningAssistance: true, withErrorHandling: false, withOutboundHeaderValidation: false,
                withEncoderConfiguration: .init(), withDecoderLimitConfiguration: limits)
            let watchman = makeGuard()
            try pipeline.addHandler(watchman)
            let delivery = DeliveryHandler<PlainHTTP1Wire>(desk: desk)
            try pipeline.addHandler(delivery)
            try pipeline.addHandler(QuiesceDetour { delivery.quiesce($0) }, position: .first)
            try pipeline.addHandler(DeliveryFastPath(watchman, delivery), position: .first)
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            try pipeline.addHandler(makeStreams())
            try pipeline.addHandler(HTTPConnectionStateHandler(idleTimeout: nil, logger: logger))
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func handle(value: Value, logger: Logger) async {
        await handleHTTP(asyncChannel: value, logger: logger)
    }
}
