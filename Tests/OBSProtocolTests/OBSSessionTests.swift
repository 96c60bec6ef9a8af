import Cryptography
import Domain
import Testing

@testable import OBSProtocol

struct OBSSessionTests {
    private static let hello =
        #"{"op":0,"d":{"obsWebSocketVersion":"5.1.0","rpcVersion":1,"authentication":"#
        + #"{"challenge":"+IxH4CnCiqpX1rM9scsNynZzbOe4KhDeYcTNS3PDaeY=","salt":"lM1GncleQOaCu9lT1yeUZhFYnqhsLLP1G5lAGo3ixaI="}}}"#

    private func session(_ password: String? = "supersecretpassword") -> OBSSession {
        OBSSession(password: password.map { Secret($0) }, digest: SHA256Digest())
    }

    private func feed(_ session: inout OBSSession, _ text: String) throws -> OBSSession.Action {
        try session.received(Array(text.utf8))
    }

    /// The protocol's own example of a challenge; its answer was worked out with openssl.
    @Test func provesThePasswordAndNeverSendsIt() throws {
        var session = session()
        guard case .send(let text) = try feed(&session, Self.hello) else {
            Issue.record("nothing was sent")
            return
        }
        #expect(text.contains("1Ct943GAT+6YQUUX47Ia/ncufilbe6+oD6lY+5kaCu4="))
        #expect(text.contains(#""op":1"#) && text.contains(#""rpcVersion":1"#) && !text.contains("supersecret"))
        #expect(
            try feed(&session, #"{"op":2,"d":{"negotiatedRpcVersion":1}}"#)
                == .identified(OBSServer(webSocketVersion: "5.1.0")))
        #expect(session.isIdentified)
    }

    @Test func saysThatAPasswordIsNeeded() {
        var session = session(nil)
        #expect(throws: OBSProtocolError(.passwordNeeded, "OBS asks for a password and none is set")) {
            try feed(&session, Self.hello)
        }
    }

    @Test func needsNoPasswordWhereOBSAsksForNone() throws {
        var session = session(nil)
        guard case .send(let text) = try feed(&session, #"{"op":0,"d":{"rpcVersion":1}}"#) else {
            Issue.record("nothing was sent")
            return
        }
        #expect(!text.contains("authentication"))
    }

    private func identified() throws -> OBSSession {
        var session = session(nil)
        _ = try feed(&session, #"{"op":0,"d":{"rpcVersion":1}}"#)
        _ = try feed(&session, #"{"op":2,"d":{}}"#)
        return session
    }

    @Test func readsEventsAndAnswers() throws {
        var session = try identified()
        #expect(
            try feed(
                &session,
                #"{"op":5,"d":{"eventType":"CurrentProgramSceneChanged","eventIntent":4,"eventData":{"sceneName":"A"}}}"#
            )
                == .event(.currentProgramSceneChanged(sceneName: "A")))
        #expect(
            try feed(&session, #"{"op":5,"d":{"eventType":"FutureEvent","eventIntent":1}}"#)
                == .event(.other("FutureEvent")))
        #expect(
            try feed(
                &session,
                #"{"op":9,"d":{"requestId":"7","results":[{"requestType":"GetStats","requestStatus":{"result":false,"code":207,"#
                    + #""comment":"not yet"}}]}}"#)
                == .answered(7, [OBSReply(type: "GetStats", code: 207, comment: "not yet")]))
        #expect(try feed(&session, #"{"op":9,"d":{"requestId":"x","results":[]}}"#) == .ignore)
        #expect(try feed(&session, #"{"op":77,"d":{}}"#) == .ignore)
    }

    @Test(arguments: [
        "x", "[]", "{}", #"{"op":5}"#, #"{"op":"5","d":{}}"#, #"{"op":5,"d":{}}"#, #"{"op":9,"d":{}}"#,
        #"{"op":9,"d":{"requestId":"1","results":[{}]}}"#, #"{"op":1,"d":{}}"#, #"{"op":0,"d":{"rpcVersion":1}}"#,
        #"{"op":5.5,"d":{}}"#, #"{"op":1e300,"d":{}}"#,
    ])
    func namesWhatIsWrongWithAMessage(_ text: String) throws {
        var session = try identified()
        if text.contains("5.5") || text.contains("1e300") {
            #expect(throws: OBSProtocolError.self) { try feed(&session, text) }
        } else {
            let error = #expect(throws: OBSProtocolError.self) { try feed(&session, text) }
            #expect(error?.description.isEmpty == false)
        }
    }

    @Test func anEventBeforeIdentifyingIsOutOfOrder() {
        var session = session(nil)
        let error = #expect(throws: OBSProtocolError.self) {
            try feed(&session, #"{"op":5,"d":{"eventType":"ExitStarted"}}"#)
        }
        #expect(error?.code == .outOfOrder)
    }

    @Test func aBatchIsOneMessage() throws {
        let batch = OBSBatch([
            .setCurrentProgramScene(sceneName: "Live"), .sleep(sleepFrames: 2),
            .triggerMediaInputAction(inputName: "in", mediaAction: OBSMediaInputAction.restart.rawValue),
        ])
        #expect(
            try identified().text(of: batch, number: 3)
                == #"{"d":{"executionType":1,"haltOnFailure":false,"requestId":"3","requests":[{"requestData":{"sceneName":"Live"},"#
                + #""requestType":"SetCurrentProgramScene"},{"requestData":{"sleepFrames":2},"requestType":"Sleep"},"#
                + #"{"requestData":{"inputName":"in","mediaAction":"OBS_WEBSOCKET_MEDIA_INPUT_ACTION_RESTART"},"#
                + #""requestType":"TriggerMediaInputAction"}]},"op":8}"#)
        #expect(batch.sleep == .milliseconds(84))
    }

    @Test func everyTypedRequestFitsTheTable() {
        for request: OBSRequest in [
            .getVersion(), .getStats(), .getStreamStatus(), .getSceneList(), .setCurrentProgramScene(sceneName: "A"),
            .setInputSettings(inputName: "A", inputSettings: .object([:]), overlay: true),
            .getInputSettings(inputName: "A"),
            .setSceneItemEnabled(sceneName: "A", sceneItemId: 1, sceneItemEnabled: true), .startStream(), .stopRecord(),
            .getSourceScreenshot(sourceName: "A", imageFormat: "jpg", imageWidth: 640),
        ] {
            #expect(OBSRequestTable.problem(of: request) == nil, "\(request.type)")
        }
        #expect(OBSRequestTable.types.count == 147)
        #expect(OBSRequestTable.problem(of: OBSRequest("SetNothing")) == "there is no request SetNothing")
        #expect(
            OBSRequestTable.problem(of: OBSRequest("SetInputMute", ["inputMuted": .string("yes")]))
                == "SetInputMute: inputMuted takes a boolean")
        #expect(OBSRequestTable.problem(of: OBSRequest("SetInputMute")) == "SetInputMute needs inputMuted")
        #expect(OBSRequestTable.problem(of: OBSRequest("StartStream", ["x": .null])) == "StartStream has no field x")
    }
}
