import Domain
import NIOCore
import Synchronization

/// Every open connection, for the limits and for the end of the server. Shared by all event loops; its lock is held for a few
/// dictionary operations, never over a call.
///
/// A connection is a *stranger* until its publish was accepted. When all places are taken, the stranger who came first gives
/// way to the newcomer: an encoder is through in a few round trips, so whoever has been idling longest is who holds places
/// for the sake of holding them, and no crowd of idle sockets can keep a DJ out.
final class ConnectionRegistry: Sendable {
    /// One admitted connection's entry; valid until `remove`.
    struct Place: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    /// Why a connection is closed before its first byte is read; a constant for the refusal counter.
    enum Refusal: String, Error, Sendable {
        case tooManyConnections
        case tooManyConnectionsFromAddress
        /// Connections per second, in all.
        case tooManyHandshakes
        case tooManyHandshakesFromAddress
        case shuttingDown
    }

    /// The stranger that had to give way; its channel is to be closed.
    static let displaced = "displaced"

    private struct Connection {
        var channel: any Channel
        var network: PeerNetwork
        var isStranger = true
        /// Gave way and is being closed: counts no more.
        var isDisplaced = false
    }

    private struct State {
        var connections: [Place: Connection] = [:]
        /// Not displaced.
        var count = 0
        var countByNetwork: [PeerNetwork: Int] = [:]
        /// In the order of arrival; holds places that are strangers no more, until they come to the front or `compact` is due.
        var strangers = CircularBuffer<Place>()
        var lastNumber: UInt64 = 0
        var rate = ArrivalRate()
        var rates = RecentTable<PeerNetwork, ArrivalRate>(capacity: ConnectionRegistry.rememberedNetworks)
        var isStopping = false
        var whenEmpty: EventLoopPromise<Void>?
    }

    /// Networks whose rate is known; a flood from more of them only meets the limits in all.
    static let rememberedNetworks = 16_384

    private let state = Mutex(State())
    private let limits: RTMPServerConfiguration.Limits
    private let metrics: RTMPMetrics

    init(limits: RTMPServerConfiguration.Limits, metrics: RTMPMetrics) {
        self.limits = limits
        self.metrics = metrics
    }

    /// Counts `channel` in, or says why not; both are in the metrics afterwards.
    /// - Parameter now: monotonic nanoseconds.
    func admit(_ channel: any Channel, from network: PeerNetwork, at now: Int64) -> Result<Place, Refusal> {
        let (answer, displaced, count) = state.withLock { state -> (Result<Place, Refusal>, (any Channel)?, Int) in
            if let refusal = refusal(&state, network, now: now) { return (.failure(refusal), nil, state.count) }
            let displaced = state.count >= limits.maximumConnections ? Self.displaceOne(&state) : nil
            state.lastNumber += 1
            let place = Place(number: state.lastNumber)
            state.connections[place] = Connection(channel: channel, network: network)
            state.strangers.append(place)
            state.count += 1
            state.countByNetwork[network, default: 0] += 1
            Self.compact(&state)
            return (.success(place), displaced, state.count)
        }
        switch answer {
        case .success: metrics.connectionsChanged(to: count)
        case .failure(let refusal): metrics.refused(reason: refusal.rawValue)
        }
        if let displaced {
            metrics.refused(reason: Self.displaced)
            displaced.close(promise: nil)
        }
        return answer
    }

    /// The network's own limits first: whom they stop uses nothing up of what all share.
    private func refusal(_ state: inout State, _ network: PeerNetwork, now: Int64) -> Refusal? {
        if state.isStopping { return .shuttingDown }
        if state.countByNetwork[network, default: 0] >= limits.maximumConnectionsPerAddress {
            return .tooManyConnectionsFromAddress
        }
        var rate = state.rates[network] ?? ArrivalRate()
        guard rate.admits(limits.handshakesPerAddress, at: now) else { return .tooManyHandshakesFromAddress }
        state.rates[network] = rate
        guard state.rate.admits(limits.handshakes, at: now) else { return .tooManyHandshakes }
        if state.count >= limits.maximumConnections, !Self.hasStranger(&state) { return .tooManyConnections }
        return nil
    }

    /// Drops from the front what is no stranger any more.
    private static func hasStranger(_ state: inout State) -> Bool {
        while let first = state.strangers.first {
            if state.connections[first]?.isStranger == true { return true }
            state.strangers.removeFirst()
        }
        return false
    }

    private static func displaceOne(_ state: inout State) -> (any Channel)? {
        guard hasStranger(&state), let place = state.strangers.popFirst(), let gone = state.connections[place] else {
            return nil
        }
        state.connections[place]?.isDisplaced = true
        state.connections[place]?.isStranger = false
        discount(&state, gone)
        return gone.channel
    }

    private static func discount(_ state: inout State, _ connection: Connection) {
        state.count -= 1
        let left = state.countByNetwork[connection.network, default: 1] - 1
        state.countByNetwork[connection.network] = left > 0 ? left : nil
    }

    /// One long-lived stranger at the front would let those behind it pile up.
    private static func compact(_ state: inout State) {
        guard state.strangers.count > 2 * state.connections.count + 64 else { return }
        let connections = state.connections
        state.strangers.removeAll { connections[$0]?.isStranger != true }
    }

    /// Its publish was accepted: it gives way to nobody.
    func settle(_ place: Place) {
        state.withLock { $0.connections[place]?.isStranger = false }
    }

    /// Counts an admitted connection out, once nothing of it is left.
    func remove(_ place: Place) {
        let (count, promise) = state.withLock { state -> (Int, EventLoopPromise<Void>?) in
            guard let connection = state.connections.removeValue(forKey: place) else { return (state.count, nil) }
            if !connection.isDisplaced { Self.discount(&state, connection) }
            guard state.connections.isEmpty else { return (state.count, nil) }
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
            if !state.connections.isEmpty { state.whenEmpty = promise }
            return state.connections.values.map(\.channel)
        }
        if channels.isEmpty { promise.succeed() }
        return (channels, promise.futureResult)
    }
}
