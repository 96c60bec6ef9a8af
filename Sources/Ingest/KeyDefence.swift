import Domain

/// Keys that were accepted lately; they are accepted again while the database is away (design §4, Persistence). A bounded
/// value: the oldest makes room. Owned by `IngestService`, under its lock.
struct AcceptedKeys {
    static let maximumCount = 1024
    /// Nanoseconds: twelve hours.
    static let lifetime: Int64 = 12 * 3600 * 1_000_000_000

    private var owners: [[UInt8]: (owner: KeyOwner, at: Int64)] = [:]

    mutating func insert(_ owner: KeyOwner, digest: [UInt8], at now: Int64) {
        owners[digest] = (owner, now)
        guard owners.count > Self.maximumCount, let oldest = owners.min(by: { $0.value.at < $1.value.at }) else {
            return
        }
        owners[oldest.key] = nil
    }

    func owner(digest: [UInt8], at now: Int64) -> KeyOwner? {
        guard let entry = owners[digest], now - entry.at <= Self.lifetime else { return nil }
        return entry.owner
    }

    mutating func remove(digest: [UInt8]) { owners[digest] = nil }

    mutating func remove(where isGone: (KeyOwner) -> Bool) {
        owners = owners.filter { !isGone($0.value.owner) }
    }
}
