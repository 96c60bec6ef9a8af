package import Domain

/// The programme for viewers with a connection of their own: which wrappings there are, and for how many at once.
package struct ProgrammeStreams: Sendable {
    /// One hub each.
    package enum Wrapping: Sendable, Hashable, CaseIterable {
        /// `/stream/CHANNEL`.
        case transportStream
        /// `/audio/CHANNEL`: AAC with ADTS headers.
        case audioFrames
        /// `/audio/CHANNEL` for who accepts `audio/mp4`: fragmented MP4.
        case audioFragments
        /// `/ws/CHANNEL`: whole WebSocket frames (`WebSocketWrapping`) with fragmented MP4.
        case webSocketFragments
        /// `/ws/CHANNEL?format=ts`: whole WebSocket frames with a transport stream.
        case webSocketTransportStream

        /// The output of the channel that it belongs to.
        package var output: ViewerProtocol {
            switch self {
            case .transportStream: .transportStream
            case .audioFrames, .audioFragments: .audio
            case .webSocketFragments, .webSocketTransportStream: .webSocket
            }
        }
    }

    package struct Limits: Sendable, Equatable {
        /// At once, of all channels.
        package var maximumViewers = 2_048
        /// At once, of one channel.
        package var maximumViewersPerChannel = 1_024
        /// A viewer that takes nothing for this long is closed.
        package var stallLimit: Duration = .seconds(20)
        /// Bytes that wait in this process for one viewer's socket before the rest is left in the hub, which all share.
        package var maximumPendingBytes = 65_536

        package init() {}
    }

    package var limits: Limits
    package var viewing: any StreamViewing
    /// Whether the channel is to be had by HLS too; any thread.
    package var offersPlaylist: @Sendable (ChannelName) -> Bool
    /// The hub of a channel in a wrapping; any thread.
    package var hub: @Sendable (ChannelName, Wrapping) -> (any ProgrammeHub)?

    package init(
        limits: Limits = Limits(), viewing: any StreamViewing = NoStreamViewing(),
        offersPlaylist: @escaping @Sendable (ChannelName) -> Bool = { _ in false },
        hub: @escaping @Sendable (ChannelName, Wrapping) -> (any ProgrammeHub)?
    ) {
        self.limits = limits
        self.viewing = viewing
        self.offersPlaylist = offersPlaylist
        self.hub = hub
    }

    /// Nothing is streamed.
    package static let nothing = ProgrammeStreams { _, _ in nil }
}
