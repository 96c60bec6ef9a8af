// Made by scripts/generate-obs-protocol from obs-websocket's protocol.json (032c99331b5e): do not edit.
// The requests that Lineup makes by itself, and what it reads of the answers.

extension OBSRequest {
    package static func getVersion() -> OBSRequest {
        OBSRequest("GetVersion")
    }
    package static func getStats() -> OBSRequest {
        OBSRequest("GetStats")
    }
    package static func getStreamStatus() -> OBSRequest {
        OBSRequest("GetStreamStatus")
    }
    package static func getRecordStatus() -> OBSRequest {
        OBSRequest("GetRecordStatus")
    }
    package static func getSceneList() -> OBSRequest {
        OBSRequest("GetSceneList")
    }
    package static func getCurrentProgramScene() -> OBSRequest {
        OBSRequest("GetCurrentProgramScene")
    }
    package static func setCurrentProgramScene(sceneName: String? = nil) -> OBSRequest {
        var fields = Fields()
        fields.add("sceneName", sceneName)
        return OBSRequest("SetCurrentProgramScene", fields.values)
    }
    package static func getInputSettings(inputName: String? = nil) -> OBSRequest {
        var fields = Fields()
        fields.add("inputName", inputName)
        return OBSRequest("GetInputSettings", fields.values)
    }
    package static func setInputSettings(inputName: String? = nil, inputSettings: JSON, overlay: Bool? = nil)
        -> OBSRequest
    {
        var fields = Fields()
        fields.add("inputName", inputName)
        fields.add("inputSettings", inputSettings)
        fields.add("overlay", overlay)
        return OBSRequest("SetInputSettings", fields.values)
    }
    package static func getInputMute(inputName: String? = nil) -> OBSRequest {
        var fields = Fields()
        fields.add("inputName", inputName)
        return OBSRequest("GetInputMute", fields.values)
    }
    package static func getSceneItemId(sceneName: String? = nil, sourceName: String, searchOffset: Double? = nil)
        -> OBSRequest
    {
        var fields = Fields()
        fields.add("sceneName", sceneName)
        fields.add("sourceName", sourceName)
        fields.add("searchOffset", searchOffset)
        return OBSRequest("GetSceneItemId", fields.values)
    }
    package static func getSceneItemEnabled(sceneName: String? = nil, sceneItemId: Double) -> OBSRequest {
        var fields = Fields()
        fields.add("sceneName", sceneName)
        fields.add("sceneItemId", sceneItemId)
        return OBSRequest("GetSceneItemEnabled", fields.values)
    }
    package static func setSceneItemEnabled(sceneName: String? = nil, sceneItemId: Double, sceneItemEnabled: Bool)
        -> OBSRequest
    {
        var fields = Fields()
        fields.add("sceneName", sceneName)
        fields.add("sceneItemId", sceneItemId)
        fields.add("sceneItemEnabled", sceneItemEnabled)
        return OBSRequest("SetSceneItemEnabled", fields.values)
    }
    package static func triggerMediaInputAction(inputName: String? = nil, mediaAction: String) -> OBSRequest {
        var fields = Fields()
        fields.add("inputName", inputName)
        fields.add("mediaAction", mediaAction)
        return OBSRequest("TriggerMediaInputAction", fields.values)
    }
    package static func pressInputPropertiesButton(inputName: String? = nil, propertyName: String) -> OBSRequest {
        var fields = Fields()
        fields.add("inputName", inputName)
        fields.add("propertyName", propertyName)
        return OBSRequest("PressInputPropertiesButton", fields.values)
    }
    package static func getSourceScreenshot(
        sourceName: String? = nil, imageFormat: String, imageWidth: Double? = nil, imageHeight: Double? = nil,
        imageCompressionQuality: Double? = nil
    ) -> OBSRequest {
        var fields = Fields()
        fields.add("sourceName", sourceName)
        fields.add("imageFormat", imageFormat)
        fields.add("imageWidth", imageWidth)
        fields.add("imageHeight", imageHeight)
        fields.add("imageCompressionQuality", imageCompressionQuality)
        return OBSRequest("GetSourceScreenshot", fields.values)
    }
    package static func startStream() -> OBSRequest {
        OBSRequest("StartStream")
    }
    package static func stopStream() -> OBSRequest {
        OBSRequest("StopStream")
    }
    package static func startRecord() -> OBSRequest {
        OBSRequest("StartRecord")
    }
    package static func stopRecord() -> OBSRequest {
        OBSRequest("StopRecord")
    }
    package static func sleep(sleepMillis: Double? = nil, sleepFrames: Double? = nil) -> OBSRequest {
        var fields = Fields()
        fields.add("sleepMillis", sleepMillis)
        fields.add("sleepFrames", sleepFrames)
        return OBSRequest("Sleep", fields.values)
    }
}

/// Of the answer to `GetVersion`.
package struct OBSGetVersionAnswer: Sendable, Equatable {
    package var obsVersion: String
    package var obsWebSocketVersion: String
    package var availableRequests: [String]

    package init?(_ data: JSON) {
        guard let obsVersion = data["obsVersion"]?.string,
            let obsWebSocketVersion = data["obsWebSocketVersion"]?.string,
            let availableRequests = data["availableRequests"]?.array?.compactMap(\.string)
        else { return nil }
        self.obsVersion = obsVersion
        self.obsWebSocketVersion = obsWebSocketVersion
        self.availableRequests = availableRequests
    }
}

/// Of the answer to `GetStats`.
package struct OBSGetStatsAnswer: Sendable, Equatable {
    package var cpuUsage: Double
    package var activeFps: Double
    package var renderSkippedFrames: Double
    package var renderTotalFrames: Double
    package var outputSkippedFrames: Double
    package var outputTotalFrames: Double

    package init?(_ data: JSON) {
        guard let cpuUsage = data["cpuUsage"]?.number,
            let activeFps = data["activeFps"]?.number,
            let renderSkippedFrames = data["renderSkippedFrames"]?.number,
            let renderTotalFrames = data["renderTotalFrames"]?.number,
            let outputSkippedFrames = data["outputSkippedFrames"]?.number,
            let outputTotalFrames = data["outputTotalFrames"]?.number
        else { return nil }
        self.cpuUsage = cpuUsage
        self.activeFps = activeFps
        self.renderSkippedFrames = renderSkippedFrames
        self.renderTotalFrames = renderTotalFrames
        self.outputSkippedFrames = outputSkippedFrames
        self.outputTotalFrames = outputTotalFrames
    }
}

/// Of the answer to `GetStreamStatus`.
package struct OBSGetStreamStatusAnswer: Sendable, Equatable {
    package var outputActive: Bool
    package var outputReconnecting: Bool
    package var outputSkippedFrames: Double
    package var outputTotalFrames: Double

    package init?(_ data: JSON) {
        guard let outputActive = data["outputActive"]?.bool,
            let outputReconnecting = data["outputReconnecting"]?.bool,
            let outputSkippedFrames = data["outputSkippedFrames"]?.number,
            let outputTotalFrames = data["outputTotalFrames"]?.number
        else { return nil }
        self.outputActive = outputActive
        self.outputReconnecting = outputReconnecting
        self.outputSkippedFrames = outputSkippedFrames
        self.outputTotalFrames = outputTotalFrames
    }
}

/// Of the answer to `GetRecordStatus`.
package struct OBSGetRecordStatusAnswer: Sendable, Equatable {
    package var outputActive: Bool

    package init?(_ data: JSON) {
        guard let outputActive = data["outputActive"]?.bool
        else { return nil }
        self.outputActive = outputActive
    }
}

/// Of the answer to `GetSceneList`.
package struct OBSGetSceneListAnswer: Sendable, Equatable {
    package var currentProgramSceneName: String

    package init?(_ data: JSON) {
        guard let currentProgramSceneName = data["currentProgramSceneName"]?.string
        else { return nil }
        self.currentProgramSceneName = currentProgramSceneName
    }
}

/// Of the answer to `GetCurrentProgramScene`.
package struct OBSGetCurrentProgramSceneAnswer: Sendable, Equatable {
    package var currentProgramSceneName: String

    package init?(_ data: JSON) {
        guard let currentProgramSceneName = data["currentProgramSceneName"]?.string
        else { return nil }
        self.currentProgramSceneName = currentProgramSceneName
    }
}

/// Of the answer to `GetInputSettings`.
package struct OBSGetInputSettingsAnswer: Sendable, Equatable {
    package var inputSettings: JSON

    package init?(_ data: JSON) {
        guard let inputSettings = data["inputSettings"]
        else { return nil }
        self.inputSettings = inputSettings
    }
}

/// Of the answer to `GetInputMute`.
package struct OBSGetInputMuteAnswer: Sendable, Equatable {
    package var inputMuted: Bool

    package init?(_ data: JSON) {
        guard let inputMuted = data["inputMuted"]?.bool
        else { return nil }
        self.inputMuted = inputMuted
    }
}

/// Of the answer to `GetSceneItemId`.
package struct OBSGetSceneItemIdAnswer: Sendable, Equatable {
    package var sceneItemId: Double

    package init?(_ data: JSON) {
        guard let sceneItemId = data["sceneItemId"]?.number
        else { return nil }
        self.sceneItemId = sceneItemId
    }
}

/// Of the answer to `GetSceneItemEnabled`.
package struct OBSGetSceneItemEnabledAnswer: Sendable, Equatable {
    package var sceneItemEnabled: Bool

    package init?(_ data: JSON) {
        guard let sceneItemEnabled = data["sceneItemEnabled"]?.bool
        else { return nil }
        self.sceneItemEnabled = sceneItemEnabled
    }
}

/// Of the answer to `GetSourceScreenshot`.
package struct OBSGetSourceScreenshotAnswer: Sendable, Equatable {
    package var imageData: String

    package init?(_ data: JSON) {
        guard let imageData = data["imageData"]?.string
        else { return nil }
        self.imageData = imageData
    }
}
