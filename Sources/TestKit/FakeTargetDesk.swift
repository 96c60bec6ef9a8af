package import Domain
private import Synchronization

/// Targets in memory, without rules or deliveries; remembers the drafts it was given.
package final class FakeTargetDesk: TargetDesk, DiscordLinks {
    private struct State {
        var targets: [TargetStatus] = []
        var drafts: [TargetDraft] = []
        var acts: [String] = []
        var failure: TargetError?
        var links: [UserID: String] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// What every call throws while it is set.
    package var failure: TargetError? {
        get { state.withLock { $0.failure } }
        set { state.withLock { $0.failure = newValue } }
    }
    package var drafts: [TargetDraft] { state.withLock { $0.drafts } }
    /// `park quiet by Ada`.
    package var acts: [String] { state.withLock { $0.acts } }

    package func targets() async throws(TargetError) -> [TargetStatus] {
        try check()
        return state.withLock { $0.targets }
    }

    package func target(_ id: TargetID) async throws(TargetError) -> TargetStatus {
        try check()
        guard let found = state.withLock({ $0.targets.first { $0.target.id == id } }) else { throw .unknown }
        return found
    }

    package func target(named name: String) async throws(TargetError) -> TargetStatus {
        guard let found = state.withLock({ $0.targets.first { $0.target.name == name } }) else { throw .unknown }
        return found
    }

    package func create(_ draft: TargetDraft, by actor: Actor) async throws(TargetError) -> MadeTarget {
        try check()
        let target = Target(
            id: .random(), name: draft.name ?? "", kind: draft.kind ?? .webhook, place: "https://example.org",
            filter: EventFilter(kinds: draft.kinds ?? []), batch: draft.batch ?? 1,
            headerNames: draft.headers?.map(\.name) ?? [], createdAt: WallTime(milliseconds: 0))
        let status = TargetStatus(target: target, progress: TargetProgress(), waiting: 0, failures: 0)
        state.withLock { state in
            state.drafts.append(draft)
            state.targets.append(status)
            state.acts.append("create \(target.name) by \(actor.name)")
        }
        return MadeTarget(status: status, secret: draft.secret == nil ? Secret("made-for-you-once") : nil)
    }

    package func change(
        _ id: TargetID, _ draft: TargetDraft, by actor: Actor
    ) async throws(TargetError) -> TargetStatus {
        let present = try await target(id)
        state.withLock { state in
            state.drafts.append(draft)
            state.acts.append("change \(present.target.name) by \(actor.name)")
        }
        return present
    }

    package func remove(_ id: TargetID, by actor: Actor) async throws(TargetError) {
        _ = try await target(id)
        state.withLock { state in state.targets.removeAll { $0.target.id == id } }
    }

    package func test(_ id: TargetID, by actor: Actor) async throws(TargetError) -> TargetTest {
        _ = try await target(id)
        return TargetTest(isDelivered: true, outcome: "It took the test event.", milliseconds: 3)
    }

    package func park(_ id: TargetID, reason: String, by actor: Actor) async throws(TargetError) -> TargetStatus {
        try note("park \(reason) by \(actor.name)")
        return try await target(id)
    }

    package func resume(_ id: TargetID, skipping: Bool, by actor: Actor) async throws(TargetError) -> TargetStatus {
        try note("resume skipping \(skipping) by \(actor.name)")
        return try await target(id)
    }

    package func replay(
        _ id: TargetID, channel: ChannelName, from first: EventID, through last: EventID, by actor: Actor
    ) async throws(TargetError) -> Int {
        _ = try await target(id)
        try note("replay \(channel) \(first) \(last) by \(actor.name)")
        return 2
    }

    package func failures(of id: TargetID) async throws(TargetError) -> [FailedDelivery] {
        _ = try await target(id)
        return [
            FailedDelivery(
                channel: .main, id: EventID(epoch: 1, sequence: 2), kind: "queue.left", at: WallTime(milliseconds: 0),
                error: "it answered 400")
        ]
    }

    package func discordID(of user: UserID) async throws -> String? { state.withLock { $0.links[user] } }

    package func linkDiscord(_ id: String?, to user: UserID, audit: AuditRecord) async throws {
        state.withLock { $0.links[user] = id }
    }

    private func note(_ act: String) throws(TargetError) {
        try check()
        state.withLock { $0.acts.append(act) }
    }

    private func check() throws(TargetError) {
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }
}
