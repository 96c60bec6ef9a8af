import Domain
import Synchronization
import TestKit
import Testing

@testable import LineupServer

@Suite(.timeLimit(.minutes(1))) struct HeldListingsTests {
    private final class Store: ListingStore {
        struct Away: Error {}
        let held = Mutex<[ChannelName: ChannelListing]>([:])
        let isAway = Mutex(false)
        /// Whether each reading brought something.
        let (readings, reading) = AsyncStream.makeStream(of: Bool.self)

        func listings() async throws -> [ChannelName: ChannelListing] {
            let isGone = isAway.withLock { $0 }
            reading.yield(!isGone)
            if isGone { throw Away() }
            return held.withLock { $0 }
        }

        func setListing(_ listing: ChannelListing, of channel: ChannelName) async throws -> ChannelListing? {
            if isAway.withLock({ $0 }) { throw Away() }
            return held.withLock { held in
                defer { held[channel] = listing }
                return channel == .main ? held[channel] ?? ChannelListing() : nil
            }
        }

        /// As another process would.
        func write(allowed: [String]) { held.withLock { $0[.main] = HeldListingsTests.listing(allowed) } }
    }

    private static func listing(_ allowed: [String]) -> ChannelListing {
        var listing = ChannelListing()
        listing.allowedRegions = allowed
        return listing
    }

    private let store = Store()
    private let regions = ChannelRegions()
    private let timer = FakeTimer()
    private let changes = AsyncStream.makeStream(of: Void.self)

    private func held() async throws -> HeldListings {
        try await HeldListings(store, regions: regions, timer: timer) { [stream = changes.stream] in stream }
    }

    private func isFor(_ code: String) -> Bool { regions.rule(of: .main)?.admits(Region(code)) ?? true }

    @Test func whatIsStoredHoldsFromTheStartAndWhatIsSetWhenTheAnswerComes() async throws {
        store.write(allowed: ["GB"])
        let listings = try await held()
        #expect(isFor("GB") && !isFor("US"))
        #expect(try await listings.setListing(Self.listing(["US"]), of: .main) == Self.listing(["GB"]))
        #expect(isFor("US") && !isFor("GB"))
        let now = try await listings.listings()
        #expect(now == [.main: Self.listing(["US"])])
        let other = try #require(ChannelName("other"))
        #expect(try await listings.setListing(ChannelListing(), of: other) == nil)
    }

    @Test func whatOthersWriteIsFollowedAndHoldsOnWhileTheDatabaseIsAway() async throws {
        let listings = try await held()
        var readings = store.readings.makeAsyncIterator()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await listings.run() }
            // At the start of `run`, for what was missed before it listened.
            for _ in 0..<2 { #expect(await readings.next() == true) }
            store.write(allowed: ["GB"])
            // By the second reading the first one is in force.
            for _ in 0..<2 { changes.continuation.yield() }
            for _ in 0..<2 { #expect(await readings.next() == true) }
            #expect(isFor("GB") && !isFor("US"))

            store.isAway.withLock { $0 = true }
            store.write(allowed: [])
            changes.continuation.yield()
            #expect(await readings.next() == false)
            await timer.sleeping()
            #expect(isFor("GB") && !isFor("US"))
            let present = try await listings.listings()
            #expect(present == [.main: Self.listing(["GB"])])
            await #expect(throws: Store.Away.self) { try await listings.setListing(ChannelListing(), of: .main) }
            store.isAway.withLock { $0 = false }
            await timer.pass(.seconds(1))
            changes.continuation.yield()
            for _ in 0..<2 { #expect(await readings.next() == true) }
            #expect(isFor("US") && regions.rule(of: .main) == nil)
            group.cancelAll()
        }
    }
}
