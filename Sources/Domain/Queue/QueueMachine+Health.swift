/// `deadAfter` (design §4, rule 5): a slot on air whose picture or sound stays away is warned of, then ended.
extension QueueMachine {
    /// When a slot without picture or sound is warned of and ended.
    struct Dying {
        var warnsAt: WallTime
        var endsAt: WallTime
        /// Of picture and sound, what has been away since before the warning.
        var missing: [String]
    }

    /// `nil` while all is there, before the output shows the DJ, and where the channel does not want it.
    func dying(_ entry: QueueEntry) -> Dying? {
        guard settings.endsDeadSlots, let start = clockStartedAt, let session = entry.session,
            let health = health[session]
        else { return nil }
        let video = health.videoAbsentSince.map { max($0, start) + Self.longestWithoutVideo }
        let sound = health.silentSince.map { max($0, start) + Self.longestSilence }
        guard let endsAt = [video, sound].compactMap({ $0 }).min() else { return nil }
        let warnings = [video.map { $0 - Self.warningWithoutVideo }, sound.map { $0 - Self.warningOfSilence }]
        guard let warnsAt = warnings.compactMap({ $0 }).min() else { return nil }
        return Dying(
            warnsAt: warnsAt, endsAt: endsAt,
            missing: [video.map { _ in "picture" }, sound.map { _ in "sound" }].compactMap { $0 })
    }

    /// Tells once that the slot is about to end so, again when the end has moved, and once that the danger is over.
    mutating func warnIfUnhealthy(now: WallTime) {
        guard let index = onAirIndex else {
            endsUnhealthyAt = nil
            return
        }
        let (entry, name) = (entries[index].id, entries[index].name)
        if let dying = dying(entries[index]), dying.warnsAt <= now {
            guard endsUnhealthyAt != dying.endsAt else { return }
            endsUnhealthyAt = dying.endsAt
            draft.events.append(
                .onAirUnhealthy(entry: entry, name: name, missing: dying.missing, until: dying.endsAt))
        } else if endsUnhealthyAt != nil {
            endsUnhealthyAt = nil
            // One who was given on or lost has no danger to be over; the change itself was told.
            guard isShown(entries[index].session) else { return }
            draft.events.append(.onAirHealthy(entry: entry, name: name))
        }
    }
}
