import Domain
import Foundation
import Testing

@Suite struct QueueSettingsTests {
    private let unusual = QueueSettings(
        slotSeconds: nil, overtimeWhenAlone: false, rejoin: .afterQuiet, endsDeadSlots: true, coverDrop: .next,
        graceOnAirSeconds: 7, graceWaitingSeconds: 3600, blockAfterTurn: .minutes(90), autoAdvance: false,
        maximumLength: 12, isOpen: false, warningSeconds: [90, 5], output: Self.unusualOutput)

    private static var unusualOutput: OutputSettings {
        var output = OutputSettings()
        output.emergency = .mute
        output.programmeDelay = .milliseconds(1250)
        output.slateText = "Back at nine = soon\nStay"
        output.slateFile = "pause-1.mp4"
        (output.envelope.maximumWidth, output.envelope.maximumHeight) = (1280, 720)
        output.envelope.maximumFrameRate = 30
        output.envelope.maximumBitsPerSecond = 4_500_000
        output.envelope.maximumAudioChannels = 1
        output.envelope.videoCodecs = [.h264, .hevc]
        output.outputs = [.hls, .transportStream]
        return output
    }

    private func decode(_ json: String) throws -> QueueSettings {
        try JSONDecoder().decode(QueueSettings.self, from: Data(json.utf8))
    }

    @Test func whatIsStoredIsReadAgain() throws {
        for settings in [unusual, QueueSettings()] {
            #expect(try decode(String(decoding: try JSONEncoder().encode(settings), as: UTF8.self)) == settings)
        }
    }

    @Test(arguments: [
        "{}", #"{"coverDrop":"fireworks","blockAfterTurn":"3 moons","rejoin":4,"warningSeconds":"soon"}"#,
        #"{"slotSeconds":0,"graceOnAirSeconds":-1,"maximumLength":99999999,"warningSeconds":[1,2,3]}"#,
        #"{"autoAdvance":"yes","slotSeconds":1e99,"somethingNew":{}}"#,
        #"{"output":{"emergency":"fire","maximumSize":"0x0","slateFile":"/etc/passwd","other":"1"}}"#, #"{"output":7}"#,
        #"{"output":{"programmeDelay":"31s"}}"#,
    ])
    func whatIsAbsentStrangeOrOutOfRangeHasItsDefault(json: String) throws {
        #expect(try decode(json) == QueueSettings())
    }

    @Test func aLimitThatWasTakenAwayIsANull() throws {
        #expect(try decode(#"{"slotSeconds":null}"#) == QueueSettings(slotSeconds: nil))
    }

    @Test func everySettingIsReadAsItIsWritten() throws {
        var read = QueueSettings()
        for name in QueueSettings.names { try read.set(name, to: try #require(unusual.text(of: name))) }
        #expect(read == unusual)
        for name in QueueSettings.names { try read.set(name, to: try #require(QueueSettings().text(of: name))) }
        #expect(read == QueueSettings())
    }

    /// As `all`, so that a later version's output is on where none was ever switched off.
    @Test func outputsAreNamedByTheirAddressesAndAllOfThemAsAll() throws {
        var settings = QueueSettings()
        #expect(settings.text(of: "outputs") == "all")
        try settings.set("outputs", to: "rtmp,stream,hls,ws,audio")
        #expect(settings.text(of: "outputs") == "hls,stream,ws,audio,rtmp")
        #expect(!settings.output.outputs.contains(.dash))
        try settings.set("outputs", to: "none")
        #expect(settings.output.outputs.isEmpty && settings.text(of: "outputs") == "none")
        try settings.set("outputs", to: "dash,hls,stream,ws,audio,rtmp")
        #expect(settings.text(of: "outputs") == "all")
        let known = "outputs must be all, none, or some of hls,dash,stream,ws,audio,rtmp, not 'smoke'"
        #expect(throws: QueueCommandError.invalidSetting(known)) { try settings.set("outputs", to: "hls,smoke") }
    }

    @Test(arguments: [
        ("0", 0, "0s"), ("2s", 2000, "2s"), ("0.5", 500, "0.5s"), ("1.050s", 1050, "1.05s"), ("30", 30_000, "30s"),
    ])
    func theDelayIsInSeconds(text: String, milliseconds: Int, written: String) throws {
        var settings = QueueSettings()
        try settings.set("programmeDelay", to: text)
        #expect(settings.output.programmeDelay == .milliseconds(milliseconds))
        #expect(settings.text(of: "programmeDelay") == written)
        try settings.set("programmeDelay", to: "none")
        #expect(settings.output.programmeDelay == nil)
    }

    @Test(arguments: [
        "", "s", "-1", "30.001", "31", "1m", ".5", "5.", "1.2.3", "1.0005", "2,5", "+2", "٣", "99999999999999999999",
    ])
    func aDelayThatIsNoneIsNamed(text: String) {
        var settings = QueueSettings()
        let error = #expect(throws: QueueCommandError.self) { try settings.set("programmeDelay", to: text) }
        #expect(error.map { "\($0)".contains("programmeDelay must be 0 to 30 s") } == true)
        #expect(settings == QueueSettings())
    }

    @Test func switchesTellWhatWentOff() throws {
        let switches = OutputSwitches()
        #expect(switches.on(of: .main) == Set(ViewerProtocol.allCases))
        #expect(switches.set([.hls, .rtmp]) == [.dash, .transportStream, .webSocket, .audio])
        #expect(switches.set([.hls, .dash]) == [.rtmp])
        #expect(switches.isOn(.dash, of: .main) && !switches.isOn(.rtmp, of: .main))
        #expect(switches.isOn(.rtmp, of: try #require(ChannelName("other"))))
    }

    @Test(arguments: [
        ("coverDrop", "loud"), ("rejoin", ""), ("blockAfterTurn", "90s"), ("blockAfterTurn", "0m"),
        ("blockAfterTurn", "8d"), ("warnings", "10m,x"), ("warnings", "25h"), ("warnings", "1,2,3,4,5,6,7,8,9,10,11"),
        ("slotLength", "9223372036854775807h"), ("slotLength", "-5"), ("deadAfter", "10"), ("graceOnAir", "2h"),
        ("nothing", "1"), ("emergency", "loud"), ("slateFile", "../key"), ("slateFile", "/etc/passwd"),
        ("slateFile", ""),
        ("videoCodecs", "av1"), ("videoCodecs", "h264,av1"), ("videoCodecs", ""), ("maximumSize", "1920"),
        ("maximumSize", "9999x10"),
        ("maximumFrameRate", "0"), ("maximumBitrate", "99999999999"), ("maximumAudioChannels", "9"),
        ("outputs", "hls,smoke"), ("outputs", ""), ("outputs", "hls,"), ("outputs", "ts"),
    ])
    func aTextThatIsNoSettingIsRefusedByName(name: String, text: String) {
        var settings = QueueSettings()
        let error = #expect(throws: QueueCommandError.self) { try settings.set(name, to: text) }
        guard case .invalidSetting(let problem)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(problem.contains(name))
        #expect(settings == QueueSettings())
    }

    @Test func anEventsPayloadIsJSONWhateverTheNameIs() throws {
        let name = "Mi\"ra\\ \u{0001}\n🎧"
        let event = DomainEvent.queueUnready(entry: EntryID(high: 0, low: 1), name: name, missing: ["a \"b\"", ""])
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(event.payload.json.utf8)) as? [String: Any])
        #expect(object["name"] as? String == name)
        #expect(object["missing"] as? [String] == ["a \"b\"", ""])
        #expect(object.count == 3)
        #expect(DomainEvent.slateStarted.payload.json == "{}")
    }
}
