import NIOCore

/// Carries the listener's "close when idle" (`ChannelShouldQuiesceEvent`) past NIO's pipelining handler, which would close the
/// connection by itself behind the answer under way and trap on any byte written after that. First in its pipeline.
final class QuiesceDetour: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    /// Who decides: it tells those behind it when its own answer is out.
    private let target: (ChannelShouldQuiesceEvent) -> Void

    init(to target: @escaping (ChannelShouldQuiesceEvent) -> Void) { self.target = target }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelShouldQuiesceEvent {
            target(event)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}
