/// How a channel stands in lists for television applications; every field may be missing.
package struct ChannelListing: Sendable, Equatable, Codable {
    package var title: String?
    /// As a guide names the channel, when that is not its own name.
    package var guideID: String?
    /// An absolute `http` or `https` address.
    package var logo: String?
    package var group: String?
    /// 1…9999.
    package var number: Int?
    package var description: String?
    /// Where a schedule of others is, absolute.
    package var programmeFeed: String?
    /// Country codes (ISO 3166-1, two upper-case letters) the channel is for; `nil` or empty: all.
    package var allowedRegions: [String]?
    package var blockedRegions: [String]?
    /// The channel is in lists and in the guide from here on; `nil`: ever since.
    package var listedFrom: WallTime?
    /// And no more from here on; later than `listedFrom`. `nil`: for ever.
    package var listedUntil: WallTime?

    package init() {}

    /// Whether lists and guide show the channel at that moment.
    package func isListed(at now: WallTime) -> Bool {
        (listedFrom.map { $0 <= now } ?? true) && (listedUntil.map { now < $0 } ?? true)
    }

    /// When `isListed` changes next.
    package func nextListingChange(after now: WallTime) -> WallTime? {
        [listedFrom, listedUntil].compactMap { $0 }.filter { $0 > now }.min()
    }

    package var regions: RegionRule {
        RegionRule(
            allowed: Set((allowedRegions ?? []).compactMap { Region($0) }),
            blocked: Set((blockedRegions ?? []).compactMap { Region($0) }))
    }
}

/// Stores listings; implemented by `PostgresStore`.
package protocol ListingStore: Sendable {
    /// Of every channel, by name; empty ones for those that have none.
    func listings() async throws -> [ChannelName: ChannelListing]
    /// - Returns: the one before; `nil` when there is no such channel.
    func setListing(_ listing: ChannelListing, of channel: ChannelName) async throws -> ChannelListing?
}

/// No channel has a listing.
package struct NoListings: ListingStore {
    package init() {}
    package func listings() async throws -> [ChannelName: ChannelListing] { [:] }
    package func setListing(_ listing: ChannelListing, of channel: ChannelName) async throws -> ChannelListing? { nil }
}
