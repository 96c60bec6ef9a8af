import Domain
import OBSProtocol
import TestKit
import Testing

@testable import Stage

/// What one OBS is sent, decision by decision; the OBS is one in memory that answers at once.
struct StageDirectorTests {
    private static let start = WallTime(milliseconds: 1_800_000_000_000)

    private func presets(_ adjust: (inout StudioPresets) -> Void = { _ in }) -> StudioPresets {
        var presets = StudioPresets(liveScene: "Live", slateScene: "Slate", djText: "DJ")
        adjust(&presets)
        return presets
    }

    private func director(_ presets: StudioPresets, rules: String = "[]") throws -> StageDirector {
        StageDirector(script: try StageScript(presets: presets, rules: rules))
    }

    private func view(_ onAir: String?, next: String? = nil, hasPicture: Bool = true, remaining: Double? = 754)
        -> QueueView
    {
        var entries: [QueueView.Entry] = []
        if let onAir {
            entries.append(FakeQueueDesk.entry(onAir, onAir: true, remaining: remaining))
            entries[0].id = EntryID(high: 1, low: UInt64(bitPattern: Int64(onAir.hashValue)))
            if !hasPicture { entries[0].onAirSince = nil }
        }
        if let next { entries.append(FakeQueueDesk.entry(next)) }
        return QueueView(
            channel: .main, version: 1, at: Self.start, showing: onAir == nil ? .slate : .dj, isOpen: true,
            slotSeconds: nil, entries: entries)
    }

    /// Sends and answers until there is nothing left to do; waits are skipped.
    private func settle(_ director: inout StageDirector, _ studio: FakeStudio) {
        var now = Self.start
        for _ in 0..<50 {
            if let order = director.nextOrder(now: now) {
                switch order {
                case .apply(let batch), .read(let batch): director.answered(studio.answer(batch), now: now)
                }
            } else if let next = director.notBefore {
                now = next
            } else {
                return
            }
        }
        Issue.record("it never comes to rest")
    }

    /// Connected while the slate shows, and at rest; what it took to come there is forgotten.
    private func start(_ director: inout StageDirector, _ studio: FakeStudio) {
        director.connected()
        director.observed(view(nil), now: Self.start)
        settle(&director, studio)
        studio.change { $0.batches = [] }
    }

    private func studio() -> FakeStudio { FakeStudio { $0.inputs["DJ"] = [:] } }

    @Test func aTransitionIsOneBatchThatIsReadBack() throws {
        let studio = studio()
        var director = try director(presets { $0.restartMedia = "programme" })
        start(&director, studio)
        director.observed(view("DJ A"), now: Self.start)
        settle(&director, studio)
        #expect(
            studio.doings == [
                "SetInputSettings DJ A", "SetCurrentProgramScene Live", "TriggerMediaInputAction programme",
            ])
        #expect(studio.now.batches.map(\.execution) == [.serialFrame, .serialRealtime])
        #expect(director.problem == nil && director.transitions == 1)
        // The same again is nothing.
        director.observed(view("DJ A"), now: Self.start)
        #expect(studio.now.batches.count == 2)
    }

    @Test func whileTheNextPictureHasNotComeNothingIsSwitched() throws {
        let studio = studio()
        var director = try director(presets())
        start(&director, studio)
        director.observed(view("DJ A"), now: Self.start)
        settle(&director, studio)
        director.observed(view("DJ B", hasPicture: false), now: Self.start)
        settle(&director, studio)
        #expect(studio.doings.count == 2)
        director.observed(view("DJ B"), now: Self.start)
        settle(&director, studio)
        #expect(studio.doings.suffix(1) == ["SetInputSettings DJ B"])
        #expect(director.transitions == 2)
    }

    @Test func whatWaitsIsTheNewestStateAndOneMediaRestart() throws {
        let studio = studio()
        var director = try director(presets { $0.restartMedia = "programme" })
        start(&director, studio)
        // The first batch is on its way.
        director.observed(view("DJ A"), now: Self.start)
        guard case .apply(let first)? = director.nextOrder(now: Self.start) else {
            Issue.record("nothing to apply")
            return
        }
        for number in 1...100 { director.observed(view(number % 3 == 0 ? nil : "DJ \(number)"), now: Self.start) }
        #expect(director.nextOrder(now: Self.start) == nil)
        director.answered(studio.answer(first), now: Self.start)
        settle(&director, studio)
        #expect(
            studio.doings.dropFirst(3) == [
                "SetInputSettings DJ 100", "SetCurrentProgramScene Live", "TriggerMediaInputAction programme",
            ])
        #expect(studio.now.scene == "Live" && studio.now.inputs["DJ"]?["text"] == .string("DJ 100"))
    }

    @Test func afterAReconnectOnlyWhatDiffersIsSetAndNoActIsRepeated() throws {
        let studio = studio()
        var director = try director(presets { $0.restartMedia = "programme" })
        director.connected()
        director.observed(view("DJ A"), now: Self.start)
        settle(&director, studio)
        director.disconnected()
        studio.change { $0.batches = [] }
        director.connected()
        settle(&director, studio)
        #expect(studio.doings == [])
        // OBS was started anew, and somebody else is on air by now.
        director.disconnected()
        studio.change { state in
            state.scene = "Boot"
            state.inputs["DJ"] = ["text": .string("old")]
            state.batches = []
        }
        director.observed(view(nil), now: Self.start)
        director.connected()
        settle(&director, studio)
        #expect(studio.doings == ["SetInputSettings ", "SetCurrentProgramScene Slate"])
        #expect(studio.now.scene == "Slate" && studio.now.inputs["DJ"]?["text"] == .string(""))
    }

    @Test func anOBSThatIsNotReadyIsAskedAgain() throws {
        let studio = studio()
        studio.change { $0.notReadyBatches = 5 }
        var director = try director(presets())
        director.observed(view("DJ A"), now: Self.start)
        director.connected()
        settle(&director, studio)
        #expect(studio.now.scene == "Live" && director.problem == nil)
        #expect(studio.now.batches.count >= 6)
    }

    @Test func aSwitchThatDidNotHappenIsDoneAgainAndGivenUpAfterThreeTries() throws {
        let studio = studio()
        studio.change { $0.ignoredSwitches = 2 }
        var director = try director(presets())
        director.connected()
        director.observed(view("DJ A"), now: Self.start)
        settle(&director, studio)
        #expect(studio.now.scene == "Live" && director.problem == nil)
        studio.change { $0.ignoredSwitches = 1000 }
        director.observed(view(nil), now: Self.start)
        settle(&director, studio)
        #expect(director.problem == "SetCurrentProgramScene: OBS shows something else")
        let tries = studio.doings.count { $0 == "SetCurrentProgramScene Slate" }
        #expect(tries == 1 + StageDirector.maximumTries)
    }

    @Test func whatOBSDoesNotHaveHoldsUpNothingElse() throws {
        let studio = FakeStudio()
        var director = try director(presets())
        director.connected()
        director.observed(view("DJ A"), now: Self.start)
        settle(&director, studio)
        #expect(studio.now.scene == "Live")
        #expect(director.problem == "SetInputSettings: No source was found by the name of `DJ`.")
    }

    @Test func theTimeLeftTicksAndIsNotReadBack() throws {
        let studio = FakeStudio { $0.inputs = ["timer": [:]] }
        var presets = StudioPresets()
        presets.timerText = "timer"
        var director = try director(presets)
        director.connected()
        var shown = view("DJ A", remaining: 3725)
        shown.entries[0].clockRuns = true
        director.observed(shown, now: Self.start)
        settle(&director, studio)
        #expect(director.isTicking && studio.now.inputs["timer"]?["text"] == .string("1:02:05"))
        director.observed(shown, now: Self.start + .seconds(126))
        settle(&director, studio)
        #expect(studio.now.inputs["timer"]?["text"] == .string("59:59"))
        #expect(studio.now.batches.count == 2)
    }

    @Test func rulesAreDoneOnTheirEventsWithPlaceholders() throws {
        let studio = FakeStudio { state in
            state.inputs = ["news": [:]]
            state.visible = ["Live/next-up": false]
        }
        let rules = """
            [{"on": ["handover.planned"], "requests": [
                {"requestType": "SetSceneItemEnabled", "requestData": {"sceneName": "Live", "sourceName": "next-up", "sceneItemEnabled": true}},
                {"requestType": "SetInputSettings", "requestData": {"inputName": "news", "inputSettings": {"text": "{next} after {dj} {x}"}}},
                {"requestType": "Sleep", "requestData": {"sleepFrames": 5}},
                {"requestType": "SaveReplayBuffer"}]},
             {"on": ["onair.*"], "requests": [{"requestType": "StartStream"}]}]
            """
        var director = try director(StudioPresets(), rules: rules)
        director.connected()
        director.observed(view("DJ {next}", next: "DJ B"), now: Self.start)
        settle(&director, studio)
        #expect(studio.doings == ["StartStream"] && director.wantsStream == true)
        director.happened("handover.planned")
        settle(&director, studio)
        #expect(studio.now.visible["Live/next-up"] == true)
        // What stands in a name is no placeholder.
        #expect(studio.now.inputs["news"]?["text"] == .string("DJ B after DJ {next} {x}"))
        #expect(studio.doings.suffix(2) == ["Sleep", "SaveReplayBuffer"])
        let sent = studio.now.batches.flatMap(\.requests)
        #expect(sent.contains { $0.type == "GetSceneItemId" && $0.outputVariables == ["item": "sceneItemId"] })
        // Told by the view already.
        director.happened("onair.started")
        #expect(director.nextOrder(now: Self.start) == nil)
    }

    @Test(arguments: [
        ("RemoveScene", #"{"sceneName":"Live"}"#), ("RemoveInput", #"{"inputName":"x"}"#),
        ("CreateScene", #"{"sceneName":"x"}"#),
        ("SetSceneName", #"{"sceneName":"x","newSceneName":"y"}"#), ("GetStreamServiceSettings", "{}"),
        ("SetCurrentSceneCollection", #"{"sceneCollectionName":"x"}"#), ("SaveSourceScreenshot", "{}"),
        ("NoSuch", "{}"),
        ("SetInputMute", #"{"inputMuted":"yes"}"#), ("SetInputMute", #"{"inputMuted":true,"x":1}"#),
        ("SetInputMute", "{}"),
        ("Sleep", #"{"sleepMillis":50000}"#), ("Sleep", #"{"sleepFrames":301}"#),
        ("PressInputPropertiesButton", #"{"inputName":"x","propertyName":"delete"}"#),
        ("TriggerMediaInputAction", #"{"inputName":"x","mediaAction":"EXPLODE"}"#), ("CallVendorRequest", "{}"),
    ])
    func refusesARuleThat(_ type: String, _ data: String) {
        let rules = #"[{"on":["onair.started"],"requests":[{"requestType":"\#(type)","requestData":\#(data)}]}]"#
        let error = #expect(throws: StudioError.self) { try StageScript(presets: StudioPresets(), rules: rules) }
        guard case .invalid("rules", let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.hasPrefix("Rule 1: "))
    }

    @Test(arguments: [
        "x", "{}", #"[{"on":[],"requests":[]}]"#, #"[{"on":["*"],"requests":[{"requestType":"StartStream"}]}]"#,
        #"[{"on":["obs.connected"],"requests":[{"requestType":"StartStream"}]}]"#,
        #"[{"on":["a b"],"requests":[{"requestType":"StartStream"}]}]"#, #"[{"on":["x"],"requests":[]}]"#,
        #"[{"on":["x"],"requests":[{"requestType":"StartStream"}],"extra":1}]"#,
    ])
    func refusesRulesOfAnotherForm(_ rules: String) {
        #expect(throws: StudioError.self) { try StageScript(presets: StudioPresets(), rules: rules) }
    }

    @Test func aDryRunIsTheBatchOfTheTransition() throws {
        let script = try StageScript(presets: presets { $0.restartMedia = "programme" }, rules: "[]")
        let text = script.batch(on: "onair.started", .example).json(id: "dry-run").text
        #expect(text.contains(#""executionType":1"#) && text.contains("DJ Mira") && text.contains("_RESTART"))
        #expect(script.batch(on: "queue.joined", .example).requests.isEmpty)
    }
}
