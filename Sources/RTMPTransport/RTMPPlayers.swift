package import Domain
import Glibc
import Metrics
import NIOCore
import RTMP
import Synchronization

/// What is offered to players, and how many of them.
package struct RTMPPlaying: Sendable {
    package struct Limits: Sendable, Equatable {
        /// Fewer than `RTMPServerConfiguration.Limits.maximumConnections`, so that players leave publishers places.
        package var maximumPlayers = 768
        /// From one `PeerNetwork`.
        package var maximumPlayersPerAddress = 48
        /// A player that takes nothing for this long is closed.
        package var stallLimit: Duration = .seconds(20)
        /// Bytes that wait in this process for one player's socket before the next picture is left in the hub, which all share.
        package var maximumPendingBytes = 65_536

        package init() {}
    }

    package var limits: Limits
    package var viewing: any StreamViewing
    /// The hub of a channel in this target's wrapping (`RTMPHubWrapping`); any thread.
    package var hub: @Sendable (ChannelName) -> (any ProgrammeHub)?

    package init(
        limits: Limits = Limits(), viewing: any StreamViewing = NoStreamViewing(),
        hub: @escaping @Sendable (ChannelName) -> (any ProgrammeHub)?
    ) {
        self.limits = limits
        self.viewing = viewing
        self.hub = hub
    }

    /// Nothing is played.
    package static let nothing = RTMPPlaying { _ in nil }
}

extension PlayRefusal {
    static let tooManyPlayers = PlayRefusal.failed(
        "The server has no room for more players: watch on the web page, or try again later.")
    static let tooManyPlayersFromAddress = PlayRefusal.failed("Too many players play from your address.")
}

/// Counts the players, in all and by network. Shared by all event loops; its lock is held for a dictionary operation.
final class RTMPPlayers: Sendable {
    private struct State {
        var count = 0
        var countByNetwork: [String: Int] = [:]
    }

    let playing: RTMPPlaying
    private let state = Mutex(State())
    private let gauge = Gauge(label: "lineup_rtmp_players")

    init(_ playing: RTMPPlaying) { self.playing = playing }

    /// Counts a player in and finds its hub, or says why not. Whoever was counted in is counted out by `leave`.
    func enter(_ intent: PlayIntent, from network: String) -> Result<any ProgrammeHub, PlayRefusal> {
        guard let channel = ChannelName(intent.channel), let hub = playing.hub(channel) else {
            return .failure(.unknownChannel)
        }
        let limits = playing.limits
        let (refusal, count) = state.withLock { state -> (PlayRefusal?, Int) in
            if state.count >= limits.maximumPlayers { return (.tooManyPlayers, state.count) }
            if state.countByNetwork[network, default: 0] >= limits.maximumPlayersPerAddress {
                return (.tooManyPlayersFromAddress, state.count)
            }
            state.count += 1
            state.countByNetwork[network, default: 0] += 1
            return (nil, state.count)
        }
        if let refusal { return .failure(refusal) }
        gauge.record(count)
        return .success(hub)
    }

    func leave(from network: String) {
        let count = state.withLock { state -> Int in
            state.count -= 1
            let left = state.countByNetwork[network, default: 1] - 1
            state.countByNetwork[network] = left > 0 ? left : nil
            return state.count
        }
        gauge.record(count)
    }

    /// Bounds what waits for a player's socket: here by the water mark, in the system by what it may hold unsent, so that a slow
    /// player's media stays in the hub, where it costs nothing and can be skipped.
    static func setOptions(of channel: any Channel, _ limits: RTMPPlaying.Limits) {
        let options = channel.syncOptions
        let high = max(8192, limits.maximumPendingBytes)
        // On a closed channel these fail, and it matters no more; elsewhere the system's own bounds stay.
        try? options?.setOption(.writeBufferWaterMark, value: .init(low: high / 2, high: high))
        let unsent = ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCP_NOTSENT_LOWAT))
        try? options?.setOption(unsent, value: .init(clamping: 2 * high))
    }
}
