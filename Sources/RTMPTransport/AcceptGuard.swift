package import Logging
package import NIOCore

/// Keeps a server that cannot accept from spinning: at the descriptor limit the connection stays in the system's queue, the
/// listening socket stays readable, and accepting fails again at once, for ever. This handler stops accepting for a moment after
/// each failure, counts it, and says so in the log at most once a minute.
///
/// On the listening channel's event loop, in front of what takes the accepted connections.
package final class AcceptGuard: ChannelDuplexHandler {
    package typealias InboundIn = any Channel
    package typealias OutboundIn = Never

    package static let pause = TimeAmount.milliseconds(500)
    package static let logInterval = TimeAmount.seconds(60)

    private let logger: Logger
    private let onFailure: () -> Void
    private var pausedUntil: NIODeadline?
    private var scheduled: Scheduled<Void>?
    private var quietUntil: NIODeadline?
    private var unlogged = 0

    /// - Parameter onFailure: counts; called on the event loop.
    package init(logger: Logger, onFailure: @escaping () -> Void) {
        self.logger = logger
        self.onFailure = onFailure
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is IOError else {
            context.fireErrorCaught(error)
            return
        }
        let now = context.eventLoop.now
        onFailure()
        unlogged += 1
        pausedUntil = now + Self.pause
        guard quietUntil.map({ now >= $0 }) ?? true else { return }
        quietUntil = now + Self.logInterval
        logger.error(
            "RTMP connections cannot be accepted; raise the limit of open files if it is that",
            metadata: ["error": "\(error)", "times": "\(unlogged)"])
        unlogged = 0
    }

    package func read(context: ChannelHandlerContext) {
        guard scheduled == nil else { return }
        guard let until = pausedUntil, until > context.eventLoop.now else {
            pausedUntil = nil
            context.read()
            return
        }
        scheduled = context.eventLoop.assumeIsolated().scheduleTask(deadline: until) { [weak self] in
            self?.scheduled = nil
            self?.pausedUntil = nil
            context.read()
        }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        scheduled?.cancel()
        scheduled = nil
    }
}
