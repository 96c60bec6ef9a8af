package import NIOCore

/// Decodes publishers' sound to tell how loud it is; implemented by `FFmpegMedia`, in a child process. Any thread; never waits.
package protocol SoundDecoding: Sendable {
    /// Begins with one publisher's sound.
    /// - Parameters:
    ///   - isEssential: on air or next, so that a place is kept for it; `false`: somebody looks.
    ///   - onLevels: on a thread of the decoder, about once a second of sound; four times while somebody looks.
    /// - Returns: `nil` when as many are decoded as may be.
    func open(isEssential: Bool, onLevels: @escaping @Sendable (SoundLevels) -> Void) -> (any SoundFeed)?
}

/// One publisher's sound on its way to the decoder. Any thread; never waits: what is too much is dropped and counted.
package protocol SoundFeed: AnyObject, Sendable {
    /// Of the units that follow.
    func append(_ format: AudioFormat)
    func append(_ unit: AccessUnit)
    /// Whether somebody looks at the levels as they come. Nobody does at first.
    func watched(_ isWatched: Bool)
    /// Nothing follows, and no level either, but for one that is on its way.
    func end()
}

/// Makes JPEGs of key frames; implemented by `FFmpegMedia`, in a child process.
package protocol StillMaking: Sendable {
    /// Never waits. `done` is called exactly once: at once, or on a thread of the decoder.
    /// - Parameter picture: a key frame, as an access unit has it.
    func makeStill(
        _ format: VideoFormat, _ picture: ByteBuffer, done: @escaping @Sendable (Result<ByteBuffer, StillError>) -> Void
    )
}

package enum StillError: Error, Sendable, Equatable {
    /// Too many wait already.
    case busy
    /// These bytes give no picture.
    case undecodable
    /// The child broke over them, took too long, or is gone with the server.
    case workerLost
}

/// What decodes for publishers; `nil`: nothing is decoded.
package struct PublisherDecoding: Sendable {
    package var sound: (any SoundDecoding)?
    package var stills: (any StillMaking)?

    package init(sound: (any SoundDecoding)? = nil, stills: (any StillMaking)? = nil) {
        self.sound = sound
        self.stills = stills
    }
}

/// Lets somebody see and hear what a publisher sends; implemented by `Ingest`. Whoever asks is taken for somebody who looks:
/// nothing is decoded for those nobody asks for, but the sound of who is on air or next.
package protocol StreamPreviewDesk: Sendable {
    /// Levels from now on, until the publisher ends; the newest only, for a slow reader.
    func levels(of user: UserID) -> LevelsAnswer
    /// A JPEG of the newest key frame, at most 480 pixels wide and high, made anew at most each 5 s.
    /// - Returns: `nil` while this person publishes nothing here, or nothing that gives a picture.
    func still(of user: UserID) async -> ByteBuffer?
}

package enum LevelsAnswer: Sendable {
    case levels(AsyncStream<SoundLevels>)
    /// This person publishes nothing here.
    case nobody
    /// As much is decoded as may be, or too many listen to this one.
    case full
}
