package import Domain
import Metrics
package import NIOCore
import Synchronization

/// The programme in one wrapping for any number of readers (I4).
///
/// The channel's loop writes: it wraps each unit once (when somebody reads; else the first who comes makes it wrap what is kept),
/// appends it to the one bounded log and wakes each event loop that has readers, at most once until that loop has looked. There
/// it joins what came since into one buffer for those who keep up. Readers take at their own pace, each with a cursor of a few
/// words; whoever is too slow finds its packets gone, is counted, and goes on at a key frame. Owned by the assembly.
package final class Hub: ProgrammeReader, ProgrammeHub, Sendable {
    private struct State {
        var log: HubLog
        var loops: [ObjectIdentifier: Loop] = [:]
        var readers = 0
        /// The header made last: at a hand-over every reader wants the same.
        var header: (number: Int, at: MediaTime, bytes: ByteBuffer)?
    }

    private struct Loop {
        var relay: HubRelay
        var readers = 0
        /// It was woken and has not looked yet.
        var isWoken = false
        /// Of the log when its readers were told last: whoever keeps up is there.
        var told: Int
    }

    private let wrapping: any HubPacketWrapping
    /// A unit's bytes do not depend on the units before it, so they can be made when the first reader comes.
    private let isLazy: Bool
    private let mergeDelay: Duration
    private let state: Mutex<State>
    private let readersGauge: Gauge
    private let lost: Counter

    /// - Parameters:
    ///   - name: of the wrapping, a constant for the metrics.
    ///   - mergeDelay: how long a loop lets packets gather before its readers write them together, 0…1 s: fewer, larger writes for
    ///     later ones.
    package init(
        channel: ChannelName, name: String, wrapping: any HubPacketWrapping, limits: HubLimits = HubLimits(),
        mergeDelay: Duration = .zero
    ) {
        self.wrapping = wrapping
        self.mergeDelay = min(max(mergeDelay, .zero), .seconds(1))
        let stateless = wrapping as? any HubWrapping
        self.isLazy = stateless != nil
        self.state = Mutex(State(log: HubLog(limits: limits) { stateless?.body($0) ?? $0.payload }))
        let dimensions = [("channel", channel.text), ("wrapping", name)]
        self.readersGauge = Gauge(label: "lineup_hub_readers", dimensions: dimensions)
        self.lost = Counter(label: "lineup_hub_lost_units_total", dimensions: dimensions)
    }

    // MARK: Writing, on the channel's loop

    package func joined(_ join: ProgrammeJoin, format: ProgrammeFormat) {
        if let rest = wrapping.joined(format) { wake { $0.append(rest) } }
        state.withLock { $0.log.formatChanged(to: format) }
    }

    package func unit(_ unit: ProgrammeUnit) {
        // Wrapped outside the lock when somebody reads; and, where each unit stands for itself, not at all when nobody does.
        if isLazy, state.withLock({ $0.readers == 0 }) { return wake { $0.append(unit) } }
        guard let packet = wrapping.packet(unit) else { return }
        wake { $0.append(packet) }
    }

    package func finished() {
        let rest = wrapping.finished()
        wake { log in
            if let rest { log.append(rest) }
            log.finish()
        }
    }

    /// Changes the log, then tells the loops that have readers and do not know yet.
    private func wake(after change: (inout HubLog) -> Void) {
        let sleeping = state.withLock { state -> [HubRelay] in
            change(&state.log)
            guard state.readers > 0 else { return [] }
            var sleeping: [HubRelay] = []
            for (key, loop) in state.loops where loop.readers > 0 && !loop.isWoken {
                state.loops[key]?.isWoken = true
                sleeping.append(loop.relay)
            }
            return sleeping
        }
        for relay in sleeping {
            if mergeDelay > .zero {
                relay.eventLoop.scheduleTask(in: TimeAmount(mergeDelay)) { self.tell(relay) }
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
        let (step, known) = state.withLock { state in (state.log.next(&moved), state.header) }
        cursor = moved
        if cursor.lost > before { lost.increment(by: Int64(cursor.lost - before)) }
        switch step {
        case .packet(let packet): return .packet(packet)
        case .finished: return .finished
        case .nothing: return nil
        case .format(let format, let number, let at):
            if let known, known.number == number, known.at == at { return .format(format, at: at, header: known.bytes) }
            let bytes = wrapping.header(format, at: at)
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
