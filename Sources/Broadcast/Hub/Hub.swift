package import Domain
import Metrics
package import NIOCore
import Synchronization

/// The programme in one wrapping for any number of readers (I4).
///
/// The channel's loop writes: it wraps each unit once when somebody reads, appends it to the one bounded log and wakes each event
/// loop that has readers, at most once until that loop has looked. There it joins what came since into one buffer for those who
/// keep up. Readers take at their own pace, each with a cursor of a few words; whoever is too slow finds its packets gone, is
/// counted, and goes on at a key frame. Owned by the assembly.
///
/// While nobody reads nothing is wrapped. Where each unit stands for itself, the log holds units and the first reader wraps what
/// is there. A wrapping that counts or gathers is made when the programme's next unit finds a reader, is given the kept group,
/// and goes `rest` after the last reader has left.
package final class Hub: ProgrammeReader, ProgrammeHub, Sendable {
    private struct State {
        var log: HubLog
        var loops: [ObjectIdentifier: Loop] = [:]
        var readers = 0
        /// The header made last: at a hand-over every reader wants the same.
        var header: (number: Int, at: MediaTime, bytes: ByteBuffer)?
        /// Always there where each unit stands for itself; else while somebody reads. Then the log holds its packets only.
        var wrapping: (any HubPacketWrapping)?
        var kept: KeptGroup
        /// Programme time at which `wrapping` was first seen without readers.
        var unreadSince: MediaTime?
    }

    private struct Loop {
        var relay: HubRelay
        var readers = 0
        /// It was woken and has not looked yet.
        var isWoken = false
        /// Of the log when its readers were told last: whoever keeps up is there.
        var told: Int
    }

    /// How long a wrapping without readers is kept: whoever comes and goes does not make it wrap the group again and again.
    package static let rest = MediaTime.milliseconds(10_000)

    /// `nil` where each unit stands for itself.
    private let make: (@Sendable () -> any HubPacketWrapping)?
    private let mergeDelay: Duration
    private let state: Mutex<State>
    private let readersGauge: Gauge
    private let lost: Counter

    /// For a wrapping in which each unit stands for itself.
    /// - Parameters:
    ///   - name: of the wrapping, a constant for the metrics.
    ///   - mergeDelay: how long a loop lets packets gather before its readers write them together, 0…1 s: fewer, larger writes for
    ///     later ones.
    package convenience init(
        channel: ChannelName, name: String, wrapping: any HubWrapping, limits: HubLimits = HubLimits(),
        mergeDelay: Duration = .zero
    ) {
        self.init(
            channel: channel, name: name, limits: limits, mergeDelay: mergeDelay, wrapping: wrapping, make: nil,
            log: HubLog(limits: limits) { wrapping.body($0) })
    }

    /// For a wrapping that counts or gathers; `making` is called on the channel's loop.
    package convenience init(
        channel: ChannelName, name: String, limits: HubLimits = HubLimits(), mergeDelay: Duration = .zero,
        making: @escaping @Sendable () -> any HubPacketWrapping
    ) {
        self.init(
            channel: channel, name: name, limits: limits, mergeDelay: mergeDelay, wrapping: nil, make: making,
            log: HubLog(limits: limits))
    }

    private init(
        channel: ChannelName, name: String, limits: HubLimits, mergeDelay: Duration,
        wrapping: (any HubPacketWrapping)?, make: (@Sendable () -> any HubPacketWrapping)?, log: HubLog
    ) {
        self.make = make
        self.mergeDelay = min(max(mergeDelay, .zero), .seconds(1))
        self.state = Mutex(State(log: log, wrapping: wrapping, kept: KeptGroup(limits: limits)))
        let dimensions = [("channel", channel.text), ("wrapping", name)]
        self.readersGauge = Gauge(label: "lineup_hub_readers", dimensions: dimensions)
        self.lost = Counter(label: "lineup_hub_lost_units_total", dimensions: dimensions)
    }

    // MARK: Writing, on the channel's loop

    package func joined(_ join: ProgrammeJoin, format: ProgrammeFormat) {
        let wrapping = state.withLock { state in
            if make != nil { state.kept.joined(format) }
            return state.wrapping
        }
        guard let wrapping else { return }
        if let rest = wrapping.joined(format) { wake { $0.log.append(rest) } }
        state.withLock { $0.log.formatChanged(to: format) }
    }

    package func unit(_ unit: ProgrammeUnit) {
        if let make { return gather(unit, make) }
        // Wrapped outside the lock when somebody reads, and not at all when nobody does.
        let wrapping = state.withLock { $0.readers == 0 ? nil : $0.wrapping }
        guard let wrapping else { return wake { $0.log.append(unit) } }
        guard let packet = wrapping.packet(unit) else { return }
        wake { $0.log.append(packet) }
    }

    package func finished() {
        let wrapping = state.withLock { $0.wrapping }
        let rest = wrapping?.finished()
        wake { state in
            if let rest { state.log.append(rest) }
            state.log.finish()
        }
    }

    private enum Turn {
        case wrap(any HubPacketWrapping)
        /// Somebody reads, and nothing is wrapped yet.
        case begin(KeptGroup)
        case keep
    }

    /// For wrappings that count or gather. The writer is one loop, so nothing comes between the look and what follows from it.
    private func gather(_ unit: ProgrammeUnit, _ make: @Sendable () -> any HubPacketWrapping) {
        switch state.withLock({ Self.turn(for: unit, &$0) }) {
        case .keep: break
        case .wrap(let wrapping):
            guard let packet = wrapping.packet(unit) else { return }
            wake { $0.log.append(packet) }
        case .begin(let kept):
            guard let format = kept.format else { return }
            let wrapping = make()
            // What a fresh wrapping still owes is nothing.
            _ = wrapping.joined(format)
            let packets = kept.units.compactMap { wrapping.packet($0) }
            wake(after: .zero) { state in
                state.wrapping = wrapping
                state.header = nil
                state.log.formatChanged(to: format)
                for packet in packets { state.log.append(packet) }
            }
        }
    }

    private static func turn(for unit: ProgrammeUnit, _ state: inout State) -> Turn {
        state.kept.append(unit)
        guard let wrapping = state.wrapping else { return state.readers > 0 ? .begin(state.kept) : .keep }
        if state.readers > 0 {
            state.unreadSince = nil
            return .wrap(wrapping)
        }
        let since = state.unreadSince ?? unit.decodeTime
        state.unreadSince = since
        guard unit.decodeTime - since >= rest else { return .wrap(wrapping) }
        state.unreadSince = nil
        state.wrapping = nil
        // Nobody has a place in it.
        state.log.clear()
        return .keep
    }

    /// Changes the log, then tells the loops that have readers and do not know yet.
    private func wake(_ change: (inout State) -> Void) { wake(after: mergeDelay, change) }

    private func wake(after delay: Duration, _ change: (inout State) -> Void) {
        let sleeping = state.withLock { state -> [HubRelay] in
            change(&state)
            guard state.readers > 0 else { return [] }
            var sleeping: [HubRelay] = []
            for (key, loop) in state.loops where loop.readers > 0 && !loop.isWoken {
                state.loops[key]?.isWoken = true
                sleeping.append(loop.relay)
            }
            return sleeping
        }
        for relay in sleeping {
            if delay > .zero {
                relay.eventLoop.scheduleTask(in: TimeAmount(delay)) { self.tell(relay) }
            } else {
                relay.eventLoop.execute { self.tell(relay) }
            }
        }
    }

    /// On the relay's loop. What is appended from here on wakes it anew.
    private func tell(_ relay: HubRelay) {
        let run = state.withLock { state -> HubLog.Run? in
            guard var loop = state.loops[relay.key] else { return nil }
            let run = loop.readers > 1 ? state.log.run(from: loop.told) : nil
            loop.isWoken = false
            loop.told = state.log.end
            state.loops[relay.key] = loop
            return run
        }
        relay.tellReaders(run)
    }

    // MARK: Reading, on the readers' loops

    package func subscribe(_ reader: any HubReader, on eventLoop: any EventLoop) -> any HubFeed {
        eventLoop.assertInEventLoop()
        let key = ObjectIdentifier(eventLoop)
        let (relay, cursor, count) = state.withLock { state -> (HubRelay, HubLog.Cursor, Int) in
            let relay = state.loops[key]?.relay ?? HubRelay(eventLoop: eventLoop, key: key)
            state.loops[key, default: Loop(relay: relay, told: state.log.end)].readers += 1
            state.readers += 1
            return (relay, state.log.start(), state.readers)
        }
        readersGauge.record(count)
        let feed = Feed(hub: self, relay: relay, cursor: cursor)
        relay.add(reader, for: feed)
        return feed
    }

    private func unsubscribe(from relay: HubRelay) {
        let count = state.withLock { state -> Int in
            state.loops[relay.key]?.readers -= 1
            state.readers -= 1
            return state.readers
        }
        readersGauge.record(count)
    }

    private func step(_ cursor: inout HubLog.Cursor) -> HubEvent? {
        let before = cursor.lost
        var moved = cursor
        let (step, known, wrapping) = state.withLock { state in
            (state.log.next(&moved), state.header, state.wrapping)
        }
        cursor = moved
        if cursor.lost > before { lost.increment(by: Int64(cursor.lost - before)) }
        switch step {
        case .packet(let packet): return .packet(packet)
        case .finished: return .finished
        case .nothing: return nil
        case .format(let format, let number, let at):
            if let known, known.number == number, known.at == at { return .format(format, at: at, header: known.bytes) }
            // There is one as long as there is anything to read.
            let bytes = wrapping?.header(format, at: at) ?? ByteBuffer()
            state.withLock { $0.header = (number, at, bytes) }
            return .format(format, at: at, header: bytes)
        }
    }

    private func restart(_ cursor: inout HubLog.Cursor) {
        var moved = cursor
        state.withLock { $0.log.restart(&moved) }
        cursor = moved
    }

    /// One reader's place; on the reader's loop.
    private final class Feed: HubFeed {
        private let hub: Hub
        private let relay: HubRelay
        private let board: HubRelay.Board
        private var cursor: HubLog.Cursor
        private var isCancelled = false

        init(hub: Hub, relay: HubRelay, cursor: HubLog.Cursor) {
            self.hub = hub
            self.relay = relay
            self.board = relay.board
            self.cursor = cursor
        }

        var lostPackets: Int { cursor.lost }

        func next() -> HubEvent? { isCancelled ? nil : hub.step(&cursor) }

        func nextJoined() -> ByteBuffer? {
            guard let run = board.run, !isCancelled, cursor.take(run.packets) else { return nil }
            return run.bytes
        }

        func restart() { hub.restart(&cursor) }

        func cancel() {
            guard !isCancelled else { return }
            isCancelled = true
            relay.remove(self)
            hub.unsubscribe(from: relay)
        }
    }
}
