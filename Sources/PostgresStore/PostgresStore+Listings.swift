package import Domain
import Foundation

extension PostgresStore: ListingStore {
    package func listings() async throws -> [ChannelName: ChannelListing] {
        let rows = try await accountLane.perform { link in
            try link.query("SELECT name, listing FROM channels ORDER BY name", []).map { row in
                (try row.text(0), try row.optionalText(1))
            }
        }
        var listings: [ChannelName: ChannelListing] = [:]
        for (name, text) in rows {
            guard let channel = ChannelName(name) else { continue }
            listings[channel] = try Self.listing(text)
        }
        return listings
    }

    package func setListing(_ listing: ChannelListing, of channel: ChannelName) async throws -> ChannelListing? {
        let text = String(decoding: try JSONEncoder().encode(listing), as: UTF8.self)
        // jsonb holds no NUL.
        let parameters: [PostgresValue] = [.text(text.replacing("\\u0000", with: "")), .text(channel.text)]
        let before = try await accountLane.perform { link in
            try link.query(
                """
                UPDATE channels SET listing = $1::jsonb FROM (SELECT listing FROM channels WHERE name = $2 FOR UPDATE) before
                WHERE name = $2 RETURNING before.listing
                """, parameters
            ).map { try $0.optionalText(0) }
        }
        guard let first = before.first else { return nil }
        return try Self.listing(first)
    }

    private static func listing(_ text: String?) throws -> ChannelListing {
        guard let text else { return ChannelListing() }
        return try JSONDecoder().decode(ChannelListing.self, from: Data(text.utf8))
    }
}
