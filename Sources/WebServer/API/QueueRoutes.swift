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
                return JSONAnswer.response(try await queue.skip(try request.channel(), entry: body.entry))
            },
            Route(.get, "/api/v1/channels/{channel}/settings", .atLeast(.operator)) { request in
                JSONAnswer.response(SettingsBody(view: try await queue.view(of: try request.channel())))
            },
            Route(.patch, "/api/v1/channels/{channel}/settings", .atLeast(.operator)) { request in
                let patch = try request.json(SettingsPatch.self)
                try patch.check()
                let view = try await queue.change(try request.channel()) { patch.apply(to: &$0) }
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

    func apply(to settings: inout QueueSettings) {
        if let slotSeconds { settings.slotSeconds = slotSeconds }
        if let maximumLength { settings.maximumLength = maximumLength }
        if let isOpen { settings.isOpen = isOpen }
        if let overtimeWhenAlone { settings.overtimeWhenAlone = overtimeWhenAlone }
        if let graceOnAirSeconds { settings.graceOnAirSeconds = graceOnAirSeconds }
        if let graceWaitingSeconds { settings.graceWaitingSeconds = graceWaitingSeconds }
    }

    private func check(_ field: String, _ value: Int?, _ range: ClosedRange<Int>) throws(Problem) {
        guard let value, !range.contains(value) else { return }
        throw .invalid(field: field, "This must be between \(range.lowerBound) and \(range.upperBound).")
    }
}
