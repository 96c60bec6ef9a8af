import Domain
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// What holds for every request of HTTP/1.x, whoever answers it (RFC 9112): `Host` is there and names a host, and HTTP/1.0 gets neither
/// another protocol nor chunks. Behind an answer that is the last a connection can have, it closes.
///
/// One per connection of HTTP/1.x, behind the codec and its pipelining and in front of all that answers. On the event loop.
final class HTTP1RulesHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// How long a peer may take to close after our last answer.
    private static let lingerTime = TimeAmount.seconds(1)

    private let metrics: RequestMetrics
    private let clock: any WallClock
    /// The connection closes; what comes is dropped.
    private var isEnded = false
    /// The last request was one of HTTP/1.0.
    private var isOlder = false
    /// It asked for another protocol: NIO's decoder reads no request behind it, granted or not.
    private var isUpgrade = false

    init(metrics: RequestMetrics, clock: any WallClock) {
        self.metrics = metrics
        self.clock = clock
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isEnded else { return }
        guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        isOlder = (head.version.major, head.version.minor) < (1, 1)
        // The answers before it are out: one request comes at a time.
        var (hasGoodHost, asksForUpgrade) = Self.look(at: head)
        let isAbsolute = head.uri.utf8.first != UInt8(ascii: "/") && hasGoodHost && Self.takeAbsoluteForm(of: &head)
        if isAbsolute { (hasGoodHost, asksForUpgrade) = Self.look(at: head) }
        guard hasGoodHost else { return refuse(head, context) }
        isUpgrade = asksForUpgrade
        // RFC 9110 §7.8.
        if isOlder, isUpgrade { head.headers.remove(name: "upgrade") }
        context.fireChannelRead(isAbsolute || (isOlder && isUpgrade) ? wrapInboundOut(.head(head)) : data)
    }

    /// RFC 9112 §3.2.2: `http://HOST/PATH` is taken as well, and its host goes before the header's.
    /// - Returns: whether the target was one, and is a path now.
    static func takeAbsoluteForm(of head: inout HTTPRequestHead) -> Bool {
        let target = head.uri
        guard target.utf8.first != UInt8(ascii: "/"), let mark = target.firstRange(of: "://") else { return false }
        guard ["http", "https"].contains(target[..<mark.lowerBound].lowercased()) else { return false }
        let rest = target[mark.upperBound...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        head.headers.replaceOrAdd(name: "host", value: String(rest[..<end]))
        head.uri = (rest[end...].first == "/" ? "" : "/") + rest[end...]
        return true
    }

    /// RFC 9112 §3.2: exactly one `Host`, or in HTTP/1.0 none. An empty one is good: the address may have no host. And whether there is
    /// an `Upgrade`.
    static func look(at head: HTTPRequestHead) -> (hasGoodHost: Bool, asksForUpgrade: Bool) {
        var (hosts, isGood, asksForUpgrade) = (0, true, false)
        // Told apart by their length first: this runs for every request.
        for (name, value) in head.headers {
            switch name.utf8.count {
            case 4 where name.lowercased() == "host":
                hosts += 1
                isGood = isGood && isHost(value)
            case 7 where name.lowercased() == "upgrade": asksForUpgrade = true
            default: break
            }
        }
        let isCounted = hosts == 1 || (hosts == 0 && (head.version.major, head.version.minor) < (1, 1))
        return (isGood && isCounted, asksForUpgrade)
    }

    /// NIO's decoder leaves the blanks that may stand behind a value (§5).
    private static func isHost(_ value: String) -> Bool {
        let blanks = value.utf8.reversed().prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.count
        return value.utf8.dropLast(blanks).allSatisfy(isHostByte)
    }

    /// Of a name, an address or a port (RFC 3986 §3.2.2): letters, digits and -._~%!$&'()*+,;=:[]
    static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x21, 0x24...0x2E, 0x30...0x3B, 0x3D, 0x41...0x5B, 0x5D, 0x5F, 0x61...0x7A, 0x7E: true
        default: false
        }
    }

    // MARK: Answers

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard isOlder || isUpgrade else { return context.write(data, promise: promise) }
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status != .switchingProtocols:
            // HTTP/1.0 knows no chunks (§6.1), and NIO's encoder goes by the answer's version: the connection's end is the body's.
            if isOlder, !head.headers.contains(name: "content-length") { head.version = .http1_0 }
            head.headers.replaceOrAdd(name: "connection", value: "close")
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            context.write(data, promise: promise)
            linger(context)
        case .head, .body: context.write(data, promise: promise)
        }
    }

    private func refuse(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let problem = Problem.badRequest(field: "Host", "A request names its host once (RFC 9112, section 3.2).")
        // A method that is none is counted as any other unknown one.
        let method = (try? HTTPRequest.Method(request.method)) ?? .trace
        metrics.answered(route: "unmatched", method: method, status: problem.status, took: .zero)
        let body = problem.body()
        let head = HTTPResponseHead(
            version: .http1_1, status: .badRequest,
            headers: [
                "content-type": "application/problem+json", "content-length": String(body.readableBytes),
                "cache-control": "no-store", "x-content-type-options": "nosniff", "connection": "close",
                "date": HTTPDate.text(of: clock.now()),
            ])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        linger(context)
    }

    /// As `ConnectionGuardHandler` does: with bytes of the peer unread, a close at once would take the answer along.
    private func linger(_ context: ChannelHandlerContext) {
        isEnded = true
        context.flush()
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: Self.lingerTime) { channel.close(promise: nil) }
    }
}
