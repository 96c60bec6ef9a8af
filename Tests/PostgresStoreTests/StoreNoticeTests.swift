import Domain
import PostgresTestKit
import ServiceLifecycle
import Testing

@testable import PostgresStore

@Suite(.timeLimit(.minutes(1))) struct StoreNoticeTests {
    /// A store that listens, another on the same database that writes, as a second process would.
    private func withStores(
        _ body: @Sendable (PostgresStore, _ writing: PostgresStore, _ raw: PostgresConnection) async throws -> Void
    ) async throws {
        let database = try await TestDatabase.make()
        let listening = PostgresStore(database, logger: TestDatabase.logger)
        let group = ServiceGroup(services: [listening], logger: TestDatabase.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            await listening.listening()
            do {
                try await body(
                    listening, PostgresStore(database, logger: TestDatabase.logger),
                    PostgresConnection(database, name: "test", logger: TestDatabase.logger))
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private func addKey(_ store: PostgresStore) async throws -> (UserID, KeyID) {
        let account = Account(
            id: .random(), email: "mira@example.org", name: "Mira", role: .dj, isDisabled: false,
            createdAt: WallTime(milliseconds: 0))
        try await store.insert(StoredAccount(account: account, passwordHash: Secret("none")))
        let info = StreamKeyInfo(
            id: .random(), label: "OBS", createdAt: account.createdAt, lastUsedAt: nil, revokedAt: nil)
        try await store.insertKey(info, digest: [UInt8](repeating: 1, count: 32), user: account.id)
        return (account.id, info.id)
    }

    private func databaseTime(_ connection: PostgresConnection) async throws -> WallTime {
        let text = try await connection.firstText("SELECT \(epochMilliseconds("now()"))")
        return WallTime(milliseconds: try #require(text.flatMap(Int64.init)))
    }

    @Test func tellsWhatAnotherProcessCommitted() async throws {
        try await withStores { listening, writing, raw in
            var notices = listening.listen().makeAsyncIterator()
            let (user, key) = try await addKey(writing)
            #expect(try await writing.revokeKey(key, of: user, at: WallTime(milliseconds: 1), successor: nil))
            #expect(await notices.next() == .keyRevoked(key))
            try await writing.commit(
                QueueTransition(
                    channel: .main, fromVersion: 0, version: 1, changed: [], settings: nil, events: [],
                    at: WallTime(milliseconds: 0)))
            #expect(await notices.next() == .queueChanged(.main))
            try await raw.execute("UPDATE users SET disabled_at = now()")
            #expect(await notices.next() == .accountDisabled(user))
            var listing = ChannelListing()
            listing.allowedRegions = ["GB"]
            #expect(try await writing.setListing(listing, of: .main) == ChannelListing())
            #expect(await notices.next() == .listingChanged(.main))
            // The same once more is no change.
            #expect(try await writing.setListing(listing, of: .main) == listing)
            try await raw.execute("UPDATE channels SET listing = NULL")
            #expect(await notices.next() == .listingChanged(.main))
        }
    }

    @Test func tellsAfterALossWhatHappenedMeanwhile() async throws {
        try await withStores { listening, writing, raw in
            let (user, key) = try await addKey(writing)
            var notices = listening.listen().makeAsyncIterator()
            // The key is revoked when nobody listens: its notice is sent to nobody.
            let now = try await databaseTime(raw)
            try await raw.execute(
                """
                SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                WHERE datname = current_database() AND query = 'LISTEN lineup'
                """)
            #expect(try await writing.revokeKey(key, of: user, at: now, successor: nil))
            var heard: [StoreNotice] = []
            while let notice = await notices.next() {
                heard.append(notice)
                if notice == .keyRevoked(key) { break }
            }
            #expect(heard.contains(.keyRevoked(key)))
        }
    }

    @Test func endsItsStreamsWhenItCloses() async throws {
        let store = PostgresStore(try await TestDatabase.make(), logger: TestDatabase.logger)
        let early = store.listen()
        await store.close()
        for await _ in early { Issue.record("there was nothing to tell") }
        for await _ in store.listen() { Issue.record("there was nothing to tell") }
    }

    @Test(arguments: ["", "key", "key 1", "user x", "queue ", "queue A B", "other 1", "key 11111111-1111"])
    func ignoresWhatItDoesNotKnow(payload: String) {
        #expect(StoreNotice(payload: payload) == nil)
    }
}
