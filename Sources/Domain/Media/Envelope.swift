/// What a channel takes of its publishers (design §5). A DJ outside it is received and told why they are not ready.
package struct Envelope: Sendable, Hashable {
    package var maximumWidth = 1920
    package var maximumHeight = 1080
    package var maximumFrameRate = 60.0
    /// Of video and audio together.
    package var maximumBitsPerSecond = 10_000_000
    package var maximumAudioChannels = 2

    package init() {}
}
