/// The acts that the queue knows already; goes when `QueueDesk` has them all itself.
extension QueueDesk {
    package func perform(
        _ command: QueueCommand, on channel: ChannelName
    ) async throws(QueueCommandError) -> QueueView {
        if let version = command.expectedVersion {
            let present = try await view(of: channel)
            guard present.version == version else { throw .versionConflict(present: present) }
        }
        switch command.act {
        case .skip(let entry): return try await skip(channel, entry: entry)
        case .setOpen(let isOpen): return try await change(channel) { $0.isOpen = isOpen }
        case .setSlotLength(let seconds, _): return try await change(channel) { $0.slotSeconds = seconds }
        case .set(let texts):
            var checked = QueueSettings()
            for (name, text) in texts { try checked.set(name, to: text) }
            return try await change(channel) { settings in
                // Each was checked above; a value that is right alone is right in the settings as well.
                for (name, text) in texts { try? settings.set(name, to: text) }
            }
        default: throw .refused("The queue does not know this yet.")
        }
    }

    package func settings(of channel: ChannelName) async throws(QueueCommandError) -> QueueSettings {
        let view = try await view(of: channel)
        return QueueSettings(slotSeconds: view.slotSeconds, isOpen: view.isOpen)
    }

    package func events(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<EventRecord> {
        _ = try await view(of: channel)
        return AsyncStream { _ in }
    }
}

extension QueueSettings {
    package var blocksAfterTurn: Bool { false }
}
