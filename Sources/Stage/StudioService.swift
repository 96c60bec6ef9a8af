package import Domain
package import OBSProtocol

/// Makes, changes, tries and removes studios, for the API and the command line. Holds no state: the store does, and the running
/// `StageService` where there is one.
package struct StudioService: StudioDesk {
    private let store: any StudioStore
    private let dialer: any OBSDialing
    private let sealing: any SecretSealing
    private let clock: any WallClock
    private let stage: StageService?
    private static let triesWhileNotReady = 10

    /// - Parameter stage: `nil` for commands.
    package init(
        store: any StudioStore, dialer: any OBSDialing, sealing: any SecretSealing, clock: any WallClock,
        stage: StageService? = nil
    ) {
        self.store = store
        self.dialer = dialer
        self.sealing = sealing
        self.clock = clock
        self.stage = stage
    }

    // MARK: Looking

    package func studios() async throws(StudioError) -> [StudioStatus] {
        try await reached { try await store.studios() }.map(status)
    }

    package func studio(_ id: StudioID) async throws(StudioError) -> StudioStatus { status(try await stored(id)) }

    package func studio(named name: String) async throws(StudioError) -> StudioStatus {
        if let id = StudioID(name) { return try await studio(id) }
        guard let found = try await reached({ try await store.studios() }).first(where: { $0.studio.name == name })
        else {
            throw .unknown
        }
        return status(found)
    }

    private func status(_ stored: StoredStudio) -> StudioStatus {
        var situation = stage?.situation(of: stored.studio.id)
        if stage != nil, situation == nil { situation = StudioSituation(state: stored.studio.isEnabled ? .away : .off) }
        return StudioStatus(studio: stored.studio, situation: situation)
    }

    // MARK: Making and changing

    package func create(_ draft: StudioDraft, by actor: Actor) async throws(StudioError) -> StudioStatus {
        try await create(draft, isFromEnvironment: false, by: actor)
    }

    /// - Parameter isFromEnvironment: the next start sets it as the environment then says.
    package func create(
        _ draft: StudioDraft, isFromEnvironment: Bool, by actor: Actor
    ) async throws(StudioError) -> StudioStatus {
        guard let name = draft.name else { throw .invalid(field: "name", reason: "This is missing.") }
        guard let host = draft.host else { throw .invalid(field: "host", reason: "This is missing.") }
        let present = try await reached { try await store.studios() }
        guard present.count < StudioLimits.maximumStudios else { throw .tooMany }
        var stored = StoredStudio(
            studio: Studio(
                id: .random(), name: name, host: host, port: StudioLimits.standardPort,
                isFromEnvironment: isFromEnvironment, createdAt: clock.now()), sealed: nil)
        try apply(draft, to: &stored)
        let line = audit("obs.create", stored.studio, actor, before: nil, after: stored.studio)
        try await written { [stored] in try await store.insertStudio(stored, audit: line) }
        return try await studio(stored.studio.id)
    }

    package func change(
        _ id: StudioID, _ draft: StudioDraft, by actor: Actor
    ) async throws(StudioError) -> StudioStatus {
        let present = try await stored(id)
        var changed = present
        try apply(draft, to: &changed)
        guard changed != present else { return status(present) }
        let line = audit("obs.change", changed.studio, actor, before: present.studio, after: changed.studio)
        guard try await written({ [changed] in try await store.updateStudio(changed, audit: line) }) else {
            throw .unknown
        }
        return try await studio(id)
    }

    package func remove(_ id: StudioID, by actor: Actor) async throws(StudioError) {
        let present = try await stored(id).studio
        let line = audit("obs.remove", present, actor, before: present, after: nil)
        guard try await reached({ try await store.deleteStudio(id, audit: line) }) else { throw .unknown }
    }

    /// Sets what the environment names; nothing where it is so.
    package func followEnvironment(_ id: StudioID, _ draft: StudioDraft, by actor: Actor) async throws(StudioError) {
        var draft = draft
        let present = try await stored(id)
        // Sealing the same password gives other bytes each time. One sealed with a lost key is replaced.
        if let password = draft.password, let sealed = present.sealed,
            (try? sealing.open(sealed, for: present.studio.sealingPurpose)) == password
        {
            draft.password = nil
        }
        _ = try await change(id, draft, by: actor)
    }

    // MARK: Trying

    package func test(_ id: StudioID) async throws(StudioError) -> StudioTest {
        let stored = try await stored(id)
        do throws(OBSConnectionError) {
            let connection = try await dialer.connect(to: try address(of: stored))
            defer { connection.close() }
            let presets = stored.studio.presets
            let inputs = Set(
                [presets.djText, presets.nextText, presets.timerText, presets.restartMedia, presets.refreshBrowser]
                    .compactMap { $0 }
            ).sorted()
            let replies = try await ready(
                connection, [.getVersion(), .getSceneList()] + inputs.map { .getInputSettings(inputName: $0) })
            let version = replies.first.flatMap { OBSGetVersionAnswer($0.data) }?.obsVersion
            let scenes =
                replies.dropFirst().first?.data["scenes"]?.array?.compactMap { $0["sceneName"]?.string }.reversed()
                ?? []
            let missing =
                [presets.liveScene, presets.slateScene].compactMap { $0 }.filter { !scenes.contains($0) }
                + zip(inputs, replies.dropFirst(2)).filter { !$0.1.isDone }.map(\.0)
            return StudioTest(
                isConnected: true,
                outcome: missing.isEmpty
                    ? "OBS answers." : "OBS answers, but it has no \(missing.joined(separator: ", no ")).",
                version: version.map { String($0.prefix(32)) },
                scenes: scenes.prefix(100).map { String($0.prefix(100)) },
                missing: missing)
        } catch {
            return StudioTest(isConnected: false, outcome: "No: \(error).")
        }
    }

    package func dryRun(_ id: StudioID, kind: String) async throws(StudioError) -> String {
        let studio = try await stored(id).studio
        guard EventFilter.isPattern(kind), !kind.contains("*") else {
            throw .invalid(field: "kind", reason: "This is a kind of docs/events.md, as onair.started.")
        }
        let script = try StageScript(presets: studio.presets, rules: studio.rules)
        var facts = stage?.facts(for: id) ?? .example
        // What would be sent then, whatever shows now.
        if kind == StageScript.slateStarted {
            (facts.showing, facts.dj, facts.remainingSeconds) = (.slate, "", nil)
        } else if kind == StageScript.onAirStarted {
            let example = StageFacts.example
            if facts.dj.isEmpty { (facts.dj, facts.remainingSeconds) = (example.dj, example.remainingSeconds) }
            facts.showing = example.showing
        }
        return script.batch(on: kind, facts).json(id: "dry-run").text
    }

    package func screenshot(_ id: StudioID) async throws(StudioError) -> [UInt8] {
        let stored = try await stored(id)
        let image: String?
        do throws(OBSConnectionError) {
            let connection = try await dialer.connect(to: try address(of: stored))
            defer { connection.close() }
            let present = try await ready(connection, [.getCurrentProgramScene()])
            guard
                let scene = present.first.flatMap({ OBSGetCurrentProgramSceneAnswer($0.data) })?.currentProgramSceneName
            else { throw .closed(nil) }
            let replies = try await connection.perform(
                OBSBatch([
                    .getSourceScreenshot(
                        sourceName: scene, imageFormat: "jpg", imageWidth: Double(StudioLimits.screenshotWidth),
                        imageCompressionQuality: 70)
                ]))
            image = replies.first.flatMap { OBSGetSourceScreenshotAnswer($0.data) }?.imageData
        } catch {
            throw .refused("OBS gave no picture: \(error).")
        }
        // data:image/jpg;base64,…
        guard let image, let comma = image.firstIndex(of: ","),
            image.utf8.count <= StudioLimits.maximumScreenshotBytes / 3 * 4,
            let bytes = Base64.bytes(of: image[image.index(after: comma)...]), bytes.starts(with: [0xFF, 0xD8])
        else { throw .refused("OBS gave no picture that can be shown.") }
        return bytes
    }

    /// Asks again while OBS is still starting.
    private func ready(
        _ connection: any OBSConnection, _ requests: [OBSRequest]
    ) async throws(OBSConnectionError) -> [OBSReply] {
        for _ in 0..<Self.triesWhileNotReady {
            let replies = try await connection.perform(OBSBatch(requests, execution: .serialRealtime))
            guard replies.contains(where: { $0.status == .notReady }) else { return replies }
            // Cancelled: the next request says so.
            try? await ContinuousClock().sleep(for: .milliseconds(500))
        }
        throw .timedOut
    }

    private func address(of stored: StoredStudio) throws(OBSConnectionError) -> OBSAddress {
        try StudioRunner.address(of: stored.studio, sealed: stored.sealed, by: sealing)
    }

    // MARK: Parts

    private func apply(_ draft: StudioDraft, to stored: inout StoredStudio) throws(StudioError) {
        if let name = draft.name { stored.studio.name = try StudioRules.name(name) }
        if let host = draft.host { stored.studio.host = try StudioRules.host(host) }
        if let port = draft.port { stored.studio.port = try StudioRules.port(port) }
        if let channel = draft.channel {
            guard let name = ChannelName(channel) else {
                throw .invalid(field: "channel", reason: "This is a channel's name.")
            }
            stored.studio.channel = name
        }
        if let rate = draft.requestsPerSecond { stored.studio.requestsPerSecond = try StudioRules.rate(rate) }
        for (name, value) in draft.presets ?? [:] {
            stored.studio.presets[name] = try StudioRules.preset(name, value)
        }
        if let rules = draft.rules { stored.studio.rules = rules }
        // Both together are what is run.
        _ = try StageScript(presets: stored.studio.presets, rules: stored.studio.rules)
        if let isEnabled = draft.isEnabled { stored.studio.isEnabled = isEnabled }
        if let password = draft.password {
            let checked = try StudioRules.password(password)
            stored.sealed = checked.isEmpty ? nil : sealing.seal(checked, for: stored.studio.sealingPurpose)
            stored.studio.hasPassword = !checked.isEmpty
        }
    }

    private func stored(_ id: StudioID) async throws(StudioError) -> StoredStudio {
        guard let stored = try await reached({ try await store.studio(id) }) else { throw .unknown }
        return stored
    }

    private func reached<Value: Sendable>(_ body: () async throws -> Value) async throws(StudioError) -> Value {
        do { return try await body() } catch { throw .unavailable("\(error)") }
    }

    private func written<Value: Sendable>(_ body: () async throws -> Value) async throws(StudioError) -> Value {
        do {
            return try await body()
        } catch StudioStoreError.nameTaken {
            throw .nameTaken
        } catch StudioStoreError.channelUnknown {
            throw .invalid(field: "channel", reason: "There is no channel of this name.")
        } catch {
            throw .unavailable("\(error)")
        }
    }

    private func audit(
        _ action: String, _ studio: Studio, _ actor: Actor, before: Studio?, after: Studio?
    ) -> AuditRecord {
        AuditRecord(
            at: clock.now(), actor: actor, action: action, channel: nil, subject: studio.id.description,
            before: before.map(Self.document), after: after.map(Self.document))
    }

    /// Names what there is, never the password.
    private static func document(_ studio: Studio) -> String {
        var object = JSONObjectText()
        object.add("name", studio.name)
        object.add("host", studio.host)
        object.add("port", studio.port)
        object.add("password", studio.hasPassword)
        object.add("channel", studio.channel.text)
        for name in StudioPresets.names { object.add(name, studio.presets[name]) }
        object.add("rules", String(studio.rules.prefix(2000)))
        object.add("requestsPerSecond", studio.requestsPerSecond)
        object.add("enabled", studio.isEnabled)
        return object.text
    }
}

/// What a studio may be made of.
enum StudioRules {
    private static func isPlain(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }

    static func name(_ text: String) throws(StudioError) -> String {
        guard (1...40).contains(text.count), isPlain(text), text.first != " ", text.last != " " else {
            throw .invalid(
                field: "name", reason: "This takes 1 to 40 characters on one line, without a space at the ends.")
        }
        return text
    }

    /// A name or an address, nothing of a URL.
    static func host(_ text: String) throws(StudioError) -> String {
        let isHost = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "_")].contains(byte)
        }
        guard (1...253).contains(text.utf8.count), isHost else {
            throw .invalid(field: "host", reason: "This is a host's name or address, without a port.")
        }
        return text
    }

    static func port(_ port: Int) throws(StudioError) -> Int {
        guard (1...65_535).contains(port) else { throw .invalid(field: "port", reason: "This takes 1 to 65535.") }
        return port
    }

    static func rate(_ rate: Int) throws(StudioError) -> Int {
        guard (1...200).contains(rate) else {
            throw .invalid(field: "requestsPerSecond", reason: "This takes 1 to 200.")
        }
        return rate
    }

    static func password(_ password: Secret) throws(StudioError) -> Secret {
        guard password.exposed.utf8.count <= 512 else {
            throw .invalid(field: "password", reason: "This takes up to 512 bytes.")
        }
        return password
    }

    static func preset(_ name: String, _ value: String) throws(StudioError) -> String? {
        guard StudioPresets.names.contains(name) else {
            throw .invalid(
                field: "presets", reason: "A preset is one of \(StudioPresets.names.joined(separator: ", ")).")
        }
        guard value.count <= 200, isPlain(value) else {
            throw .invalid(field: "presets", reason: "A name in OBS takes up to 200 characters.")
        }
        return value.isEmpty ? nil : value
    }
}
