import Domain

/// Answers encoders that hammer from memory: who was refused just now hears the same again without a hash, a look-up or the
/// queue. A bounded value, owned by `IngestService`, under its lock.
///
/// - A wrong key is held per network *and* key. A right key from the same network is another pair and passes at once, so nobody
///   can lock a neighbour out by guessing. What guessing costs us, one look-up for each new wrong key, is bounded by the
///   connections a network may open in a second.
/// - A right key that is refused all the same (revoked, disabled, queue closed or full) is held per key, briefly: nobody but its
///   owner can bring that about, and the reason may go away at any moment.
///
/// Keys are known by a hash that is seeded anew in each process, so that what is kept here is of no use to anybody.
struct KeyBackoff {
    /// Of one attempt to publish.
    struct Attempt {
        fileprivate let key: Int
        fileprivate let pair: Int
        fileprivate let network: String

        init(_ request: PublishRequest) {
            network = request.network
            var hasher = Hasher()
            hasher.combine(request.key.exposed)
            key = hasher.finalize()
            hasher = Hasher()
            hasher.combine(request.key.exposed)
            hasher.combine(request.network)
            pair = hasher.finalize()
        }
    }

    /// Who refused a right key.
    enum Refuser {
        /// It is revoked, or its account disabled.
        case key
        case queue

        /// How long the same answer holds at most; a change of mind reaches the encoder no later.
        var longestHold: Int64 {
            switch self {
            case .key: 15_000_000_000
            case .queue: 4_000_000_000
            }
        }
    }

    /// Wrong keys that are told to be unknown before the answer is `slowDown`: of one pair, and of one network.
    static let patience = 5
    static let networkPatience = 20
    static let longestWait: Int64 = 300_000_000_000
    /// Attempts are forgotten after so long without one, but never while they are held.
    static let memory: Int64 = 60_000_000_000

    private struct Wrong {
        var count = 0
        var last: Int64
        var until: Int64
    }

    private struct Held {
        var refusal: PublishRefusal
        var count = 0
        var last: Int64
        var until: Int64
    }

    private var pairs = RecentTable<Int, Wrong>(capacity: 8192)
    private var networks = RecentTable<String, Wrong>(capacity: 4096)
    private var held = RecentTable<Int, Held>(capacity: 4096)

    /// The answer to an attempt that comes too early; `nil` when it is to be looked at.
    ///
    /// A wrong key that is tried again while it is held is held for longer; a right one is not, so that it is looked at again
    /// however often its encoder tries.
    mutating func answer(_ attempt: Attempt, at now: Int64) -> PublishRefusal? {
        if let entry = held[attempt.key], now < entry.until { return entry.refusal }
        guard let entry = pairs[attempt.pair], now < entry.until else { return nil }
        return countWrong(attempt, at: now)
    }

    /// The key is nobody's.
    /// - Returns: what to tell the encoder.
    mutating func countWrong(_ attempt: Attempt, at now: Int64) -> PublishRefusal {
        let pair = Self.counted(pairs[attempt.pair], patience: Self.patience, at: now)
        let network = Self.counted(networks[attempt.network], patience: Self.networkPatience, at: now)
        networks[attempt.network] = network
        let until = max(pair.until, network.until)
        pairs[attempt.pair] = Wrong(count: pair.count, last: now, until: until)
        let isPatient = pair.count <= Self.patience && network.count <= Self.networkPatience
        return isPatient ? .unknownKey : .slowDown(retryAfter: .nanoseconds(until - now))
    }

    /// The key is right, and refused. The first refusal holds nothing.
    mutating func countRefused(_ attempt: Attempt, _ refusal: PublishRefusal, by refuser: Refuser, at now: Int64) {
        var entry = held[attempt.key] ?? Held(refusal: refusal, last: now, until: now)
        if now - entry.last > Self.memory { entry.count = 0 }
        entry.count += 1
        entry.refusal = refusal
        entry.last = now
        let hold = entry.count == 1 ? 0 : Int64(1_000_000_000) << Int64(min(entry.count - 2, 10))
        entry.until = now + min(refuser.longestHold, hold)
        held[attempt.key] = entry
    }

    mutating func accepted(_ attempt: Attempt) {
        held[attempt.key] = nil
        pairs[attempt.pair] = nil
    }

    private static func counted(_ entry: Wrong?, patience: Int, at now: Int64) -> Wrong {
        var entry = entry ?? Wrong(last: now, until: now)
        if now > max(entry.last + memory, entry.until) { entry.count = 0 }
        entry.count += 1
        entry.last = now
        // From one second on, doubled for each beyond the patience.
        let wait = Int64(1_000_000_000) << Int64(min(max(0, entry.count - patience), 10))
        entry.until = now + min(longestWait, wait)
        return entry
    }
}
