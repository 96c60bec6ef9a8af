/// Whether an entry could go on air now (design §4, rule 2); if not, what it lacks, in words for the DJ.
package enum Readiness: Sendable, Equatable {
    case ready
    /// At least one sentence.
    case notReady([String])

    package var isReady: Bool { self == .ready }
}

/// A publisher that asks for a place.
package struct PublisherIdentity: Sendable, Equatable {
    package var session: PublishSessionID
    package var user: UserID
    package var name: String
    /// Nobody has let this DJ through yet: the entry begins held.
    package var isNew: Bool

    package init(session: PublishSessionID, user: UserID, name: String, isNew: Bool = false) {
        self.isNew = isNew
        self.session = session
        self.user = user
        self.name = name
    }
}

/// The queue as `Ingest` sees it; implemented by `Queueing`. All calls keep their order.
package protocol QueueDoor: Sendable {
    /// Asks for a place at the tail, or takes the DJ's own place again (rule 4, rule 3).
    func join(_ publisher: PublisherIdentity) async -> Result<EntryID, PublishRefusal>
    /// Never waits.
    func readinessChanged(_ session: PublishSessionID, to readiness: Readiness)
    /// No media came for 1.5 s, or it comes again (design §5, Stalls). Never waits.
    func silenceChanged(_ session: PublishSessionID, isSilent: Bool)
    /// What the media of a live publisher lacks, when that begins or ends (`deadAfter`). Never waits.
    /// The spans say for how long so far; `nil`: it is there.
    func mediaAbsent(_ session: PublishSessionID, picture: Duration?, sound: Duration?)
    /// What is wrong with a live publisher's stream has changed; at most once in ten seconds a session, in two
    /// where its picture or sound is newly missing, silent or still. Never waits.
    func healthChanged(_ session: PublishSessionID, to health: HealthSummary)
    /// Never waits. A late call about a session that was replaced is ignored.
    func ended(_ session: PublishSessionID, how: PublisherEnd)
}

/// Who is to be on air, and who next. Idempotent: the programme works towards the newest order.
package struct ProgrammeOrder: Sendable, Equatable {
    /// Rises with each order.
    package var version: Int64
    /// `nil`: the slate.
    package var onAir: PublishSessionID?
    /// The next ready ones, at most two, whose delay lines are kept full.
    package var standby: [PublishSessionID]
    /// Banned with this order: not even what their lines hold is shown any more (design §5, Emergency).
    package var discarded: Set<PublishSessionID>
    /// What the channel shows and takes.
    package var output: OutputSettings

    package init(
        version: Int64, onAir: PublishSessionID?, standby: [PublishSessionID], discarded: Set<PublishSessionID> = [],
        output: OutputSettings = OutputSettings()
    ) {
        self.version = version
        self.onAir = onAir
        self.standby = standby
        self.discarded = discarded
        self.output = output
    }
}

/// Takes orders from the queue; implemented by `Broadcast`. Any thread; never waits.
package protocol ProgrammeControl: Sendable {
    func direct(_ order: ProgrammeOrder)
}

/// What left the programme's output, told to the queue: the slot clock follows the output (design §5, Emergency).
package enum ProgrammeReport: Sendable, Equatable {
    /// This session's first picture left.
    case onAir(PublishSessionID)
    /// The slate's first picture left.
    case slate
}

/// Where publishers' lines are plugged in; implemented by `Broadcast`, used by `Ingest`. Any thread; never waits.
package protocol InputRack: Sendable {
    func attach(_ line: DelayLine, as session: PublishSessionID)
    /// The line gets no more media; what it holds may still be played out.
    func detach(_ session: PublishSessionID)
}
