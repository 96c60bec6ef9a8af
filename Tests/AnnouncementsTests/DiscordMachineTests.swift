import Domain
import Foundation
import TestKit
import Testing

@testable import Announcements

/// What a Discord channel is told, over simulated time.
struct DiscordMachineTests {
    /// A channel, a Discord that takes everything while it is up, and a clock.
    private struct Stage {
        var machine: DiscordMachine
        let target: Target
        var now = WallTime(milliseconds: 1_795_291_200_000)
        var sequence: Int64 = 0
        var isUp = true
        var isOpen = true
        var entries: [QueueView.Entry] = []
        var listeners: Int?
        var discordID: String?
        /// By id, in order of posting.
        var messages: [(id: String, body: DiscordMessage)] = []
        var requests = 0
        /// Events that were not read, because the loop waits to try again.
        var unread: [EventRecord] = []

        init(_ options: DiscordOptions = DiscordOptions()) {
            target = Target(
                id: .random(), name: "chat", kind: .discord, place: "https://discord.com", discord: options,
                createdAt: WallTime(milliseconds: 0))
            machine = DiscordMachine(target, memory: DiscordMemory())
        }

        mutating func happen(_ event: DomainEvent) {
            sequence += 1
            unread.append(
                EventRecord(
                    id: EventID(epoch: 1, sequence: sequence), channel: .main, kind: event.kind, version: sequence,
                    at: now,
                    payload: event.payload.json))
        }

        /// Reads, looks and sends as the runner does, second by second.
        mutating func pass(_ span: Duration) {
            let end = now + span
            while now < end {
                now = now + .seconds(1)
                guard isUp else { continue }
                unread.forEach { machine.absorb($0) }
                unread = []
                let view = QueueView(
                    channel: .main, version: sequence, at: now,
                    showing: entries.contains { $0.state == .onAir } ? .dj : .slate, isOpen: isOpen, slotSeconds: 3600,
                    entries: entries)
                machine.observe(
                    DiscordMachine.Facts(view: view, listeners: listeners, page: nil, nextDiscordID: discordID),
                    now: now)
                while let action = machine.nextAction(now: now) {
                    requests += 1
                    send(action)
                }
                // A crash at any moment changes nothing: what it knows is stored.
                let stored = try? JSONDecoder().decode(
                    DiscordMemory.self, from: JSONEncoder().encode(machine.memory))
                #expect(stored == machine.memory)
            }
        }

        private mutating func send(_ action: DiscordMachine.Action) {
            if let id = action.message, let index = messages.firstIndex(where: { $0.id == id }) {
                messages[index].body = action.body
                machine.done(action, id: id, now: now)
            } else {
                messages.append((String(1000 + messages.count), action.body))
                machine.done(action, id: messages.last?.id, now: now)
            }
        }

        mutating func restart() { machine = DiscordMachine(target, memory: machine.memory) }

        var said: [String] { messages.map { $0.body.title ?? $0.body.content ?? "" } }
        func field(_ name: String) -> String? { messages.last?.body.fields.first { $0.name == name }?.value }

        mutating func goOnAir(_ dj: (id: EntryID, name: String), remaining: Double = 3600) {
            entries.removeAll { $0.id == dj.id }
            entries.insert(Self.entry(dj, .onAir, since: now, remaining: remaining), at: 0)
            happen(.onAirStarted(entry: dj.id, name: dj.name))
        }

        mutating func leave(_ dj: (id: EntryID, name: String), _ reason: QueueEntry.EndReason) {
            entries.removeAll { $0.id == dj.id }
            happen(.onAirEnded(entry: dj.id, name: dj.name))
            happen(.queueLeft(entry: dj.id, name: dj.name, reason: reason))
        }

        mutating func wait(_ dj: (id: EntryID, name: String)) {
            entries.append(Self.entry(dj, .waiting, since: nil, remaining: nil))
            happen(.queueJoined(entry: dj.id, name: dj.name))
        }

        private static func entry(
            _ dj: (id: EntryID, name: String), _ state: QueueView.Entry.State, since: WallTime?, remaining: Double?
        ) -> QueueView.Entry {
            QueueView.Entry(
                id: dj.id, user: .random(), name: dj.name, state: state, connected: true, ready: true, missing: [],
                joinedAt: WallTime(milliseconds: 0), graceUntil: nil, onAirSince: since, remainingSeconds: remaining,
                clockRuns: state == .onAir)
        }
    }

    private let mira = (id: EntryID.random(), name: "Mira")
    private let noor = (id: EntryID.random(), name: "Noor")

    @Test func aSlotIsOneMessageThatLivesAndIsClosedWithTheReason() throws {
        var stage = Stage()
        stage.goOnAir(mira)
        stage.pass(.seconds(1))
        #expect(stage.messages.isEmpty)
        stage.pass(.seconds(4))
        #expect(stage.said == ["🔴 Mira is on air"])
        #expect(stage.field("Next up") == "nobody yet" && stage.field("Listeners") == nil)
        let start = stage.now
        #expect(stage.field("Until") != nil && stage.field("Since") == "<t:1795291200:t> (<t:1795291200:R>)")
        stage.wait(noor)
        stage.listeners = 41
        stage.pass(.seconds(20))
        #expect(stage.field("Next up") == "Noor" && stage.field("Listeners") == "41" && stage.messages.count == 1)
        let edits = stage.requests
        stage.pass(.seconds(30))
        #expect(stage.requests == edits, "what is shown already is not sent again")
        stage.now = start + .seconds(43 * 60)
        stage.leave(mira, .slotOver)
        stage.goOnAir(noor)
        stage.pass(.seconds(5))
        #expect(stage.said == ["Mira was on air for 43 min: the slot was over", "🔴 Noor is on air"])
        #expect(stage.machine.memory.channels["main"]?.slots.count == 1, "what is over is forgotten")
    }

    @Test func flappingIsOneMessage() {
        var stage = Stage()
        stage.goOnAir(mira)
        stage.pass(.seconds(5))
        let before = stage.requests
        for _ in 0..<20 {
            stage.happen(.djDropped(entry: mira.id, name: mira.name, until: stage.now))
            stage.happen(.onAirEnded(entry: mira.id, name: mira.name))
            stage.pass(.seconds(1))
            stage.happen(.djReturned(entry: mira.id, name: mira.name))
            stage.happen(.onAirStarted(entry: mira.id, name: mira.name))
            stage.pass(.seconds(1))
        }
        stage.pass(.seconds(10))
        #expect(stage.said == ["🔴 Mira is on air"])
        #expect(stage.requests - before <= 9, "at most one edit each 5 s")
    }

    @Test func anOutageOfAnHourLosesNothingTrueAndTellsNothingStale() {
        var stage = Stage()
        stage.goOnAir(mira)
        stage.pass(.seconds(10))
        stage.isUp = false
        var djs: [(id: EntryID, name: String)] = [mira]
        for number in 1...6 {
            stage.pass(.seconds(600))
            let dj = (id: EntryID.random(), name: "DJ \(number)")
            stage.happen(.onAirWarning(entry: djs[djs.count - 1].id, name: "", seconds: 60))
            stage.leave(djs[djs.count - 1], number == 1 ? .finished : .slotOver)
            stage.goOnAir(dj)
            stage.isOpen.toggle()
            stage.happen(.settingsChanged)
            djs.append(dj)
        }
        stage.pass(.seconds(20))
        stage.isUp = true
        stage.restart()
        stage.pass(.seconds(30))
        #expect(stage.said == ["Mira was on air for 10 min: they finished", "🔴 DJ 6 is on air"])
        // Closed and opened again three times: open it was, open it is.
        #expect(stage.isOpen)
    }

    @Test func whatIsTrueAfterAnOutageIsSaidThoughItHappenedInIt() {
        var stage = Stage()
        stage.pass(.seconds(5))
        stage.isUp = false
        stage.isOpen = false
        stage.happen(.settingsChanged)
        stage.pass(.seconds(3600))
        stage.isUp = true
        stage.pass(.seconds(10))
        #expect(stage.said == ["The queue of main is closed: nobody can join now."])
        stage.isOpen = true
        stage.pass(.seconds(20))
        #expect(stage.said == ["The queue of main is open: DJs can join."], "soon after it is the same message")
        stage.pass(.seconds(900))
        stage.isOpen = false
        stage.pass(.seconds(20))
        #expect(stage.said.count == 2)
    }

    @Test func theNextOneIsToldOnceAndMentionedOnlyWhenLinked() throws {
        var stage = Stage()
        stage.goOnAir(mira, remaining: 290)
        stage.wait(noor)
        stage.pass(.seconds(5))
        stage.happen(.onAirWarning(entry: mira.id, name: mira.name, seconds: 300))
        stage.pass(.seconds(5))
        stage.happen(.onAirWarning(entry: mira.id, name: mira.name, seconds: 60))
        stage.pass(.seconds(5))
        #expect(stage.said.last == "Noor, you are next on main: about 5 min to go." && stage.messages.count == 2)
        #expect(stage.messages[1].body.mentions.isEmpty)
        let lena = (id: EntryID.random(), name: "Lena")
        stage.entries.removeLast()
        stage.wait(lena)
        stage.discordID = "12345678901"
        stage.happen(.onAirWarning(entry: mira.id, name: mira.name, seconds: 60))
        stage.pass(.seconds(5))
        #expect(stage.said.last == "<@12345678901>, you are next on main: about 5 min to go.")
        #expect(stage.messages[2].body.mentions == ["12345678901"])
    }

    @Test func switchesAndTemplatesAreHeeded() {
        var stage = Stage(DiscordOptions(topics: [.queue], templates: ["queueClosed": "Zu: {channel}"]))
        stage.goOnAir(mira)
        stage.pass(.seconds(10))
        stage.isOpen = false
        stage.pass(.seconds(10))
        #expect(stage.said == ["Zu: main"])
    }

    @Test func whatSomebodyDeletedThereIsLeftAlone() {
        var stage = Stage()
        stage.goOnAir(mira)
        stage.pass(.seconds(5))
        stage.listeners = 3
        stage.now = stage.now + .seconds(10)
        let facts = DiscordMachine.Facts(
            view: QueueView(
                channel: .main, version: 1, at: stage.now, showing: .dj, isOpen: true, slotSeconds: nil,
                entries: stage.entries),
            listeners: 3, page: nil, nextDiscordID: nil)
        stage.machine.observe(facts, now: stage.now)
        guard let action = stage.machine.nextAction(now: stage.now) else {
            Issue.record("no edit")
            return
        }
        stage.machine.givenUp(action, now: stage.now)
        let requests = stage.requests
        stage.pass(.seconds(200))
        stage.leave(mira, .finished)
        stage.pass(.seconds(20))
        #expect(stage.requests == requests)
    }

    @Test func aTargetThatBeginsInTheMidstOfASlotTellsIt() {
        var stage = Stage()
        stage.goOnAir(mira)
        stage.unread = []
        stage.pass(.seconds(5))
        #expect(stage.said == ["🔴 Mira is on air"])
        // And one whose end was never heard is closed by what is seen.
        stage.entries = []
        stage.pass(.seconds(10))
        #expect(stage.said == ["Mira was on air for 0 min: the slot ended"])
    }

    @Test func theReasonIsWaitedForThoughTheQueueIsAheadOfItsEvents() {
        var stage = Stage()
        stage.goOnAir(mira)
        stage.pass(.seconds(5))
        stage.entries = []
        stage.pass(.seconds(3))
        stage.happen(.queueLeft(entry: mira.id, name: mira.name, reason: .skipped))
        stage.pass(.seconds(3))
        #expect(stage.said == ["Mira was on air for 0 min: an operator moved on"])
    }

    @Test func troubleOnAirIsToldWhenItLastsAndTakenBack() {
        var stage = Stage()
        func health(_ state: String, _ issues: [String]) -> EventRecord {
            .sample(
                900, "health.changed",
                payload: #"{"entry":"\#(mira.id)","name":"Mira","state":"\#(state)","issues":\#(issues)}"#,
                at: stage.now)
        }
        stage.goOnAir(mira)
        stage.pass(.seconds(5))
        stage.unread.append(health("bad", ["silentAudio"]))
        stage.pass(.seconds(2))
        stage.unread.append(health("good", []))
        stage.pass(.seconds(10))
        #expect(stage.messages.count == 1, "what passes at once is not told")
        stage.unread.append(health("bad", ["silentAudio", "frozenVideo"]))
        stage.pass(.seconds(10))
        #expect(stage.said.last == "⚠️ Mira on air: silent audio, frozen video")
        stage.unread.append(health("good", []))
        stage.pass(.seconds(10))
        #expect(stage.said.last == "✅ Mira on air: all fine again" && stage.messages.count == 2)
    }
}
