import Domain
import Synchronization
import TestKit

/// A queue whose acts and events a test sees and gives. Shows what `FakeQueueDesk` shows; of the acts it knows what a skip and
/// the settings do, the others are noted and make a new version.
final class FakeSteeredQueue: QueueDesk {
    private struct State {
        var commands: [QueueCommand] = []
        var settings = QueueSettings()
        var failure: QueueCommandError?
        var readers: [AsyncStream<EventRecord>.Continuation] = []
    }

    private let shown = FakeQueueDesk()
    private let state = Mutex(State())

    var commands: [QueueCommand] { state.withLock { $0.commands } }
    var acts: [QueueAct] { commands.map(\.act) }
    var settings: QueueSettings { state.withLock { $0.settings } }

    /// The next act throws it.
    func fail(_ failure: QueueCommandError) { state.withLock { $0.failure = failure } }
    func update(_ change: (inout QueueView) -> Void) { shown.update(change) }

    /// Tells those who follow.
    func emit(_ event: EventRecord) {
        for reader in state.withLock({ $0.readers }) { reader.yield(event) }
    }

    /// Ends the streams, as for readers that are too slow.
    func endEvents() {
        for reader in state.withLock({ $0.readers }) { reader.finish() }
    }

    func view(of channel: ChannelName) async throws(QueueCommandError) -> QueueView {
        try await shown.view(of: channel)
    }

    func views(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<QueueView> {
        try await shown.views(of: channel)
    }

    func settings(of channel: ChannelName) async throws(QueueCommandError) -> QueueSettings {
        _ = try await view(of: channel)
        return settings
    }

    func events(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<EventRecord> {
        _ = try await view(of: channel)
        let (stream, continuation) = AsyncStream<EventRecord>.makeStream()
        state.withLock { $0.readers.append(continuation) }
        return stream
    }

    func perform(_ command: QueueCommand, on channel: ChannelName) async throws(QueueCommandError) -> QueueView {
        let present = try await view(of: channel)
        if let version = command.expectedVersion, version != present.version {
            throw .versionConflict(present: present)
        }
        let failure = state.withLock { state in
            state.commands.append(command)
            defer { state.failure = nil }
            return state.failure
        }
        if let failure { throw failure }
        try act(command.act, on: present)
        return try await view(of: channel)
    }

    private func act(_ act: QueueAct, on present: QueueView) throws(QueueCommandError) {
        switch act {
        case .skip(let entry):
            guard let head = present.entries.first(where: { $0.state == .onAir }) else { throw .nobodyOnAir }
            if let entry, entry != head.id { throw .unknownEntry }
            update { view in
                view.entries.removeAll { $0.id == head.id }
                if !view.entries.isEmpty { view.entries[0].state = .onAir }
            }
        case .set(let texts):
            var changed = settings
            for (name, text) in texts { try changed.set(name, to: text) }
            state.withLock { $0.settings = changed }
            update { view in
                view.slotSeconds = changed.slotSeconds
                view.isOpen = changed.isOpen
            }
        default: update { _ in }
        }
    }

    // Until the port has the acts alone.
    func skip(_ channel: ChannelName, entry: EntryID?) async throws(QueueCommandError) -> QueueView {
        throw .stopping
    }

    func change(
        _ channel: ChannelName, settings change: @escaping @Sendable (inout QueueSettings) -> Void
    ) async throws(QueueCommandError) -> QueueView {
        throw .stopping
    }
}
