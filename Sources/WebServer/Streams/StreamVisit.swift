import Domain
import HTTPTypes
import NIOCore

/// An operator ended a viewer's stay: its handler says goodbye as its protocol does, and closes.
struct ViewingEnded: Sendable {}

/// One viewer's stay on a stream: a place among the places, and a session with whoever counts viewers. On the connection's loop.
final class StreamVisit {
    let hub: any ProgrammeHub
    private let channel: ChannelName
    private let places: StreamPlaces
    private let session: StreamSessionNumber
    private var hasLeft = false

    private init(hub: any ProgrammeHub, channel: ChannelName, places: StreamPlaces, session: StreamSessionNumber) {
        self.hub = hub
        self.channel = channel
        self.places = places
        self.session = session
    }

    /// Lets a viewer in or says why not. Whoever was let in leaves once.
    static func enter(
        _ request: StreamRequest, head: HTTPRequest, places: StreamPlaces, channel: any Channel
    ) -> Result<StreamVisit, Problem> {
        let hub: any ProgrammeHub
        switch places.enter(request) {
        case .success(let found): hub = found
        case .failure(.unknownChannel): return .failure(.notFound("There is no such stream."))
        case .failure(.full):
            return .failure(.streamsAreFull(elsewhere: places.streams.offersPlaylist(request.channel)))
        }
        let viewer: StreamViewer
        do throws(Region.Malformed) {
            viewer = try self.viewer(request, head: head, places: places, channel: channel)
        } catch {
            places.leave(request.channel, lostPackets: 0, wasStalled: false)
            return .failure(.badRequest(field: Region.Malformed.field, Region.Malformed.reason))
        }
        let viewing = places.streams.viewing
        let admission: StreamAdmission
        if request.wantsBody {
            admission = viewing.opened(viewer) {
                channel.eventLoop.execute { channel.pipeline.fireUserInboundEventTriggered(ViewingEnded()) }
            }
        } else {
            // A look at the address, not a viewer.
            admission = viewing.refusal(of: viewer) ?? .admitted(0)
        }
        guard case .admitted(let session) = admission else {
            places.leave(request.channel, lostPackets: 0, wasStalled: false)
            return .failure(problem(admission))
        }
        return .success(StreamVisit(hub: hub, channel: request.channel, places: places, session: session))
    }

    private static func viewer(
        _ request: StreamRequest, head: HTTPRequest, places: StreamPlaces, channel: any Channel
    ) throws(Region.Malformed) -> StreamViewer {
        // Of HTTP/2 the connection's under the stream.
        let peer = (channel.remoteAddress ?? channel.parent?.remoteAddress)?.ipAddress ?? "unknown"
        return StreamViewer(
            channel: request.channel, kind: request.kind, token: request.token,
            agent: head.headerFields[.userAgent].map(ViewerPlace.bounded),
            place: places.trustedProxies.viewer(
                peer: peer, forwarded: ForwardedWords(head.headerFields).addresses),
            region: try Region.read(
                query: request.region, header: head.headerFields[.region],
                isFromTrustedProxy: places.trustedProxies.contains(peer)))
    }

    private static func problem(_ refusal: StreamAdmission) -> Problem {
        switch refusal {
        case .admitted: .ourFault
        case .refused(let reason): .viewerSentAway(reason)
        case .unauthorized(let reason): .viewerToken(reason)
        case .outside(let reason): .outsideRegion(reason)
        }
    }

    /// Tells whoever counts what `writer` has handed on, now and then.
    func report(of writer: HubStreamWriter, every interval: TimeAmount, on eventLoop: any EventLoop) -> RepeatedTask {
        let bound = NIOLoopBound((self, writer), eventLoop: eventLoop)
        return eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            let (visit, writer) = bound.value
            visit.sent(writer.takeSentBytes())
        }
    }

    func sent(_ bytes: Int) {
        guard bytes > 0, !hasLeft, session != 0 else { return }
        places.streams.viewing.sent(bytes, in: session)
    }

    /// - Parameter lostPackets: by being slow.
    func leave(lostPackets: Int, wasStalled: Bool) {
        guard !hasLeft else { return }
        hasLeft = true
        places.leave(channel, lostPackets: lostPackets, wasStalled: wasStalled)
        if session != 0 { places.streams.viewing.closed(session) }
    }
}
