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
    /// that this connection sent for this channel: segments and parts carry none, since playlists are the same for all.
    package var token: String?
    /// `User-Agent` as sent, at most `maximumAgentBytes` of it.
    package var agent: String?
    /// The peer's address without port; a proxy's, where one stands between.
    package var address: String
    /// `X-Forwarded-For` as sent, at most `maximumAgentBytes` of it; to be believed from a trusted proxy only.
    package var forwardedFor: String?
    /// Where the viewer is; `nil`: nobody says.
    package var region: Region?

    /// The query parameter that carries a viewer's token.
    package static let tokenParameter = "viewer"
    package static let maximumAgentBytes = 256

    package init(
        channel: ChannelName, wrapping: ViewerProtocol = .hls, kind: DeliveredKind, name: String, token: String?,
        agent: String?, address: String,
        forwardedFor: String? = nil, region: Region? = nil
    ) {
        self.region = region
        self.channel = channel
        self.wrapping = wrapping
        self.kind = kind
        self.name = name
        self.token = token
        self.agent = agent
        self.address = address
        self.forwardedFor = forwardedFor
    }
}

/// Whether a request is answered.
package enum DeliveryAdmission: Sendable, Equatable {
    case admitted
    /// 403 with this reason: the viewer was sent away, or the channel wants a token.
    case refused(reason: String)
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
