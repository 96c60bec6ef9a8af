package import Domain
import Logging

/// Makes, changes, tests and removes targets, for the API and the command line. Holds no state: the store does.
package struct TargetService: TargetDesk {
    private let store: any TargetStore
    private let sinks: SinkMaker
    private let random: any RandomBytes
    private let clock: any WallClock

    package init(
        store: any TargetStore, outside: AnnouncementsOutside, random: any RandomBytes, clock: any WallClock,
        timer: any Clock<Duration> = ContinuousClock()
    ) {
        self.store = store
        self.random = random
        self.clock = clock
        sinks = SinkMaker(outside: outside, clock: clock, timer: timer)
    }

    // MARK: Looking

    package func targets() async throws(TargetError) -> [TargetStatus] {
        try await reached { try await store.targets() }.map(TargetStatus.init)
    }

    package func target(_ id: TargetID) async throws(TargetError) -> TargetStatus {
        TargetStatus(try await stored(id))
    }

    package func target(named name: String) async throws(TargetError) -> TargetStatus {
        if let id = TargetID(name) { return try await target(id) }
        let all = try await reached { try await store.targets() }
        guard let found = all.first(where: { $0.target.name == name }) else { throw .unknown }
        return TargetStatus(found)
    }

    package func failures(of id: TargetID) async throws(TargetError) -> [FailedDelivery] {
        _ = try await stored(id)
        return try await reached { try await store.failures(of: id) }
    }

    // MARK: Making and changing

    package func create(_ draft: TargetDraft, by actor: Actor) async throws(TargetError) -> MadeTarget {
        try await create(draft, isFromEnvironment: false, by: actor)
    }

    /// - Parameter isFromEnvironment: the next start sets it as the environment then says.
    package func create(
        _ draft: TargetDraft, isFromEnvironment: Bool, by actor: Actor
    ) async throws(TargetError) -> MadeTarget {
        guard let kind = draft.kind else { throw .invalid(field: "kind", reason: "This is missing.") }
        guard let name = draft.name else { throw .invalid(field: "name", reason: "This is missing.") }
        let present = try await reached { try await store.targets() }
        guard present.count < TargetLimits.maximumTargets else { throw .tooMany }
        var target = Target(
            id: .random(), name: name, kind: kind, place: "", isFromEnvironment: isFromEnvironment,
            createdAt: clock.now())
        var secrets = TargetSecrets(url: Secret(""), signing: nil, headers: [])
        switch kind {
        case .webhook, .discord:
            guard draft.url != nil else { throw .invalid(field: "url", reason: "This is missing.") }
        case .file:
            guard draft.file != nil else { throw .invalid(field: "file", reason: "This is missing.") }
        }
        try apply(draft, to: &target, &secrets)
        var made: Secret?
        if kind == .webhook, secrets.signing == nil {
            made = Secret(random.bytes(24).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined())
            secrets.signing = made
        }
        let sealed = try seal(secrets, for: target)
        let line = audit("target.create", target, actor, before: nil, after: target)
        try await written { [target] in try await store.insertTarget(target, sealed: sealed, audit: line) }
        return MadeTarget(status: try await self.target(target.id), secret: made)
    }

    package func change(
        _ id: TargetID, _ draft: TargetDraft, by actor: Actor
    ) async throws(TargetError) -> TargetStatus {
        let present = try await stored(id)
        if let kind = draft.kind, kind != present.target.kind {
            throw .invalid(field: "kind", reason: "This cannot be changed: make another target.")
        }
        var target = present.target
        let isSecretChanged = draft.url != nil || draft.secret != nil || draft.headers != nil
        var sealed: [UInt8]?
        if isSecretChanged {
            var secrets = try openedToChange(present)
            try apply(draft, to: &target, &secrets)
            sealed = try seal(secrets, for: target)
        } else {
            var none = TargetSecrets(url: Secret(""), signing: nil, headers: [])
            try apply(draft, to: &target, &none)
            target.headerNames = present.target.headerNames
        }
        guard target != present.target || isSecretChanged else { return TargetStatus(present) }
        let line = audit("target.change", target, actor, before: present.target, after: target)
        let isFound = try await written { [target, sealed] in
            try await store.updateTarget(target, sealed: sealed, audit: line)
        }
        guard isFound else { throw .unknown }
        return try await self.target(id)
    }

    /// Sets the URL that the environment names, and switches the target on; nothing where both are so.
    package func followEnvironment(_ id: TargetID, url: Secret, by actor: Actor) async throws(TargetError) {
        let present = try await stored(id)
        // Sealed with a lost key: then the URL of the environment takes its place.
        let secrets = try? sinks.secrets(of: present)
        guard secrets?.url != url || !present.target.isEnabled else { return }
        var target = present.target
        target.place = try place(of: url, kind: .discord)
        target.isEnabled = true
        let sealed = try seal(TargetSecrets(url: url, signing: nil, headers: []), for: target)
        let line = audit("target.change", target, actor, before: present.target, after: target)
        _ = try await written { [target] in try await store.updateTarget(target, sealed: sealed, audit: line) }
    }

    package func remove(_ id: TargetID, by actor: Actor) async throws(TargetError) {
        let present = try await stored(id)
        let line = audit("target.remove", present.target, actor, before: present.target, after: nil)
        guard try await reached({ try await store.deleteTarget(id, audit: line) }) else { throw .unknown }
    }

    package func park(_ id: TargetID, reason: String, by actor: Actor) async throws(TargetError) -> TargetStatus {
        let present = try await stored(id)
        guard present.progress.parkedAt == nil else { return TargetStatus(present) }
        guard (1...200).contains(reason.count) else {
            throw .invalid(field: "reason", reason: "This takes 1 to 200 characters.")
        }
        let line = audit("target.park", present.target, actor, before: nil, after: nil)
        let now = clock.now()
        guard try await reached({ try await store.parkTarget(id, reason: reason, at: now, audit: line) }) else {
            throw .unknown
        }
        return try await target(id)
    }

    package func resume(_ id: TargetID, skipping: Bool, by actor: Actor) async throws(TargetError) -> TargetStatus {
        let present = try await stored(id)
        let line = audit(skipping ? "target.resumeSkipping" : "target.resume", present.target, actor)
        guard try await reached({ try await store.resumeTarget(id, skipping: skipping, audit: line) }) else {
            throw .unknown
        }
        return try await target(id)
    }

    package func replay(
        _ id: TargetID, channel: ChannelName, from first: EventID, through last: EventID, by actor: Actor
    ) async throws(TargetError) -> Int {
        let present = try await stored(id)
        guard present.target.kind != .discord else {
            throw .refused("A Discord target shows what is true now: it has nothing to send again.")
        }
        guard first <= last else { throw .invalid(field: "through", reason: "This is before the first event.") }
        let line = audit("target.replay", present.target, actor)
        return try await reached {
            try await store.requestReplay(
                to: present.target, channel: channel, from: first, through: last, limit: TargetLimits.maximumReplay,
                audit: line)
        }
    }

    // MARK: Trying

    package func test(_ id: TargetID, by actor: Actor) async throws(TargetError) -> TargetTest {
        let present = try await stored(id)
        let began = ContinuousClock.now
        let outcome: DeliveryOutcome
        do throws(SecretSealingError) {
            if present.target.kind == .discord {
                outcome = await DiscordTest.post(to: try sinks.secrets(of: present).url, by: sinks.outside.http)
            } else {
                outcome = try await sinks.sink(for: present).deliver(
                    [EventText.test(now: clock.now())], isReplay: false, patience: .full)
            }
        } catch {
            throw .refused(error.description)
        }
        let took = (ContinuousClock.now - began).wholeMilliseconds
        switch outcome {
        case .delivered: return TargetTest(isDelivered: true, outcome: "It took the test event.", milliseconds: took)
        case .refused(let reason), .failed(let reason, _), .gone(let reason):
            return TargetTest(
                isDelivered: false, outcome: "It did not take the test event: \(reason).", milliseconds: took)
        }
    }

    // MARK: Parts

    private func apply(
        _ draft: TargetDraft, to target: inout Target, _ secrets: inout TargetSecrets
    ) throws(TargetError) {
        if let name = draft.name { target.name = try TargetRules.name(name) }
        if let url = draft.url {
            try only([.webhook, .discord], target, "url")
            target.place = try place(of: url, kind: target.kind)
            secrets.url = url
        }
        if let file = draft.file {
            try only([.file], target, "file")
            target.place = try TargetRules.file(file)
        }
        if let secret = draft.secret {
            try only([.webhook], target, "secret")
            secrets.signing = try TargetRules.secret(secret)
        }
        if let headers = draft.headers {
            try only([.webhook], target, "headers")
            secrets.headers = try TargetRules.headers(headers)
            target.headerNames = secrets.headers.map(\.name)
        }
        if let kinds = draft.kinds {
            try only([.webhook, .file], target, "kinds")
            target.filter.kinds = try TargetRules.kinds(kinds)
        }
        if let channels = draft.channels { target.filter.channels = try TargetRules.channels(channels) }
        if let batch = draft.batch {
            try only([.webhook, .file], target, "batch")
            target.batch = try TargetRules.batch(batch)
        }
        if let options = draft.discord {
            try only([.discord], target, "discord")
            target.discord = try TargetRules.discord(options)
        }
        if let isEnabled = draft.isEnabled { target.isEnabled = isEnabled }
    }

    private func only(_ kinds: [Target.Kind], _ target: Target, _ field: String) throws(TargetError) {
        guard kinds.contains(target.kind) else {
            throw .invalid(field: field, reason: "A target of the kind \(target.kind.rawValue) has none.")
        }
    }

    private func place(of url: Secret, kind: Target.Kind) throws(TargetError) -> String {
        guard url.exposed.utf8.count <= TargetRules.maximumURLBytes else {
            throw .invalid(field: "url", reason: "This takes up to \(TargetRules.maximumURLBytes) bytes.")
        }
        if kind == .discord, DiscordAddress(url) == nil {
            throw .invalid(
                field: "url", reason: "This is a Discord webhook's URL: https://discord.com/api/webhooks/ID/TOKEN.")
        }
        do {
            return try sinks.outside.http.place(of: url)
        } catch {
            throw .invalid(field: "url", reason: "This cannot be used: \(error.description).")
        }
    }

    /// With the key gone, the secrets are entered anew: what is not given is lost.
    private func openedToChange(_ stored: StoredTarget) throws(TargetError) -> TargetSecrets {
        do {
            return try sinks.secrets(of: stored)
        } catch {
            throw .refused("\(error.description). Remove the target and make it again.")
        }
    }

    private func seal(_ secrets: TargetSecrets, for target: Target) throws(TargetError) -> [UInt8] {
        do {
            return try secrets.sealed(for: target, by: sinks.outside.sealing)
        } catch {
            throw .unavailable("the secrets cannot be stored")
        }
    }

    private func stored(_ id: TargetID) async throws(TargetError) -> StoredTarget {
        guard let stored = try await reached({ try await store.target(id) }) else { throw .unknown }
        return stored
    }

    private func reached<Value: Sendable>(
        _ body: () async throws -> Value
    ) async throws(TargetError) -> Value {
        do { return try await body() } catch { throw .unavailable("\(error)") }
    }

    private func written<Value: Sendable>(
        _ body: () async throws -> Value
    ) async throws(TargetError) -> Value {
        do {
            return try await body()
        } catch TargetStoreError.nameTaken {
            throw .nameTaken
        } catch {
            throw .unavailable("\(error)")
        }
    }

    private func audit(
        _ action: String, _ target: Target, _ actor: Actor, before: Target? = nil, after: Target? = nil
    ) -> AuditRecord {
        AuditRecord(
            at: clock.now(), actor: actor, action: action, channel: nil, subject: target.id.description,
            before: before.map(Self.document), after: after.map(Self.document))
    }

    /// Names what there is, never a secret.
    private static func document(_ target: Target) -> String {
        var object = JSONObjectText()
        object.add("name", target.name)
        object.add("kind", target.kind.rawValue)
        object.add("place", target.place)
        object.add("kinds", target.filter.kinds)
        object.add("channels", target.filter.channels.map(\.text))
        object.add("batch", target.batch)
        object.add("headers", target.headerNames)
        object.add("enabled", target.isEnabled)
        return object.text
    }
}

extension TargetStatus {
    init(_ stored: StoredTarget) {
        self.init(
            target: stored.target, progress: stored.progress, waiting: stored.waiting, failures: stored.failures)
    }
}
