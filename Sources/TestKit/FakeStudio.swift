package import OBSProtocol
private import Synchronization

/// An OBS in memory: scenes, inputs and outputs that do what requests say. Any task.
package final class FakeStudio: OBSDialing {
    package struct State: Sendable {
        package var scene = "Boot"
        package var scenes: Set<String> = ["Boot", "Live", "Slate"]
        package var inputs: [String: [String: JSON]] = [:]
        /// By scene and source.
        package var visible: [String: Bool] = [:]
        package var isStreaming = false
        package var isRecording = false
        package var skippedFrames = 0.0
        package var totalFrames = 0.0
        /// So many batches are answered with 207.
        package var notReadyBatches = 0
        /// Every batch that came, but those of the watch.
        package var batches: [OBSBatch] = []
        package var connections = 0
        /// What connecting throws while it is set.
        package var failure: OBSConnectionError?
        /// Scene switches that are said to be done and are not.
        package var ignoredSwitches = 0
        fileprivate var live: [Int: FakeStudioConnection] = [:]
    }

    private let state: Mutex<State>

    package init(_ adjust: (inout State) -> Void = { _ in }) {
        var state = State()
        adjust(&state)
        self.state = Mutex(state)
    }

    package var now: State { state.withLock { $0 } }
    package func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    /// All requests of all batches but the reading ones.
    package var doings: [String] {
        now.batches.flatMap(\.requests).filter { !$0.type.hasPrefix("Get") }.map { request in
            let subject =
                request.data["sceneName"]?.string ?? request.data["inputSettings"]?["text"]?.string
                ?? request.data["inputName"]?.string
            return request.type + (subject.map { " \($0)" } ?? "")
        }
    }

    package func connect(to address: OBSAddress) async throws(OBSConnectionError) -> any OBSConnection {
        let result = state.withLock { state -> Result<FakeStudioConnection, OBSConnectionError> in
            if let failure = state.failure { return .failure(failure) }
            state.connections += 1
            let connection = FakeStudioConnection(studio: self)
            state.live[state.connections] = connection
            return .success(connection)
        }
        return try result.get()
    }

    /// Ends every connection; with `failure` nobody comes back until it is taken away.
    package func drop(failure: OBSConnectionError? = nil) {
        let live = state.withLock { state in
            state.failure = failure
            defer { state.live = [:] }
            return Array(state.live.values)
        }
        for connection in live { connection.close() }
    }

    package func answer(_ batch: OBSBatch) -> [OBSReply] {
        state.withLock { state in
            if batch.requests != Self.watched { state.batches.append(batch) }
            if state.notReadyBatches > 0 {
                state.notReadyBatches -= 1
                return batch.requests.map { OBSReply(type: $0.type, code: 207) }
            }
            var lastItem = ""
            return batch.requests.map { Self.answer($0, &state, &lastItem) }
        }
    }

    private static let watched: [OBSRequest] = [.getStreamStatus(), .getRecordStatus(), .getStats()]

    private static func answer(_ request: OBSRequest, _ state: inout State, _ lastItem: inout String) -> OBSReply {
        func done(_ data: [String: JSON] = [:]) -> OBSReply {
            OBSReply(type: request.type, code: 100, data: .object(data))
        }
        func no(_ code: Int, _ comment: String) -> OBSReply {
            OBSReply(type: request.type, code: code, comment: comment)
        }
        let input = request.data["inputName"]?.string ?? ""
        switch request.type {
        case "SetCurrentProgramScene":
            let scene = request.data["sceneName"]?.string ?? ""
            guard state.scenes.contains(scene) else { return no(600, "No source was found by the name of `\(scene)`.") }
            if state.ignoredSwitches > 0 { state.ignoredSwitches -= 1 } else { state.scene = scene }
            return done()
        case "GetCurrentProgramScene": return done(["currentProgramSceneName": .string(state.scene)])
        case "GetSceneList":
            return done(["scenes": .array(state.scenes.sorted().map { .object(["sceneName": .string($0)]) })])
        case "SetInputSettings":
            guard state.inputs[input] != nil else { return no(600, "No source was found by the name of `\(input)`.") }
            state.inputs[input]?.merge(request.data["inputSettings"]?.object ?? [:]) { _, new in new }
            return done()
        case "GetInputSettings":
            guard let settings = state.inputs[input] else {
                return no(600, "No source was found by the name of `\(input)`.")
            }
            return done(["inputSettings": .object(settings), "inputKind": .string("text")])
        case "GetSceneItemId":
            lastItem = "\(request.data["sceneName"]?.string ?? "")/\(request.data["sourceName"]?.string ?? "")"
            return state.visible[lastItem] == nil ? no(600, "no item") : done(["sceneItemId": .number(7)])
        case "SetSceneItemEnabled":
            state.visible[lastItem] = request.data["sceneItemEnabled"]?.bool
            return done()
        case "GetSceneItemEnabled": return done(["sceneItemEnabled": .bool(state.visible[lastItem] ?? false)])
        case "StartStream":
            if state.isStreaming { return no(500, "running") }
            state.isStreaming = true
            return done()
        case "StopStream":
            if !state.isStreaming { return no(501, "not running") }
            state.isStreaming = false
            return done()
        case "GetStreamStatus":
            return done([
                "outputActive": .bool(state.isStreaming), "outputReconnecting": .bool(false),
                "outputSkippedFrames": .number(state.skippedFrames), "outputTotalFrames": .number(state.totalFrames),
            ])
        case "GetRecordStatus": return done(["outputActive": .bool(state.isRecording)])
        case "GetVersion":
            return done([
                "obsVersion": .string("29.0.2"), "obsWebSocketVersion": .string("5.1.0"),
                "availableRequests": .array([]),
            ])
        case "GetSourceScreenshot":
            return done(["imageData": .string("data:image/jpg;base64," + Base64.text(of: [0xFF, 0xD8, 0xFF, 0xD9]))])
        default: return done()
        }
    }
}

package final class FakeStudioConnection: OBSConnection {
    package let server = OBSServer(webSocketVersion: "5.1.0")
    package let events: AsyncStream<OBSEvent>
    private let continuation: AsyncStream<OBSEvent>.Continuation
    private let studio: FakeStudio
    private let isClosed = Mutex(false)

    init(studio: FakeStudio) {
        self.studio = studio
        (events, continuation) = AsyncStream.makeStream()
    }

    package func perform(_ batch: OBSBatch) async throws(OBSConnectionError) -> [OBSReply] {
        guard !isClosed.withLock({ $0 }) else { throw .closed(nil) }
        return studio.answer(batch)
    }

    package func close() {
        isClosed.withLock { $0 = true }
        continuation.finish()
    }
}
