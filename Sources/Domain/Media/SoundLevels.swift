/// How loud a span of decoded sound was, in dBFS: a sample at full scale has a peak of 0, a sine at full scale an RMS of −3.
package struct SoundLevels: Sendable, Equatable, Encodable {
    package struct Channel: Sendable, Equatable, Encodable {
        /// `SoundLevels.floor`… a little above 0.
        package var peak: Double
        package var rms: Double

        package init(peak: Double, rms: Double) {
            self.peak = peak
            self.rms = rms
        }
    }

    /// What is told of digital silence.
    package static let floor = -120.0
    /// Peaks below this cannot be heard beside anything.
    package static let silence = -60.0

    /// In the order of the codec's layout, left before right; never empty.
    package var channels: [Channel]
    /// The loudest channel's.
    package var peak: Double
    package var rms: Double

    package init(channels: [Channel]) {
        self.channels = channels
        peak = channels.map(\.peak).max() ?? Self.floor
        rms = channels.map(\.rms).max() ?? Self.floor
    }

    /// Stereo of which one side is silent while the other can be heard well.
    package var isOneSided: Bool {
        guard channels.count == 2, let quietest = channels.map(\.peak).min() else { return false }
        return quietest < Self.silence && peak > Self.silence + 20
    }
}

/// Since when nothing is heard of a sound track: by its decoded peak where it is decoded, else by the sizes of its frames. Pure;
/// part of whoever watches a publisher.
///
/// By size: an AAC frame of digital silence is a dozen bytes whatever the bitrate, or 23 when ffmpeg's encoder writes its name into
/// one every few seconds; a frame of anything that can be heard is longer. Encoders that pad silence to a constant bitrate are
/// noticed by the peak only.
package struct Hearing: Sendable {
    /// Bytes of the largest frame that is taken for silence.
    package static let silentFrameBytes = 24
    /// A verdict of the decoder is believed for so long: it comes twice a second or more often while there is one. That there is
    /// sound only until the next one is due, for a decoder that is lost must not make silence.
    package static let verdictSpan: Int64 = 3_000_000_000
    private static let heardSpan: Int64 = 1_200_000_000

    /// Monotonic nanoseconds; `nil` before the first frame. A track may begin in silence: that counts from the first frame.
    package private(set) var lastHeard: Int64?
    /// Until then only the decoder says what is heard.
    private var isDecodedUntil = Int64.min

    package init() {}

    package mutating func received(bytes: Int, at now: Int64) {
        if lastHeard == nil || (bytes > Self.silentFrameBytes && now >= isDecodedUntil) { lastHeard = now }
    }

    /// - Parameter now: when it was decoded, which is about half a second after it came.
    package mutating func decoded(_ levels: SoundLevels, at now: Int64) {
        if levels.peak < SoundLevels.silence {
            isDecodedUntil = now + Self.verdictSpan
        } else {
            isDecodedUntil = now + Self.heardSpan
            lastHeard = max(lastHeard ?? now, now)
        }
    }
}
