import Domain
import NIOCore

/// Answers requests for `/hls/…` and `/dash/…` on one connection (or one stream of HTTP/2) and lets everything else pass. On its event loop;
/// no task, no hop: what is there is written at once, who must wait is an entry in the loop's `DeliveryWaitList`.
///
/// One request at a time: on HTTP/1.1 a pipelining handler in front holds the next one back until the answer's end.
final class DeliveryHandler<Wire: DeliveryWire>: ChannelInboundHandler, RemovableChannelHandler, DeliveryWaiter {
    typealias InboundIn = Wire.Request
    typealias InboundOut = Wire.Request
    typealias OutboundOut = Wire.Response

    /// A request of ours, from its head to the end of its answer.
    private struct Exchange {
        var question: DeliveryQuestion
        var keepsAlive: Bool
        var started: ContinuousClock.Instant
        var waitsFor: DeliveryWaitList.Key?
    }

    /// An answer that passes through the process piece by piece, as fast as the peer takes it.
    private struct Transfer {
        var body: DeliveryReply.Body
        var position = 0
    }

    /// Bytes read from a file at once.
    private static var pieceBytes: Int { 65_536 }

    private let desk: DeliveryDesk
    private var exchange: Exchange?
    private var transfer: Transfer?
    /// The loop's.
    private(set) var list: DeliveryWaitList?
    private var context: ChannelHandlerContext?
    /// The last that the peer sent: its segments and parts come without.
    private var token: String?
    private var address: String?
    /// The listener closes: told to those behind us once our answer is out.
    private var heldQuiesce: Any?

    init(desk: DeliveryDesk) { self.desk = desk }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        list = desk.waitList(on: context.eventLoop)
    }

    func handlerRemoved(context: ChannelHandlerContext) { drop() }

    func channelInactive(context: ChannelHandlerContext) {
        drop()
        context.fireChannelInactive()
    }

    // Called through a table, a generic class runs unspecialised code: 7 % of a playlist's cost went into looking up types.
    @_specialize(where Wire == PlainHTTP1Wire)
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if let target = Wire.target(part) {
            guard DeliveryQuestion.wrapping(of: target) != nil, target.utf8.count <= 4_096 else {
                return context.fireChannelRead(data)
            }
            let head = Wire.read(part)
            exchange = Exchange(
                question: DeliveryQuestion(method: head.method, target: target, headers: head.headers),
                keepsAlive: head.keepsAlive, started: .now)
            return
        }
        guard exchange != nil else { return context.fireChannelRead(data) }
        // A body that no such request has is read and forgotten.
        if Wire.isEnd(part) { decide(context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, exchange != nil {
            heldQuiesce = event
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// As the event itself, from in front of the handlers that must not see it. On the event loop.
    func quiesce(_ event: ChannelShouldQuiesceEvent) {
        if let context { userInboundEventTriggered(context: context, event: event) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, transfer != nil { pump(context) }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Answers

    private func decide(_ context: ChannelHandlerContext) {
        guard let question = exchange?.question else { return }
        if let own = question.token { token = own }
        switch desk.decide(question, token: token, address: peerAddress(context)) {
        case .reply(let reply): write(reply, context)
        case .wait(let key, let seconds):
            guard list?.add(self, for: key, withinSeconds: seconds) == true else {
                return write(
                    DeliveryReply(.unavailable("Too many requests wait already.", retryAfterSeconds: 1)), context)
            }
            exchange?.waitsFor = key
        }
    }

    @_specialize(where Wire == PlainHTTP1Wire)
    func resume(_ answer: DeliveryAnswer?) {
        guard let context, let question = exchange?.question else { return }
        write(desk.reply(to: question, answer, token: token, address: peerAddress(context)), context)
    }

    /// For `DeliveryFastPath`. An answer is to be written as it is; who has to wait does so in `list`, and then calls `reply(to:after:)`.
    /// - Returns: `nil` where an exchange is under way here.
    func decide(_ question: DeliveryQuestion, started: ContinuousClock.Instant) -> DeliveryDesk.Decision? {
        guard let context, exchange == nil else { return nil }
        if let own = question.token { token = own }
        let decision = desk.decide(question, token: token, address: peerAddress(context))
        guard case .reply(var reply) = decision else { return decision }
        complete(&reply, question, started: started, waited: false)
        return .reply(reply)
    }

    /// What somebody waited for in front of this handler.
    /// - Returns: `nil` where the connection is gone.
    func reply(
        to question: DeliveryQuestion, after answer: DeliveryAnswer?, started: ContinuousClock.Instant
    ) -> DeliveryReply? {
        guard let context else { return nil }
        var reply = desk.reply(to: question, answer, token: token, address: peerAddress(context))
        complete(&reply, question, started: started, waited: true)
        return reply
    }

    /// What every answer has, and its count.
    private func complete(
        _ reply: inout DeliveryReply, _ question: DeliveryQuestion, started: ContinuousClock.Instant, waited: Bool
    ) {
        if let list { reply.fields.append(("date", list.date.now())) }
        desk.crossOrigin.apply(to: &reply, origin: question.headers.origin)
        desk.answered(question, status: reply.status, took: started.duration(to: .now), waited: waited)
    }

    private func write(_ reply: DeliveryReply, _ context: ChannelHandlerContext) {
        guard let exchange else { return }
        var reply = reply
        complete(&reply, exchange.question, started: exchange.started, waited: exchange.waitsFor != nil)
        context.write(wrapOutboundOut(Wire.head(reply, keepsAlive: exchange.keepsAlive)), promise: nil)
        guard exchange.question.method != .head else { return finish(context) }
        for (index, piece) in reply.body.flat.enumerated() where !send(piece, context) {
            // What cannot go at once, and all behind it, goes as the peer takes it.
            return begin(.pieces(Array(reply.body.flat[index...])), context)
        }
        finish(context)
    }

    /// - Returns: `false` for what is not to be handed over at once.
    private func send(_ piece: DeliveryReply.Body, _ context: ChannelHandlerContext) -> Bool {
        switch piece {
        case .none, .pieces: return true
        case .bytes(let bytes):
            guard bytes.readableBytes <= Self.pieceBytes else { return false }
            if bytes.readableBytes > 0 { context.write(wrapOutboundOut(Wire.body(bytes)), promise: nil) }
            return true
        case .file(let file, let range):
            guard range.count >= DeliveryReply.smallFileBytes else {
                context.write(wrapOutboundOut(Wire.body(file.read(range))), promise: nil)
                return true
            }
            return send(file, range, context)
        }
    }

    /// Hands the file to the kernel, which reads from it while the peer takes it; nothing is copied or kept here.
    /// - Returns: `false` where the connection cannot do that.
    private func send(_ file: any DeliveredFile, _ range: Range<Int>, _ context: ChannelHandlerContext) -> Bool {
        let (region, written) = file.lend(range, on: context.eventLoop)
        guard let body = Wire.body(region) else {
            written.succeed()
            return false
        }
        context.write(wrapOutboundOut(body), promise: written)
        return true
    }

    private func begin(_ body: DeliveryReply.Body, _ context: ChannelHandlerContext) {
        transfer = Transfer(body: body)
        pump(context)
    }

    /// I11: beyond what the channel takes to be its fill, nothing is read.
    private func pump(_ context: ChannelHandlerContext) {
        while var current = transfer, context.channel.isWritable {
            let count = min(Self.pieceBytes, current.body.count - current.position)
            guard count > 0 else {
                transfer = nil
                return finish(context)
            }
            let piece = current.body.piece(current.position..<current.position + count)
            current.position += count
            transfer = current
            for part in piece.flat {
                switch part {
                case .none, .pieces: break
                case .bytes(let bytes): context.write(wrapOutboundOut(Wire.body(bytes)), promise: nil)
                case .file(let file, let range):
                    context.write(wrapOutboundOut(Wire.body(file.read(range))), promise: nil)
                }
            }
            context.flush()
        }
    }

    private func finish(_ context: ChannelHandlerContext) {
        exchange = nil
        context.writeAndFlush(wrapOutboundOut(Wire.end), promise: nil)
        if let event = heldQuiesce {
            heldQuiesce = nil
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func drop() {
        if let key = exchange?.waitsFor { list?.remove(self, from: key) }
        exchange = nil
        transfer = nil
        context = nil
    }

    /// Of HTTP/2 that of the connection under the stream. Made once: it takes as long as looking up a playlist.
    private func peerAddress(_ context: ChannelHandlerContext) -> String {
        if let address { return address }
        let made = (context.channel.remoteAddress ?? context.channel.parent?.remoteAddress)?.ipAddress ?? "unknown"
        address = made
        return made
    }
}

extension DeliveredFile {
    /// Lends a range to a write, whose end is `written`: the file closes its descriptor itself when the last who holds it lets go,
    /// which is after that.
    func lend(
        _ range: Range<Int>, on eventLoop: any EventLoop
    ) -> (region: FileRegion, written: EventLoopPromise<Void>) {
        let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
        let written = eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in
            _ = try? handle.takeDescriptorOwnership()  // It is open and nobody else's yet: cannot fail.
            withExtendedLifetime(self) {}
        }
        return (FileRegion(fileHandle: handle, readerIndex: range.lowerBound, endIndex: range.upperBound), written)
    }
}
