import Synchronization

/// Which regions each channel's media is for, in memory: set when a listing changes, read for every request of media. While no
/// channel is for some only, that is one atomic load. Any thread.
package final class ChannelRegions: Sendable {
    private let rules = Mutex<[ChannelName: RegionRule]>([:])
    private let hasRules = Atomic<Bool>(false)

    /// All channels are for everybody.
    package init() {}

    /// - Returns: `nil` for a channel that is for everybody.
    package func rule(of channel: ChannelName) -> RegionRule? {
        guard hasRules.load(ordering: .acquiring) else { return nil }
        return rules.withLock { $0[channel] }
    }

    package func set(_ listings: [ChannelName: ChannelListing]) {
        let new = listings.mapValues(\.regions).filter { !$0.value.isForEverybody }
        rules.withLock { rules in
            rules = new
            hasRules.store(!new.isEmpty, ordering: .releasing)
        }
    }
}

/// Why a viewer outside gets no media. The text goes to the viewer.
package enum RegionRefusal {
    /// - Parameter region: the viewer's.
    package static func reason(for region: Region?) -> String {
        region == nil
            ? "This channel is for viewers in some regions only, and yours is not known."
            : "This channel is not offered in your region."
    }
}
