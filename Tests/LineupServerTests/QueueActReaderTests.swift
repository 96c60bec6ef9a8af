import ControlSocket
import Domain
import TestKit
import Testing

@testable import LineupServer

/// What the command line asks of a queue, and what the queue is told.
@Suite struct QueueActReaderTests {
    private static let now = WallTime(milliseconds: 1_800_000_000_000)
    private static let ada = FakeQueueDesk.entry("Ada", onAir: true, remaining: 60)
    private static let bob = FakeQueueDesk.entry("Bob")
    private static let twins = [FakeQueueDesk.entry("Cleo"), FakeQueueDesk.entry("CLEO")]

    private static func command(
        _ act: String, _ arguments: [String: String] = [:], accounts: FakeAccountDesk = FakeAccountDesk()
    ) async throws -> QueueCommand {
        let view = try await FakeQueueDesk(entries: [ada, bob] + twins).view(of: .main)
        return try await QueueActReader(arguments: arguments, present: view, accounts: accounts, now: now)
            .command(act)
    }

    @Test(arguments: ["1", "Bob", "bob", bob.id.description]) func entryIsChosenByPlaceNameOrID(text: String)
        async throws
    {
        #expect(try await Self.command("hold", ["entry": text]).act == .hold(Self.bob.id))
    }

    @Test func placeZeroIsOnAir() async throws {
        #expect(try await Self.command("remove", ["entry": "0"]).act == .remove(Self.ada.id))
    }

    @Test func ambiguousNameIsAnsweredWithTheChoices() async throws {
        let error = await #expect(throws: QueueCommandError.self) { try await Self.command("hold", ["entry": "cleo"]) }
        for twin in Self.twins { #expect(error?.sentence.contains(twin.id.description) == true) }
    }

    @Test func numberThatIsAPlaceAndANameIsAmbiguous() throws {
        var view = QueueView(
            channel: .main, version: 1, at: Self.now, showing: .dj, isOpen: true, slotSeconds: nil,
            entries: [FakeQueueDesk.entry("Ada"), FakeQueueDesk.entry("1")])
        #expect(throws: QueueCommandError.self) { try view.entry(chosenBy: "1") }
        view.entries.reverse()
        #expect(try view.entry(chosenBy: "1").name == "1")
        #expect(try view.entry(chosenBy: "2").name == "Ada")
        #expect(throws: QueueCommandError.unknownEntry) { try view.entry(chosenBy: "3") }
    }

    @Test(arguments: [
        ("90", 90), ("90s", 90), ("-5m", -300), ("+5m", 300), ("2h", 7200), ("1d", 86_400), ("0", 0),
    ])
    func spanIsRead(text: String, seconds: Int) async throws {
        #expect(try await Self.command("extend", ["seconds": text]).act == .extend(nil, seconds: seconds))
    }

    @Test(arguments: ["", "m", "5x", "25h", "-2d", "99999999999999999999", "9223372036854775807d", "1.5h"])
    func nonsenseIsNoSpan(text: String) async throws {
        await #expect(throws: QueueCommandError.self) { try await Self.command("extend", ["seconds": text]) }
    }

    @Test func actsAreWhatTheyAreCalled() async throws {
        let accounts = FakeAccountDesk()
        let eve = try await accounts.create(
            SignUpForm(email: "eve@example.org", name: "Eve", password: Secret("a long password")), role: .dj)
        let asked: [(String, [String: String], QueueAct)] = [
            ("skip", [:], .skip(nil)), ("skip", ["entry": "0"], .skip(Self.ada.id)),
            ("move", ["entry": "Bob", "position": "2"], .move(Self.bob.id, to: 1)),
            ("put-on-air", ["entry": "Bob"], .putOnAir(Self.bob.id)),
            ("release", ["entry": "1"], .release(Self.bob.id)),
            ("remaining", ["seconds": "10m"], .setRemaining(nil, seconds: 600)),
            ("ban", ["user": "Eve"], .ban(eve.id, until: nil, reason: nil)),
            (
                "ban", ["user": "eve@example.org", "seconds": "2h", "reason": "x"],
                .ban(eve.id, until: Self.now + .seconds(7200), reason: "x")
            ),
            ("unban", ["user": eve.id.description], .unban(eve.id)), ("unblock", ["user": "Eve"], .unblock(eve.id)),
            ("user-slot", ["user": "Eve", "seconds": "none"], .setUserSlot(eve.id, seconds: nil)),
            ("user-slot", ["user": "Eve", "seconds": "30m"], .setUserSlot(eve.id, seconds: 1800)),
            ("open", [:], .setOpen(true)), ("close", [:], .setOpen(false)),
            ("auto-advance", ["enabled": "off"], .setAutoAdvance(false)),
            ("clear", [:], .clear(includingOnAir: false)),
            ("clear", ["includingOnAir": "on"], .clear(includingOnAir: true)),
            ("set", ["set.slotLength": "30m", "actor": "x"], .set(["slotLength": "30m"])),
        ]
        for (act, arguments, expected) in asked {
            #expect(try await Self.command(act, arguments, accounts: accounts).act == expected)
        }
    }

    @Test func whatIsMissingOrUnknownIsRefused() async throws {
        for (act, arguments) in [
            ("dance", [:]), ("remove", [:]), ("remove", ["entry": "Nobody"]), ("move", ["entry": "Bob"]),
            ("move", ["entry": "Bob", "position": "0"]), ("skip", ["ifVersion": "x"]),
        ] as [(String, [String: String])] {
            await #expect(throws: QueueCommandError.self, "\(act)") { try await Self.command(act, arguments) }
        }
        await #expect(throws: AccountError.unknownUser) { try await Self.command("ban", ["user": "Nobody"]) }
    }

    @Test func olderVersionIsAConflictBeforeAnythingIsLookedUp() async throws {
        let error = await #expect(throws: QueueCommandError.self) {
            try await Self.command("remove", ["entry": "Nobody", "ifVersion": "7"])
        }
        #expect(error?.sentence == "the queue has moved since: its version is 1; `lineup queue list` shows it")
        #expect(try await Self.command("skip", ["ifVersion": "1"]).expectedVersion == 1)
    }

    @Test func shellsUserIsTheActor() async throws {
        let actor = try await Self.command("skip", ["actor": "root"]).actor
        #expect(actor == Actor(kind: .commandLine, id: nil, name: "root"))
    }

    @Test func answersGoThroughTheDesk() async throws {
        let queue = FakeQueueDesk(entries: [Self.ada, Self.bob])
        let answers = ControlAnswers(queue: queue, accounts: FakeAccountDesk(), clock: FakeWallClock())
        let list = await answers.answer(ControlRequest(command: "queue.list", channel: "main"))
        guard case .result(let json) = list else {
            Issue.record("no result")
            return
        }
        #expect(json.contains(#""name":"Ada""#))
        for (request, sentence) in [
            (ControlRequest(command: "queue.list", channel: "UP"), "no channel 'UP'"),
            (ControlRequest(command: "queue.list", channel: "other"), "there is no such channel"),
            (
                ControlRequest(command: "dance", channel: "main"),
                "the server does not know 'dance': is it of this version?"
            ),
        ] {
            #expect(await answers.answer(request) == .failure(sentence))
        }
    }
}
