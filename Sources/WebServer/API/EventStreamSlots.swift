import Metrics
import Synchronization

/// Bounds the event streams that are open at once.
final class EventStreamSlots: Sendable {
    /// One open stream; gives its place back when the last reference goes, however the stream ended.
    final class Slot: Sendable {
        private let slots: EventStreamSlots

        fileprivate init(_ slots: EventStreamSlots) { self.slots = slots }

        deinit { slots.release() }
    }

    private let maximum: Int
    private let taken = Mutex(0)
    private let gauge: Meter

    init(maximum: Int, factory: any MetricsFactory) {
        self.maximum = maximum
        self.gauge = Meter(label: "lineup_http_event_streams", dimensions: [], factory: factory)
    }

    /// `nil` when all are taken.
    func take() -> Slot? {
        taken.withLock { taken in
            guard taken < maximum else { return nil }
            taken += 1
            gauge.set(taken)
            return Slot(self)
        }
    }

    private func release() {
        taken.withLock { taken in
            taken -= 1
            gauge.set(taken)
        }
    }
}
