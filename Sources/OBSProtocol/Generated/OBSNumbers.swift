// Made by scripts/generate-obs-protocol from obs-websocket's protocol.json (032c99331b5e): do not edit.
// The numbers of the protocol.

package enum OBSOpCode: Int, Sendable {
    case hello = 0
    case identify = 1
    case identified = 2
    case reidentify = 3
    case event = 5
    case request = 6
    case requestResponse = 7
    case requestBatch = 8
    case requestBatchResponse = 9
}

package enum OBSCloseCode: Int, Sendable {
    case dontClose = 0
    case unknownReason = 4000
    case messageDecodeError = 4002
    case missingDataField = 4003
    case invalidDataFieldType = 4004
    case invalidDataFieldValue = 4005
    case unknownOpCode = 4006
    case notIdentified = 4007
    case alreadyIdentified = 4008
    case authenticationFailed = 4009
    case unsupportedRpcVersion = 4010
    case sessionInvalidated = 4011
    case unsupportedFeature = 4012
}

package enum OBSRequestStatus: Int, Sendable {
    case unknown = 0
    case noError = 10
    case success = 100
    case missingRequestType = 203
    case unknownRequestType = 204
    case genericError = 205
    case unsupportedRequestBatchExecutionType = 206
    case notReady = 207
    case missingRequestField = 300
    case missingRequestData = 301
    case invalidRequestField = 400
    case invalidRequestFieldType = 401
    case requestFieldOutOfRange = 402
    case requestFieldEmpty = 403
    case tooManyRequestFields = 404
    case outputRunning = 500
    case outputNotRunning = 501
    case outputPaused = 502
    case outputNotPaused = 503
    case outputDisabled = 504
    case studioModeActive = 505
    case studioModeNotActive = 506
    case resourceNotFound = 600
    case resourceAlreadyExists = 601
    case invalidResourceType = 602
    case notEnoughResources = 603
    case invalidResourceState = 604
    case invalidInputKind = 605
    case resourceNotConfigurable = 606
    case invalidFilterKind = 607
    case resourceCreationFailed = 700
    case resourceActionFailed = 701
    case requestProcessingFailed = 702
    case cannotAct = 703
}

package enum OBSBatchExecution: Int, Sendable {
    case none = -1
    case serialRealtime = 0
    case serialFrame = 1
    case parallel = 2
}

package struct OBSEventSubscription: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let general = Self(rawValue: 1 << 0)
    package static let config = Self(rawValue: 1 << 1)
    package static let scenes = Self(rawValue: 1 << 2)
    package static let inputs = Self(rawValue: 1 << 3)
    package static let transitions = Self(rawValue: 1 << 4)
    package static let filters = Self(rawValue: 1 << 5)
    package static let outputs = Self(rawValue: 1 << 6)
    package static let sceneItems = Self(rawValue: 1 << 7)
    package static let mediaInputs = Self(rawValue: 1 << 8)
    package static let vendors = Self(rawValue: 1 << 9)
    package static let ui = Self(rawValue: 1 << 10)
    package static let canvases = Self(rawValue: 1 << 11)
    package static let inputVolumeMeters = Self(rawValue: 1 << 16)
    package static let inputActiveStateChanged = Self(rawValue: 1 << 17)
    package static let inputShowStateChanged = Self(rawValue: 1 << 18)
    package static let sceneItemTransformChanged = Self(rawValue: 1 << 19)
}

package enum OBSMediaInputAction: String, Sendable {
    case none = "OBS_WEBSOCKET_MEDIA_INPUT_ACTION_NONE"
    case play = "OBS_WEBSOCKET_MEDIA_INPUT_ACTION_PLAY"
    case pause = "OBS_WEBSOCKET_MEDIA_INPUT_ACTION_PAUSE"
    case stop = "OBS_WEBSOCKET_MEDIA_INPUT_ACTION_STOP"
    case restart = "OBS_WEBSOCKET_MEDIA_INPUT_ACTION_RESTART"
    case next = "OBS_WEBSOCKET_MEDIA_INPUT_ACTION_NEXT"
    case previous = "OBS_WEBSOCKET_MEDIA_INPUT_ACTION_PREVIOUS"
}

package enum OBSOutputState: String, Sendable {
    case unknown = "OBS_WEBSOCKET_OUTPUT_UNKNOWN"
    case starting = "OBS_WEBSOCKET_OUTPUT_STARTING"
    case started = "OBS_WEBSOCKET_OUTPUT_STARTED"
    case stopping = "OBS_WEBSOCKET_OUTPUT_STOPPING"
    case stopped = "OBS_WEBSOCKET_OUTPUT_STOPPED"
    case reconnecting = "OBS_WEBSOCKET_OUTPUT_RECONNECTING"
    case reconnected = "OBS_WEBSOCKET_OUTPUT_RECONNECTED"
    case paused = "OBS_WEBSOCKET_OUTPUT_PAUSED"
    case resumed = "OBS_WEBSOCKET_OUTPUT_RESUMED"
}
