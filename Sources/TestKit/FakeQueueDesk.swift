package import Domain
import Synchronization

/// A queue in memory, for tests of whoever asks a `QueueDesk`: shows what it is told to show, and skips.
package final class FakeQueueDesk: QueueDesk {
    private struct State {
        var view: QueueView
        var commands: [QueueCommand] = []
        var refusal: QueueCommandError?
        var eventReaders: [Int: AsyncStream<EventRecord>.Continuation] = [:]
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
    package var settings: QueueSettings { state.withLock { $0.view.settings } }
    /// How many follow the events.
    package var eventReaderCount: Int { state.withLock { $0.eventReaders.count } }
    /// What was asked and not refused, oldest first.
    package var commands: [QueueCommand] { state.withLock { $0.commands } }
    /// While set, every act is refused with it.
    package var refusal: QueueCommandError? {
        get { state.withLock { $0.refusal } }
        set { state.withLock { $0.refusal = newValue } }
    }

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

    /// Skips the one on air and keeps settings; any other act is kept in `commands` and changes nothing.
    package func perform(
        _ command: QueueCommand, on channel: ChannelName
    ) async throws(QueueCommandError) -> QueueView {
        let present = try await view(of: channel)
        if let expected = command.expectedVersion, expected != present.version {
            throw .versionConflict(present: present)
        }
        if let refusal = state.withLock({ $0.refusal }) { throw refusal }
        state.withLock { $0.commands.append(command) }
        var settings = present.settings
        switch command.act {
        case .skip(let entry): try skip(entry, of: present)
        case .set(let texts): for (name, text) in texts { try settings.set(name, to: text) }
        case .setOpen(let isOpen): settings.isOpen = isOpen
        case .setAutoAdvance(let advances): settings.autoAdvance = advances
        case .setSlotLength(let seconds, _): settings.slotSeconds = seconds
        case .emergency(let state): settings.output.emergency = state
        default: break
        }
        if let problem = settings.problem { throw .invalidSetting(problem) }
        if settings != present.settings {
            update { [settings] view in
                view.settings = settings
                view.slotSeconds = settings.slotSeconds
                view.isOpen = settings.isOpen
            }
        }
        return try await view(of: channel)
    }

    private func skip(_ entry: EntryID?, of view: QueueView) throws(QueueCommandError) {
        guard let head = view.entries.first(where: { $0.state == .onAir }) else { throw .nobodyOnAir }
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
    }

    package func settings(of channel: ChannelName) async throws(QueueCommandError) -> QueueSettings {
        try await view(of: channel).settings
    }

    package func events(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<EventRecord> {
        guard channel == .main else { throw .unknownChannel }
        let (stream, continuation) = AsyncStream<EventRecord>.makeStream(bufferingPolicy: .bufferingOldest(256))
        state.withLock { state in
            state.serial += 1
            let number = state.serial
            state.eventReaders[number] = continuation
            continuation.onTermination = { [weak self] _ in
                self?.state.withLock { $0.eventReaders[number] = nil }
            }
        }
        return stream
    }

    /// Ends everybody's events, as for readers that are too slow.
    package func endEvents() {
        let readers = state.withLock { Array($0.eventReaders.values) }
        for reader in readers { reader.finish() }
    }

    /// Sends an event to everybody who follows, as if its move had been committed.
    package func tell(_ record: EventRecord) {
        let readers = state.withLock { Array($0.eventReaders.values) }
        for reader in readers { reader.yield(record) }
    }
}
