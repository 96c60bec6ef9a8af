import Domain
import Synchronization

/// Keys by their digest; can be away.
final class FakeKeyDirectory: KeyDirectory {
    struct Away: Error {}
    struct State {
        var owners: [[UInt8]: KeyOwner] = [:]
        var isAway = false
        var lookUps = 0
        var notedUses: [KeyID] = []
        var onLookUp: (@Sendable () -> Void)?
    }
    let state = Mutex(State())
    let (noted, noting) = AsyncStream.makeStream(of: KeyID.self)

    func owner(ofKeyDigest digest: [UInt8]) async throws -> KeyOwner? {
        let (owner, hook): (KeyOwner?, (@Sendable () -> Void)?) = try state.withLock { state in
            state.lookUps += 1
            guard !state.isAway else { throw Away() }
            return (state.owners[digest], state.onLookUp)
        }
        hook?()
        return owner
    }

    func noteUse(of key: KeyID) async throws {
        state.withLock { $0.notedUses.append(key) }
        noting.yield(key)
    }
}

/// A stand-in with the right length; what it is does not matter here.
struct FakeDigest: Digesting {
    func sha256(_ bytes: [UInt8]) -> [UInt8] { Array((bytes + Array(repeating: 0, count: 32)).prefix(32)) }
}

final class FakeQueueDoor: QueueDoor {
    struct State {
        var refusal: PublishRefusal?
        var joined: [PublisherIdentity] = []
        var readiness: [Readiness] = []
        var silences: [Bool] = []
        var absences: [[Duration?]] = []
        var healths: [HealthSummary] = []
        var asked = 0
        var ended: [PublisherEnd] = []
    }
    let state = Mutex(State())

    func join(_ publisher: PublisherIdentity) async -> Result<EntryID, PublishRefusal> {
        state.withLock { state in
            state.asked += 1
            if let refusal = state.refusal { return .failure(refusal) }
            state.joined.append(publisher)
            return .success(.random())
        }
    }
    func readinessChanged(_ session: PublishSessionID, to readiness: Readiness) {
        state.withLock { $0.readiness.append(readiness) }
    }
    func silenceChanged(_ session: PublishSessionID, isSilent: Bool) {
        state.withLock { $0.silences.append(isSilent) }
    }
    func mediaAbsent(_ session: PublishSessionID, picture: Duration?, sound: Duration?) {
        state.withLock { $0.absences.append([picture, sound]) }
    }
    func healthChanged(_ session: PublishSessionID, to health: HealthSummary) {
        state.withLock { $0.healths.append(health) }
    }
    func ended(_ session: PublishSessionID, how: PublisherEnd) { state.withLock { $0.ended.append(how) } }
}

final class FakeRack: InputRack {
    let lines = Mutex<[PublishSessionID: DelayLine]>([:])

    func attach(_ line: DelayLine, as session: PublishSessionID) { lines.withLock { $0[session] = line } }
    func detach(_ session: PublishSessionID) { lines.withLock { $0[session] = nil } }
}

final class FakeConnection: PublisherConnection {
    let attention = Mutex<[PublisherAttention]>([])
    func attentionChanged(_ change: PublisherAttention) { attention.withLock { $0.append(change) } }
    let reasons = Mutex<[String]>([])

    func close(reason: String) { reasons.withLock { $0.append(reason) } }
}

/// Monotonic nanoseconds that a test sets.
final class FakeMonotonicClock: Sendable {
    let time = Mutex<Int64>(1_000_000_000)

    var now: Int64 { time.withLock { $0 } }
    func set(_ value: Int64) { time.withLock { $0 = value } }
    func advance(_ span: Duration) { time.withLock { $0 += span.wholeNanoseconds } }
}
