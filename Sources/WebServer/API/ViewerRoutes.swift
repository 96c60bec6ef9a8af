import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird

/// Who watches: a number for everybody, the sessions for operators, who may send a viewer away.
struct ViewerRoutes: Sendable {
    var viewers: any ViewerDesk
    var audit: any AuditLog
    var outputs: OutputSwitches
    var regions: ChannelRegions
    var channels: [ChannelName]
    var clock: any WallClock

    static let path = "/api/v1/channels/{channel}/viewers"
    static let maximumPage = 1000
    /// How long a viewer who was sent away stays out when nothing is said, and at most; in seconds.
    static let usualSpan = 600
    static let maximumSpan = 86_400

    private struct CountBody: Encodable {
        var channel: ChannelName
        var viewers: Int
        var estimate: Bool
        var outputs: [String]
        /// Why who asks can watch none of it from where they are.
        var outside: String?
    }

    private struct Session: Encodable {
        var id: UInt64
        var `protocol`: ViewerProtocol
        var openedAt: WallTime
        var lastSeenAt: WallTime
        var bytes: Int64
        var agent: String?
        var address: String
        var estimate: Bool

        init(_ info: ViewerInfo) {
            id = info.id
            `protocol` = info.kind
            openedAt = info.openedAt
            lastSeenAt = info.lastSeenAt
            bytes = info.bytes
            agent = info.agent
            address = info.address
            estimate = info.isEstimate
        }
    }

    private struct ClosedSession: Encodable {
        var id: UInt64
        var `protocol`: ViewerProtocol
        var openedAt: WallTime
        var lastSeenAt: WallTime
        var closedAt: WallTime
        var bytes: Int64
        var agent: String?
        var reason: String

        init(_ viewer: ClosedViewer) {
            id = viewer.id
            `protocol` = viewer.kind
            (openedAt, lastSeenAt, closedAt) = (viewer.openedAt, viewer.lastSeenAt, viewer.closedAt)
            bytes = viewer.bytes
            agent = viewer.agent
            reason = viewer.reason.rawValue
        }
    }

    private struct KickBody: Encodable {
        var ended: Int
        var addressBarred: Bool
    }

    private struct ListBody: Encodable {
        var channel: ChannelName
        var viewers: Int
        var estimate: Bool
        var invitedOnly: Bool
        var peak: Int
        var opened: Int64
        var closed: Int64
        var closedIdle: Int64
        var kicked: Int64
        var byProtocol: [String: Int]
        var sessions: [Session]
        var closedLately: [ClosedSession]
    }

    private static let sessionSchema = Schema.named(
        "ViewerSession",
        .object(
            .required("id", .integer), .required("protocol", .choice(ViewerProtocol.allCases.map(\.rawValue))),
            .required("openedAt", .time), .required("lastSeenAt", .time), .required("bytes", .integer),
            .optional("agent", .string), .required("address", .string), .required("estimate", .bool)))

    private static let closedSchema = Schema.named(
        "ClosedViewerSession",
        .object(
            .required("id", .integer), .required("protocol", .choice(ViewerProtocol.allCases.map(\.rawValue))),
            .required("openedAt", .time), .required("lastSeenAt", .time), .required("closedAt", .time),
            .required("bytes", .integer), .optional("agent", .string),
            .required("reason", .choice(ClosedViewer.Reason.allCases.map(\.rawValue)))))

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/channels/{channel}", .anybodyKnown,
                Operation(
                    "Tells how many watch", .delivery,
                    details: """
                        `estimate`: some watch through a cache or proxy, so there may be more. `outputs`: how it is offered.
                        `outside`: there only for who asks from where the channel is not offered, by `region` or `X-Region`; why.
                        """,
                    answers: [
                        .ok(
                            .object(
                                .required("channel", .channelName), .required("viewers", .integer),
                                .required("estimate", .bool), .required("outputs", .array(.string)),
                                .optional("outside", .string)))
                    ])
            ) { request in
                let channel = try known(request)
                let count = viewers.count(of: channel)
                var outside: String?
                if let rule = regions.rule(of: channel) {
                    let region = try request.region()
                    outside = rule.admits(region) ? nil : RegionRefusal.reason(for: region)
                }
                return JSONAnswer.response(
                    CountBody(
                        channel: channel, viewers: count.now, estimate: count.isEstimate,
                        outputs: ViewerProtocol.names(outputs.on(of: channel)), outside: outside))
            },
            Route(
                .get, Self.path, .atLeast(.operator),
                Operation(
                    "Lists who watches", .delivery,
                    details: """
                        The oldest first. Addresses are kept as long as the session. `invitedOnly`: media asks for a viewer's token.
                        `closedLately`: the newest that are over since the server started, without an address, the last first.
                        """,
                    parameters: [
                        .query("limit", .integer(1...Self.maximumPage), "Sessions at most; 200 when it is not said.")
                    ],
                    answers: [
                        .ok(
                            .object(
                                .required("channel", .channelName), .required("viewers", .integer),
                                .required("estimate", .bool), .required("invitedOnly", .bool),
                                .required("peak", .integer),
                                .required("opened", .integer), .required("closed", .integer),
                                .required("closedIdle", .integer), .required("kicked", .integer),
                                .required("byProtocol", .map(.integer)),
                                .required("sessions", .array(Self.sessionSchema)),
                                .required("closedLately", .array(Self.closedSchema))))
                    ])
            ) { request in
                let channel = try known(request)
                return list(channel, limit: try request.limit(upTo: Self.maximumPage) ?? 200)
            },
            Route(
                .delete, Self.path + "/{id}", .atLeast(.operator),
                Operation(
                    "Sends a viewer away", .delivery,
                    details: """
                        Their token, and their address where it is their own, are refused for a time, and every session of the channel
                        that this covers is closed: `ended` says how many. Of IPv6, an address is its network of 64 bits.
                        `addressBarred`: false where the address is a proxy's or may be one's: others come from there, so it is
                        not refused, and they can come back with a new token.
                        """,
                    parameters: [
                        .query("seconds", .integer(1...Self.maximumSpan), "How long; 600 when it is not said.")
                    ],
                    answers: [
                        .ok(.object(.required("ended", .integer), .required("addressBarred", .bool)), "They are out.")
                    ])
            ) { try await sendAway($0) },
        ]
    }

    private func known(_ request: WebRequest) throws(Problem) -> ChannelName {
        let channel = try request.channel()
        guard channels.contains(channel) else { throw .notFound("There is no such channel.") }
        return channel
    }

    private func list(_ channel: ChannelName, limit: Int) -> Response {
        let count = viewers.count(of: channel)
        let byProtocol = Dictionary(uniqueKeysWithValues: count.byProtocol.map { ($0.key.rawValue, $0.value) })
        return JSONAnswer.response(
            ListBody(
                channel: channel, viewers: count.now, estimate: count.isEstimate,
                invitedOnly: viewers.needsToken, peak: count.peak,
                opened: count.opened, closed: count.closed, closedIdle: count.closed(for: .idle),
                kicked: count.closed(for: .kicked),
                byProtocol: byProtocol, sessions: viewers.viewers(of: channel, limit: limit).map(Session.init),
                closedLately: viewers.closedViewers(of: channel).map(ClosedSession.init)))
    }

    private func sendAway(_ request: WebRequest) async throws -> Response {
        let channel = try known(request)
        var seconds = Self.usualSpan
        if let text = request.query("seconds") {
            guard let number = Int(text), (1...Self.maximumSpan).contains(number) else {
                throw Problem.badRequest(field: "seconds", "This must be between 1 and \(Self.maximumSpan).")
            }
            seconds = number
        }
        guard let id = request.parameters["id"].flatMap({ UInt64($0) }),
            let gone = viewers.sendAway(id, of: channel, for: .seconds(seconds))
        else { throw Problem.notFound("There is no such viewer any more.") }
        let record = AuditRecord.viewerKicked(gone, seconds: seconds, by: try request.actor(), at: clock.now())
        try await stored { try await audit.append(record) }
        return JSONAnswer.response(KickBody(ended: gone.ended, addressBarred: gone.isAddressBarred))
    }
}
