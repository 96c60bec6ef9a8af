package import Logging
package import NIOCore

/// Keeps a server that cannot accept from spinning: at the descriptor limit the connection stays in the system's queue, the
/// listening socket stays readable, and accepting fails again at once, for ever. This handler stops accepting for a moment after
/// each failure, counts it, and says so in the log at most once a minute.
///
/// On the listening channel's event loop, in front of what takes the accepted connections. It switches `autoRead`, not the
/// `read` events that pass through it (as NIO's `AcceptBackoffHandler` does): a failed accept leaves the channel's own read
/// pending and registered, so nobody is asked before the next one (seen with swift-nio 2.101).
package final class AcceptGuard: ChannelInboundHandler {
    package typealias InboundIn = any Channel

    package static let pause = TimeAmount.milliseconds(500)
    package static let logInterval = TimeAmount.seconds(60)

    private let name: String
    private let logger: Logger
    private let onFailure: () -> Void
    private var scheduled: Scheduled<Void>?
    private var quietUntil: NIODeadline?
    private var unlogged = 0

    /// - Parameters:
    ///   - name: of what is listened for, a constant for the log.
    ///   - onFailure: counts; called on the event loop.
    package init(protocol name: String = "RTMP", logger: Logger, onFailure: @escaping () -> Void) {
        self.name = name
        self.logger = logger
        self.onFailure = onFailure
    }

    /// For a listener that somebody else has made: in front of all that stands in its pipeline.
    package static func install(
        on listener: any Channel, protocol name: String, logger: Logger, onFailure: @escaping @Sendable () -> Void
    ) async {
        // Fails on a listener that has ended already, which accepts nothing.
        try? await listener.eventLoop.submit {
            let acceptGuard = AcceptGuard(protocol: name, logger: logger, onFailure: onFailure)
            try listener.pipeline.syncOperations.addHandler(acceptGuard, position: .first)
        }.get()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is IOError else {
            context.fireErrorCaught(error)
            return
        }
        onFailure()
        log(error, now: context.eventLoop.now)
        guard scheduled == nil else { return }
        accept(false, context)
        scheduled = context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { [weak self] in
            self?.scheduled = nil
            self?.accept(true, context)
        }
    }

    private func accept(_ isAccepting: Bool, _ context: ChannelHandlerContext) {
        try? context.channel.syncOptions?.setOption(.autoRead, value: isAccepting)  // Fails on a closed channel only.
    }

    private func log(_ error: any Error, now: NIODeadline) {
        unlogged += 1
        guard quietUntil.map({ now >= $0 }) ?? true else { return }
        quietUntil = now + Self.logInterval
        logger.error(
            "connections cannot be accepted; raise the limit of open files if it is that",
            metadata: ["protocol": "\(name)", "error": "\(error)", "times": "\(unlogged)"])
        unlogged = 0
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        scheduled?.cancel()
        scheduled = nil
    }
}
