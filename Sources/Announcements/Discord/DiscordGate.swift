import Domain
private import Synchronization

/// What all Discord targets of a process share: Discord limits and bans an address, not a webhook.
///
/// An address with 10,000 answers of 401, 403 or 429 within 10 minutes is banned for a while (Discord API, Invalid Request Limit);
/// ours stops long before. Any task.
final class DiscordGate: Sendable {
    static let maximumInvalid = 500
    private static let span: Duration = .seconds(600)

    private struct State {
        /// Until when Discord wants nothing from us at all.
        var closedUntil: WallTime?
        /// When the last invalid ones were, oldest first; at most `maximumInvalid`.
        var invalid: [WallTime] = []
    }

    private let state = Mutex(State())

    /// From when on a request may be made; `nil`: now.
    func closedUntil(now: WallTime) -> WallTime? {
        state.withLock { state in
            state.invalid.removeAll { now - $0 >= Self.span }
            var until = state.closedUntil.flatMap { $0 > now ? $0 : nil }
            if state.invalid.count >= Self.maximumInvalid, let oldest = state.invalid.first {
                until = max(until ?? now, oldest + Self.span)
            }
            return until
        }
    }

    func close(until time: WallTime) { state.withLock { $0.closedUntil = max($0.closedUntil ?? time, time) } }

    func noteInvalid(now: WallTime) {
        state.withLock { state in
            state.invalid.append(now)
            state.invalid.removeFirst(max(0, state.invalid.count - Self.maximumInvalid))
        }
    }
}
