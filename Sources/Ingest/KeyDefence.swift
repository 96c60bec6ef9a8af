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

/// Counts wrong keys per address. Many of them make the answer a back-off, and far too many spare the database the look-up;
/// a key that was accepted lately always passes, so a neighbour behind the same address is not locked out. A bounded value,
/// owned by `IngestService`, under its lock: the address seen longest ago makes room.
struct WrongKeys {
    static let maximumAddresses = 4096
    /// Wrong keys before the answer is `slowDown`.
    static let patience = 5
    /// Wrong keys from which on nothing is looked up.
    static let ceiling = 50
    static let longestWait: Int64 = 300_000_000_000

    private var addresses: [String: (count: Int, at: Int64)] = [:]

    /// Counts one wrong key.
    /// - Returns: how long to stay away, when there were too many.
    mutating func count(_ address: String, at now: Int64) -> Duration? {
        let count = present(address, at: now) + 1
        addresses[address] = (count, now)
        if addresses.count > Self.maximumAddresses,
            let oldest = addresses.min(by: { $0.value.at < $1.value.at })
        {
            addresses[oldest.key] = nil
        }
        return count > Self.patience ? .nanoseconds(Self.wait(after: count)) : nil
    }

    /// How long this address must still stay away without any look-up.
    func blocked(_ address: String, at now: Int64) -> Duration? {
        guard let entry = addresses[address], present(address, at: now) >= Self.ceiling else { return nil }
        return .nanoseconds(entry.at + Self.wait(after: entry.count) - now)
    }

    /// Wrong keys that still count: forgotten after the wait they brought, and after a minute at the earliest.
    private func present(_ address: String, at now: Int64) -> Int {
        guard let entry = addresses[address] else { return 0 }
        return now - entry.at > max(60_000_000_000, Self.wait(after: entry.count)) ? 0 : entry.count
    }

    /// Doubles from one second on.
    private static func wait(after count: Int) -> Int64 {
        min(longestWait, 1_000_000_000 << Int64(min(max(0, count - patience), 10)))
    }
}
