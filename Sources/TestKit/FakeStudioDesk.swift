package import Domain
private import Synchronization

/// Studios in memory, without rules or connections; remembers the drafts it was given.
package final class FakeStudioDesk: StudioDesk {
    private struct State {
        var studios: [StudioStatus] = []
        var drafts: [StudioDraft] = []
        var failure: StudioError?
    }

    private let state = Mutex(State())

    package init() {}

    /// What every call throws while it is set.
    package var failure: StudioError? {
        get { state.withLock { $0.failure } }
        set { state.withLock { $0.failure = newValue } }
    }
    package var drafts: [StudioDraft] { state.withLock { $0.drafts } }

    package func studios() async throws(StudioError) -> [StudioStatus] {
        try check()
        return state.withLock { $0.studios }
    }

    package func studio(_ id: StudioID) async throws(StudioError) -> StudioStatus {
        try check()
        guard let found = state.withLock({ $0.studios.first { $0.studio.id == id } }) else { throw .unknown }
        return found
    }

    package func studio(named name: String) async throws(StudioError) -> StudioStatus {
        guard let found = state.withLock({ $0.studios.first { $0.studio.name == name } }) else { throw .unknown }
        return found
    }

    package func create(_ draft: StudioDraft, by actor: Actor) async throws(StudioError) -> StudioStatus {
        try check()
        var studio = Studio(
            id: .random(), name: draft.name ?? "", host: draft.host ?? "", port: draft.port ?? 4455,
            hasPassword: draft.password != nil, rules: draft.rules ?? "[]", createdAt: WallTime(milliseconds: 0))
        for (name, value) in draft.presets ?? [:] { studio.presets[name] = value }
        var situation = StudioSituation(state: .fine)
        situation.scene = "Live"
        let status = StudioStatus(studio: studio, situation: situation)
        state.withLock { state in
            state.drafts.append(draft)
            state.studios.append(status)
        }
        return status
    }

    package func change(
        _ id: StudioID, _ draft: StudioDraft, by actor: Actor
    ) async throws(StudioError) -> StudioStatus {
        state.withLock { $0.drafts.append(draft) }
        return try await studio(id)
    }

    package func remove(_ id: StudioID, by actor: Actor) async throws(StudioError) {
        _ = try await studio(id)
        state.withLock { state in state.studios.removeAll { $0.studio.id == id } }
    }

    package func test(_ id: StudioID) async throws(StudioError) -> StudioTest {
        _ = try await studio(id)
        return StudioTest(isConnected: true, outcome: "OBS answers.", version: "29.0.2", scenes: ["Live"])
    }

    package func dryRun(_ id: StudioID, kind: String) async throws(StudioError) -> String {
        _ = try await studio(id)
        return #"{"requestId":"dry-run","requests":[{"requestType":"\#(kind)"}]}"#
    }

    package func screenshot(_ id: StudioID) async throws(StudioError) -> [UInt8] {
        _ = try await studio(id)
        return [0xFF, 0xD8, 0xFF, 0xD9]
    }

    private func check() throws(StudioError) {
        if let failure { throw failure }
    }
}
