import Domain
import PostgresTestKit
import TestKit
import Testing

@testable import PostgresStore

/// What every test of leases runs on: `count` servers on one database.
enum LeaseBackend: String, CaseIterable, Sendable {
    case fake, postgres

    func makeStores(_ count: Int) async throws -> [any LeaseStore] {
        switch self {
        case .fake: return Array(repeating: FakeLeaseStore(), count: count)
        case .postgres:
            let database = try await TestDatabase.make()
            return (0..<count).map { _ in PostgresStore(database, logger: TestDatabase.logger) }
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct LeaseTests {
    private let long = Duration.seconds(3600)

    @Test(arguments: LeaseBackend.allCases)
    func theFirstWhoAsksOwnsAChannelAndOthersAreToldUntilWhen(backend: LeaseBackend) async throws {
        let stores = try await backend.makeStores(2)
        let (one, two) = (InstanceID.random(), InstanceID.random())
        #expect(try await stores[0].acquire(.main, as: one, for: long) == .owned(epoch: 1))
        guard case .ownedByOther(let owner, let until) = try await stores[1].acquire(.main, as: two, for: long) else {
            Issue.record("two own one channel")
            return
        }
        #expect(owner == one)
        #expect(until > WallTime(milliseconds: 0))
    }

    @Test(arguments: LeaseBackend.allCases)
    func aRestartedInstanceRetakesItsOwnLeaseAtOnceInAHigherEpoch(backend: LeaseBackend) async throws {
        let stores = try await backend.makeStores(2)
        let instance = InstanceID.random()
        #expect(try await stores[0].acquire(.main, as: instance, for: long) == .owned(epoch: 1))
        #expect(try await stores[1].acquire(.main, as: instance, for: long) == .owned(epoch: 2))
        // The one that was thought dead finds out.
        #expect(try await !stores[0].renew(.main, as: instance, epoch: 1, for: long))
        #expect(try await stores[1].renew(.main, as: instance, epoch: 2, for: long))
    }

    @Test(arguments: LeaseBackend.allCases)
    func anotherTakesItAfterExpiryOrRelease(backend: LeaseBackend) async throws {
        let store = try await backend.makeStores(1)[0]
        let (one, two) = (InstanceID.random(), InstanceID.random())
        #expect(try await store.acquire(.main, as: one, for: .zero) == .owned(epoch: 1))
        // Over, but nobody took it: still ours.
        #expect(try await store.renew(.main, as: one, epoch: 1, for: .zero))
        #expect(try await store.acquire(.main, as: two, for: long) == .owned(epoch: 2))
        #expect(try await !store.renew(.main, as: one, epoch: 1, for: long))
        // The release of a lease that is lost changes nothing.
        try await store.release(.main, as: one, epoch: 1)
        guard case .ownedByOther = try await store.acquire(.main, as: one, for: long) else {
            Issue.record("a stale release freed the channel")
            return
        }
        try await store.release(.main, as: two, epoch: 2)
        #expect(try await store.acquire(.main, as: one, for: long) == .owned(epoch: 3))
    }

    @Test(arguments: LeaseBackend.allCases)
    func anUnknownChannelIsNobodys(backend: LeaseBackend) async throws {
        let store = try await backend.makeStores(1)[0]
        let other = try #require(ChannelName("other"))
        await #expect(throws: QueueStoreError.unknownChannel) {
            try await store.acquire(other, as: .random(), for: long)
        }
        #expect(try await !store.renew(other, as: .random(), epoch: 1, for: long))
    }

    /// I1's ground: whatever the interleaving, no epoch is given twice, and each instance's epochs rise.
    @Test(arguments: LeaseBackend.allCases)
    func noTwoOfManyEverOwnAChannelInOneEpoch(backend: LeaseBackend) async throws {
        let stores = try await backend.makeStores(6)
        let owned = try await withThrowingTaskGroup(of: [Int64].self) { group in
            for (number, store) in stores.enumerated() {
                group.addTask {
                    var epochs: [Int64] = []
                    let instance = InstanceID(high: 1, low: UInt64(number))
                    for round in 0..<40 {
                        // Leases that are over at once and leases that hold until they are let go.
                        let span: Duration = (round + number).isMultiple(of: 3) ? .zero : .seconds(3600)
                        guard case .owned(let epoch) = try await store.acquire(.main, as: instance, for: span) else {
                            continue
                        }
                        epochs.append(epoch)
                        if round.isMultiple(of: 2) {
                            _ = try await store.renew(.main, as: instance, epoch: epoch, for: span)
                        }
                        try await store.release(.main, as: instance, epoch: epoch)
                    }
                    return epochs
                }
            }
            return try await group.reduce(into: [[Int64]]()) { $0.append($1) }
        }
        for epochs in owned { #expect(epochs == epochs.sorted()) }
        let all = owned.flatMap { $0 }.sorted()
        #expect(all == Array(1...Int64(all.count)))
    }
}
