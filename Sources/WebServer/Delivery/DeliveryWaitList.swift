import Domain
import Metrics
import NIOCore

/// Somebody whose answer is not there yet. Lives on one event loop.
protocol DeliveryWaiter: AnyObject {
    /// Called once, on that loop. `nil` when the time is over.
    func resume(_ answer: DeliveryAnswer?)
}

/// The blocked requests of one event loop, and what else its connections share: an entry in a table each, no task and no timer of their own (design §6).
///
/// Requests for the same thing are one look-up and one text when a channel changes. Used on its loop only. Bounded by
/// `maximum` (I11): who comes then is told to come again.
final class DeliveryWaitList {
    struct Key: Hashable {
        var channel: ChannelName
        var wrapping: ViewerProtocol
        var name: String
        var directives: PlaylistDirectives
    }

    private struct Entry {
        let waiter: any DeliveryWaiter
        let deadline: NIODeadline
    }

    static let maximum = 20_000
    private static let lookInterval = TimeAmount.milliseconds(500)

    let date: HTTPDate
    private let eventLoop: any EventLoop
    private let origin: any DeliveryOrigin
    private let outputs: OutputSwitches
    private let gauge: Gauge
    private var entries: [Key: [ObjectIdentifier: Entry]] = [:]
    private(set) var count = 0
    private var timer: Scheduled<Void>?

    init(
        eventLoop: any EventLoop, origin: any DeliveryOrigin, outputs: OutputSwitches, clock: any WallClock,
        gauge: Gauge
    ) {
        self.date = HTTPDate(clock: clock)
        self.eventLoop = eventLoop
        self.origin = origin
        self.outputs = outputs
        self.gauge = gauge
    }

    /// - Returns: `false` when the list is full.
    func add(_ waiter: any DeliveryWaiter, for key: Key, withinSeconds seconds: Int) -> Bool {
        guard count < Self.maximum else { return false }
        entries[key, default: [:]][ObjectIdentifier(waiter)] = Entry(
            waiter: waiter, deadline: eventLoop.now + .seconds(Int64(seconds)))
        count += 1
        scheduleLook()
        return true
    }

    func remove(_ waiter: any DeliveryWaiter, from key: Key) {
        guard entries[key]?.removeValue(forKey: ObjectIdentifier(waiter)) != nil else { return }
        count -= 1
        if entries[key]?.isEmpty == true { entries[key] = nil }
    }

    /// Also lets go, with nothing, those who wait for what was switched off meanwhile: a channel changes with each part.
    func changed(_ channel: ChannelName) {
        for key in entries.keys where key.channel == channel {
            let answer =
                outputs.isOn(key.wrapping, of: channel)
                ? origin.resource(key.channel, name: key.name, directives: key.directives) : .notFound
            if case .later = answer { continue }
            guard let released = entries.removeValue(forKey: key) else { continue }
            count -= released.count
            for entry in released.values { entry.waiter.resume(answer) }
        }
        gauge.record(count)
    }

    /// Each list looks twice a second while somebody waits.
    private func scheduleLook() {
        guard timer == nil else { return }
        timer = eventLoop.assumeIsolated().scheduleTask(in: Self.lookInterval) { self.look() }
    }

    private func look() {
        timer = nil
        let now = eventLoop.now
        for (key, waiting) in entries {
            for (id, entry) in waiting where entry.deadline <= now {
                entries[key]?[id] = nil
                count -= 1
                entry.waiter.resume(nil)
            }
            if entries[key]?.isEmpty == true { entries[key] = nil }
        }
        gauge.record(count)
        if count > 0 { scheduleLook() }
    }
}
