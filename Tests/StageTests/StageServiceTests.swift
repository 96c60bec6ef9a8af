import Cryptography
import Domain
import Logging
import OBSProtocol
import PostgresStore
import PostgresTestKit
import ServiceLifecycle
import Synchronization
import TestKit
import Testing

@testable import Stage

/// Studios as they run: a queue that is shown, a real database, an OBS in memory.
@Suite(.timeLimit(.minutes(2))) struct StageServiceTests {
    private struct SystemTime: WallClock {
        func now() -> WallTime {
            WallTime(milliseconds: 1_800_000_000_000) + (ContinuousClock.now - Self.start)
        }
        private static let start = ContinuousClock.now
    }

    private final class News: StudioNewsDesk {
        private let told = Mutex<[StudioNews]>([])
        var all: [StudioNews] { told.withLock { $0 } }
        func studioReported(_ news: StudioNews, on channel: ChannelName) { told.withLock { $0.append(news) } }
    }

    private struct World: Sendable {
        let studio = FakeStudio { $0.inputs = ["DJ": [:], "programme": [:]] }
        let queue = FakeQueueDesk()
        let news = News()
        let box = SecretBox(secret: Secret("a secret of the tests, long enough"))
        let store: PostgresStore
        let stage: StageService
        let desk: StudioService

        init(_ store: PostgresStore) {
            self.store = store
            stage = StageService(
                store: store, dialer: studio, sealing: box, queue: queue, news: news, clock: SystemTime(),
                logger: TestDatabase.logger
            ) {
                store.listen().compactMap { if case .studioChanged = $0 { () } else { nil } }
            }
            desk = StudioService(store: store, dialer: studio, sealing: box, clock: SystemTime(), stage: stage)
        }

        func waitUntil(_ condition: () async throws -> Bool, _ what: String) async throws {
            for _ in 0..<1500 {
                if try await condition() { return }
                try await Task.sleep(for: .milliseconds(10))
            }
            Issue.record("\(what) did not come: \(studio.now.scene) \(studio.doings)")
        }
    }

    private static let actor = Actor(kind: .commandLine, id: nil, name: "tests")

    private func draft() -> StudioDraft {
        var draft = StudioDraft()
        draft.name = "studio"
        draft.host = "obs.example.org"
        draft.password = Secret("TOP-SECRET")
        draft.presets = ["liveScene": "Live", "slateScene": "Slate", "djText": "DJ", "restartMedia": "programme"]
        return draft
    }

    private func run(_ body: @Sendable (World) async throws -> Void) async throws {
        let store = PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        let world = World(store)
        let services = ServiceGroup(
            configuration: .init(
                services: [.init(service: store), .init(service: world.stage)], logger: TestDatabase.logger))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let result: Result<Void, any Error>
            do {
                try await body(world)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
            try result.get()
        }
    }

    private func show(_ name: String?, in world: World) {
        world.queue.update { view in
            view.showing = name == nil ? .slate : .dj
            view.entries = name.map { [FakeQueueDesk.entry($0, onAir: true, remaining: 60)] } ?? []
        }
    }

    @Test func aStudioThatIsMadeFollowsAndOneThatIsRemovedDoesNot() async throws {
        try await run { world in
            let made = try await world.desk.create(draft(), by: Self.actor)
            try await world.waitUntil({ world.studio.now.scene == "Slate" }, "the slate's scene")
            show("DJ A", in: world)
            try await world.waitUntil({ world.studio.now.scene == "Live" }, "the live scene")
            #expect(world.studio.now.inputs["DJ"]?["text"] == .string("DJ A"))
            try await world.waitUntil(
                { try await world.desk.studio(made.studio.id).situation?.state == .fine }, "a fine situation")
            #expect(world.studio.doings.count { $0.hasPrefix("Trigger") } == 1)
            #expect(world.news.all.first == .connected(name: "studio"))
            let stored = try #require(try await world.store.studio(made.studio.id))
            #expect(!String(decoding: stored.sealed ?? [], as: UTF8.self).contains("TOP-SECRET"))
            #expect(try world.box.open(stored.sealed ?? [], for: stored.studio.sealingPurpose) == Secret("TOP-SECRET"))
            try await world.desk.remove(made.studio.id, by: Self.actor)
            try await world.waitUntil({ world.stage.situation(of: made.studio.id) == nil }, "the end")
            world.studio.change { $0.batches = [] }
            show("DJ B", in: world)
            try await Task.sleep(for: .milliseconds(50))
            #expect(world.studio.now.batches.isEmpty)
        }
    }

    @Test func anOBSThatWentAwayIsAsItShouldBeSoonAfterItsReturnWithoutAnyStaleAct() async throws {
        try await run { world in
            _ = try await world.desk.create(draft(), by: Self.actor)
            show("DJ A", in: world)
            try await world.waitUntil({ world.studio.now.scene == "Live" }, "the live scene")
            world.studio.drop(failure: .unreachable)
            try await world.waitUntil(
                { try await world.desk.studio(named: "studio").situation?.state == .away }, "the loss")
            for number in 0..<50 { show(number.isMultiple(of: 2) ? nil : "DJ \(number)", in: world) }
            show("DJ Z", in: world)
            world.studio.change { state in
                state.scene = "Boot"
                state.inputs["DJ"] = [:]
                state.batches = []
                state.notReadyBatches = 2
                state.failure = nil
            }
            let begin = ContinuousClock.now
            try await world.waitUntil(
                { world.studio.now.scene == "Live" && world.studio.now.inputs["DJ"]?["text"] == .string("DJ Z") },
                "what should be shown")
            #expect(ContinuousClock.now - begin < .seconds(6))
            #expect(!world.studio.doings.contains { $0.hasPrefix("Trigger") })
        }
    }

    @Test func theWrongPasswordIsToldAndAChangedOneIsTriedAtOnce() async throws {
        try await run { world in
            world.studio.change { $0.failure = .wrongPassword }
            let made = try await world.desk.create(draft(), by: Self.actor)
            try await world.waitUntil(
                { try await world.desk.studio(made.studio.id).situation?.state == .wrongPassword }, "the word of it")
            world.studio.change { $0.failure = nil }
            var change = StudioDraft()
            change.password = Secret("another")
            _ = try await world.desk.change(made.studio.id, change, by: Self.actor)
            try await world.waitUntil({ world.studio.now.scene == "Slate" }, "the slate's scene")
        }
    }

    @Test func testsDryRunsAndScreenshotsChangeNothing() async throws {
        try await run { world in
            var draft = draft()
            draft.isEnabled = false
            draft.presets?["liveScene"] = "Nowhere"
            let id = try await world.desk.create(draft, by: Self.actor).studio.id
            let test = try await world.desk.test(id)
            #expect(test.isConnected && test.missing == ["Nowhere"] && test.version == "29.0.2")
            #expect(try await world.desk.dryRun(id, kind: "onair.started").contains("Nowhere"))
            #expect(try await world.desk.screenshot(id).starts(with: [0xFF, 0xD8]))
            #expect(world.studio.doings == [] && world.studio.now.scene == "Boot")
            #expect(try await world.desk.studio(id).situation?.state == .off)
            await #expect(throws: StudioError.nameTaken) { try await world.desk.create(self.draft(), by: Self.actor) }
        }
    }

    @Test func whatIsWrongIsToldByItsField() async throws {
        let store = PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        let desk = World(store).desk
        let spoilers: [(String, (inout StudioDraft) -> Void)] = [
            ("host", { $0.host = "http://x/" }), ("port", { $0.port = 0 }), ("name", { $0.name = " x" }),
            ("requestsPerSecond", { $0.requestsPerSecond = 201 }), ("presets", { $0.presets = ["x": "y"] }),
            ("rules", { $0.rules = "[1]" }), ("channel", { $0.channel = "A B" }),
            ("channel", { $0.channel = "nowhere" }),
        ]
        for (field, spoil) in spoilers {
            var draft = draft()
            spoil(&draft)
            do throws(StudioError) {
                _ = try await desk.create(draft, by: Self.actor)
                Issue.record("\(field) was taken")
            } catch {
                guard case .invalid(field, _) = error else {
                    Issue.record("\(field): \(error)")
                    continue
                }
            }
        }
        await store.close()
    }
}
