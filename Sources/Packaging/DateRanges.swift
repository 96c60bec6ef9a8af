package import Domain
import HLS
import Synchronization

/// The DJ slots that playlists name, from any thread to the packager. One per channel.
///
/// Bounded by `maximum`; what ended longest ago goes first (I11).
package final class DateRanges: Sendable {
    struct Listing: Sendable, Equatable {
        var shown: [DateRange] = []
        var recentlyRemoved: [String] = []
    }

    private static let maximum = 200

    private let ranges = Mutex<[DateRange]>([])

    package init() {}

    /// Says whose slot it is now. The slot before, if it is another, ends where this one begins; at `now` when there is none.
    package func show(_ slot: ProgrammeSlot?, now: WallTime) {
        ranges.withLock { ranges in
            for index in ranges.indices where ranges[index].end == nil && ranges[index].id != slot?.id {
                ranges[index].end = max(slot?.start ?? now, ranges[index].start)
                ranges[index].plannedEnd = nil
                ranges[index].changedAt = now
            }
            guard let slot else { return }
            var range = DateRange(
                id: slot.id, name: slot.name, start: slot.start, plannedEnd: slot.plannedEnd, end: nil, changedAt: now)
            guard let index = ranges.lastIndex(where: { $0.id == slot.id }) else {
                ranges.append(range)
                if ranges.count > Self.maximum { ranges.removeFirst() }
                return
            }
            // An attribute once shown keeps its value (§4.4.5.1), what is only planned aside.
            range.start = ranges[index].start
            range.name = ranges[index].name
            range.changedAt = ranges[index].changedAt
            if range != ranges[index] {
                range.changedAt = now
                ranges[index] = range
            }
        }
    }

    /// Those that reach into a playlist whose first segment is shown at `start`, and those that left such playlists within
    /// `recent` before.
    func listing(since start: WallTime, recent: Duration) -> Listing {
        ranges.withLock { ranges in
            let gone = start - recent
            ranges.removeAll { $0.end.map { $0 < gone } ?? false }
            return Listing(
                shown: ranges.filter { $0.end.map { $0 >= start } ?? true },
                recentlyRemoved: ranges.filter { $0.end.map { $0 < start } ?? false }.map(\.id))
        }
    }
}
