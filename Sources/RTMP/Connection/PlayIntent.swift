package import Domain

/// What a player asks for.
package struct PlayIntent: Sendable, Equatable {
    package var application: String
    /// One path element of at most 128 characters, without control characters. It names nothing until it was looked up.
    package var channel: String
    /// `flashVer`, at most 128 characters, control characters removed.
    package var player: String?
    /// `region=` behind the name; `nil` where it says nothing, or no code.
    package var region: Region?

    package init(application: String, channel: String, player: String?, region: Region? = nil) {
        self.region = region
        self.application = application
        self.channel = channel
        self.player = player
    }
}

/// Why a player gets nothing. The text goes to the player, so it says what to do.
package enum PlayRefusal: Error, Sendable, Equatable {
    case unknownChannel
    /// A limit, or the server's end; one sentence.
    case failed(String)

    var code: String {
        switch self {
        case .unknownChannel: "NetStream.Play.StreamNotFound"
        case .failed: "NetStream.Play.Failed"
        }
    }

    package var message: String {
        switch self {
        case .unknownChannel: "There is no such channel here: play rtmp://HOST/play/CHANNEL."
        case .failed(let reason): reason
        }
    }
}

/// What a player wants of its reader while it plays.
package enum PlaybackChange: Sendable, Equatable {
    /// Send nothing, or go on with what is live then: nothing is kept for a player that pauses.
    case paused(Bool)
    case audio(Bool)
    case video(Bool)
}
