import Domain
import ServiceLifecycle
import Synchronization

/// The listings in memory: asked for without the database, and the delivery told what they say of regions. Follows every change,
/// whoever makes it. Any thread.
final class HeldListings: ListingStore, Service {
    private struct State {
        var listings: [ChannelName: ChannelListing]
        /// Readings of the store that were begun, and the newest that counts: one that took long brings nothing old back.
        var begun = 0
        var newest = 0
    }

    private static let retryPause: Duration = .seconds(1)

    private let store: any ListingStore
    private let regions: ChannelRegions
    private let timer: any Clock<Duration>
    private let changes: @Sendable () async -> any AsyncSequence<Void, Never> & Sendable
    private let state: Mutex<State>

    /// - Parameters:
    ///   - regions: set from here on.
    ///   - changes: an element whenever a listing may have changed; returns once nothing is missed.
    /// - Throws: what the store throws.
    init(
        _ store: any ListingStore, regions: ChannelRegions, timer: any Clock<Duration> = ContinuousClock(),
        changes: @escaping @Sendable () async -> any AsyncSequence<Void, Never> & Sendable
    ) async throws {
        self.store = store
        self.regions = regions
        self.timer = timer
        self.changes = changes
        let first = try await store.listings()
        state = Mutex(State(listings: first))
        regions.set(first)
    }

    func run() async throws {
        // Cancelled by the graceful shutdown.
        try? await cancelWhenGracefulShutdown { [self] in
            let changes = await changes()
            try await follow()
            for await _ in changes { try await follow() }
        }
    }

    /// Reads until it could be read.
    /// - Throws: `CancellationError`.
    private func follow() async throws {
        while true {
            do {
                return try await refresh()
            } catch {
                // The database is away: what is held goes on.
                try await timer.sleep(for: Self.retryPause)
            }
        }
    }

    private func refresh() async throws {
        let turn = state.withLock { state in
            state.begun += 1
            return state.begun
        }
        let read = try await store.listings()
        state.withLock { state in
            guard turn > state.newest else { return }
            state.newest = turn
            state.listings = read
            regions.set(read)
        }
    }

    func listings() async throws -> [ChannelName: ChannelListing] { state.withLock { $0.listings } }

    /// In force when it returns.
    func setListing(_ listing: ChannelListing, of channel: ChannelName) async throws -> ChannelListing? {
        guard let before = try await store.setListing(listing, of: channel) else { return nil }
        // Lost: the store's own notice of the change comes as well.
        try? await refresh()
        return before
    }
}
