import Domain
import Testing

/// Every state × event, as lines: what stands before, what happens, what stands afterwards and what is to be done.
///
/// DJ 1 is in the state, DJ 2 waits ready, DJ 3 waits and is not ready (`QueueBench.line` says how they are written).
/// Actions: `>2` the programme is directed to DJ 2, `>-` to the slate, `x1` DJ 1's session is closed, `.` a move is stored.
@Suite struct QueueMachineTableTests {
    private enum State: String, CaseIterable {
        case empty, unready, ready, held, dropped, taken, shown, shownUnready, shownDropped, backUnready, called,
            overtime
    }

    private enum Event: String, CaseIterable {
        case joins, joinsAgain, ready, unready, stops, drops, lateStop, showsIt, showsSlate, dead, aMinute, anHour
        case skip, remove, moveLast, putOnAir, hold, release, extend, setRemaining, ban, clear
    }

    private static let settings = QueueSettings(slotSeconds: 600, endsDeadSlots: true)

    private func bench(_ state: State) throws -> QueueBench {
        var bench = QueueBench(settings: Self.settings)
        // Nobody is taken while the state is set up.
        try bench.act(.setAutoAdvance(false))
        guard state != .empty else {
            try bench.act(.setAutoAdvance(true))
            return bench
        }
        for number in 1...3 { bench.join(number) }
        bench.ready(2)
        switch state {
        case .empty, .unready: break
        case .ready: bench.ready(1)
        case .held:
            bench.ready(1)
            try bench.act(.hold(QueueBench.entry(1)))
        case .dropped: bench.end(1, .dropped)
        case .called: try bench.act(.putOnAir(QueueBench.entry(1)))
        case .taken, .shown, .shownUnready, .shownDropped, .backUnready, .overtime:
            bench.ready(1)
            try bench.act(.putOnAir(QueueBench.entry(1)))
            try showing(&bench, state)
        }
        // In these, DJ 1 waits behind nobody: the rule would take them or DJ 2 at once.
        let staysOff: Set<State> = [.unready, .ready, .held, .dropped, .overtime]
        if !staysOff.contains(state) { try bench.act(.setAutoAdvance(true)) }
        return bench
    }

    private func showing(_ bench: inout QueueBench, _ state: State) throws {
        guard state != .taken else { return }
        bench.shows(1)
        bench.wait(.seconds(state == .overtime ? 700 : 60))
        if state == .shownUnready { bench.unready(1) }
        guard state == .shownDropped || state == .backUnready else { return }
        bench.end(1, .dropped)
        bench.shows(nil)
        if state == .backUnready { bench.join(1, take: 1) }
    }

    private func play(_ event: Event, in bench: inout QueueBench) throws -> [QueueMachine.Action] {
        let take = bench.machine.entries.first { $0.name == "dj1" }?.session == QueueBench.session(1, take: 1) ? 1 : 0
        let entry = QueueBench.entry(1)
        switch event {
        case .joins: return bench.join(4).actions
        case .joinsAgain: return bench.join(1, take: 2).actions
        case .ready: return bench.ready(1, take: take)
        case .unready: return bench.unready(1, take: take)
        case .stops: return bench.end(1, take: take, .finished)
        case .drops: return bench.end(1, take: take, .dropped)
        case .lateStop: return bench.end(1, take: 9, .finished)
        case .showsIt: return bench.shows(1, take: take)
        case .showsSlate: return bench.shows(nil)
        case .dead:
            return bench.health(1, take: take, MediaHealth(silentSince: bench.now - .seconds(30)))
                + bench.wait(.seconds(20))
        case .aMinute: return bench.wait(.seconds(60))
        case .anHour: return bench.wait(.seconds(3600))
        case .skip: return try bench.act(.skip(nil))
        case .remove: return try bench.act(.remove(entry))
        case .moveLast: return try bench.act(.move(entry, to: 9))
        case .putOnAir: return try bench.act(.putOnAir(entry))
        case .hold: return try bench.act(.hold(entry))
        case .release: return try bench.act(.release(entry))
        case .extend: return try bench.act(.extend(nil, seconds: 60))
        case .setRemaining: return try bench.act(.setRemaining(entry, seconds: 30))
        case .ban: return try bench.act(.ban(QueueBench.user(1), until: nil, reason: nil))
        case .clear: return try bench.act(.clear(includingOnAir: true))
        }
    }

    private func text(_ actions: [QueueMachine.Action]) -> String {
        var parts: [String] = []
        for action in actions {
            switch action {
            case .direct(let order): parts.append(">" + (order.onAir.map { "\($0.low)" } ?? "-"))
            case .close(let session, _): parts.append("x\(session.low)")
            case .closePublisher(let user, _): parts.append("X\(user.low)")
            case .store: parts.append(".")
            case .heartbeat: break
            }
        }
        return parts.joined()
    }

    private func cell(_ state: State, _ event: Event) throws -> String {
        var bench = try bench(state)
        let before = bench.line
        let actions: String
        do {
            actions = text(try play(event, in: &bench))
        } catch let error as QueueCommandError {
            actions = "refused: " + name(error)
        }
        let after = bench.line == before ? "=" : "[\(bench.line)]"
        return "\(state.rawValue) [\(before)] \(event.rawValue) → \(after)" + (actions.isEmpty ? "" : " " + actions)
    }

    private func name(_ error: QueueCommandError) -> String {
        switch error {
        case .unknownEntry: "unknownEntry"
        case .nobodyOnAir: "nobodyOnAir"
        case .refused: "not now"
        case .unknownChannel, .invalidSetting, .stopping, .versionConflict: "\(error)"
        }
    }

    @Test(arguments: State.allCases) private func everyEventIn(state: State) throws {
        let lines = try Event.allCases.map { try cell(state, $0) }
        let expected = queueTable.split(separator: "\n").map(String.init).filter { $0.hasPrefix(state.rawValue + " ") }
        for (line, wanted) in zip(lines, expected) { #expect(line == wanted) }
        #expect(lines.count == expected.count, "\(lines.joined(separator: "\n"))")
    }
}
