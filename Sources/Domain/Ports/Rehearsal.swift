/// What arrives of a stream that is only tested (`rtmp://HOST/test`), for the DJ who sends it.
package struct Rehearsal: Sendable, Equatable, Encodable {
    /// What would keep it from the air, in words; empty: ready.
    package var missing: [String]
    package var bitsPerSecond: Int?
    package var frameRate: Double?
    package var keyFrameSeconds: Double?
    /// Nothing has come for 1.5 s.
    package var isSilent: Bool
    /// How often the encoder's clock jumped.
    package var clockJumps: Int

    package init(
        missing: [String], bitsPerSecond: Int?, frameRate: Double?, keyFrameSeconds: Double?, isSilent: Bool,
        clockJumps: Int
    ) {
        self.missing = missing
        self.bitsPerSecond = bitsPerSecond
        self.frameRate = frameRate
        self.keyFrameSeconds = keyFrameSeconds
        self.isSilent = isSilent
        self.clockJumps = clockJumps
    }
}

/// Implemented by `Ingest`. Any thread; never waits.
package protocol RehearsalDesk: Sendable {
    /// `nil` while this person tests nothing.
    func rehearsal(of user: UserID) -> Rehearsal?
}
