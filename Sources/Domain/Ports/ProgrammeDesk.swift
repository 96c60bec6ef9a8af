/// What an admin does to the output itself, past the queue (design §5, Emergency).
package enum ProgrammeEmergency: String, Sendable, Hashable, CaseIterable {
    /// The slate at once, whoever is on air; what their line holds is not shown any more.
    case slate
    /// The picture goes on, with silence instead of its sound.
    case mute
    /// As the queue orders.
    case off
}

/// Takes an admin's grip on the output; implemented by `Broadcast`. Any thread; never waits. All of it acts within 500 ms at
/// any delay and leaves the queue as it is.
package protocol ProgrammeDesk: Sendable {
    func emergency(_ state: ProgrammeEmergency)
    /// A ban: nothing of this session is shown any more, not even what its line holds. The queue's next order says who follows.
    func discard(_ session: PublishSessionID)
    /// What holds now, as last asked for.
    func emergencyState() -> ProgrammeEmergency
}
