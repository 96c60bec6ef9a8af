import NIOCore
import Synchronization

/// Every open connection, for the limits and for the end of the server. Shared by all event loops; its lock is held for a few
/// dictionary operations, never over a call.
final class ConnectionRegistry: Sendable {
    enum Admission: Equatable {
        case admitted
        case tooManyConnections
        case tooManyFromAddress
        case stopping

        /// For the refusal counter.
        var label: String {
            switch self {
            case .admitted: "admitted"
            case .tooManyConnections: "tooManyConnections"
            case .tooManyFromAddress: "tooManyConnectionsFromAddress"
            case .stopping: "shuttingDown"
            }
        }
    }

    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var countByAddress: [String: Int] = [:]
        var isStopping = false
        var whenEmpty: EventLoopPromise<Void>?
    }

    private let state = Mutex(State())
    private let maximumConnections: Int
    private let maximumPerAddress: Int
    private let metrics: RTMPMetrics

    init(limits: RTMPServerConfiguration.Limits, metrics: RTMPMetrics) {
        self.maximumConnections = limits.maximumConnections
        self.maximumPerAddress = limits.maximumConnectionsPerAddress
        self.metrics = metrics
    }

    /// Counts `channel` in, or says why not.
    func admit(_ channel: any Channel, from address: String) -> Admission {
        let (admission, count) = state.withLock { state -> (Admission, Int) in
            let count = state.channels.count
            if state.isStopping { return (.stopping, count) }
            if count >= maximumConnections { return (.tooManyConnections, count) }
            if state.countByAddress[address, default: 0] >= maximumPerAddress { return (.tooManyFromAddress, count) }
            state.channels[ObjectIdentifier(channel)] = channel
            state.countByAddress[address, default: 0] += 1
            return (.admitted, count + 1)
        }
        if admission == .admitted { metrics.connectionsChanged(to: count) }
        return admission
    }

    /// Counts an admitted channel out, once nothing of its connection is left.
    func remove(_ channel: any Channel, from address: String) {
        let (count, promise) = state.withLock { state -> (Int, EventLoopPromise<Void>?) in
            guard state.channels.removeValue(forKey: ObjectIdentifier(channel)) != nil else {
                return (state.channels.count, nil)
            }
            let left = state.countByAddress[address, default: 1] - 1
            state.countByAddress[address] = left > 0 ? left : nil
            guard state.channels.isEmpty else { return (state.channels.count, nil) }
            defer { state.whenEmpty = nil }
            return (0, state.whenEmpty)
        }
        metrics.connectionsChanged(to: count)
        promise?.succeed()
    }

    /// From now on nobody is admitted.
    /// - Returns: the connections there are, and a future that completes when the last of them is gone.
    func stop(on loop: any EventLoop) -> (channels: [any Channel], empty: EventLoopFuture<Void>) {
        let promise = loop.makePromise(of: Void.self)
        let channels = state.withLock { state -> [any Channel] in
            state.isStopping = true
            if !state.channels.isEmpty { state.whenEmpty = promise }
            return Array(state.channels.values)
        }
        if channels.isEmpty { promise.succeed() }
        return (channels, promise.futureResult)
    }
}
