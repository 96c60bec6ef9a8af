import Domain
import HTTPTypes
import Hummingbird

/// The queue of a channel: read by anybody, moved by operators.
struct QueueRoutes: Sendable {
    var queue: any QueueDesk

    private struct SkipBody: Decodable {
        /// The entry the person saw on air; without it, whoever is on air now.
        var entry: EntryID?
    }

    private struct SettingsBody: Encodable {
        private enum CodingKeys: String, CodingKey { case slotSeconds, isOpen }

        var view: QueueView

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            // `null` is a value here: unlimited.
            try container.encode(view.slotSeconds, forKey: .slotSeconds)
            try container.encode(view.isOpen, forKey: .isOpen)
        }
    }

    /// The queue under its older name.
    private struct OlderQueue: Encodable {
        var stream_queue: [String]
    }

    var routes: [Route] {
        [
            Route(.get, "/api/v1/channels/{channel}/queue") { request in
                JSONAnswer.response(try await queue.view(of: try request.channel()))
            },
            Route(.post, "/api/v1/channels/{channel}/queue/skip", .atLeast(.operator)) { request in
                let body = try request.json(SkipBody.self)
                return JSONAnswer.response(
                    try await queue.perform(
                        QueueCommand(act: .skip(body.entry), actor: try request.actor()), on: try request.channel()))
            },
            Route(.get, "/api/v1/channels/{channel}/settings", .atLeast(.operator)) { request in
                JSONAnswer.response(SettingsBody(view: try await queue.view(of: try request.channel())))
            },
            Route(.patch, "/api/v1/channels/{channel}/settings", .atLeast(.operator)) { request in
                let patch = try request.json(SettingsPatch.self)
                try patch.check()
                let view = try await queue.perform(
                    QueueCommand(act: .set(patch.texts), actor: try request.actor()), on: try request.channel())
                return JSONAnswer.response(SettingsBody(view: view))
            },
            Route(.get, "/queue-json") { _ in
                let view = try await queue.view(of: .main)
                return JSONAnswer.response(OlderQueue(stream_queue: view.entries.map(\.name)))
            },
        ]
    }
}

/// What may be changed of a queue's settings (design §4). A field that is absent stays as it is.
struct SettingsPatch: Decodable, Sendable {
    private enum CodingKeys: String, CodingKey {
        case slotSeconds, isOpen, overtimeWhenAlone, graceOnAirSeconds, graceWaitingSeconds, maximumLength
    }

    /// Outer `nil`: absent. Inner `nil`: no limit.
    private var slotSeconds: Int??
    private var maximumLength: Int??
    private var isOpen: Bool?
    private var overtimeWhenAlone: Bool?
    private var graceOnAirSeconds: Int?
    private var graceWaitingSeconds: Int?

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if container.contains(.slotSeconds) {
            slotSeconds = .some(try container.decodeIfPresent(Int.self, forKey: .slotSeconds))
        }
        if container.contains(.maximumLength) {
            maximumLength = .some(try container.decodeIfPresent(Int.self, forKey: .maximumLength))
        }
        isOpen = try container.decodeIfPresent(Bool.self, forKey: .isOpen)
        overtimeWhenAlone = try container.decodeIfPresent(Bool.self, forKey: .overtimeWhenAlone)
        graceOnAirSeconds = try container.decodeIfPresent(Int.self, forKey: .graceOnAirSeconds)
        graceWaitingSeconds = try container.decodeIfPresent(Int.self, forKey: .graceWaitingSeconds)
    }

    /// - Throws: the first field outside its range (`QueueSettings`).
    func check() throws(Problem) {
        try check("slotSeconds", slotSeconds ?? nil, 1...86_400)
        try check("maximumLength", maximumLength ?? nil, 1...100_000)
        try check("graceOnAirSeconds", graceOnAirSeconds, 0...3_600)
        try check("graceWaitingSeconds", graceWaitingSeconds, 0...3_600)
    }

    /// The settings named as `QueueSettings.set` takes them.
    var texts: [String: String] {
        var texts: [String: String] = [:]
        if let slotSeconds { texts["slotLength"] = slotSeconds.map(String.init) ?? "none" }
        if let maximumLength { texts["maximumLength"] = maximumLength.map(String.init) ?? "none" }
        texts["open"] = isOpen.map(String.init)
        texts["overtimeWhenAlone"] = overtimeWhenAlone.map(String.init)
        texts["graceOnAir"] = graceOnAirSeconds.map(String.init)
        texts["graceWaiting"] = graceWaitingSeconds.map(String.init)
        return texts
    }

    private func check(_ field: String, _ value: Int?, _ range: ClosedRange<Int>) throws(Problem) {
        guard let value, !range.contains(value) else { return }
        throw .invalid(field: field, "This must be between \(range.lowerBound) and \(range.upperBound).")
    }
}

extension WebRequest {
    /// Who acts, for the audit log.
    fileprivate func actor() throws -> Actor {
        let account = try account()
        return Actor(kind: .user, id: account.id.description, name: account.name)
    }
}
