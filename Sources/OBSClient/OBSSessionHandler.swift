import Domain
import NIOCore
import NIOWebSocket
import OBSProtocol

/// One connection's session behind the frame codec: carries out what `OBSSession` decides, sends batches at the set rate, matches
/// answers, keeps the time. On the channel's event loop.
final class OBSSessionHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private struct Pending {
        var promise: EventLoopPromise<[OBSReply]>
        var timer: Scheduled<Void>
    }

    private var session: OBSSession
    private let limits: OBSClient.Limits
    private let ready: EventLoopPromise<OBSServer>
    private let events: AsyncStream<OBSEvent>.Continuation
    private var pace: RequestPace
    private var pending: [Int: Pending] = [:]
    private var serial = 0
    private var context: ChannelHandlerContext?
    private var ending: OBSConnectionError?
    private var lastRead = NIODeadline.now()
    private var lifeTimer: RepeatedTask?
    /// Of whatever kind, in the second that began then.
    private var frames = 0
    private var windowStart = NIODeadline.now()

    init(
        session: OBSSession, limits: OBSClient.Limits, requestsPerSecond: Int, ready: EventLoopPromise<OBSServer>,
        events: AsyncStream<OBSEvent>.Continuation
    ) {
        self.session = session
        self.limits = limits
        self.ready = ready
        self.events = events
        pace = RequestPace(perSecond: requestsPerSecond)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let span = TimeAmount(limits.idleSpan)
        lifeTimer = context.eventLoop.scheduleRepeatedTask(initialDelay: span, delay: span) { _ in
            bound.value.lookForLife()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        lifeTimer?.cancel()
        self.context = nil
        settle()
    }

    func channelInactive(context: ChannelHandlerContext) {
        settle()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case is FloodGuard.TooMuch: end(.flood)
        case is NIOWebSocketFrameAggregator.Error, is NIOWebSocketError:
            end(.broken(OBSProtocolError(.tooLarge, "a frame beyond bounds")))
        default: end(.closed(nil))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard ending == nil else { return }
        lastRead = .now()
        if lastRead - windowStart >= .seconds(1) { (windowStart, frames) = (lastRead, 0) }
        frames += 1
        guard frames <= limits.maximumMessagesPerSecond else { return end(.flood) }
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .text: heed(Array(frame.unmaskedData.readableBytesView))
        case .connectionClose:
            var bytes = frame.unmaskedData
            closed(by: bytes.readInteger(as: UInt16.self).map(Int.init))
        case .ping:
            // A pong for each ping of a peer that reads nothing would pile up.
            guard context.channel.isWritable, frame.length <= 125 else { return }
            write(.pong, frame.unmaskedData)
        default: break
        }
    }

    private func heed(_ bytes: [UInt8]) {
        do throws(OBSProtocolError) {
            switch try session.received(bytes) {
            case .send(let text): write(.text, ByteBuffer(string: text))
            case .identified(let server):
                try? context?.pipeline.syncOperations.handler(type: FloodGuard.self).isEarly = false
                ready.succeed(server)
            case .event(let event): events.yield(event)
            case .answered(let number, let replies):
                guard let waiting = pending.removeValue(forKey: number) else { return }
                waiting.timer.cancel()
                waiting.promise.succeed(replies)
            case .ignore: break
            }
        } catch {
            end(.broken(error))
        }
    }

    private func closed(by code: Int?) {
        end(code == OBSCloseCode.authenticationFailed.rawValue ? .wrongPassword : .closed(code))
    }

    // MARK: Batches

    func perform(_ batch: OBSBatch, _ promise: EventLoopPromise<[OBSReply]>) {
        guard let context, ending == nil, session.isIdentified else { return promise.fail(ending ?? .closed(nil)) }
        guard pending.count < limits.maximumPending else { return promise.fail(OBSConnectionError.busy) }
        serial += 1
        let number = serial
        let now = NIODeadline.now()
        let sendAt = pace.place(for: batch.requests.count, now: now)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let timer = context.eventLoop.scheduleTask(
            deadline: sendAt + TimeAmount(limits.answerDeadline) + TimeAmount(batch.sleep)
        ) {
            // Whatever comes of it later is of an older time: the connection begins anew.
            bound.value.end(.timedOut)
        }
        pending[number] = Pending(promise: promise, timer: timer)
        let text = session.text(of: batch, number: number)
        guard sendAt > now else { return write(.text, ByteBuffer(string: text)) }
        context.eventLoop.scheduleTask(deadline: sendAt) { bound.value.write(.text, ByteBuffer(string: text)) }
    }

    private func write(_ opcode: WebSocketOpcode, _ data: ByteBuffer) {
        guard let context, ending == nil else { return }
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    // MARK: Ends

    private func lookForLife() {
        let silent = NIODeadline.now() - lastRead
        let span = TimeAmount(limits.idleSpan)
        if silent >= span * 2 { return end(.timedOut) }
        if silent >= span { write(.ping, ByteBuffer()) }
    }

    private func end(_ error: OBSConnectionError) {
        guard ending == nil else { return }
        var reason = ByteBuffer()
        reason.writeInteger(UInt16(1000))
        write(.connectionClose, reason)
        ending = error
        settle()
        // Not after the write: a peer that reads nothing would keep it open.
        context?.close(promise: nil)
    }

    private func settle() {
        let error = ending ?? .closed(nil)
        ending = error
        ready.fail(error)
        for waiting in pending.values {
            waiting.timer.cancel()
            waiting.promise.fail(error)
        }
        pending = [:]
        events.finish()
    }
}

/// When a batch may go, so that no second holds more requests than set: the leaky bucket as a meter. As many as the rate may go at
/// once.
struct RequestPace {
    private let interval: TimeAmount
    private let burst: Int
    /// When all that was let through would be worn off.
    private var wornOff = NIODeadline.uptimeNanoseconds(0)

    init(perSecond: Int) {
        let rate = max(1, min(200, perSecond))
        interval = .nanoseconds(1_000_000_000 / Int64(rate))
        burst = rate
    }

    /// Takes the place, and says when it is.
    mutating func place(for requests: Int, now: NIODeadline) -> NIODeadline {
        let start = max(wornOff, now)
        wornOff = start + interval * max(1, requests)
        let earliest = wornOff - interval * burst
        // A batch of more than the rate goes when the bucket is empty, and those after it wait the longer.
        return max(now, min(earliest, start))
    }
}

/// Ends a connection whose peer sends more bytes than any OBS, whatever they are.
final class FloodGuard: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    struct TooMuch: Error {}

    /// Until OBS has taken the password.
    var isEarly = true
    private let limits: OBSClient.Limits
    private var earlyBytes = 0
    private var windowStart = NIODeadline.now()
    private var bytes = 0

    init(limits: OBSClient.Limits) { self.limits = limits }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let count = unwrapInboundIn(data).readableBytes
        let now = NIODeadline.now()
        if now - windowStart >= .seconds(1) { (windowStart, bytes) = (now, 0) }
        bytes += count
        if isEarly { earlyBytes += count }
        guard bytes <= limits.maximumBytesPerSecond,
            !isEarly || earlyBytes <= limits.maximumEarlyBytes
        else {
            context.fireErrorCaught(TooMuch())
            context.close(promise: nil)
            return
        }
        context.fireChannelRead(data)
    }
}
