import NIOCore
import NIOSSL
import NIOTLS

/// Carries a dialogue out on its connection. On the event loop; ends the promise exactly once.
final class SMTPHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Bytes without a line's end that are kept; RFC 5321 §4.5.3.1.5 allows 512.
    private static let maximumLineBytes = 4096

    private var dialogue: SMTPDialogue
    private let deadline: Duration
    private let makeTLS: () throws -> NIOSSLClientHandler
    private var done: EventLoopPromise<Void>?
    private var pending = ByteBuffer()
    private var timer: Scheduled<Void>?
    private var isHandshaking = false

    init(
        _ dialogue: SMTPDialogue, deadline: Duration, done: EventLoopPromise<Void>,
        makeTLS: @escaping () throws -> NIOSSLClientHandler
    ) {
        self.dialogue = dialogue
        self.deadline = deadline
        self.done = done
        self.makeTLS = makeTLS
    }

    func channelActive(context: ChannelHandlerContext) {
        let end = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: TimeAmount(deadline)) {
            let (handler, context) = end.value
            handler.finish(context, SMTPError(.timeout, "the mail server took too long"))
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        pending.writeBuffer(&bytes)
        while done != nil, let end = pending.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
            let count = end - pending.readerIndex
            let line = pending.readString(length: count) ?? ""
            pending.moveReaderIndex(forwardBy: 1)
            perform(dialogue.received(line.hasSuffix("\r") ? String(line.dropLast()) : line), context)
        }
        if pending.readableBytes > Self.maximumLineBytes {
            finish(context, SMTPError(.brokenAnswer, "the mail server's line does not end"))
        }
        pending.discardReadBytes()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if isHandshaking, case TLSUserEvent.handshakeCompleted = event {
            isHandshaking = false
            perform(dialogue.encrypted(), context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let isTLS = error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError
        finish(
            context,
            isTLS
                ? SMTPError(.notTrusted, "TLS with the mail server failed: \(error)")
                : SMTPError(.unreachable, "the connection to the mail server failed: \(error)"))
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(context, SMTPError(.unreachable, "the mail server closed the connection"))
        context.fireChannelInactive()
    }

    private func perform(_ action: SMTPDialogue.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .wait: break
        case .send(let text): write(text, context)
        case .encrypt: encrypt(context)
        case .taken:
            write("QUIT", context)
            finish(context, nil)
        case .fail(let error): finish(context, error)
        }
    }

    private func write(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text + "\r\n")), promise: nil)
    }

    private func encrypt(_ context: ChannelHandlerContext) {
        // Whatever came before TLS with the answer is a stranger's (CVE-2011-0411).
        guard pending.readableBytes == 0 else {
            return finish(context, SMTPError(.brokenAnswer, "the mail server speaks before TLS has begun"))
        }
        do {
            isHandshaking = true
            try context.pipeline.syncOperations.addHandler(try makeTLS(), position: .before(self))
        } catch {
            finish(context, SMTPError(.notTrusted, "TLS with the mail server failed: \(error)"))
        }
    }

    private func finish(_ context: ChannelHandlerContext, _ error: SMTPError?) {
        guard let done else { return }
        self.done = nil
        timer?.cancel()
        if let error { done.fail(error) } else { done.succeed() }
        context.close(promise: nil)
    }
}
