import Domain
import NIOCore
import Synchronization
import WebServer

/// Tokens in memory; the text of one is `token-NAME`.
final class FakeTokenDesk: TokenDesk {
    private struct State {
        var tokens: [(info: APIToken, text: String)] = []
        var lookups = 0
        var failure: AccountError?
    }

    private let state = Mutex(State())

    /// How often a token was looked up.
    var lookups: Int { state.withLock { $0.lookups } }

    func fail(_ failure: AccountError?) { state.withLock { $0.failure = failure } }

    /// A token of a role, to send.
    func make(_ role: Role, name: String = "script") async throws -> String {
        try await createToken(name: name, role: role, by: Actor(kind: .commandLine, id: nil, name: "test"))
            .token.exposed
    }

    func createToken(name: String, role: Role, by actor: Actor) async throws(AccountError) -> IssuedToken {
        guard !name.isEmpty else { throw .invalid(field: "name", reason: "A token has a name.") }
        let info = APIToken(id: .random(), name: name, role: role, createdAt: WallTime(milliseconds: 1_800_000_000_000))
        return state.withLock { state in
            let text = "token-\(role.rawValue)-\(state.tokens.count)"
            state.tokens.append((info, text))
            return IssuedToken(info: info, token: Secret(text))
        }
    }

    func tokens() async throws(AccountError) -> [APIToken] { state.withLock { $0.tokens.map(\.info) } }

    func revokeToken(_ id: TokenID, by actor: Actor) async throws(AccountError) {
        let isKnown = state.withLock { state in
            let count = state.tokens.count
            state.tokens.removeAll { $0.info.id == id }
            return state.tokens.count < count
        }
        guard isKnown else { throw .unknownToken }
    }

    func token(_ secret: Secret) async throws(AccountError) -> APIToken? {
        let (token, failure) = state.withLock { state in
            state.lookups += 1
            return (state.tokens.first { $0.text == secret.exposed }?.info, state.failure)
        }
        if let failure { throw failure }
        return token
    }
}

/// Stored events in memory.
final class FakeEventLog: EventLog {
    struct Away: Error {}

    private let state = Mutex<(events: [EventRecord], isAway: Bool)>(([], false))

    func store(_ event: EventRecord) { state.withLock { $0.events.append(event) } }
    func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }
    /// Forgets what came before `id`.
    func prune(before id: EventID) { state.withLock { $0.events.removeAll { $0.id < id } } }

    func events(of channel: ChannelName, after id: EventID?, limit: Int) async throws -> [EventRecord] {
        try state.withLock { state in
            guard !state.isAway else { throw Away() }
            let later = state.events.filter { event in id.map { event.id > $0 } ?? true }
            return Array(later.sorted { $0.id < $1.id }.prefix(limit))
        }
    }
}

/// Past entries in memory.
final class FakeHistory: QueueHistory {
    private let entries = Mutex<[PastEntry]>([])

    func add(_ entry: PastEntry) { entries.withLock { $0.append(entry) } }

    func pastEntries(
        of channel: ChannelName, before cursor: HistoryCursor?, user: UserID?, limit: Int
    ) async throws -> [PastEntry] {
        let newest = entries.withLock { $0 }.sorted { ($0.endedAt, $0.id) > ($1.endedAt, $1.id) }
        let wanted = newest.filter { entry in
            (user == nil || entry.user == user)
                && (cursor.map { (entry.endedAt, entry.id) < ($0.endedAt, $0.id) } ?? true)
        }
        return Array(wanted.prefix(limit))
    }
}

/// The audit log in memory.
final class FakeAuditLog: AuditLog {
    private let stored = Mutex<[StoredAuditRecord]>([])

    func append(_ record: AuditRecord) async throws {
        stored.withLock { $0.append(StoredAuditRecord(id: Int64($0.count + 1), record: record)) }
    }

    func records(before: Int64?, limit: Int, channel: ChannelName?) async throws -> [StoredAuditRecord] {
        let newest = stored.withLock { $0 }.reversed().filter { line in
            (channel == nil || line.record.channel == channel) && (before.map { line.id < $0 } ?? true)
        }
        return Array(newest.prefix(limit))
    }
}

/// Past hand-overs in memory.
final class FakeHandoverLog: HandoverLog {
    private let stored = Mutex<[StoredHandover]>([])

    func keep(_ handover: HandoverEntry) {
        stored.withLock { $0.append(StoredHandover(id: Int64($0.count + 1), handover: handover)) }
    }

    func handovers(of channel: ChannelName, before: Int64?, limit: Int) async throws -> [StoredHandover] {
        let newest = stored.withLock { $0 }.reversed().filter { line in before.map { line.id < $0 } ?? true }
        return Array(newest.prefix(limit))
    }
}

/// The health of whom it is told.
final class FakeHealthDesk: StreamHealthDesk {
    let healths = Mutex<[UserID: StreamHealth]>([:])

    func health(of user: UserID) -> StreamHealth? { healths.withLock { $0[user] } }
}

/// Nobody tests.
struct NoRehearsals: RehearsalDesk {
    func rehearsal(of user: UserID) -> Rehearsal? { nil }
}

/// Publishers by their user, each with a still and levels.
final class FakePreviewDesk: StreamPreviewDesk {
    let stills = Mutex<[UserID: ByteBuffer]>([:])
    let listeners = Mutex<[UserID: AsyncStream<SoundLevels>.Continuation]>([:])
    let isFull = Mutex(false)

    func levels(of user: UserID) -> LevelsAnswer {
        if isFull.withLock({ $0 }) { return .full }
        guard stills.withLock({ $0[user] }) != nil else { return .nobody }
        let (stream, continuation) = AsyncStream.makeStream(of: SoundLevels.self)
        listeners.withLock { $0[user] = continuation }
        return .levels(stream)
    }

    func still(of user: UserID) async -> ByteBuffer? { stills.withLock { $0[user] } }
}

/// Listings in memory.
final class FakeListings: ListingStore {
    private let held = Mutex<[ChannelName: ChannelListing]>([:])
    func set(_ listing: ChannelListing, of channel: ChannelName = .main) { held.withLock { $0[channel] = listing } }
    func listings() async throws -> [ChannelName: ChannelListing] { held.withLock { $0 } }
    func setListing(_ listing: ChannelListing, of channel: ChannelName) async throws -> ChannelListing? {
        held.withLock { held in
            defer { held[channel] = listing }
            return held[channel] ?? ChannelListing()
        }
    }
}
