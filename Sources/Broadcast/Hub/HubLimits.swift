package import Domain

/// How much of the programme a hub keeps for its readers (I11). There is one such buffer a hub, whatever number reads it.
package struct HubLimits: Sendable, Equatable {
    /// In all, in bytes of the wrapping. Full: the oldest goes, even out of the group that late joiners start from, who then
    /// wait for the next key frame.
    package var maximumBytes = 16 * 1_048_576
    /// The longest group of pictures that is kept for late joiners. Longer: they wait for the next key frame.
    package var maximumGroup = MediaTime.milliseconds(12_000)
    /// How far a reader may be behind beyond the current group. Farther: it loses packets and resumes at a key frame.
    package var maximumLag = MediaTime.milliseconds(4000)

    package init() {}
}
