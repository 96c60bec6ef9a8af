import Domain
import Logging
import Packaging
import PostgresStore
import ServiceLifecycle

/// With what numbers a start of the channel begins (design §5, Numbers survive): what is stored, or the seconds since the channel was
/// made, whichever is more. A segment is longer than a second on average, so that mostly nothing has to be stored.
struct ChannelStart {
    var stored: ChannelNumbers

    /// What may come between one look and the next: hand-overs in a row make several segments a second.
    static let margin: Int64 = 20
    /// How far ahead is stored, so that the next write is a while off.
    static let lead: Int64 = 120

    func numbers(at now: WallTime) -> HLSChannelStore.Numbers {
        let age = max(0, (now - stored.createdAt).wholeMilliseconds / 1000)
        return HLSChannelStore.Numbers(
            mediaSequence: max(stored.mediaSequence, age), discontinuitySequence: max(stored.discontinuitySequence, age)
        )
    }

    /// What to store, so that a start soon after begins above `present`; `nil` while it does so anyway.
    func due(above present: HLSChannelStore.Numbers, at now: WallTime) -> HLSChannelStore.Numbers? {
        let next = numbers(at: now)
        guard
            next.mediaSequence < present.mediaSequence + Self.margin
                || next.discontinuitySequence < present.discontinuitySequence + Self.margin
        else { return nil }
        return HLSChannelStore.Numbers(
            mediaSequence: max(next.mediaSequence, present.mediaSequence + Self.lead),
            discontinuitySequence: max(next.discontinuitySequence, present.discontinuitySequence + Self.lead))
    }

    /// Stores what is due.
    mutating func secure(
        above present: HLSChannelStore.Numbers, at now: WallTime, of channel: ChannelName, in store: PostgresStore
    ) async throws {
        guard let due = due(above: present, at: now) else { return }
        try await store.storeChannelNumbers(
            channel, mediaSequence: due.mediaSequence, discontinuitySequence: due.discontinuitySequence)
        stored.mediaSequence = due.mediaSequence
        stored.discontinuitySequence = due.discontinuitySequence
    }
}

/// Sees to it that the next start's numbers lie above all that are given out, however the server ends (I7): in a burst of
/// hand-overs, and when the clock is set back.
struct ChannelNumbersService: Service {
    let channel: ChannelName
    var start: ChannelStart
    let store: PostgresStore
    let origin: HLSChannelStore
    let clock: any WallClock
    let logger: Logger

    static let interval: Duration = .seconds(1)

    func run() async throws {
        // Ended by the graceful shutdown, which cancels it: what is stored lies ahead.
        try? await cancelWhenGracefulShutdown {
            var start = start
            while true {
                try await Task.sleep(for: Self.interval)
                await look(&start)
            }
        }
    }

    private func look(_ start: inout ChannelStart) async {
        guard let present = origin.numbers(of: channel) else { return }
        do {
            try await start.secure(above: present, at: clock.now(), of: channel, in: store)
        } catch {
            // Tried again at the next look.
            logger.debug("segment numbers not stored", metadata: ["error": "\(error)"])
        }
    }
}
