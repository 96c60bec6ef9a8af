import Domain
import Foundation

/// Decides what a Discord channel is to be told. Pure: events, what is true now, and the time go in; at most one action at a time
/// comes out. It works towards what is true, so after an outage it closes what it had said and says only what still holds.
///
///     slot:  (nothing) ──on air for `settle`──▶ posted ──changes, at most each `editPause`──▶ edited … ──entry ended──▶ closed
struct DiscordMachine: Sendable {
    struct Action: Sendable, Equatable {
        enum Purpose: Sendable, Equatable {
            case slot(entry: String)
            case queue(isOpen: Bool)
            case headsUp(entry: String)
            case health(isFine: Bool)
        }

        var channel: ChannelName
        var purpose: Purpose
        /// The message to edit; `nil` posts a new one.
        var message: String?
        var body: DiscordMessage
    }

    /// What is true now in a channel.
    struct Facts: Sendable, Equatable {
        var view: QueueView
        var listeners: Int?
        var page: String?
        /// Of whoever is next, when they linked it.
        var nextDiscordID: String?
    }

    /// How long something must last before it is told: flapping comes to nothing.
    static let settle: Duration = .seconds(2)
    private static let noticeSettle: Duration = .seconds(5)
    /// Between two edits of a message.
    static let editPause: Duration = .seconds(5)
    /// Between two looks at the listeners while somebody is on air.
    static let refresh: Duration = .seconds(60)
    /// Within this a notice is edited rather than said anew.
    private static let sameNotice: Duration = .seconds(600)
    /// A heads-up that could not be sent for so long is not sent.
    private static let headsUpLife: Duration = .seconds(300)
    private static let maximumSlots = 20
    /// The queue is ahead of its stored events: what has left it is given so long to be told with its reason.
    private static let absence: Duration = .seconds(5)

    private(set) var memory: DiscordMemory
    private let target: Target
    private var facts: [String: Facts] = [:]
    /// Since when the queue is what it was not told to be.
    private var queueChangedAt: [String: WallTime] = [:]
    /// Since when slots that have not ended by the events are not in the queue.
    private var absentSince: [String: WallTime] = [:]

    init(_ target: Target, memory: DiscordMemory) {
        self.target = target
        self.memory = memory
    }

    private var topics: [DiscordOptions.Topic] { target.discord.topics }

    // MARK: What happened

    private struct Payload: Decodable {
        var entry: String?
        var name: String?
        var reason: String?
        var state: String?
        var issues: [String]?
        var missing: [String]?
    }

    mutating func absorb(_ event: EventRecord) {
        guard target.filter.matches(kind: event.kind, channel: event.channel),
            // Our own text, as it was stored; what cannot be read tells nothing.
            let payload = try? JSONDecoder().decode(Payload.self, from: Data(event.payload.utf8))
        else { return }
        var channel = memory.channels[event.channel.text] ?? .init()
        let at = event.at.milliseconds
        switch event.kind {
        case "onair.started":
            if let entry = payload.entry { Self.begin(entry, payload.name ?? "", at, &channel) }
        case "onair.ended": channel.update(payload.entry) { $0.isOffAir = true }
        case "dj.dropped": channel.update(payload.entry) { $0.isDropped = true }
        case "dj.returned": channel.update(payload.entry) { $0.isDropped = false }
        case "queue.left":
            channel.update(payload.entry) { slot in
                slot.endedAt = at
                slot.reason = payload.reason
            }
        case "onair.warning": channel.headsUp.wantedAt = at
        case "health.changed": Self.noteHealth(payload, at, &channel)
        case "onair.unhealthy": Self.note(payload.missing ?? [], payload, at, &channel)
        case "onair.healthy": channel.trouble = nil
        default: break
        }
        channel.forgetWhatIsOver()
        memory.channels[event.channel.text] = channel
    }

    private static func begin(_ entry: String, _ name: String, _ at: Int64, _ channel: inout DiscordMemory.Channel) {
        // What was wrong with another DJ's stream is of no interest any more.
        if channel.slots.last?.entry != entry {
            channel.trouble = nil
            channel.health = DiscordMemory.Notice()
        }
        if channel.slots.contains(where: { $0.entry == entry }) {
            channel.update(entry) { slot in
                slot.isOffAir = false
                slot.isDropped = false
            }
        } else {
            channel.slots.append(DiscordMemory.Slot(entry: entry, name: name, startedAt: at))
            channel.slots.removeFirst(max(0, channel.slots.count - maximumSlots))
        }
    }

    /// Only of who is on air: what those who wait have to mend they are told themselves.
    private static func noteHealth(_ payload: Payload, _ at: Int64, _ channel: inout DiscordMemory.Channel) {
        guard channel.slots.contains(where: { $0.entry == payload.entry && $0.endedAt == nil && !$0.isOffAir })
        else { return }
        guard payload.state == "bad" || payload.state == "noData" else {
            channel.trouble = nil
            return
        }
        note(payload.issues?.map(words(of:)) ?? [], payload, at, &channel)
    }

    private static func note(
        _ words: [String], _ payload: Payload, _ at: Int64, _ channel: inout DiscordMemory.Channel
    ) {
        if channel.trouble == nil { channel.troubleSince = at }
        channel.trouble = words.isEmpty ? "nothing arrives" : words.joined(separator: ", ")
        channel.troubleName = payload.name
    }

    /// `silentAudio` as "silent audio".
    private static func words(of issue: String) -> String {
        issue.reduce(into: "") { text, character in
            if character.isUppercase { text += " " }
            text += character.lowercased()
        }
    }

    // MARK: What is true

    /// Called once every event was absorbed.
    mutating func observe(_ seen: Facts, now: WallTime) {
        let name = seen.view.channel.text
        guard target.filter.matches(kind: "", channel: seen.view.channel) else { return }
        facts[name] = seen
        var channel = memory.channels[name] ?? .init()
        reconcile(&channel, with: seen.view, now)
        if channel.queue.told == nil { channel.queue.told = seen.view.isOpen }
        if channel.queue.told == seen.view.isOpen {
            queueChangedAt[name] = nil
        } else if queueChangedAt[name] == nil {
            queueChangedAt[name] = now
        }
        memory.channels[name] = channel
    }

    /// What the events did not tell (they were skipped, or no longer kept) the queue itself does.
    private mutating func reconcile(_ channel: inout DiscordMemory.Channel, with view: QueueView, _ now: WallTime) {
        let live = Set(view.entries.map(\.id.description))
        absentSince = absentSince.filter { entry, _ in channel.slots.contains { $0.entry == entry } }
        for index in channel.slots.indices where channel.slots[index].endedAt == nil {
            let entry = channel.slots[index].entry
            let since = live.contains(entry) ? nil : absentSince[entry] ?? now
            absentSince[entry] = since
            guard let since, now - since >= Self.absence else { continue }
            channel.slots[index].endedAt = since.milliseconds
        }
        if let onAir = view.entries.first(where: { $0.state == .onAir }), let since = onAir.onAirSince,
            view.showing == .dj, !channel.slots.contains(where: { $0.entry == onAir.id.description })
        {
            Self.begin(onAir.id.description, onAir.name, since.milliseconds, &channel)
        }
        for index in channel.slots.indices {
            let entry = view.entries.first { $0.id.description == channel.slots[index].entry }
            guard let entry, let remaining = entry.remainingSeconds else { continue }
            guard entry.clockRuns, remaining > 0 else { continue }
            let end = view.at.milliseconds + Int64(remaining * 1000)
            // A few seconds more or less are not worth an edit.
            if abs(end - (channel.slots[index].until ?? 0)) > 20_000 { channel.slots[index].until = end }
        }
        channel.forgetWhatIsOver()
    }

    // MARK: What to do

    /// The most urgent one; `nil` when all is said that can be said now.
    func nextAction(now: WallTime) -> Action? { plan(now).action }

    /// When to look again though nothing happens; `nil`: never.
    func nextDue(now: WallTime) -> WallTime? { plan(now).due }

    /// What to do now, or else the earliest time at which there may be something.
    private func plan(_ now: WallTime) -> (action: Action?, due: WallTime?) {
        var due: WallTime?
        func wait(until time: WallTime) { due = min(due ?? time, time) }
        for (name, channel) in memory.channels.sorted(by: { $0.key < $1.key }) {
            guard let channelName = ChannelName(name) else { continue }
            let steps = [
                slotStep(channelName, channel, now), headsUpStep(channelName, channel, now),
                healthStep(channelName, channel, now), queueStep(channelName, channel, now),
            ]
            for step in steps {
                switch step {
                case .act(let action): return (action, nil)
                case .wait(let time): wait(until: time)
                case .nothing: break
                }
            }
            if topics.contains(.slots), channel.slots.contains(where: { $0.endedAt == nil }) {
                wait(until: now + Self.refresh)
            }
        }
        for since in absentSince.values { wait(until: max(since + Self.absence, now + .seconds(1))) }
        return (nil, due)
    }

    private enum Step {
        case act(Action)
        case wait(WallTime)
        case nothing
    }

    private func slotStep(_ name: ChannelName, _ channel: DiscordMemory.Channel, _ now: WallTime) -> Step {
        guard topics.contains(.slots) else { return .nothing }
        var earliest: WallTime?
        for slot in channel.slots where !slot.message.isGivenUp {
            let body = slotMessage(name, slot)
            guard body.digest != slot.message.shown else { continue }
            let from: WallTime
            if let sent = slot.message.sentAt {
                // What has ended is closed at once: it is what people wait for.
                from = slot.endedAt == nil ? WallTime(milliseconds: sent) + Self.editPause : now
            } else {
                // Only what is on air now is worth a first word.
                guard slot.endedAt == nil, !slot.isOffAir, !slot.isDropped else { continue }
                from = WallTime(milliseconds: slot.startedAt) + Self.settle
            }
            guard now < from else {
                return .act(
                    Action(
                        channel: name, purpose: .slot(entry: slot.entry), message: slot.message.id, body: body))
            }
            earliest = min(earliest ?? from, from)
        }
        return earliest.map { .wait($0) } ?? .nothing
    }

    private func headsUpStep(_ name: ChannelName, _ channel: DiscordMemory.Channel, _ now: WallTime) -> Step {
        guard topics.contains(.headsUp), let wanted = channel.headsUp.wantedAt,
            now - WallTime(milliseconds: wanted) < Self.headsUpLife, let facts = facts[name.text],
            let next = facts.next, channel.headsUp.toldEntry != next.id.description,
            let onAir = facts.view.entries.first(where: { $0.state == .onAir }), let left = onAir.remainingSeconds
        else { return .nothing }
        let minutes = max(1, Int((left / 60).rounded()))
        var body = DiscordMessage()
        let id = facts.nextDiscordID
        let dj = id.map { "<@\($0)>" } ?? DiscordMessage.plain(next.name)
        body.content = DiscordSentence.headsUp.text(
            target.discord, ["dj": dj, "channel": name.text, "minutes": String(minutes)])
        body.mentions = id.map { [$0] } ?? []
        return .act(
            Action(channel: name, purpose: .headsUp(entry: next.id.description), message: nil, body: body))
    }

    private func healthStep(_ name: ChannelName, _ channel: DiscordMemory.Channel, _ now: WallTime) -> Step {
        let isFine = channel.trouble == nil
        guard topics.contains(.health), isFine != (channel.health.told ?? true) else { return .nothing }
        if !isFine, let since = channel.troubleSince {
            let from = WallTime(milliseconds: since) + Self.noticeSettle
            guard now >= from else { return .wait(from) }
        }
        var body = DiscordMessage()
        let sentence: DiscordSentence = isFine ? .healthyAgain : .unhealthy
        body.content = sentence.text(
            target.discord,
            [
                "dj": DiscordMessage.plain(channel.troubleName ?? "The programme"), "channel": name.text,
                "reason": DiscordMessage.plain(channel.trouble ?? ""),
            ])
        // All's well is said where the trouble was; a new trouble soon after, too.
        return notice(name, channel.health, .health(isFine: isFine), body, now)
    }

    private func queueStep(_ name: ChannelName, _ channel: DiscordMemory.Channel, _ now: WallTime) -> Step {
        guard topics.contains(.queue), let facts = facts[name.text], channel.queue.told != facts.view.isOpen,
            let since = queueChangedAt[name.text]
        else { return .nothing }
        guard now >= since + Self.noticeSettle else { return .wait(since + Self.noticeSettle) }
        let isOpen = facts.view.isOpen
        var body = DiscordMessage()
        let sentence: DiscordSentence = isOpen ? .queueOpened : .queueClosed
        body.content = sentence.text(target.discord, ["channel": name.text])
        return notice(name, channel.queue, .queue(isOpen: isOpen), body, now)
    }

    private func notice(
        _ name: ChannelName, _ said: DiscordMemory.Notice, _ purpose: Action.Purpose, _ body: DiscordMessage,
        _ now: WallTime
    ) -> Step {
        let sent = said.message.sentAt.map { WallTime(milliseconds: $0) }
        let isRecent = sent.map { now - $0 < Self.sameNotice } ?? false
        if let sent, isRecent, now < sent + Self.editPause { return .wait(sent + Self.editPause) }
        return .act(
            Action(
                channel: name, purpose: purpose, message: isRecent ? said.message.id : nil, body: body))
    }

    // MARK: What came of it

    /// Discord took it. `id` is the message's.
    mutating func done(_ action: Action, id: String?, now: WallTime) {
        update(action) { posted in
            posted.id = id ?? posted.id
            posted.shown = action.body.digest
            posted.sentAt = now.milliseconds
        }
    }

    /// Discord will not take it: the message was deleted there, or is not to its liking. It is left alone.
    mutating func givenUp(_ action: Action, now: WallTime) {
        update(action) { posted in
            posted.id = nil
            posted.isGivenUp = true
            posted.shown = action.body.digest
            posted.sentAt = now.milliseconds
        }
    }

    private mutating func update(_ action: Action, _ body: (inout DiscordMemory.Posted) -> Void) {
        var channel = memory.channels[action.channel.text] ?? .init()
        switch action.purpose {
        case .slot(let entry):
            channel.update(entry) { slot in
                body(&slot.message)
                slot.isClosed = slot.endedAt != nil
            }
        case .queue(let isOpen):
            body(&channel.queue.message)
            channel.queue.message.isGivenUp = false
            channel.queue.told = isOpen
        case .health(let isFine):
            body(&channel.health.message)
            channel.health.message.isGivenUp = false
            channel.health.told = isFine
        case .headsUp(let entry):
            channel.headsUp.toldEntry = entry
            channel.headsUp.wantedAt = nil
        }
        channel.forgetWhatIsOver()
        memory.channels[action.channel.text] = channel
    }

    // MARK: Words

    private func slotMessage(_ name: ChannelName, _ slot: DiscordMemory.Slot) -> DiscordMessage {
        let dj = DiscordMessage.plain(slot.name)
        var body = DiscordMessage()
        body.url = facts[name.text]?.page
        var values = ["dj": dj, "channel": name.text]
        if let ended = slot.endedAt {
            values["minutes"] = String(max(0, ended - slot.startedAt) / 60_000)
            values["reason"] = QueueEntry.EndReason.publicWords(slot.reason)
            body.title = DiscordSentence.ended.text(target.discord, values)
            body.color = 0x95A5A6
            return body
        }
        let isAway = slot.isDropped || slot.isOffAir
        body.title = (isAway ? DiscordSentence.away : .onAir).text(target.discord, values)
        body.color = isAway ? 0xE67E22 : 0x2ECC71
        // Discord shows these in each reader's own time, and counts by itself.
        body.fields.append(
            .init(name: "Since", value: "<t:\(slot.startedAt / 1000):t> (<t:\(slot.startedAt / 1000):R>)"))
        if let until = slot.until { body.fields.append(.init(name: "Until", value: "<t:\(until / 1000):R>")) }
        guard let facts = facts[name.text] else { return body }
        if let listeners = facts.listeners { body.fields.append(.init(name: "Listeners", value: String(listeners))) }
        body.fields.append(
            .init(name: "Next up", value: facts.next.map { DiscordMessage.plain($0.name) } ?? "nobody yet"))
        return body
    }
}

extension DiscordMachine.Facts {
    /// Who is next: the first who waits, is connected and not held.
    var next: QueueView.Entry? { view.entries.first { $0.state == .waiting && $0.connected && !$0.held } }
}

extension DiscordMemory.Channel {
    mutating func update(_ entry: String?, _ body: (inout DiscordMemory.Slot) -> Void) {
        guard let index = slots.firstIndex(where: { $0.entry == entry }) else { return }
        body(&slots[index])
    }

    /// What ended before anybody was told, and what was told to its end.
    mutating func forgetWhatIsOver() {
        slots.removeAll { slot in
            slot.endedAt != nil && (slot.message.sentAt == nil || slot.message.isGivenUp || slot.isClosed)
        }
    }
}
