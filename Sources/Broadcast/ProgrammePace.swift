/// How exactly the programme's units are released when they fall due.
///
/// Picture and sound together fall due some 77 times a second, and waking for each costs more than the unit. Behind a delay line
/// nobody sees whether a unit leaves it a few milliseconds later, so a wake comes `span` after the first unit is due and takes all
/// that are due by then: an eighth of the wakes. Without a delay every millisecond is latency, and units are released as they come.
enum ProgrammePace {
    /// Three pictures' time, and little against the delay, a part of LL-HLS and a fragment of a WebSocket (150 ms).
    static let span: Duration = .milliseconds(100)
    /// From this delay on; the delay line itself wavers by more than `span` with every encoder's jitter.
    static let leastDelay: Duration = .milliseconds(500)

    /// - Parameter delay: the present one, 0…30 s.
    static func releaseSpan(delay: Duration) -> Duration { delay >= leastDelay ? span : .zero }
}
