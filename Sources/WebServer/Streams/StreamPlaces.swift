import Domain
import Metrics
import Synchronization

/// Counts the viewers of streams, in all and by channel. Shared by all event loops; its lock is held for a dictionary operation.
final class StreamPlaces: Sendable {
    private struct State {
        var count = 0
        var countByChannel: [ChannelName: Int] = [:]
    }

    enum Refusal: Error, Equatable {
        case unknownChannel
        case full
    }

    let streams: ProgrammeStreams
    let trustedProxies: TrustedProxies
    let crossOrigin: CrossOriginPolicy
    let clock: any WallClock
    private let state = Mutex(State())
    private let gauge: Gauge
    private let refused: Counter
    private let lost: Counter
    private let stalled: Counter

    init(
        _ streams: ProgrammeStreams, trustedProxies: TrustedProxies, crossOrigin: CrossOriginPolicy,
        clock: any WallClock, factory: any MetricsFactory
    ) {
        self.streams = streams
        self.trustedProxies = trustedProxies
        self.crossOrigin = crossOrigin
        self.clock = clock
        gauge = Gauge(label: "lineup_stream_viewers", factory: factory)
        refused = Counter(label: "lineup_stream_refused_total", factory: factory)
        lost = Counter(label: "lineup_stream_lost_packets_total", factory: factory)
        stalled = Counter(label: "lineup_stream_stalled_total", factory: factory)
    }

    /// Counts a viewer in and finds the hub. Whoever was counted in is counted out by `leave`.
    func enter(_ request: StreamRequest) -> Result<any ProgrammeHub, Refusal> {
        guard let hub = streams.hub(request.channel, request.wrapping) else { return .failure(.unknownChannel) }
        let limits = streams.limits
        let count = state.withLock { state -> Int? in
            guard state.count < limits.maximumViewers,
                state.countByChannel[request.channel, default: 0] < limits.maximumViewersPerChannel
            else { return nil }
            state.count += 1
            state.countByChannel[request.channel, default: 0] += 1
            return state.count
        }
        guard let count else {
            refused.increment()
            return .failure(.full)
        }
        gauge.record(count)
        return .success(hub)
    }

    /// - Parameter lostPackets: what this viewer lost by being slow.
    func leave(_ channel: ChannelName, lostPackets: Int, wasStalled: Bool) {
        let count = state.withLock { state -> Int in
            state.count -= 1
            let left = state.countByChannel[channel, default: 1] - 1
            state.countByChannel[channel] = left > 0 ? left : nil
            return state.count
        }
        gauge.record(count)
        if lostPackets > 0 { lost.increment(by: Int64(lostPackets)) }
        if wasStalled { stalled.increment() }
    }
}
