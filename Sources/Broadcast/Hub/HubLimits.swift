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
    /// Of the packets that are joined into one buffer for the readers of a loop, in bytes; what goes beyond is read packet by
    /// packet. A reader whose socket is slow may hold one such buffer for as long as that takes.
    package var maximumRunBytes = 131_072

    package init() {}
}
