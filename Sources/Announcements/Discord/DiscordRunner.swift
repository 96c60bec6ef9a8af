import Domain
import Foundation
import Logging
private import Metrics

/// Keeps one Discord channel told: reads events, looks at what is true, sends what `DiscordMachine` decides. One task; ends as
/// `TargetRunner` does.
struct DiscordRunner: Sendable {
    private static let page = 500
    private static let longestDatabasePause: Duration = .seconds(5)
    private static let standbyPause: Duration = .seconds(3)

    private let target: Target
    private let url: Secret
    private let http: any OutboundHTTP
    private let gate: DiscordGate
    private let scene: any AnnouncementScene
    private let waker: Waker
    private let backing: TargetRunner.Backing
    private var machine: DiscordMachine
    private var delivery: DeliveryMachine

    init(
        _ stored: StoredTarget, url: Secret, http: any OutboundHTTP, gate: DiscordGate, scene: any AnnouncementScene,
        waker: Waker, backing: TargetRunner.Backing
    ) {
        target = stored.target
        self.url = url
        self.http = http
        self.gate = gate
        self.scene = scene
        self.waker = waker
        self.backing = backing
        delivery = DeliveryMachine(stored.progress, parkAfter: backing.parkAfter)
        let memory = stored.progress.memory.flatMap {
            // A memory that a newer binary wrote is forgotten: what is true is told anew.
            try? JSONDecoder().decode(DiscordMemory.self, from: Data($0.utf8))
        }
        machine = DiscordMachine(stored.target, memory: memory ?? DiscordMemory())
    }

    mutating func run() async {
        var databasePause: Duration = .milliseconds(250)
        while !Task.isCancelled {
            do {
                guard try await step() else { return }
                databasePause = .milliseconds(250)
            } catch {
                backing.logger.debug("outbox not read", metadata: [LogKey.error: "\(error)"])
                await backing.waker(waker, atMost: databasePause)
                databasePause = min(databasePause * 2, Self.longestDatabasePause)
            }
        }
    }

    private mutating func step() async throws -> Bool {
        let now = backing.clock.now()
        if let next = [delivery.progress.nextTry, gate.closedUntil(now: now)].compactMap({ $0 }).max(), next > now {
            // Cancelled: the loop sees it.
            try? await backing.timer.sleep(for: next - now)
            return true
        }
        guard let pending = try await backing.outbox.pending(for: target.id, limit: Self.page) else {
            await backing.waker(waker, atMost: Self.standbyPause)
            return true
        }
        // First all that happened: only then is it known what is still true.
        guard pending.isEmpty else { return try await absorb(pending) }
        for channel in try await backing.outbox.channels() { try await observe(channel) }
        guard let action = machine.nextAction(now: backing.clock.now()) else {
            guard try await write([:], []) else { return false }
            await rest()
            return true
        }
        return try await perform(action)
    }

    private func rest() async {
        let now = backing.clock.now()
        guard let due = machine.nextDue(now: now) else { return await waker.sleep() }
        await backing.waker(waker, atMost: max(.milliseconds(50), due - now))
    }

    private mutating func absorb(_ pending: PendingDeliveries) async throws -> Bool {
        var cursors: [ChannelName: EventID] = [:]
        for event in pending.events {
            machine.absorb(event)
            cursors[event.channel] = event.id
        }
        // Nothing of a Discord target is sent again; an order of an older time is dropped.
        return try await write(cursors, pending.replays.map(\.row))
    }

    private mutating func observe(_ channel: ChannelName) async throws {
        guard let view = await scene.view(of: channel) else { return }
        var facts = DiscordMachine.Facts(
            view: view, listeners: scene.listeners(of: channel), page: scene.watchPage(of: channel))
        if let next = facts.next { facts.nextDiscordID = try await backing.outbox.discordID(of: next.user) }
        machine.observe(facts, now: backing.clock.now())
    }

    private mutating func perform(_ action: DiscordMachine.Action) async throws -> Bool {
        guard let address = DiscordAddress(url) else {
            _ = delivery.gone("this is no Discord webhook's URL", now: backing.clock.now())
            _ = try await write([:], [])
            return false
        }
        let began = backing.clock.now()
        let timeout = delivery.patience == .brief ? DeliveryMachine.briefTimeout : DeliveryMachine.fullTimeout
        let request =
            action.message.map { Self.request(.patch, address.editing($0), action.body, timeout) }
            ?? Self.request(.post, address.posting, action.body, timeout)
        let answer: DiscordAnswer
        do throws(OutboundError) {
            answer = DiscordAnswer(try await http.send(request))
        } catch {
            answer = .failed(error.description)
        }
        guard !Task.isCancelled else { return false }
        return try await heed(answer, to: action, began: began, now: backing.clock.now())
    }

    private mutating func heed(
        _ answer: DiscordAnswer, to action: DiscordMachine.Action, began: WallTime, now: WallTime
    ) async throws -> Bool {
        var isOver = false
        switch answer {
        case .taken(let id, let pause):
            count("delivered")
            delivery.succeeded(1, now: now)
            machine.done(action, id: id, now: now)
            if let pause { delivery.pause(until: now + pause) }
        case .slowDown(let pause, let isGlobal):
            count("limited")
            gate.noteInvalid(now: now)
            if isGlobal { gate.close(until: now + pause) }
            delivery.pause(until: now + pause)
        case .messageGone:
            count("refused")
            machine.givenUp(action, now: now)
        case .refused(let reason):
            count("refused")
            machine.givenUp(action, now: now)
            if case .park = delivery.refused(reason, now: now) { isOver = true }
        case .webhookGone(let reason):
            count("failed")
            gate.noteInvalid(now: now)
            _ = delivery.gone(reason, now: now)
            isOver = true
        case .failed(let reason):
            count("failed")
            if delivery.progress.failingSince == nil {
                backing.logger.warning(
                    "target does not take events",
                    metadata: [LogKey.target: "\(target.name)", LogKey.error: "\(reason)"])
            }
            if case .park = delivery.failed(reason, began: began, now: now, chance: .random(in: 0..<1)) {
                isOver = true
            }
        }
        if isOver {
            backing.logger.warning(
                "target parked",
                metadata: [
                    LogKey.target: "\(target.name)", LogKey.error: "\(delivery.progress.parkedReason ?? "")",
                ])
        }
        return try await write([:], []) && !isOver
    }

    /// - Returns: `false` when the target was changed since, or removed.
    private mutating func write(_ cursors: [ChannelName: EventID], _ replays: [Int64]) async throws -> Bool {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        delivery.remember(String(decoding: try encoder.encode(machine.memory), as: UTF8.self))
        let report = DeliveryReport(progress: delivery.progress, cursors: cursors, finishedReplays: replays)
        guard report != written else { return true }
        let isWritten = try await backing.outbox.report(report, of: target.id, version: target.version)
        written = report
        return isWritten
    }

    /// What the database has: the same is not written again.
    private var written: DeliveryReport?

    static func request(
        _ method: OutboundRequest.Method, _ url: Secret, _ message: DiscordMessage, _ timeout: Duration
    ) -> OutboundRequest {
        OutboundRequest(
            method: method, url: url, headers: [TargetHeader(name: "Content-Type", value: Secret("application/json"))],
            body: Array(message.json.utf8), timeout: timeout)
    }

    private func count(_ outcome: String) {
        Counter(label: "lineup_target_events_total", dimensions: [("target", target.name), ("outcome", outcome)])
            .increment()
    }
}
