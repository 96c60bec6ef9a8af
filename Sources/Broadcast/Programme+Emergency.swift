package import Domain
import NIOCore

/// The admin's grip on the output: acts on what leaves, not on what arrives, so no delay holds it up (design §5, Emergency).
extension Programme {
    /// Where the outgoing order does not close by itself in this time, it is broken off.
    static let emergencyPatience: Int64 = 250_000_000

    /// Slate and back begin at the next place where the outgoing pictures' order closes, mute at the next frame of sound.
    ///
    /// What the line held when the slate was ordered is not shown any more. After `.off` the DJ is back at the first key frame
    /// that arrived since; if less than the delay has passed, the line is that much shallower for the rest of the slot. Where none
    /// arrived since, it is the last before the order: then up to a group of pictures from before it is shown, and without a delay
    /// the line is that much deeper for the rest of the slot. Waiting for the next would take as long as the group is.
    package mutating func emergency(_ state: ProgrammeEmergency, now: Int64) {
        guard state != emergency else { return }
        let was = emergency
        emergency = state
        emergencyAt = now
        chosen = nil
        dropPendingInput()
        if state == .slate { for session in [shown, order.onAir] { discardHeld(by: session) } }
        isHurried = was == .slate && state != .slate
    }

    /// A banned session is left at once and never joined again.
    package mutating func discard(_ session: PublishSessionID, now: Int64) {
        guard lines[session] != nil else { return }
        banned.insert(session)
        if shown == session { emergencyAt = now }
        if chosen?.session == session { chosen = nil }
        dropPendingInput()
    }

    /// Who is to be shown by the newest order, as far as the emergency lets them; `nil` for the slate.
    var wanted: PublishSessionID? {
        guard let session = order.onAir, !banned.contains(session) else { return nil }
        switch emergency {
        case .off: return session
        case .slate: return nil
        case .mute: return canMute(session) ? session : nil
        }
    }

    /// The input on air has to go now, whatever its line holds.
    func isUrgent(leaving session: PublishSessionID) -> Bool {
        banned.contains(session) || (emergency == .slate && emergencyAt > .min)
            || (emergency == .mute && wanted == nil)
    }

    /// Sound for which no silence can be written cannot be muted without a join: then the slate it is.
    private func canMute(_ session: PublishSessionID) -> Bool {
        guard let format = lines[session]?.audioFormat(at: .max) else { return true }
        return AACSilence.frame(for: format) != nil
    }

    /// Only what is decoded after this is still shown.
    func floor(of session: PublishSessionID) -> MediaTime { floors[session] ?? MediaTime(nanoseconds: .min / 2) }

    private mutating func discardHeld(by session: PublishSessionID?) {
        guard let session, let summary = lines[session]?.summary else { return }
        let newest = [summary.newestVideo, summary.newestAudio].compactMap { $0 }.max()
        floors[session] = newest ?? floors[session]
    }

    /// A join that was decided but not made yet is decided anew.
    private mutating func dropPendingInput() {
        guard case .input(let session, _, _) = pending?.target else { return }
        pending = nil
        if shown != session { applyRetention(to: session) }
    }

    /// Silence in the layout of `format`, made once.
    mutating func silence(for format: AudioFormat) -> ByteBuffer? {
        if let writtenSilence, writtenSilence.format == format { return writtenSilence.frame }
        let frame = AACSilence.frame(for: format)
        writtenSilence = (format, frame)
        return frame
    }
}
