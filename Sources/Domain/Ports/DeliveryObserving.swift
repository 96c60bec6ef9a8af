/// What kind of file a viewer got; sizes and rates of viewing differ by it.
package enum DeliveredKind: Sendable, Hashable {
    /// The list of renditions, or a manifest asked for without a token: where a viewer begins.
    case multivariantPlaylist
    /// A media playlist or a manifest, asked for again and again; its URL carries the viewer's token.
    case mediaPlaylist
    case initialization
    case segment
    case part

    /// A playlist or manifest.
    package var isList: Bool { self == .multivariantPlaylist || self == .mediaPlaylist }
}

/// Where a viewer comes from.
package struct ViewerPlace: Sendable, Equatable {
    /// Without port. The peer's, or what a trusted proxy forwards.
    package var address: String
    /// Nobody but the viewer has it, as far as one can know: not a proxy's.
    package var isCertain: Bool
    /// What tells those apart who come through a proxy; `nil`: they come by themselves. At most `maximumBytes`.
    package var forwardedFor: String?

    package static let maximumBytes = 256

    package init(address: String, isCertain: Bool = true, forwardedFor: String? = nil) {
        self.address = address
        self.isCertain = isCertain
        self.forwardedFor = forwardedFor
    }

    /// What bars, invitations and passes go by, instead of the address's text.
    package var network: PeerNetwork { PeerNetwork(address) }

    /// A cache or proxy stands between: there may be more viewers than one sees.
    package var isEstimate: Bool { forwardedFor != nil || !isCertain }

    /// `text`, or the first `maximumBytes` of it: nothing of a client's is kept longer.
    package static func bounded(_ text: String) -> String {
        text.utf8.count <= maximumBytes ? text : String(decoding: text.utf8.prefix(maximumBytes), as: UTF8.self)
    }
}

/// One request for a channel's file, as those who count viewers see it.
///
/// Made on the connection's event loop for each request, so it holds nothing that costs more than a copy of what was sent.
package struct DeliveryRequest: Sendable {
    package var channel: ChannelName
    /// `hls` or `dash`.
    package var wrapping: ViewerProtocol
    package var kind: DeliveredKind
    /// The file's name behind `/hls/CHANNEL/` or `/dash/CHANNEL/`.
    package var name: String
    /// The value of the query parameter `DeliveryRequest.tokenParameter`, percent-encoding left as it is; without one, the last
    /// that this connection sent for this channel: segments and parts carry none, since playlists are the same for all. Whether
    /// somebody is admitted is never asked with another request's token from a proxy's connection, which many viewers share.
    package var token: String?
    /// `User-Agent` as sent, `ViewerPlace.bounded`.
    package var agent: String?
    package var place: ViewerPlace
    /// Where the viewer is; `nil`: nobody says.
    package var region: Region?

    /// The query parameter that carries a viewer's token.
    package static let tokenParameter = "viewer"

    package init(
        channel: ChannelName, wrapping: ViewerProtocol = .hls, kind: DeliveredKind, name: String, token: String?,
        agent: String?, place: ViewerPlace, region: Region? = nil
    ) {
        self.region = region
        self.channel = channel
        self.wrapping = wrapping
        self.kind = kind
        self.name = name
        self.token = token
        self.agent = agent
        self.place = place
    }
}

/// Whether a request is answered.
package enum DeliveryAdmission: Sendable, Equatable {
    case admitted
    /// 403 with this reason: the viewer was sent away.
    case refused(reason: String)
    /// 401 with this reason: the channel wants a token, and this is none, or none any more.
    case unauthorized(reason: String)
    /// 403 with this reason: the channel is not for where the viewer is.
    case outside(reason: String)
}

/// Counts viewers of files, hands out their tokens, and sends away whom an operator sent away.
///
/// Called on event loops, for every request: never blocks, never waits, takes microseconds (I4, I5).
package protocol DeliveryObserving: Sendable {
    /// Only viewers with a token are admitted: no cache may give what one of them got to anybody else.
    var needsToken: Bool { get }
    /// Asked before anything is answered.
    func admit(_ request: DeliveryRequest) -> DeliveryAdmission
    /// A token for a viewer who just got a multivariant playlist and brought none: it is put on the URLs in it. Letters, digits,
    /// `-`, `_`, `.` and `~` only. `nil` where nobody is to be told apart; then that playlist is the same for all, too.
    func token(for request: DeliveryRequest) -> String?
    /// An answer with a body (200, 206) has begun to be sent; `bytes` of body. Not called for HEAD, 304 or errors.
    func delivered(_ request: DeliveryRequest, bytes: Int)
}

/// Nobody counts.
package struct NoDeliveryObserver: DeliveryObserving {
    package init() {}
    package var needsToken: Bool { false }
    package func admit(_ request: DeliveryRequest) -> DeliveryAdmission { .admitted }
    package func token(for request: DeliveryRequest) -> String? { nil }
    package func delivered(_ request: DeliveryRequest, bytes: Int) {}
}
