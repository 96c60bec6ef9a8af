package import Domain
package import Logging
import Metrics
package import NIOCore
import ServiceLifecycle
import Synchronization

/// Lets publishers in and keeps the register of those who are connected; ends them on request (I10). Used from every
/// thread; one lock around plain values, never held over a call. `run()` writes down key uses beside the media path.
package final class IngestService: PublisherGate, PublisherControl, Service, Sendable {
    private struct Rehearsing {
        var session: PublishSessionID
        var door: RehearsalDoor
    }

    private struct State {
        var sessions = LiveSessions()
        var accepted = AcceptedKeys()
        var backoff = KeyBackoff()
        /// Of the warning that keys cannot be looked up.
        var nextWarning = Int64.min
        var isStopping = false
        /// One a person; who tests again takes the place of the older one.
        var rehearsals: [UserID: Rehearsing] = [:]
        /// On air or next, by the last order, with the least delay of the channel since they are.
        var watched: [PublishSessionID: Duration] = [:]
        /// What the channel takes of publishers.
        var envelope: Envelope
        /// Of media behind a key frame before a publisher is ready.
        var delay: Duration
        var issues: [StreamIssue: Int] = [:]
    }

    /// Key uses that wait to be noted; more are forgotten, they are for the DJ's page only.
    private static let maximumNotes = 256
    /// Nanoseconds between two warnings that keys cannot be looked up.
    private static let warningInterval: Int64 = 10_000_000_000

    private let keys: any KeyDirectory
    private let digests: any Digesting
    private let queue: any QueueDoor
    private let rack: any InputRack
    private let decoding: PublisherDecoding
    private let now: @Sendable () -> Int64
    private let logger: Logger
    private let publishers: Gauge
    private let notes: (stream: AsyncStream<KeyID>, continuation: AsyncStream<KeyID>.Continuation)
    private let state: Mutex<State>

    /// - Parameters:
    ///   - programmeDelay: of media behind a key frame before a publisher is ready, until `take` says another; 0…30 s.
    ///   - decoding: of those on air or next, and of those somebody looks at.
    ///   - now: monotonic nanoseconds, of the same clock as the channel's event loop.
    package init(
        keys: any KeyDirectory, digests: any Digesting, queue: any QueueDoor, rack: any InputRack, envelope: Envelope,
        programmeDelay: Duration, decoding: PublisherDecoding = PublisherDecoding(),
        now: @escaping @Sendable () -> Int64 = { Int64(clamping: NIODeadline.now().uptimeNanoseconds) },
        logger: Logger
    ) {
        self.keys = keys
        self.digests = digests
        self.queue = queue
        self.rack = rack
        self.state = Mutex(State(envelope: envelope, delay: programmeDelay))
        self.decoding = decoding
        self.now = now
        self.logger = logger
        self.publishers = Gauge(label: "lineup_publishers")
        self.notes = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.maximumNotes))
    }

    /// Notes key uses until graceful shutdown or cancellation; from then on publishers are refused.
    package func run() async throws {
        await cancelWhenGracefulShutdown { [keys, notes, logger] in
            for await key in notes.stream {
                do {
                    try await keys.noteUse(of: key)
                } catch {
                    logger.debug("a key's use could not be noted", metadata: ["error": "\(error)"])
                }
            }
        }
        state.withLock { $0.isStopping = true }
    }

    // MARK: PublisherGate

    package func open(
        _ request: PublishRequest, connection: any PublisherConnection
    ) async -> Result<any PublisherSink, PublishRefusal> {
        guard request.application == "live" || request.application == Self.rehearsing else {
            return .failure(.unknownApplication(String(request.application.prefix(64))))
        }
        guard !request.key.isEmpty else { return .failure(.missingKey) }
        let attempt = KeyBackoff.Attempt(request)
        let early = state.withLock { $0.backoff.answer(attempt, at: now()) }
        if let early { return .failure(early) }
        let digest = digests.sha256(Array(request.key.exposed.utf8))
        let revision = state.withLock { $0.sessions.revision }
        let owner: KeyOwner
        switch await lookUp(digest, attempt) {
        case .failure(let refusal): return .failure(refusal)
        case .success(let found): owner = found
        }
        let session = LiveSessions.Session(
            id: .random(), key: owner.key, user: owner.user, connection: connection)
        // Registered before the queue is asked: who is revoked from here on is found.
        let isRegistered = state.withLock { $0.sessions.insert(session, since: revision) }
        guard isRegistered else { return .failure(.serverBusy("your key was changed just now; try again")) }
        if request.application == Self.rehearsing { return .success(rehearse(session)) }
        let answer = await join(session, of: owner)
        state.withLock { state in
            switch answer {
            case .success: state.backoff.accepted(attempt)
            case .failure(let refusal): state.backoff.countRefused(attempt, refusal, by: .queue, at: now())
            }
        }
        return answer
    }

    /// The application of a test: received and measured, in no queue and never on air.
    private static let rehearsing = "test"

    /// Whoever tests already with this account gives way: the newer encoder is the one they look at.
    private func rehearse(_ session: LiveSessions.Session) -> any PublisherSink {
        let door = RehearsalDoor()
        let (envelope, delay) = state.withLock { ($0.envelope, $0.delay) }
        let publisher = LivePublisher(
            session: session.id, line: DelayLine(), queue: door, envelope: envelope, delay: delay, decoding: decoding,
            now: now, logger: logger
        ) { [weak self] in self?.endRehearsal($0, of: session.user) }
        let older = state.withLock { state in
            state.sessions.accepted(session.id, publisher)
            defer { state.rehearsals[session.user] = Rehearsing(session: session.id, door: door) }
            return state.rehearsals[session.user].flatMap { state.sessions[$0.session]?.connection }
        }
        older?.close(reason: "A newer test with your account has begun.")
        notes.continuation.yield(session.key)
        return publisher
    }

    private func endRehearsal(_ session: PublishSessionID, of user: UserID) {
        state.withLock { state in
            state.sessions.remove(session)
            if state.rehearsals[user]?.session == session { state.rehearsals[user] = nil }
        }
    }

    private func join(
        _ session: LiveSessions.Session, of owner: KeyOwner
    ) async -> Result<any PublisherSink, PublishRefusal> {
        let line = DelayLine()
        // In the rack first: the queue may put it on air as soon as it knows it.
        rack.attach(line, as: session.id)
        let identity = PublisherIdentity(
            session: session.id, user: session.user, name: owner.name, isNew: !owner.isApproved)
        if case .failure(let refusal) = await queue.join(identity) {
            forget(session.id)
            return .failure(refusal)
        }
        var logger = logger
        logger[metadataKey: "session"] = "\(session.id)"
        let (envelope, delay) = state.withLock { ($0.envelope, $0.delay) }
        let publisher = LivePublisher(
            session: session.id, line: line, queue: queue, envelope: envelope, delay: delay, decoding: decoding,
            now: now, logger: logger,
            onIssues: { [weak self] in self?.count(begun: $0, ended: $1) }
        ) { [weak self] in self?.forget($0) }
        let (count, isWatched) = state.withLock { state in
            state.sessions.accepted(session.id, publisher)
            return (state.sessions.count, state.watched[session.id] != nil)
        }
        if isWatched { publisher.monitor.attend(true) }
        // They may have changed since they were read.
        let present = state.withLock { ($0.envelope, $0.delay) }
        publisher.take(present.0, delay: present.1)
        publishers.record(count)
        notes.continuation.yield(session.key)
        return .success(publisher)
    }

    // MARK: Keys

    private func lookUp(
        _ digest: [UInt8], _ attempt: KeyBackoff.Attempt
    ) async -> Result<KeyOwner, PublishRefusal> {
        let now = now()
        let (isStopping, known) = state.withLock { ($0.isStopping, $0.accepted.owner(digest: digest, at: now)) }
        guard !isStopping else { return .failure(.shuttingDown) }
        let found: KeyOwner?
        do {
            found = try await keys.owner(ofKeyDigest: digest)
        } catch {
            warnOfLookUps(error, now: now)
            guard let known else { return .failure(.serverBusy("its database does not answer; try again in a minute")) }
            return .success(known)
        }
        return judge(found, digest: digest, attempt, now: now)
    }

    private func judge(
        _ found: KeyOwner?, digest: [UInt8], _ attempt: KeyBackoff.Attempt, now: Int64
    ) -> Result<KeyOwner, PublishRefusal> {
        state.withLock { state in
            guard let owner = found else {
                state.accepted.remove(digest: digest)
                return .failure(state.backoff.countWrong(attempt, at: now))
            }
            guard !owner.isRevoked, !owner.isDisabled else {
                state.accepted.remove(digest: digest)
                let refusal: PublishRefusal = owner.isRevoked ? .revokedKey : .accountDisabled
                state.backoff.countRefused(attempt, refusal, by: .key, at: now)
                return .failure(refusal)
            }
            state.accepted.insert(owner, digest: digest, at: now)
            return .success(owner)
        }
    }

    /// While the database is away every encoder that tries again would write a line.
    private func warnOfLookUps(_ error: any Error, now: Int64) {
        let isDue = state.withLock { state in
            guard now >= state.nextWarning else { return false }
            state.nextWarning = now + Self.warningInterval
            return true
        }
        if isDue { logger.warning("a key could not be looked up", metadata: ["error": "\(error)"]) }
    }

    // MARK: The register

    private func forget(_ session: PublishSessionID) {
        rack.detach(session)
        let count = state.withLock { state in
            state.sessions.remove(session)
            return state.sessions.count
        }
        publishers.record(count)
    }

    /// What a connected publisher sends; `nil` when it is not here.
    package func statistics(of session: PublishSessionID) -> PublisherStatistics? {
        state.withLock { $0.sessions[session]?.publisher }?.statistics
    }

    /// What the channel takes of publishers, from now on and of those who are here. Any thread; never waits.
    /// - Parameter delay: the programme delay, 0…30 s: how much media a publisher must have to be ready.
    package func take(_ envelope: Envelope, delay: Duration) {
        let publishers: [LivePublisher] = state.withLock { state in
            guard (state.envelope, state.delay) != (envelope, delay) else { return [] }
            (state.envelope, state.delay) = (envelope, delay)
            return state.sessions.publishers
        }
        for publisher in publishers { publisher.take(envelope, delay: delay) }
    }

    /// `lineup_publishers_with_issue`: how many connected publishers have each.
    private func count(begun: Set<StreamIssue>, ended: Set<StreamIssue>) {
        let counts: [(StreamIssue, Int)] = state.withLock { state in
            for issue in begun { state.issues[issue, default: 0] += 1 }
            for issue in ended { state.issues[issue, default: 0] -= 1 }
            return begun.union(ended).map { ($0, state.issues[$0] ?? 0) }
        }
        for (issue, count) in counts {
            Gauge(label: "lineup_publishers_with_issue", dimensions: [("issue", issue.rawValue)]).record(count)
        }
    }

    /// Who is on air or next, at each order: they are read as soon as the delay asks for, the others in larger pieces, and their
    /// sound is decoded (design §5). Any thread; never waits.
    ///
    /// Whoever is on air keeps the delay of their join (design §5, Delay line), so a longer one holds for those who come after.
    package func attend(to watched: [PublishSessionID]) {
        let (begun, kept, ended) = state.withLock { state in
            let before = state.watched
            state.watched = [:]
            for session in watched { state.watched[session] = min(before[session] ?? state.delay, state.delay) }
            let changed = state.watched.filter { before[$0.key] != $0.value }
            func sessions(_ ids: some Sequence<PublishSessionID>) -> [(LiveSessions.Session, PublisherAttention)] {
                ids.compactMap { id in
                    state.sessions[id].map { ($0, state.watched[id].map { .watched(delay: $0) } ?? .waiting) }
                }
            }
            return (
                sessions(changed.keys.filter { before[$0] == nil }),
                sessions(changed.keys.filter { before[$0] != nil }),
                sessions(before.keys.filter { state.watched[$0] == nil })
            )
        }
        // First who leaves, so that their decoders' places are free.
        for (session, attention) in ended + kept + begun { session.connection.attentionChanged(attention) }
        for (session, _) in ended { session.publisher?.monitor.attend(false) }
        for (session, _) in begun { session.publisher?.monitor.attend(true) }
    }

    // MARK: PublisherControl

    package func close(_ session: PublishSessionID, reason: String) {
        let connection = state.withLock { $0.sessions[session]?.connection }
        connection?.close(reason: reason)
    }

    package func close(publishedWith key: KeyID, reason: String) {
        let connections = state.withLock { state in
            state.accepted.remove { $0.key == key }
            return state.sessions.close(key: key)
        }
        for connection in connections { connection.close(reason: reason) }
    }

    package func close(publishedBy user: UserID, reason: String) {
        let connections = state.withLock { state in
            state.accepted.remove { $0.user == user }
            return state.sessions.close(user: user)
        }
        for connection in connections { connection.close(reason: reason) }
    }
}

extension IngestService: StreamHealthDesk {
    package func health(of user: UserID) -> StreamHealth? {
        state.withLock { $0.sessions.publisher(of: user) }?.health
    }
}

extension IngestService: StreamPreviewDesk {
    package func levels(of user: UserID) -> LevelsAnswer {
        state.withLock { $0.sessions.publisher(of: user) }?.monitor.levels() ?? .nobody
    }

    package func still(of user: UserID) async -> ByteBuffer? {
        await state.withLock { $0.sessions.publisher(of: user) }?.monitor.still()
    }
}

extension IngestService: RehearsalDesk {
    package func rehearsal(of user: UserID) -> Rehearsal? {
        let found = state.withLock { state in
            state.rehearsals[user].flatMap { test in
                state.sessions[test.session]?.publisher.map { ($0, test.door.readiness) }
            }
        }
        guard let (publisher, readiness) = found else { return nil }
        let statistics = publisher.statistics
        return Rehearsal(
            missing: readiness.map(\.missing) ?? ["waiting for picture and sound"],
            bitsPerSecond: statistics.bitsPerSecond,
            frameRate: statistics.frameRate, keyFrameSeconds: statistics.keyFrameInterval?.seconds,
            isSilent: statistics.isSilent, clockJumps: statistics.cuts)
    }
}

extension Readiness {
    fileprivate var missing: [String] {
        switch self {
        case .ready: []
        case .notReady(let missing): missing
        }
    }
}
