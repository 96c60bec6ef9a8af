import Domain
import HLS
import TestKit
import Testing

@testable import LineupServer
@testable import Packaging

/// What playlists say of slots follows the output, which moves on some time after the queue has decided.
@Suite struct SlotNamesTests {
    private static let zero = WallTime(milliseconds: 1_700_000_000_000)

    private let slots = DateRanges()
    private var service: SlotNamesService {
        SlotNamesService(channel: .main, queue: FakeQueueDesk(), slots: slots)
    }

    private static func entry(_ number: UInt64, since: Int64?) -> QueueView.Entry {
        QueueView.Entry(
            id: EntryID(high: 0, low: number), user: UserID(high: 0, low: number), name: "DJ \(number)", state: .onAir,
            connected: true, ready: true, missing: [], joinedAt: zero, graceUntil: nil,
            onAirSince: since.map { zero + .milliseconds($0) }, remainingSeconds: nil)
    }

    /// - Parameter at: milliseconds.
    private func take(_ showing: QueueView.Showing, _ entries: [QueueView.Entry], at: Int64) {
        service.take(
            QueueView(
                channel: .main, version: 1, at: Self.zero + .milliseconds(at), showing: showing, isOpen: true,
                slotSeconds: nil, entries: entries))
    }

    /// Milliseconds at which each slot begins and ends.
    private func spans() -> [[Int64?]] {
        slots.listing(since: Self.zero, recent: .seconds(60)).shown.map { range in
            [range.start, range.end].map { $0.map { ($0 - Self.zero).wholeMilliseconds } }
        }
    }

    @Test func aSlotEndsWhereTheNextBegins() {
        take(.dj, [Self.entry(1, since: 100)], at: 120)
        // Decided, and not seen yet.
        take(.dj, [Self.entry(2, since: nil)], at: 30_000)
        #expect(spans() == [[100, nil]])
        take(.dj, [Self.entry(2, since: 30_600)], at: 30_650)
        #expect(spans() == [[100, 30_600], [30_600, nil]])
    }

    @Test func aSlotWithoutANextEndsWhereTheSlateBegins() {
        take(.dj, [Self.entry(1, since: 100)], at: 120)
        take(.dj, [], at: 30_000)
        #expect(spans() == [[100, nil]])
        take(.slate, [], at: 30_600)
        #expect(spans() == [[100, 30_600]])
    }

    /// Somebody was chosen, but the slate comes first.
    @Test func aSlateBetweenTwoSlotsIsInNeither() {
        take(.dj, [Self.entry(1, since: 100)], at: 120)
        take(.slate, [Self.entry(2, since: nil)], at: 30_600)
        take(.dj, [Self.entry(2, since: 32_000)], at: 32_010)
        #expect(spans() == [[100, 30_600], [32_000, nil]])
    }

    /// A DJ whose encoder dropped has the place, and the slot, while the slate fills in.
    @Test func aSlotGoesOnWhileItsDJIsAwaited() {
        take(.dj, [Self.entry(1, since: 100)], at: 120)
        take(.slate, [Self.entry(1, since: 100)], at: 5000)
        #expect(spans() == [[100, nil]])
    }
}
