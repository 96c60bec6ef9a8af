package import Domain

/// How one channel's HLS is cut and how much of it is kept.
package struct HLSConfiguration: Sendable, Equatable {
    package var segmenting = Segmenter.Configuration()
    /// What a playlist lists at least: a third more than the skip boundary of six target durations, so that delta updates
    /// leave something out, and a viewer can step back half a minute.
    package var listedDuration = MediaTime.seconds(36)
    /// I11: of each rendition, listed or not.
    package var maximumWindowBytes = 256 << 20

    package init() {}

    /// A part lasts 333…1,000 ms at most.
    package init(partTarget: Duration) {
        segmenting.partTarget = MediaTime(nanoseconds: partTarget.wholeNanoseconds)
    }

    var targetSeconds: Int { max(1, Int(segmenting.targetDuration.seconds.rounded())) }
    /// Sound is cut at the pictures' places where it can be, so its parts may be a frame longer: 1,024 samples at 44.1 kHz.
    var longestAudioPart: MediaTime { segmenting.longestPart + .milliseconds(24) }
}
