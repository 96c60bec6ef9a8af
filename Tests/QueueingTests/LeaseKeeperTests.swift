import Domain
import Logging
import Queueing
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct LeaseKeeperTests {
    private let store = FakeLeaseStore()
    private let timer = FakeTimer()
    private let mine = InstanceID(high: 0, low: 1)
    private let other = InstanceID(high: 0, low: 2)

    private var keeper: LeaseKeeper {
        LeaseKeeper(
            channel: .main, instance: mine, store: store, timer: timer,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func takesAFreeChannelAtOnce() async throws {
        let keeper = keeper
        #expect(try await keeper.acquire() == 1)
        #expect(keeper.situation == .owner(epoch: 1))
    }

    @Test func standsByWhileAnotherOwnsTheChannelAndTakesItAfterwards() async throws {
        let keeper = keeper
        #expect(try await store.acquire(.main, as: other, for: .seconds(15)) == .owned(epoch: 1))
        async let epoch = keeper.acquire()
        for _ in 0..<3 {
            await timer.pass(LeaseKeeper.retryInterval)
            await timer.sleeping()
            guard case .standby(other, _) = keeper.situation else {
                Issue.record("it does not say that it stands by: \(keeper.situation)")
                return
            }
        }
        try await store.release(.main, as: other, epoch: 1)
        await timer.pass(LeaseKeeper.retryInterval)
        #expect(try await epoch == 2)
    }

    @Test func waitsForADatabaseThatIsAway() async throws {
        let keeper = keeper
        store.isAway = true
        async let epoch = keeper.acquire()
        await timer.sleeping()
        guard case .asking(.some) = keeper.situation else {
            Issue.record("it does not say why: \(keeper.situation)")
            return
        }
        store.isAway = false
        await timer.pass(LeaseKeeper.retryInterval)
        #expect(try await epoch == 1)
    }

    @Test func renewsUntilAnotherTakesTheChannel() async throws {
        let keeper = keeper
        let epoch = try await keeper.acquire()
        async let lost: Void = keeper.keep(epoch: epoch)
        for count in 1...3 {
            await timer.pass(LeaseKeeper.renewalInterval)
            await timer.sleeping()
            #expect(store.renewals == count)
        }
        try await store.release(.main, as: mine, epoch: epoch)
        #expect(try await store.acquire(.main, as: other, for: .seconds(15)) == .owned(epoch: 2))
        await timer.pass(LeaseKeeper.renewalInterval)
        try await lost
        #expect(keeper.situation == .asking(cause: nil))
    }

    @Test func staysTheOwnerWhileTheDatabaseIsAway() async throws {
        let keeper = keeper
        let epoch = try await keeper.acquire()
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await keeper.keep(epoch: epoch)
                    return false
                } catch {
                    return error is CancellationError
                }
            }
            store.isAway = true
            await timer.pass(LeaseKeeper.renewalInterval)
            for _ in 0..<30 { await timer.pass(LeaseKeeper.retryInterval) }
            await timer.sleeping()
            guard case .ownerUnrenewed(epoch, _) = keeper.situation else {
                Issue.record("it does not say that it cannot renew: \(keeper.situation)")
                return group.cancelAll()
            }
            store.isAway = false
            await timer.pass(LeaseKeeper.retryInterval)
            await timer.sleeping()
            #expect(keeper.situation == .owner(epoch: epoch))
            group.cancelAll()
            #expect(await group.next() == true)
        }
    }

    @Test func givesTheChannelBackAtAStop() async throws {
        let keeper = keeper
        await keeper.release(epoch: try await keeper.acquire())
        #expect(try await store.acquire(.main, as: other, for: .seconds(15)) == .owned(epoch: 2))
    }
}
