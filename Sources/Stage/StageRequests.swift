import OBSProtocol

/// The requests that a rule may make. Nothing that removes, creates, renames, writes files, opens windows or shows secrets: so the
/// active scene can never be deleted, whoever writes the rules.
enum StageRequests {
    struct Refusal: Error, Equatable { var reason: String }

    /// The one button of a browser input that is worth pressing.
    static let refreshButton = "refreshnocache"
    static let maximumSleepFrames = 300.0

    static let allowed: Set<String> = [
        "SetCurrentProgramScene", "SetCurrentPreviewScene", "SetSceneItemEnabled", "SetInputSettings", "SetInputMute",
        "SetInputVolume", "SetSourceFilterEnabled", "SetCurrentSceneTransition", "SetCurrentSceneTransitionDuration",
        "TriggerStudioModeTransition", "TriggerMediaInputAction", "PressInputPropertiesButton",
        "StartStream", "StopStream", "StartRecord", "StopRecord", "PauseRecord", "ResumeRecord", "SplitRecordFile",
        "CreateRecordChapter", "StartReplayBuffer", "StopReplayBuffer", "SaveReplayBuffer", "StartVirtualCam",
        "StopVirtualCam", "SendStreamCaption", "Sleep",
    ]

    /// Reads `{"requestType": …, "requestData": {…}}`, as obs-websocket's own documents write it.
    ///
    /// `SetSceneItemEnabled` may name the item by `sourceName`: its number is found within the same batch.
    static func request(_ json: JSON) throws(Refusal) -> OBSRequest {
        guard let fields = json.object, Set(fields.keys).isSubset(of: ["requestType", "requestData"]),
            let type = json["requestType"]?.string, let data = (json["requestData"] ?? .object([:])).object
        else { throw Refusal(reason: "a request is {\"requestType\": NAME, \"requestData\": {…}}") }
        guard OBSRequestTable.fields(of: type) != nil else {
            throw Refusal(reason: "there is no request \(type.prefix(64))")
        }
        guard allowed.contains(type) else { throw Refusal(reason: "\(type) cannot be used in a rule") }
        let request = OBSRequest(type, data)
        var checked = request
        if type == "SetSceneItemEnabled", case .string? = checked.data.removeValue(forKey: "sourceName") {
            checked.inputVariables = ["sceneItemId": "id"]
        }
        if let problem = OBSRequestTable.problem(of: checked) { throw Refusal(reason: problem) }
        try refuseUnbounded(request)
        return request
    }

    private static func refuseUnbounded(_ request: OBSRequest) throws(Refusal) {
        switch request.type {
        case "Sleep":
            guard request.data["sleepMillis"] == nil, let frames = request.data["sleepFrames"]?.number,
                (1...maximumSleepFrames).contains(frames)
            else { throw Refusal(reason: "Sleep takes sleepFrames, 1 to \(Int(maximumSleepFrames))") }
        case "PressInputPropertiesButton":
            guard request.data["propertyName"]?.string == refreshButton else {
                throw Refusal(reason: "PressInputPropertiesButton takes the property \(refreshButton)")
            }
        case "TriggerMediaInputAction":
            guard let action = request.data["mediaAction"]?.string, OBSMediaInputAction(rawValue: action) != nil else {
                throw Refusal(reason: "TriggerMediaInputAction takes a mediaAction of obs-websocket")
            }
        default: break
        }
    }
}

/// One thing to bring about in OBS.
struct StageItem: Sendable, Equatable {
    /// What it decides, so that a later word on the same thing takes its place; `nil`: an act, done once and never again.
    var key: String?
    var request: OBSRequest
    /// Changes all the time and is not read back: the time left.
    var isQuiet = false

    init(_ request: OBSRequest, isQuiet: Bool = false) {
        self.request = request
        self.isQuiet = isQuiet
        key = Self.key(of: request)
    }

    private static func key(of request: OBSRequest) -> String? {
        func name(_ field: String) -> String { request.data[field]?.text ?? "" }
        switch request.type {
        case "SetCurrentProgramScene": return "scene"
        case "SetCurrentPreviewScene": return "preview"
        case "SetSceneItemEnabled": return "item \(name("sceneName")) \(name("sourceName")) \(name("sceneItemId"))"
        case "SetInputSettings":
            // Rules on different settings of an input do not replace each other.
            let fields = request.data["inputSettings"]?.object?.keys.sorted().joined(separator: ",") ?? ""
            return "input \(name("inputName")) \(fields)"
        case "SetInputMute": return "mute \(name("inputName"))"
        case "SetInputVolume": return "volume \(name("inputName"))"
        case "SetSourceFilterEnabled": return "filter \(name("sourceName")) \(name("filterName"))"
        case "StartStream", "StopStream": return "stream"
        case "StartRecord", "StopRecord": return "record"
        default: return nil
        }
    }

    /// Of several words on one thing the last; a media input is restarted once.
    static func merged(_ items: [StageItem]) -> [StageItem] {
        var result: [StageItem] = []
        for item in items {
            if let key = item.key { result.removeAll { $0.key == key } }
            let isRepeatable = item.request.type == "Sleep" || !result.contains { $0.request == item.request }
            if isRepeatable { result.append(item) }
        }
        return result
    }

    /// What goes into the batch: an item of a scene that is named by its source is looked up first.
    var requests: [OBSRequest] {
        guard request.type == "SetSceneItemEnabled", let source = request.data["sourceName"]?.string else {
            return [request]
        }
        var set = request
        set.data["sourceName"] = nil
        set.inputVariables = ["sceneItemId": Self.variable]
        return [itemID(of: source), set]
    }

    /// What reads it back; empty where OBS cannot be asked, or it is told by the watch.
    var reading: [OBSRequest] {
        guard !isQuiet else { return [] }
        switch request.type {
        case "SetCurrentProgramScene": return [.getCurrentProgramScene()]
        case "SetInputSettings": return [.getInputSettings(inputName: request.data["inputName"]?.string)]
        case "SetInputMute": return [.getInputMute(inputName: request.data["inputName"]?.string)]
        case "SetSceneItemEnabled":
            guard let source = request.data["sourceName"]?.string else {
                return [
                    .getSceneItemEnabled(
                        sceneName: request.data["sceneName"]?.string,
                        sceneItemId: request.data["sceneItemId"]?.number ?? 0)
                ]
            }
            var get = OBSRequest("GetSceneItemEnabled", request.data["sceneName"].map { ["sceneName": $0] } ?? [:])
            get.inputVariables = ["sceneItemId": Self.variable]
            return [itemID(of: source), get]
        default: return []
        }
    }

    private static let variable = "item"

    private func itemID(of source: String) -> OBSRequest {
        var find = OBSRequest.getSceneItemId(sceneName: request.data["sceneName"]?.string, sourceName: source)
        find.outputVariables = [Self.variable: "sceneItemId"]
        return find
    }

    /// Whether OBS shows it, by the last of `reading`'s answers.
    func isShown(by reply: OBSReply) -> Bool {
        switch request.type {
        case "SetCurrentProgramScene":
            return OBSGetCurrentProgramSceneAnswer(reply.data)?.currentProgramSceneName
                == request.data["sceneName"]?.string
        case "SetInputSettings":
            let wanted = request.data["inputSettings"]?.object ?? [:]
            let present = OBSGetInputSettingsAnswer(reply.data)?.inputSettings.object ?? [:]
            return wanted.allSatisfy { name, value in
                // OBS leaves out what is as by default.
                present[name].map { $0 == value } ?? (value == .string(""))
            }
        case "SetInputMute": return OBSGetInputMuteAnswer(reply.data)?.inputMuted == request.data["inputMuted"]?.bool
        case "SetSceneItemEnabled":
            return OBSGetSceneItemEnabledAnswer(reply.data)?.sceneItemEnabled == request.data["sceneItemEnabled"]?.bool
        default: return true
        }
    }
}
