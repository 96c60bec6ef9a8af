import Domain

/// Counts attempts by key and says how long the next must wait: some are free, then each doubles the wait.
///
/// A value; the time comes in. Bounded (I11): when the table is full, what is quiet for `memory` goes, and if that frees
/// nothing, the key that was quiet longest.
struct AttemptLimiter {
    struct Policy {
        /// So many cost nothing.
        var free: Int
        /// After the free ones: this, then twice as much each time…
        var firstWait: Duration
        /// …up to this.
        var longestWait: Duration
        /// A key that was quiet for so long starts anew.
        var memory: Duration
        var maximumKeys: Int
    }

    private struct Entry {
        var attempts = 0
        var last: WallTime
        var openAt: WallTime
    }

    private let policy: Policy
    private var entries: [String: Entry] = [:]

    init(_ policy: Policy) { self.policy = policy }

    var count: Int { entries.count }

    /// How long `key` must wait before its next attempt; `nil` when it may try now. Counts nothing.
    func wait(_ key: String, now: WallTime) -> Duration? {
        guard let entry = entries[key], now - entry.last < policy.memory, now < entry.openAt else { return nil }
        return entry.openAt - now
    }

    /// Counts an attempt, or refuses it, which is not counted.
    /// - Returns: how long to wait, when it is refused.
    mutating func attempt(_ key: String, now: WallTime) -> Duration? {
        if let wait = wait(key, now: now) { return wait }
        makeRoom(for: key, now: now)
        var entry = entries[key] ?? Entry(last: now, openAt: now)
        if now - entry.last >= policy.memory { entry.attempts = 0 }
        entry.attempts += 1
        entry.last = now
        entry.openAt = now + delay(after: entry.attempts)
        entries[key] = entry
        return nil
    }

    /// Forgets `key`: it proved who it is.
    mutating func succeeded(_ key: String) { entries[key] = nil }

    /// Takes one attempt back, for one that turned out well but says nothing of the others.
    mutating func forgive(_ key: String) {
        guard var entry = entries[key] else { return }
        entry.attempts -= 1
        entry.openAt = entry.last
        entries[key] = entry.attempts > 0 ? entry : nil
    }

    private func delay(after attempts: Int) -> Duration {
        let excess = attempts - policy.free
        guard excess >= 0 else { return .zero }
        // Past 2^20 any first wait is longer than any longest.
        return min(policy.firstWait * (1 << min(excess, 20)), policy.longestWait)
    }

    private mutating func makeRoom(for key: String, now: WallTime) {
        guard entries.count >= policy.maximumKeys, entries[key] == nil else { return }
        entries = entries.filter { now - $0.value.last < policy.memory }
        guard entries.count >= policy.maximumKeys else { return }
        // A tenth at once, so that a flood of addresses does not sort the table at each attempt.
        let oldest = entries.sorted { $0.value.last < $1.value.last }.prefix(max(1, policy.maximumKeys / 10))
        for (key, _) in oldest { entries[key] = nil }
    }
}

/// The limits of log-in and sign-up.
struct AttemptLimits {
    /// Twenty free for the people behind one address, then 1 s … 5 min.
    private var logInsByAddress = AttemptLimiter(
        .init(free: 20, firstWait: .seconds(1), longestWait: .seconds(300), memory: .seconds(3600), maximumKeys: 10_000)
    )
    /// Five free for one account, then 1 s … 30 s: a stranger can slow its owner down by so much, not shut them out.
    private var logInsByAccount = AttemptLimiter(
        .init(free: 5, firstWait: .seconds(1), longestWait: .seconds(30), memory: .seconds(3600), maximumKeys: 10_000))
    /// Ten accounts free from one address, then 10 s … 10 min.
    var signUps = AttemptLimiter(
        .init(
            free: 10, firstWait: .seconds(10), longestWait: .seconds(600), memory: .seconds(3600), maximumKeys: 10_000))

    /// Links and codes tried from one address: twenty free, then 1 s … 5 min.
    var links = AttemptLimiter(
        .init(free: 20, firstWait: .seconds(1), longestWait: .seconds(300), memory: .seconds(3600), maximumKeys: 10_000)
    )
    /// Mails asked for from one address: ten free, then 10 s … 10 min.
    private var mailsByAddress = AttemptLimiter(
        .init(
            free: 10, firstWait: .seconds(10), longestWait: .seconds(600), memory: .seconds(3600), maximumKeys: 10_000))
    /// Mails to one account: two free, then 60 s … 1 h, so that nobody's mailbox is filled. Known or not makes no difference.
    private var mailsByAccount = AttemptLimiter(
        .init(
            free: 2, firstWait: .seconds(60), longestWait: .seconds(3600), memory: .seconds(3 * 3600),
            maximumKeys: 10_000))

    mutating func resets(from address: String, for account: String, now: WallTime) -> Duration? {
        let account = String(account.prefix(AccountLimits.maximumEmailBytes))
        let waits = [mailsByAddress.wait(address, now: now), mailsByAccount.wait(account, now: now)]
        if let longest = waits.compactMap({ $0 }).max() { return longest }
        _ = mailsByAddress.attempt(address, now: now)
        _ = mailsByAccount.attempt(account, now: now)
        return nil
    }

    /// Counts a log-in before its password is looked at, so that many at once do not slip through.
    mutating func logIns(from address: String, to account: String, now: WallTime) -> Duration? {
        let account = String(account.prefix(AccountLimits.maximumEmailBytes))
        let waits = [logInsByAddress.wait(address, now: now), logInsByAccount.wait(account, now: now)]
        if let longest = waits.compactMap({ $0 }).max() { return longest }
        _ = logInsByAddress.attempt(address, now: now)
        _ = logInsByAccount.attempt(account, now: now)
        return nil
    }

    mutating func logInSucceeded(from address: String, to account: String) {
        logInsByAccount.succeeded(account)
        logInsByAddress.forgive(address)
    }
}
