// Made by scripts/generate-obs-protocol from obs-websocket's protocol.json (032c99331b5e): do not edit.
// The events that Lineup heeds.

package enum OBSEvent: Sendable, Equatable {
    case currentProgramSceneChanged(sceneName: String)
    case streamStateChanged(outputActive: Bool, outputState: String)
    case recordStateChanged(outputActive: Bool, outputState: String)
    case exitStarted
    /// Any other, or one of these that lacks a field.
    case other(String)

    package init(type: String, data: JSON) {
        switch type {
        case "CurrentProgramSceneChanged":
            guard let sceneName = data["sceneName"]?.string else { break }
            self = .currentProgramSceneChanged(sceneName: sceneName)
            return
        case "StreamStateChanged":
            guard let outputActive = data["outputActive"]?.bool, let outputState = data["outputState"]?.string else {
                break
            }
            self = .streamStateChanged(outputActive: outputActive, outputState: outputState)
            return
        case "RecordStateChanged":
            guard let outputActive = data["outputActive"]?.bool, let outputState = data["outputState"]?.string else {
                break
            }
            self = .recordStateChanged(outputActive: outputActive, outputState: outputState)
            return
        case "ExitStarted":
            self = .exitStarted
            return
        default: break
        }
        self = .other(type)
    }
}
