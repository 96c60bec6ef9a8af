import Domain
import NIOCore

/// Decides how many bytes must wait in the kernel before a publisher's socket wakes us. Pure; owned by one connection.
///
/// An encoder sends each picture and each audio frame as it is made, some eighty a second, and waking for each costs more than
/// reading it. So a few pieces are read together, by a threshold in bytes that stands for `span` of the publisher's own bitrate. It
/// is small against the silence limit, so a publisher whose bitrate falls is still heard in time; whoever has gone quiet is read
/// at each byte until the next look.
///
/// Whoever is on air or next is watched. Without a delay line they are read at once. Behind one that is longer than `patience` they
/// are read like the others, but the connection looks after each `patience`, a quarter of the delay, whether something waits below
/// the threshold.
struct ReadPace {
    /// Media read at once.
    static let span: Duration = .milliseconds(100)
    /// More makes little difference: a key picture crosses it by itself.
    static let largest = 32_768
    /// Less saves nothing.
    static let smallest = 2048
    /// Whoever sent nothing for this long may have sent less than the threshold. More than two spans, so that it seldom ends one.
    static let longestPatience: Duration = .milliseconds(500)
    /// From this programme delay on, `patience` is little against what the line holds.
    private static let leastDelay: Duration = .milliseconds(500)

    private var isWatched = false
    /// There is a delay line that hides when exactly media is read.
    private var isDelayed = false
    private(set) var patience = Self.longestPatience
    private var threshold = 1
    private var bytes = 0
    private var since: NIODeadline?

    /// Somebody is to look after each `patience`.
    var needsGuard: Bool { isWatched && isDelayed && threshold > 1 }

    /// - Parameter quiet: since anything was read.
    /// - Returns: the threshold to set, when it changes.
    mutating func guarded(quiet: Duration) -> Int? { quiet < patience ? nil : set(1) }

    mutating func received(_ count: Int) { bytes &+= count }

    /// - Returns: the threshold to set, when it changes.
    mutating func attentionChanged(to attention: PublisherAttention) -> Int? {
        (isWatched, isDelayed, patience) = (false, false, Self.longestPatience)
        if case .watched(let delay) = attention {
            isWatched = true
            isDelayed = delay >= Self.leastDelay
            if isDelayed { patience = min(delay / 4, Self.longestPatience) }
        }
        return isWatched && !isDelayed ? set(1) : nil
    }

    /// Looks at what came since the last look, which is to be a second or more ago.
    /// - Parameter quiet: since the last media.
    /// - Returns: the threshold to set, when it changes.
    mutating func looked(at now: NIODeadline, quiet: Duration) -> Int? {
        defer { (bytes, since) = (0, now) }
        guard !isWatched || isDelayed, quiet < patience, let since else { return set(1) }
        let elapsed = Duration(now - since)
        guard elapsed >= .milliseconds(500) else { return nil }
        let wanted = Int(Double(bytes) * (Self.span / elapsed))
        guard wanted >= Self.smallest else { return set(1) }
        // A bitrate that wavers by a quarter sets nothing anew.
        if threshold > 1, abs(wanted - threshold) <= threshold / 4 { return nil }
        return set(min(wanted, Self.largest))
    }

    private mutating func set(_ wanted: Int) -> Int? {
        guard wanted != threshold else { return nil }
        threshold = wanted
        return wanted
    }
}
