/// What an operator does to the output itself, past the queue (design §5, Emergency).
package enum ProgrammeEmergency: String, Sendable, Hashable, CaseIterable, Codable {
    /// The slate at once, whoever is on air; what their line holds is not shown any more.
    case slate
    /// The picture goes on, with silence instead of its sound.
    case mute
    /// As the queue orders.
    case off
}
