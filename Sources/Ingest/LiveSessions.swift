import Domain

/// The publishers that are connected now, and whom was closed lately. A value under `IngestService`'s lock.
struct LiveSessions {
    struct Session {
        var id: PublishSessionID
        var key: KeyID
        var user: UserID
        var connection: any PublisherConnection
        /// Set once the queue has accepted it.
        var publisher: LivePublisher?
    }

    private enum Closed {
        case key(KeyID)
        case user(UserID)
    }

    /// Closings remembered for look-ups that were under way; more than these between a look-up and its answer refuse it.
    static let rememberedClosings = 128

    private var sessions: [PublishSessionID: Session] = [:]
    private var closings: [Closed] = []
    /// Counts closings; taken before a key is looked up.
    private(set) var revision = 0

    var count: Int { sessions.count }

    var publishers: [LivePublisher] { sessions.values.compactMap(\.publisher) }

    /// The newest of this person, should an older one still be ending.
    func publisher(of user: UserID) -> LivePublisher? {
        sessions.values.filter { $0.user == user }.compactMap(\.publisher).max { $0.begun < $1.begun }
    }

    subscript(id: PublishSessionID) -> Session? { sessions[id] }

    /// - Parameter revision: as it was before the key was looked up.
    /// - Returns: `false` when the key or its owner was closed since then: the answer is stale.
    mutating func insert(_ session: Session, since revision: Int) -> Bool {
        let missed = self.revision - revision
        guard missed <= closings.count else { return false }
        for closed in closings.suffix(missed) {
            switch closed {
            case .key(let key) where key == session.key: return false
            case .user(let user) where user == session.user: return false
            case .key, .user: continue
            }
        }
        sessions[session.id] = session
        return true
    }

    mutating func accepted(_ id: PublishSessionID, _ publisher: LivePublisher) {
        sessions[id]?.publisher = publisher
    }

    mutating func remove(_ id: PublishSessionID) { sessions[id] = nil }

    mutating func close(key: KeyID) -> [any PublisherConnection] {
        remember(.key(key))
        return sessions.values.filter { $0.key == key }.map(\.connection)
    }

    mutating func close(user: UserID) -> [any PublisherConnection] {
        remember(.user(user))
        return sessions.values.filter { $0.user == user }.map(\.connection)
    }

    private mutating func remember(_ closed: Closed) {
        revision += 1
        closings.append(closed)
        if closings.count > Self.rememberedClosings { closings.removeFirst() }
    }
}
