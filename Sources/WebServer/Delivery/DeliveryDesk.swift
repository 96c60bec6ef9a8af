import Domain
import HTTPTypes
import Metrics
import NIOCore
import Synchronization

/// Answers `/hls/…` and `/dash/…` for every connection: looks up, counts, keeps who must wait. One for the server; any event loop.
final class DeliveryDesk: DeliveryWatching {
    enum Decision {
        case reply(DeliveryReply)
        case wait(DeliveryWaitList.Key, withinSeconds: Int)
    }

    /// The server's clock, for players of MPEG-DASH.
    private static let clockName = "time"

    private let trustedProxies: TrustedProxies
    let crossOrigin: CrossOriginPolicy
    private let clock: any WallClock
    private let origin: any DeliveryOrigin
    private let observer: any DeliveryObserving
    private let outputs: OutputSwitches
    private let regions: ChannelRegions
    private let isObserved: Bool
    let metrics: RequestMetrics
    private let waiting: Gauge
    private let lists = Mutex<[ObjectIdentifier: (loop: any EventLoop, list: NIOLoopBound<DeliveryWaitList>)]>([:])

    init(
        origin: any DeliveryOrigin, observer: any DeliveryObserving, outputs: OutputSwitches,
        regions: ChannelRegions, trustedProxies: TrustedProxies, crossOrigin: CrossOriginPolicy, clock: any WallClock,
        metrics: RequestMetrics, factory: any MetricsFactory
    ) {
        self.trustedProxies = trustedProxies
        self.crossOrigin = crossOrigin
        self.clock = clock
        self.origin = origin
        self.observer = observer
        self.outputs = outputs
        self.regions = regions
        self.isObserved = !(observer is NoDeliveryObserver)
        self.metrics = metrics
        self.waiting = Gauge(label: "lineup_hls_blocked_requests", dimensions: [], factory: factory)
        origin.watch(self)
    }

    /// The list of the loop this is called on.
    func waitList(on eventLoop: any EventLoop) -> DeliveryWaitList {
        lists.withLock { lists in
            if let known = lists[ObjectIdentifier(eventLoop)] { return known.list }
            let made = NIOLoopBound(
                DeliveryWaitList(
                    eventLoop: eventLoop, origin: origin, outputs: outputs, clock: clock, gauge: waiting),
                eventLoop: eventLoop)
            lists[ObjectIdentifier(eventLoop)] = (eventLoop, made)
            return made
        }.value
    }

    func deliveryChanged(_ channel: ChannelName) {
        let lists = lists.withLock { Array($0.values) }
        for (loop, list) in lists { loop.execute { list.value.changed(channel) } }
    }

    // MARK: Answers

    /// - Parameter address: the peer's, without port.
    /// - Parameter token: the question's own, or the last of its connection.
    func decide(_ question: DeliveryQuestion, token: String?, address: String) -> Decision {
        switch question.method {
        case .options: return .reply(.preflight)
        case .other: return .reply(DeliveryReply(.wrongMethod(allowed: [.get, .head])))
        case .get, .head: break
        }
        guard let channel = question.channel, !question.name.isEmpty, question.isOfItsWrapping else {
            return .reply(Self.missing)
        }
        guard outputs.isOn(question.wrapping, of: channel) else { return .reply(Self.missing) }
        if question.wrapping == .dash, question.name == Self.clockName {
            return .reply(origin.knows(channel) ? .clock(clock.now()) : Self.missing)
        }
        let request: DeliveryRequest?
        do throws(Region.Malformed) {
            request = try self.request(question, channel, token: token, address: address)
        } catch {
            return .reply(DeliveryReply(.badRequest(field: Region.Malformed.field, Region.Malformed.reason)))
        }
        if let request, let refusal = refusal(of: request, ownToken: question.token) { return .reply(refusal) }
        guard !question.isMalformed else {
            return .reply(DeliveryReply(.badRequest(field: "_HLS_msn", "Delivery directives are whole numbers.")))
        }
        let answer = origin.resource(channel, name: question.name, directives: question.directives)
        if case .later(let seconds) = answer {
            let key = DeliveryWaitList.Key(
                channel: channel, wrapping: question.wrapping, name: question.name, directives: question.directives)
            return .wait(key, withinSeconds: seconds)
        }
        return .reply(reply(to: question, answer, request))
    }

    /// - Parameter ownToken: what came with this request itself.
    private func refusal(of request: DeliveryRequest, ownToken: String?) -> DeliveryReply? {
        var request = request
        // On a proxy's connection the last token may be another viewer's.
        if request.place.isEstimate { request.token = ownToken }
        switch observer.admit(request) {
        case .admitted: return nil
        case .refused(let reason): return DeliveryReply(.viewerSentAway(reason))
        case .unauthorized(let reason): return DeliveryReply(.viewerToken(reason))
        case .outside(let reason): return DeliveryReply(.outsideRegion(reason))
        }
    }

    private func region(of question: DeliveryQuestion, peer: String) throws(Region.Malformed) -> Region? {
        guard question.region != nil || question.headers.region != nil else { return nil }
        return try Region.read(
            query: question.region, header: question.headers.region, isFromTrustedProxy: trustedProxies.contains(peer))
    }

    /// To a question that had to wait.
    /// - Parameter answer: `nil` when it did not come in time.
    func reply(
        to question: DeliveryQuestion, _ answer: DeliveryAnswer?, token: String?, address: String
    ) -> DeliveryReply {
        // A region that makes no sense was refused before.
        let request = question.channel.flatMap {
            try? self.request(question, $0, token: token, address: address)
        }
        return reply(to: question, answer, request)
    }

    /// - Parameter request: `nil` where nobody counts.
    private func reply(
        to question: DeliveryQuestion, _ answer: DeliveryAnswer?, _ request: DeliveryRequest?
    ) -> DeliveryReply {
        switch answer {
        case .found(let resource):
            return found(resource, question, request)
        case .notFound: return Self.missing
        case .notYet(let seconds):
            return DeliveryReply(
                .unavailable("The channel has nothing to show yet.", retryAfterSeconds: seconds))
        case .later, .none:
            return DeliveryReply(
                .unavailable("What was asked for did not come in time.", retryAfterSeconds: 1))
        case .impossible(let reason):
            return DeliveryReply(.badRequest(field: "_HLS_msn", reason))
        }
    }

    private func found(
        _ resource: DeliveredResource, _ question: DeliveryQuestion, _ request: DeliveryRequest?
    ) -> DeliveryReply {
        var reply: DeliveryReply?
        let rule = question.channel.flatMap { regions.rule(of: $0) }
        if let request, request.kind == .multivariantPlaylist,
            let token = question.token ?? observer.token(for: request)
        {
            // Said again only where the lists behind would not be given without.
            let region = rule?.admits(nil) == false ? request.region : nil
            reply = Self.personal(resource, name: question.name, token: token, region)
        }
        var made = reply ?? DeliveryReply(resource, headers: question.headers)
        if rule != nil { made.fields.append(Self.varyByRegion) }
        if observer.needsToken { made.keepPrivate() }
        // Who looks without taking anything watches nothing.
        if let request, question.method != .head, made.status == 200 || made.status == 206 {
            observer.delivered(request, bytes: made.body.count)
        }
        return made
    }

    private static let varyByRegion = ("vary", HTTPField.Name.region.rawName)

    /// What a viewer begins with, with its own token in it, and its region where that is asked for: kept by no cache. In a
    /// multivariant playlist they stand on each URL, in a manifest on the address to ask from now on (ISO/IEC 23009-1 §5.15).
    /// Never gzipped: a viewer gets it once, and it would cost the event loop more to pack each anew than its few hundred bytes of
    /// list, or kilobytes of manifest, are worth; what is asked for again and again is packed once for all.
    private static func personal(
        _ resource: DeliveredResource, name: String, token: String, _ region: Region?
    ) -> DeliveryReply {
        let text = String(buffer: resource.body)
        let query =
            "?\(DeliveryRequest.tokenParameter)=\(token)" + (region.map { "&\(Region.parameter)=\($0)" } ?? "")
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            if line.hasPrefix("<MPD ") {
                return "\(line)\n  <Location>\(name)\(query.replacing("&", with: "&amp;"))</Location>"
            }
            let isAddress = !line.isEmpty && !line.hasPrefix("#") && name.hasSuffix(".m3u8")
            return isAddress ? "\(line)\(query)" : String(line)
        }
        let body = ByteBuffer(string: lines.joined(separator: "\n"))
        var reply = DeliveryReply(
            DeliveredResource(body: body, contentType: resource.contentType, caching: .seconds(0), entityTag: "\"\""),
            headers: .init())
        reply.fields.removeAll { $0.name == "etag" || $0.name == "cache-control" }
        reply.fields.append(("cache-control", "private, no-store"))
        return reply
    }

    /// - Returns: `nil` where nobody counts.
    private func request(
        _ question: DeliveryQuestion, _ channel: ChannelName, token: String?, address: String
    ) throws(Region.Malformed) -> DeliveryRequest? {
        guard isObserved else { return nil }
        return DeliveryRequest(
            channel: channel, wrapping: question.wrapping, kind: question.kind, name: question.name, token: token,
            agent: question.headers.userAgent.map(ViewerPlace.bounded),
            place: trustedProxies.viewer(peer: address, forwarded: question.headers.forwardedAddresses),
            region: try region(of: question, peer: address))
    }

    private static let missing = DeliveryReply(
        .notFound("There is no such file, or it has left the window."))

    // MARK: Metrics

    /// - Parameter waited: requests that were blocked have a label of their own: their time is the channel's, not ours.
    func answered(_ question: DeliveryQuestion, status: Int, took: Duration, waited: Bool) {
        let method: HTTPRequest.Method =
            switch question.method {
            case .get: .get
            case .head: .head
            case .options: .options
            case .other: .put
            }
        let route = question.wrapping == .dash ? "/dash/{channel}/{name...}" : "/hls/{channel}/{name...}"
        metrics.answered(
            route: waited ? route + " blocked" : route, method: method,
            status: HTTPResponse.Status(code: status), took: took)
    }
}
