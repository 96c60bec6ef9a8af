/// What a connection may ask of us (I8, I11). Sizes are in bytes.
package struct RTMPLimits: Sendable, Equatable {
    /// Chunk sizes a peer may set are from here: smaller ones cost us more work per byte than they are worth.
    package static let smallestChunkSize = 128
    /// More makes no difference: no message is longer.
    package static let largestChunkSize = 16 * 1_048_576

    /// What a peer may set; taken between the two above.
    package var maximumChunkSize = 65_536
    /// Of one command, metadata or control message.
    package var maximumCommandBytes = 65_536
    /// Of one audio or video message.
    package var maximumMediaBytes = 16 * 1_048_576
    /// Chunk streams with a history; encoders use three to six.
    package var maximumChunkStreams = 64
    /// Of unfinished messages and unread input until the publisher is authorised.
    package var maximumHeldBytesBeforePublish = 32_768
    /// Of unfinished messages from then on, over all chunk streams.
    package var maximumHeldBytes = 16 * 1_048_576 + 65_536
    /// Received in all until the publish command; an encoder needs about 5,000.
    package var maximumBytesBeforePublish = 262_144
    /// Messages until the publish command; an encoder sends about ten.
    package var maximumMessagesBeforePublish = 256

    package init() {}
}
