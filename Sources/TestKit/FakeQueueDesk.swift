package import Domain
import Synchronization

/// A queue in memory, for tests of whoever asks a `QueueDesk`: shows what it is told to show, and skips.
package final class FakeQueueDesk: QueueDesk {
    private struct State {
        var view: QueueView
        var settings = QueueSettings()
        var watchers: [Int: AsyncStream<QueueView>.Continuation] = [:]
        var serial = 0
    }

    private let state: Mutex<State>

    package init(entries: [QueueView.Entry] = [], at: WallTime = WallTime(milliseconds: 1_800_000_000_000)) {
        let settings = QueueSettings()
        state = Mutex(
            State(
                view: QueueView(
                    channel: .main, version: 1, at: at, showing: entries.isEmpty ? .slate : .dj,
                    isOpen: settings.isOpen, slotSeconds: settings.slotSeconds, entries: entries)))
    }

    /// An entry with names only; on air when `remaining` is given.
    package static func entry(
        _ name: String, user: UserID = .random(), onAir: Bool = false, remaining: Double? = nil, missing: [String] = [],
        connected: Bool = true, at: WallTime = WallTime(milliseconds: 1_800_000_000_000)
    ) -> QueueView.Entry {
        QueueView.Entry(
            id: .random(), user: user, name: name, state: onAir ? .onAir : .waiting, connected: connected,
            ready: missing.isEmpty && connected, missing: missing, joinedAt: at,
            graceUntil: connected ? nil : at + .seconds(60), onAirSince: onAir ? at : nil, remainingSeconds: remaining)
    }

    /// How many follow the queue live.
    package var watcherCount: Int { state.withLock { $0.watchers.count } }
    package var settings: QueueSettings { state.withLock { $0.settings } }

    /// Changes the view and tells everybody.
    package func update(_ change: (inout QueueView) -> Void) {
        let (view, watchers) = state.withLock { state in
            change(&state.view)
            state.view.version += 1
            return (state.view, Array(state.watchers.values))
        }
        for watcher in watchers { watcher.yield(view) }
    }

    package func view(of channel: ChannelName) async throws(QueueCommandError) -> QueueView {
        guard channel == .main else { throw .unknownChannel }
        return state.withLock { $0.view }
    }

    package func views(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<QueueView> {
        guard channel == .main else { throw .unknownChannel }
        let (stream, continuation) = AsyncStream<QueueView>.makeStream(bufferingPolicy: .bufferingNewest(1))
        state.withLock { state in
            state.serial += 1
            let number = state.serial
            state.watchers[number] = continuation
            continuation.yield(state.view)
            continuation.onTermination = { [weak self] _ in
                self?.state.withLock { $0.watchers[number] = nil }
            }
        }
        return stream
    }

    package func skip(_ channel: ChannelName, entry: EntryID?) async throws(QueueCommandError) -> QueueView {
        let head = try await view(of: channel).entries.first { $0.state == .onAir }
        guard let head else { throw .nobodyOnAir }
        if let entry, entry != head.id { throw .unknownEntry }
        update { view in
            view.entries.removeAll { $0.id == head.id }
            if view.entries.isEmpty {
                view.showing = .slate
            } else {
                view.entries[0].state = .onAir
                view.entries[0].remainingSeconds = view.slotSeconds.map { Double($0) }
            }
        }
        return try await view(of: channel)
    }

    package func change(
        _ channel: ChannelName, settings change: @escaping @Sendable (inout QueueSettings) -> Void
    ) async throws(QueueCommandError) -> QueueView {
        let settings = state.withLock { state in
            change(&state.settings)
            return state.settings
        }
        update { view in
            view.slotSeconds = settings.slotSeconds
            view.isOpen = settings.isOpen
        }
        return try await view(of: channel)
    }
}
