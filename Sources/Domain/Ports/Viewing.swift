/// How a viewer gets the programme.
package enum ViewerProtocol: String, Sendable, Hashable, CaseIterable, Codable {
    case hls, dash
    /// An MPEG transport stream over HTTP.
    case transportStream = "ts"
    /// Fragmented MP4, or a transport stream, in WebSocket messages.
    case webSocket = "ws"
    /// The sound alone, over HTTP.
    case audio
    case rtmp

    /// What an operator calls it: the first part of its address.
    package var outputName: String { self == .transportStream ? "stream" : rawValue }

    /// In the order in which they are shown.
    package static func names(_ outputs: Set<Self>) -> [String] {
        [.hls, .dash, .transportStream, .webSocket, .audio, .rtmp].filter(outputs.contains).map(\.outputName)
    }
}

/// A viewer with a connection of their own, who got in as far as the wrapping is concerned.
package struct StreamViewer: Sendable {
    package var channel: ChannelName
    package var kind: ViewerProtocol
    /// Of the query, percent-encoding left as it is; what a channel that is not open to all wants to see.
    package var token: String?
    /// `User-Agent` or its like as sent, `ViewerPlace.bounded`.
    package var agent: String?
    package var place: ViewerPlace
    /// Where it is; `nil`: nobody says.
    package var region: Region?

    package init(
        channel: ChannelName, kind: ViewerProtocol, token: String? = nil, agent: String? = nil, place: ViewerPlace,
        region: Region? = nil
    ) {
        self.region = region
        self.channel = channel
        self.kind = kind
        self.token = token
        self.agent = agent
        self.place = place
    }
}

/// The number of a viewer's session, of this server's run.
package typealias StreamSessionNumber = UInt64

package enum StreamAdmission: Sendable, Equatable {
    case admitted(StreamSessionNumber)
    /// The viewer was sent away, for some time.
    case refused(reason: String)
    /// The channel wants a token, and this is none, or none any more.
    case unauthorized(reason: String)
    /// The channel is not for where the viewer is.
    case outside(reason: String)
}

/// Counts viewers with connections of their own, and sends away whom an operator sends away.
///
/// Called on event loops: never blocks, never waits, takes microseconds (I4, I5).
package protocol StreamViewing: Sendable {
    /// As `opened` would answer for who only looks whether there is something, and watches nothing: nobody is counted.
    /// - Returns: `nil`: it would let them in.
    func refusal(of viewer: StreamViewer) -> StreamAdmission?
    /// Asked before anything is answered. Whoever is admitted is `closed` once.
    /// - Parameter end: ends the connection; called at most once, on any thread, even before this returns.
    func opened(_ viewer: StreamViewer, end: @escaping @Sendable () -> Void) -> StreamAdmission
    /// `bytes` more went to the viewer; now and then, at least every few seconds.
    func sent(_ bytes: Int, in session: StreamSessionNumber)
    func closed(_ session: StreamSessionNumber)
}

/// Nobody counts.
package struct NoStreamViewing: StreamViewing {
    package init() {}
    package func refusal(of viewer: StreamViewer) -> StreamAdmission? { nil }
    package func opened(_ viewer: StreamViewer, end: @escaping @Sendable () -> Void) -> StreamAdmission { .admitted(0) }
    package func sent(_ bytes: Int, in session: StreamSessionNumber) {}
    package func closed(_ session: StreamSessionNumber) {}
}
