/// What a publisher asks for before any of its media is taken.
package struct PublishRequest: Sendable {
    /// RTMP's application: must be `live`.
    package var application: String
    /// The stream key, as the stream name or after `live/`; the query of either is cut off. Empty when none was sent.
    package var key: Secret
    /// The peer's IP address without the port.
    package var remoteAddress: String
    /// Whom the limits of an address count together: the IPv4 address, or the IPv6 network of 64 bits.
    package var network: String
    /// `flashVer` of the connect command, at most 128 characters, control characters removed.
    package var encoder: String?

    /// - Parameter network: without it, the address itself.
    package init(
        application: String, key: Secret, remoteAddress: String, network: String? = nil, encoder: String?
    ) {
        self.application = application
        self.key = key
        self.remoteAddress = remoteAddress
        self.network = network ?? remoteAddress
        self.encoder = encoder
    }
}

/// Why a publisher is refused or sent away. The text goes to the encoder's status line, so it says what to do.
package enum PublishRefusal: Error, Sendable, Equatable {
    case unknownApplication(String)
    case missingKey
    case unknownKey
    case revokedKey
    case accountDisabled
    case queueClosed
    case queueFull(maximum: Int)
    /// Two encoders fight for one key (design §4, rule 4).
    case tooManyReplacements(retryAfter: Duration)
    /// `rejoin: afterQuiet`: the slot was ended for this DJ and the encoder did not pause since.
    case notQuietSince(Duration)
    /// `blockAfterTurn`, in minutes: the slot was ended for this DJ.
    case blocked(until: WallTime, retryAfter: Duration)
    /// `blockAfterTurn: untilSomeoneElsePlayed`.
    case blockedUntilSomeoneElsePlayed
    /// By an operator; `nil`: until unbanned.
    case banned(until: WallTime?, reason: String?)
    /// Too many wrong keys from this address.
    case slowDown(retryAfter: Duration)
    case serverBusy(String)
    case shuttingDown

    /// One sentence for the person at the encoder. Never holds a key.
    package var message: String {
        switch self {
        case .unknownApplication(let name):
            "There is no application '\(name)' here: set the server to rtmp://HOST/live."
        case .missingKey: "No stream key was sent: copy yours from the DJ page into the encoder's stream key field."
        case .unknownKey: "This stream key is not known: copy yours again from the DJ page."
        case .revokedKey: "This stream key was revoked: make a new one on the DJ page."
        case .accountDisabled: "This account is disabled: ask an admin of the channel."
        case .queueClosed: "The queue is closed: ask an admin of the channel to open it."
        case .queueFull(let maximum): "The queue is full (\(maximum) entries): try again later."
        case .tooManyReplacements(let span):
            "Two encoders use this key in turn: stop one of them and try again in \(span.secondsRoundedUp) s."
        case .notQuietSince(let span):
            "Your slot has ended: stop streaming for \(span.secondsRoundedUp) s, then you may queue again."
        case .blocked(let until, let span):
            "You were on air just now: you may queue again in \(Self.text(span)), at \(until)."
        case .blockedUntilSomeoneElsePlayed:
            "You were on air just now: you may queue again as soon as another DJ has been on air."
        case .banned(let until, let reason):
            "You are banned from this channel"
                + (until.map { " until \($0)" } ?? "") + (reason.map { ": \($0)" } ?? "") + "."
        case .slowDown(let span): "Too many wrong keys from your address: try again in \(span.secondsRoundedUp) s."
        case .serverBusy(let what): "The server cannot take more now: \(what)."
        case .shuttingDown: "The server is going down: try again in a minute."
        }
    }

    /// `90 s`, `12 min`: rounded up, so that nobody comes a moment too early.
    private static func text(_ span: Duration) -> String {
        let seconds = max(1, (span.wholeMilliseconds + 999) / 1000)
        return seconds < 120 ? "\(seconds) s" : "\((seconds + 59) / 60) min"
    }

    /// A constant, for logs and metric labels.
    package var label: String {
        switch self {
        case .unknownApplication: "unknownApplication"
        case .missingKey: "missingKey"
        case .unknownKey: "unknownKey"
        case .revokedKey: "revokedKey"
        case .accountDisabled: "accountDisabled"
        case .queueClosed: "queueClosed"
        case .queueFull: "queueFull"
        case .tooManyReplacements: "tooManyReplacements"
        case .notQuietSince: "notQuietSince"
        case .blocked: "blocked"
        case .blockedUntilSomeoneElsePlayed: "blockedUntilSomeoneElsePlayed"
        case .banned: "banned"
        case .slowDown: "slowDown"
        case .serverBusy: "serverBusy"
        case .shuttingDown: "shuttingDown"
        }
    }
}

extension Duration {
    /// Waits are told in whole seconds, and never as less than they are.
    fileprivate var secondsRoundedUp: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}

/// How a publisher's connection came to its end (design §4, rule 3).
package enum PublisherEnd: Sendable, Equatable {
    /// `FCUnpublish`, `deleteStream` or `closeStream`: the DJ stopped on purpose.
    case finished
    /// The connection died: FIN, RST, time-out, a protocol error.
    case dropped
    /// We closed it through `PublisherConnection.close`.
    case closedByServer
}

/// The server's side of one accepted publisher; any thread may call it.
package protocol PublisherConnection: AnyObject, Sendable {
    /// Sends the encoder a status with `reason` (one sentence, no secret) and closes. Harmless when already closed.
    func close(reason: String)
    func attentionChanged(_ attention: PublisherAttention)
}

/// How soon it matters what a publisher sends.
package enum PublisherAttention: Sendable, Hashable {
    /// Far from its turn.
    case waiting
    /// On air or next. `delay`: at least this lies between what is read and when it is on air.
    case watched(delay: Duration)
}

/// Takes one accepted publisher's media. Called on the connection's event loop, in the order of arrival; must not block.
package protocol PublisherSink: AnyObject, Sendable {
    func metadataReceived(_ metadata: StreamMetadata)
    /// A codec configuration; comes before the first unit of its track and again when it changes.
    func formatReceived(_ format: TrackFormat)
    /// Timestamps are the peer's, unwrapped to rise beyond 2^32 ms, not yet normalised.
    func unitReceived(_ unit: AccessUnit)
    /// Something that this server cannot take (a codec, a bad configuration record): `reason` for the DJ. Media goes on.
    func trackRefused(_ track: TrackKind, reason: String)
    /// Further tracks (multitrack) are not taken: `reason` for the DJ. The first track's media goes on.
    func tracksLeftOut(_ track: TrackKind, reason: String)
    /// No unit came for 1.5 s (design §5, Stalls), once per silence; the next unit ends it.
    func silenceBegan()
    /// Exactly once, last.
    func ended(_ how: PublisherEnd)
}

/// Decides whether a publisher may come in. Implemented by `Ingest`; asked by `RTMPTransport` before any media is accepted.
package protocol PublisherGate: Sendable {
    func open(
        _ request: PublishRequest, connection: any PublisherConnection
    ) async -> Result<any PublisherSink, PublishRefusal>
}

/// What a stream key opens.
package struct KeyOwner: Sendable, Equatable {
    package var key: KeyID
    package var user: UserID
    /// The DJ's public name.
    package var name: String
    package var isRevoked: Bool
    package var isDisabled: Bool
    /// `false`: the entry is held until an operator lets this DJ through.
    package var isApproved: Bool

    package init(
        key: KeyID, user: UserID, name: String, isRevoked: Bool, isDisabled: Bool, isApproved: Bool = true
    ) {
        self.isApproved = isApproved
        self.key = key
        self.user = user
        self.name = name
        self.isRevoked = isRevoked
        self.isDisabled = isDisabled
    }
}

/// Looks stream keys up; implemented by the store.
package protocol KeyDirectory: Sendable {
    /// The owner of the key with this SHA-256 (32 bytes), revoked or not; `nil` when unknown.
    func owner(ofKeyDigest digest: [UInt8]) async throws -> KeyOwner?
    /// Notes that the key was used; for the DJ's page only, so a failure is harmless.
    func noteUse(of key: KeyID) async throws
}

/// Ends live connections; implemented by `Ingest`, used by `Queueing` and by whoever revokes keys (I10).
package protocol PublisherControl: Sendable {
    /// Closes one session with a reason for its encoder.
    func close(_ session: PublishSessionID, reason: String)
    /// Closes whatever is published with this key.
    func close(publishedWith key: KeyID, reason: String)
    /// Closes whatever this person publishes.
    func close(publishedBy user: UserID, reason: String)
}

/// SHA-256, behind a protocol so that services need no C.
package protocol Digesting: Sendable {
    /// 32 bytes.
    func sha256(_ bytes: [UInt8]) -> [UInt8]
}
