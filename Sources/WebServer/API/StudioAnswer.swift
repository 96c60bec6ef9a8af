import Domain
import Foundation
import HTTPTypes

/// An OBS connection as operators see it: everything but its password.
struct StudioAnswer: Encodable {
    private var id: StudioID
    private var name: String
    private var host: String
    private var port: Int
    private var password: Bool
    private var channel: ChannelName
    private var presets: StudioPresets
    private var rules: JSONValue
    private var requestsPerSecond: Int
    private var enabled: Bool
    private var fromEnvironment: Bool
    private var createdAt: WallTime
    private var state: String
    private var lastError: String?
    private var connectedSince: WallTime?
    private var version: String?
    private var scene: String?
    private var streaming: Bool?
    private var recording: Bool?
    private var droppedFrames: Double?
    private var transitions: Int?
    private var lastTransitionAt: WallTime?

    init(_ status: StudioStatus) {
        let (studio, situation) = (status.studio, status.situation)
        id = studio.id
        name = studio.name
        host = studio.host
        port = studio.port
        password = studio.hasPassword
        channel = studio.channel
        presets = studio.presets
        // They were checked when they were stored.
        rules = (try? JSONDecoder().decode(JSONValue.self, from: Data(studio.rules.utf8))) ?? .array([])
        requestsPerSecond = studio.requestsPerSecond
        enabled = studio.isEnabled
        fromEnvironment = studio.isFromEnvironment
        createdAt = studio.createdAt
        state = (situation?.state ?? .off).rawValue
        lastError = situation?.lastError
        connectedSince = situation?.connectedSince
        version = situation?.webSocketVersion
        scene = situation?.scene
        streaming = situation?.isStreaming
        recording = situation?.isRecording
        droppedFrames = situation?.droppedFrames
        transitions = situation?.transitions
        lastTransitionAt = situation?.lastTransitionAt
    }

    struct Test: Encodable {
        private var connected: Bool
        private var outcome: String
        private var version: String?
        private var scenes: [String]
        private var missing: [String]

        init(_ test: StudioTest) {
            connected = test.isConnected
            outcome = test.outcome
            version = test.version
            scenes = test.scenes
            missing = test.missing
        }
    }

    private static let presetsSchema = Schema.fields(
        StudioPresets.names.map { .optional($0, .note(.string, "A name in OBS; empty: none.")) })
    private static let rulesSchema = Schema.array(
        .object(
            .required("on", .note(.array(.string), "Kinds of docs/events.md; queue.* for several.")),
            .required(
                "requests",
                .array(.object(.required("requestType", .string), .optional("requestData", .map(.any)))))))

    static let schema = Schema.named(
        "OBSConnection",
        .object(
            .required("id", .id), .required("name", .string), .required("host", .string), .required("port", .integer),
            .required("password", .note(.bool, "Whether one is set.")), .required("channel", .channelName),
            .required("presets", presetsSchema), .required("rules", rulesSchema),
            .required("requestsPerSecond", .integer(1...200)), .required("enabled", .bool),
            .required("fromEnvironment", .bool), .required("createdAt", .time),
            .required("state", .choice(StudioSituation.State.allCases.map(\.rawValue))),
            .optional("lastError", .string),
            .optional("connectedSince", .time), .optional("version", .note(.string, "Of obs-websocket.")),
            .optional("scene", .string), .optional("streaming", .bool), .optional("recording", .bool),
            .optional("droppedFrames", .note(.number, "0…1, of the last seconds.")), .optional("transitions", .integer),
            .optional("lastTransitionAt", .time)))

    static let testSchema = Schema.object(
        .required("connected", .bool), .required("outcome", .string), .optional("version", .string),
        .required("scenes", .array(.string)), .required("missing", .array(.string)))

    private static let common: [Schema.Field] = [
        .optional("port", .integer(1...65_535)), .optional("password", .secret), .optional("channel", .channelName),
        .optional("presets", presetsSchema), .optional("rules", rulesSchema),
        .optional("requestsPerSecond", .integer(1...200)), .optional("enabled", .bool),
    ]
    static let draftSchema = Schema.fields(
        [.required("name", .text(1...40)), .required("host", .text(1...253))] + common)
    static let changeSchema = Schema.fields(
        [.optional("name", .text(1...40)), .optional("host", .text(1...253))] + common)

    static let problems: [(HTTPResponse.Status, String)] = [
        (.conflict, "The name is taken, or there are too many.")
    ]
}
