import Domain
import Testing

/// The first entry of a new DJ, where an operator lets them through.
@Suite struct NewDJTests {
    @Test func aNewDJBeginsHeldAndPlaysOnceReleased() throws {
        let now = WallTime(milliseconds: 1_800_000_000_000)
        var machine = QueueMachine(
            channel: .main, record: QueueRecord(version: 0, settings: QueueSettings(), entries: []), now: now)
        let (session, user, entry) = (PublishSessionID.random(), UserID.random(), EntryID.random())
        let publisher = PublisherIdentity(session: session, user: user, name: "Ada", isNew: true)
        _ = machine.joinRequested(publisher, newEntry: entry, now: now)
        _ = machine.readinessChanged(session, to: .ready, now: now)
        #expect(machine.view(now: now).entries.map(\.held) == [true])
        #expect(machine.view(now: now).entries.map(\.state) == [.waiting])
        let actor = Actor(kind: .commandLine, id: nil, name: "test")
        _ = try machine.perform(QueueCommand(act: .release(entry), actor: actor), now: now)
        #expect(machine.view(now: now).entries.map(\.state) == [.onAir])
    }
}
