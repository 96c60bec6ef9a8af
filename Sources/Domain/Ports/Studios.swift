package enum StudioTag {}
package typealias StudioID = ID<StudioTag>

/// An OBS that follows the programme over obs-websocket (design §8). Holds nothing secret.
package struct Studio: Sendable, Equatable {
    package var id: StudioID
    /// Unique, 1…40 characters.
    package var name: String
    /// A name or an address.
    package var host: String
    package var port: Int
    package var hasPassword: Bool
    package var channel: ChannelName
    package var presets: StudioPresets
    /// The JSON text of what is done on which event (docs/obs.md); `[]` for nothing.
    package var rules: String
    /// 1…200.
    package var requestsPerSecond: Int
    package var isEnabled: Bool
    /// Made by `OBS_HOST`; the next start sets it as the environment says.
    package var isFromEnvironment: Bool
    package var createdAt: WallTime
    /// Rises with each change.
    package var version: Int64

    package init(
        id: StudioID, name: String, host: String, port: Int, hasPassword: Bool = false, channel: ChannelName = .main,
        presets: StudioPresets = StudioPresets(), rules: String = "[]",
        requestsPerSecond: Int = StudioLimits.requestsPerSecond, isEnabled: Bool = true,
        isFromEnvironment: Bool = false, createdAt: WallTime, version: Int64 = 1
    ) {
        self.id = id
        self.name = name
        self.host = host
        self.port = port
        self.hasPassword = hasPassword
        self.channel = channel
        self.presets = presets
        self.rules = rules
        self.requestsPerSecond = requestsPerSecond
        self.isEnabled = isEnabled
        self.isFromEnvironment = isFromEnvironment
        self.createdAt = createdAt
        self.version = version
    }

    /// What the password is sealed for (`SecretSealing`).
    package var sealingPurpose: String { "obs:\(id)" }
}

package enum StudioLimits {
    package static let maximumStudios = 16
    package static let standardPort = 4455
    package static let requestsPerSecond = 50
    package static let maximumRulesBytes = 32 * 1024
    package static let maximumRules = 64
    package static let maximumRequestsOfARule = 32
    /// Of a screenshot, in bytes and pixels.
    package static let maximumScreenshotBytes = 1024 * 1024
    package static let screenshotWidth = 640
}

/// What most studios want, by the names of things in OBS; an empty or absent one does nothing.
package struct StudioPresets: Sendable, Equatable, Codable {
    /// Shown while a DJ is on air, and while the slate is.
    package var liveScene: String?
    package var slateScene: String?
    /// Text inputs: the DJ's name, the next one's, what is left of the slot as 12:34.
    package var djText: String?
    package var nextText: String?
    package var timerText: String?
    /// A media input that is restarted once when a DJ goes on air.
    package var restartMedia: String?
    /// A browser input that is refreshed then.
    package var refreshBrowser: String?

    package init(liveScene: String? = nil, slateScene: String? = nil, djText: String? = nil) {
        self.liveScene = liveScene
        self.slateScene = slateScene
        self.djText = djText
    }

    /// By the names the API and the command line use.
    package static let names = [
        "liveScene", "slateScene", "djText", "nextText", "timerText", "restartMedia", "refreshBrowser",
    ]

    package subscript(name: String) -> String? {
        get {
            switch name {
            case "liveScene": liveScene
            case "slateScene": slateScene
            case "djText": djText
            case "nextText": nextText
            case "timerText": timerText
            case "restartMedia": restartMedia
            case "refreshBrowser": refreshBrowser
            default: nil
            }
        }
        set {
            switch name {
            case "liveScene": liveScene = newValue
            case "slateScene": slateScene = newValue
            case "djText": djText = newValue
            case "nextText": nextText = newValue
            case "timerText": timerText = newValue
            case "restartMedia": restartMedia = newValue
            case "refreshBrowser": refreshBrowser = newValue
            default: break
            }
        }
    }
}

/// What a studio is made of or changed to. `nil` leaves a field as it is, or as it is by default.
package struct StudioDraft: Sendable {
    package var name: String?
    package var host: String?
    package var port: Int?
    /// An empty one takes the password away.
    package var password: Secret?
    package var channel: String?
    /// By name; an empty text takes one away.
    package var presets: [String: String]?
    /// JSON text.
    package var rules: String?
    package var requestsPerSecond: Int?
    package var isEnabled: Bool?

    package init() {}
}

/// How a running server stands with an OBS.
package struct StudioSituation: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable {
        case off
        /// No connection: it is tried again by itself.
        case away
        /// It does not take the password; tried again now and then.
        case wrongPassword
        /// Connected; it shows what it should.
        case fine
        /// Connected; something of what it should show cannot be had.
        case failing
    }

    package var state: State
    /// Of the connection or of the last request; in words for an operator, without a secret.
    package var lastError: String?
    package var connectedSince: WallTime?
    package var webSocketVersion: String?
    /// The scene in OBS's programme, as last heard.
    package var scene: String?
    package var isStreaming: Bool?
    package var isRecording: Bool?
    /// Of the newest watched span, 0…1; `nil` while it does not stream.
    package var droppedFrames: Double?
    /// Batches sent for transitions, since the server started.
    package var transitions: Int
    package var lastTransitionAt: WallTime?

    package init(state: State) {
        self.state = state
        transitions = 0
    }
}

package struct StudioStatus: Sendable, Equatable {
    package var studio: Studio
    /// `nil` where no server runs that would know.
    package var situation: StudioSituation?

    package init(studio: Studio, situation: StudioSituation?) {
        self.studio = studio
        self.situation = situation
    }
}

package struct StudioTest: Sendable, Equatable {
    package var isConnected: Bool
    package var outcome: String
    package var version: String?
    package var scenes: [String]
    /// Names in presets that OBS does not have.
    package var missing: [String]

    package init(
        isConnected: Bool, outcome: String, version: String? = nil, scenes: [String] = [], missing: [String] = []
    ) {
        self.isConnected = isConnected
        self.outcome = outcome
        self.version = version
        self.scenes = scenes
        self.missing = missing
    }
}

package enum StudioError: Error, Sendable, Equatable {
    /// A field that is not as it must be, with the rule. Never holds a secret.
    case invalid(field: String, reason: String)
    case nameTaken
    case unknown
    case tooMany
    /// It cannot be done, or now; one sentence.
    case refused(String)
    case unavailable(String)
}

/// Studios as the API and the command line use them; implemented by `Stage`.
package protocol StudioDesk: Sendable {
    func studios() async throws(StudioError) -> [StudioStatus]
    func studio(_ id: StudioID) async throws(StudioError) -> StudioStatus
    /// By its id or its name.
    func studio(named name: String) async throws(StudioError) -> StudioStatus
    func create(_ draft: StudioDraft, by actor: Actor) async throws(StudioError) -> StudioStatus
    func change(_ id: StudioID, _ draft: StudioDraft, by actor: Actor) async throws(StudioError) -> StudioStatus
    func remove(_ id: StudioID, by actor: Actor) async throws(StudioError)
    /// Connects beside the running connection, reads names, changes nothing.
    func test(_ id: StudioID) async throws(StudioError) -> StudioTest
    /// The JSON text of the batch that an event of this kind would send now, connecting to nothing.
    func dryRun(_ id: StudioID, kind: String) async throws(StudioError) -> String
    /// A JPEG of what OBS's programme shows.
    func screenshot(_ id: StudioID) async throws(StudioError) -> [UInt8]
}

package struct StoredStudio: Sendable, Equatable {
    package var studio: Studio
    /// The password; `nil` without one.
    package var sealed: [UInt8]?

    package init(studio: Studio, sealed: [UInt8]?) {
        self.studio = studio
        self.sealed = sealed
    }
}

package enum StudioStoreError: Error, Sendable, Equatable { case nameTaken, channelUnknown }

/// Stores studios; implemented by `PostgresStore`. Each change has its audit line in the same transaction, and is told to whoever
/// listens.
package protocol StudioStore: Sendable {
    /// Oldest first.
    func studios() async throws -> [StoredStudio]
    func studio(_ id: StudioID) async throws -> StoredStudio?
    /// - Throws: `StudioStoreError`.
    func insertStudio(_ stored: StoredStudio, audit: AuditRecord) async throws
    /// - Returns: `false` when there is none.
    func updateStudio(_ stored: StoredStudio, audit: AuditRecord) async throws -> Bool
    func deleteStudio(_ id: StudioID, audit: AuditRecord) async throws -> Bool
}

/// What a studio has to tell everybody, as an event; implemented by `Queueing`, whose server owns the channel. Never waits.
package protocol StudioNewsDesk: Sendable {
    func studioReported(_ news: StudioNews, on channel: ChannelName)
}

/// `name` is the studio's, `reason` a sentence without secrets.
package enum StudioNews: Sendable, Equatable {
    case connected(name: String)
    case disconnected(name: String, reason: String)
    /// Something it should show cannot be had.
    case refused(name: String, reason: String)
    /// Stream or record ended although nobody here asked for that.
    case outputStopped(name: String, output: String)
    /// So many hundredths of the stream's frames did not leave.
    case framesDropped(name: String, percent: Int)
}

/// For a server without studios, and for tests.
package struct NoStudios: StudioDesk {
    package init() {}
    package func studios() async throws(StudioError) -> [StudioStatus] { [] }
    package func studio(_ id: StudioID) async throws(StudioError) -> StudioStatus { throw .unknown }
    package func studio(named name: String) async throws(StudioError) -> StudioStatus { throw .unknown }
    package func create(_ draft: StudioDraft, by actor: Actor) async throws(StudioError) -> StudioStatus {
        throw .unknown
    }
    package func change(
        _ id: StudioID, _ draft: StudioDraft, by actor: Actor
    ) async throws(StudioError) -> StudioStatus { throw .unknown }
    package func remove(_ id: StudioID, by actor: Actor) async throws(StudioError) { throw .unknown }
    package func test(_ id: StudioID) async throws(StudioError) -> StudioTest { throw .unknown }
    package func dryRun(_ id: StudioID, kind: String) async throws(StudioError) -> String { throw .unknown }
    package func screenshot(_ id: StudioID) async throws(StudioError) -> [UInt8] { throw .unknown }
}
