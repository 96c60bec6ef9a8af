/// What an encoder promises in `onMetaData`; every field is the peer's word, not a measurement.
package struct StreamMetadata: Sendable, Equatable {
    package var hasVideo: Bool?
    package var hasAudio: Bool?
    package var width: Int?
    package var height: Int?
    package var frameRate: Double?
    /// At most 128 characters, control characters removed.
    package var encoder: String?

    package init(
        hasVideo: Bool? = nil, hasAudio: Bool? = nil, width: Int? = nil, height: Int? = nil, frameRate: Double? = nil,
        encoder: String? = nil
    ) {
        self.hasVideo = hasVideo
        self.hasAudio = hasAudio
        self.width = width
        self.height = height
        self.frameRate = frameRate
        self.encoder = encoder
    }
}
