import Domain

/// Decides when a target is tried again, for how long a try may last, and when it is given up. Pure: time and chance come in.
///
///     trying ──failed──▶ waiting(nextTry) ──▶ trying … ──succeeded──▶ trying (all forgotten)
///        └──gone, or no success for `parkAfter`──▶ parked ──(a person resumes)──▶ trying
///
/// For the first 15 minutes a target is tried every 4 s with tries of at most 3.5 s, so that one that returns has what it missed
/// within 5 s; later less often. Every sixth try has the whole time-out, for targets that are only slow.
struct DeliveryMachine: Sendable {
    enum Verdict: Sendable, Equatable {
        case retry(at: WallTime)
        case park(reason: String)
    }

    /// How long a try waits for its answer.
    enum Patience: Sendable, Equatable {
        /// The whole time-out.
        case full
        /// A short one, because the target did not answer lately.
        case brief
        /// The whole time-out, with brief tries beside it: the first answer counts.
        case hedged
    }

    static let fullTimeout: Duration = .seconds(10)
    static let briefTimeout: Duration = .milliseconds(3500)
    private static let firstDelay: Duration = .milliseconds(500)
    /// Between a failure and the next try, whatever the schedule says.
    private static let shortestPause: Duration = .milliseconds(250)
    /// What a target may ask us to wait (RFC 9110 §10.2.3); what is longer is cut.
    private static let longestAskedPause: Duration = .seconds(3600)
    private static let longestError = 200

    private(set) var progress: TargetProgress
    private let parkAfter: Duration

    init(_ progress: TargetProgress, parkAfter: Duration) {
        self.progress = progress
        self.parkAfter = parkAfter
    }

    var patience: Patience {
        if progress.attempts == 0 { return .full }
        return progress.attempts.isMultiple(of: 6) ? .hedged : .brief
    }

    /// The target took `count` events.
    mutating func succeeded(_ count: Int, now: WallTime) {
        progress.attempts = 0
        progress.failingSince = nil
        progress.nextTry = nil
        progress.lastError = nil
        progress.lastDeliveredAt = now
        progress.delivered += Int64(count)
    }

    /// The target answered that it will never take this event: the next one is tried. One that takes nothing for `parkAfter`
    /// is parked all the same.
    mutating func refused(_ reason: String, now: WallTime) -> Verdict? {
        progress.refused += 1
        progress.attempts = 0
        progress.nextTry = nil
        return note(reason, now: now)
    }

    /// A try that began at `began` failed and is worth another.
    /// - Parameters:
    ///   - asked: how long the target wants to be left alone.
    ///   - chance: 0..<1.
    mutating func failed(
        _ reason: String, began: WallTime, now: WallTime, asked: Duration? = nil, chance: Double
    ) -> Verdict {
        progress.attempts += 1
        if let verdict = note(reason, now: now) { return verdict }
        let full = min(Self.firstDelay * (1 << min(progress.attempts - 1, 10)), longestDelay(now: now))
        var next = max(began + full * (0.75 + 0.25 * chance), now + Self.shortestPause)
        if let asked { next = max(next, now + min(asked, Self.longestAskedPause)) }
        progress.nextTry = next
        return .retry(at: next)
    }

    /// The target says that it is there no more.
    mutating func gone(_ reason: String, now: WallTime) -> Verdict { park(reason, now: now) }

    /// The target asks to be left alone for a while: no failure.
    mutating func pause(until time: WallTime) { progress.nextTry = time }

    mutating func remember(_ memory: String?) { progress.memory = memory }

    private mutating func note(_ reason: String, now: WallTime) -> Verdict? {
        progress.lastError = String(reason.prefix(Self.longestError))
        let since = progress.failingSince ?? now
        progress.failingSince = since
        guard now - since >= parkAfter else { return nil }
        let hours = (now - since).components.seconds / 3600
        return park("nothing was taken for \(hours) h; the last reason: \(reason)", now: now)
    }

    private mutating func park(_ reason: String, now: WallTime) -> Verdict {
        let text = String(reason.prefix(Self.longestError))
        progress.parkedAt = now
        progress.parkedReason = text
        progress.nextTry = nil
        return .park(reason: text)
    }

    private func longestDelay(now: WallTime) -> Duration {
        switch now - (progress.failingSince ?? now) {
        case ..<Duration.seconds(900): .seconds(4)
        case ..<Duration.seconds(3600): .seconds(15)
        default: .seconds(60)
        }
    }
}
