import Domain
import NIOCore
import RTMP
import TestKit
import Testing

struct PlayTests {
    private func transcript(_ script: ClientScript, accept: Bool = true) throws -> Transcript {
        var transcript = Transcript()
        try transcript.receive(script.bytes)
        if accept, transcript.lines.last?.hasPrefix("play ") == true {
            transcript.connection.playAccepted()
            try transcript.drain()
        }
        return transcript
    }

    @Test func holdsTheConversationOfAPlayer() throws {
        var script = ClientScript()
        script.play("main")
        let transcript = try transcript(script)
        #expect(
            transcript.lines
                == [
                    "control 5", "control 6", "control 1", "_result NetConnection.Connect.Success", "_result",
                    "_result",
                    "play play main", "control 1", "control 4", "onStatus NetStream.Play.Reset",
                    "onStatus NetStream.Play.Start", "control 18", "control 18",
                ].filter { $0 != "control 1" })
        #expect(transcript.connection.isPlaying)
    }

    @Test(arguments: [
        ("play", "main"), ("play", "/main"), ("play/", "mp4:main"), ("play/main", ""), ("play", "main?token=1"),
        ("play?x=1", "flv:main"), ("/play", "main/"),
    ])
    func findsTheChannelWherePlayersPutIt(application: String, name: String) throws {
        var script = ClientScript()
        script.play(name, application: application)
        #expect(try transcript(script).lines.contains("play play main"))
    }

    @Test(arguments: [
        ("play", "main?region=gb", " in GB"), ("play?x=1&region=GB", "main", " in GB"),
        ("play?region=US", "main?region=GB", " in GB"), ("play", "main?token=region=GB", ""),
        ("play", "main?region=England", ""), ("play", "main?region=", ""),
    ])
    func findsTheRegionBehindTheName(application: String, name: String, region: String) throws {
        var script = ClientScript()
        script.play(name, application: application)
        #expect(try transcript(script).lines.contains("play play main\(region)"))
    }

    @Test(arguments: [
        ("play", ""), ("play", ".."), ("play", "../../etc/passwd"), ("play/..", "main"), ("play", "a/b"),
        ("play", "a\\b"), ("play", "\u{1}"), ("live", "main"),
    ])
    func findsNoChannelInOtherPaths(application: String, name: String) throws {
        var script = ClientScript()
        script.play(name, application: application)
        #expect(
            try transcript(script).decisions.suffix(2) == [
                "onStatus NetStream.Play.StreamNotFound", "close playRefused",
            ])
    }

    @Test func cutsLongNames() throws {
        var script = ClientScript()
        script.play(String(repeating: "x", count: 4000))
        #expect(try transcript(script).lines.contains("play play " + String(repeating: "x", count: 128)))
    }

    @Test func tellsWhyAPlayerIsRefused() throws {
        var script = ClientScript()
        script.play("main")
        for (refusal, code) in [
            (PlayRefusal.unknownChannel, "NetStream.Play.StreamNotFound"), (.failed("Full."), "NetStream.Play.Failed"),
        ] {
            var transcript = try transcript(script, accept: false)
            transcript.connection.playRefused(refusal)
            try transcript.drain()
            #expect(transcript.decisions.suffix(2) == ["onStatus \(code)", "close playRefused"])
        }
    }

    @Test func passesOnWhatThePlayerWants() throws {
        var script = ClientScript()
        script.play("main")
        var transcript = try transcript(script)
        let before = transcript.decisions.count
        var more = ClientScript()
        more.command("pause", 0, [.null, .boolean(true), .number(0)], streamID: 1)
        more.command("pause", 0, [.null, .boolean(false), .number(0)], streamID: 1)
        more.command("receiveAudio", 0, [.null, .boolean(false)], streamID: 1)
        more.command("receiveVideo", 0, [.null, .boolean(true)], streamID: 1)
        more.command("seek", 0, [.null, .number(5000)], streamID: 1)
        more.command("somethingElse", 9, [.null])
        try transcript.receive(more.bytes)
        let lines = Array(transcript.decisions.dropFirst(before))
        #expect(
            lines.filter { $0.hasPrefix("playback") } == [
                "playback paused(true)", "playback paused(false)", "playback audio(false)", "playback video(true)",
            ])
        #expect(
            lines.filter { $0.hasPrefix("onStatus") } == [
                "onStatus NetStream.Pause.Notify", "onStatus NetStream.Unpause.Notify",
                "onStatus NetStream.Seek.Notify",
                "onStatus NetStream.Play.Start", "onStatus NetStream.Seek.Notify",
            ])
        #expect(transcript.connection.isPlaying)
    }

    @Test(arguments: ["deleteStream", "closeStream"])
    func endsWhenThePlayerStops(command: String) throws {
        var script = ClientScript()
        script.play("main")
        var transcript = try transcript(script)
        var more = ClientScript()
        more.command(command, 0, [.null, .number(1)], streamID: 1)
        try transcript.receive(more.bytes)
        #expect(transcript.decisions.suffix(2) == ["onStatus NetStream.Play.Stop", "close finished"])
    }

    @Test func refusesMediaAndASecondRoleOfAPlayer() throws {
        var script = ClientScript()
        script.play("main")
        var transcript = try transcript(script)
        var more = ClientScript()
        more.command("publish", 5, [.null, .string("key"), .string("live")], streamID: 1)
        more.command("play", 6, [.null, .string("other")], streamID: 1)
        more.video("17 00 000000", at: 0)
        try transcript.receive(more.bytes)
        #expect(
            transcript.decisions.suffix(4) == [
                "onStatus NetStream.Publish.BadName", "onStatus NetStream.Play.Failed",
                "onStatus NetConnection.Connect.Closed", "close mediaBeforePublish",
            ])
    }

    @Test func refusesAPublishToThePlayersApplication() throws {
        var script = ClientScript()
        script.publish("key", application: "play")
        #expect(
            try transcript(script).decisions.suffix(2) == [
                "onStatus NetStream.Publish.Denied", "close unknownApplication",
            ])
    }

    @Test func forgetsAPlayerThatLeftBeforeItWasAdmitted() throws {
        var script = ClientScript()
        script.play("main")
        var transcript = try transcript(script, accept: false)
        transcript.connection.inputClosed()
        try transcript.drain()
        transcript.connection.playAccepted()
        try transcript.drain()
        #expect(transcript.lines.last == "close peerLeft")
        #expect(!transcript.connection.isPlaying)
    }

    @Test func keepsAPlayerBeyondTheDeadlineAndPingsIt() throws {
        var script = ClientScript()
        script.play("main")
        var transcript = try transcript(script)
        transcript.connection.deadlinePassed()
        transcript.connection.pingDue(time: 7)
        try transcript.drain()
        #expect(transcript.lines.last == "control 4")
        #expect(transcript.connection.isPlaying)
    }

    @Test func tellsWhichPicturesAPeerCanBeSent() {
        #expect(EnhancedCapabilities().videoCodecs == [.h264])
        #expect(EnhancedCapabilities(video: [.init("hvc1", .decode)]).videoCodecs == [.h264, .hevc])
        #expect(
            EnhancedCapabilities(video: [.init("hvc1", .encode), .init("av01", .forward)]).videoCodecs == [.h264, .av1])
        #expect(EnhancedCapabilities(video: [.init("*", .forward)]).videoCodecs == Set(VideoFormat.Codec.allCases))
        var older = EnhancedCapabilities()
        older.listed = ["hvc1", "Opus"]
        #expect(older.videoCodecs == [.h264, .hevc])
    }

    @Test func asksOnlyThoseToReconnectWhoUnderstandIt() throws {
        var script = ClientScript()
        script.play("main")
        var plain = try transcript(script)
        let isAsked = plain.connection.requestReconnect(reason: "Update.")
        #expect(!isAsked)
        var enhanced = ClientScript()
        enhanced.handshake()
        enhanced.command(
            "connect", 1,
            [
                .object([
                    "app": .string("play"), "capsEx": .number(1), "fourCcList": .array([.string("hvc1")]),
                    "videoFourCcInfoMap": .object(["hvc1": .number(7), "*": .number(4), "toolong": .number(1)]),
                ])
            ])
        enhanced.command("play", 4, [.null, .string("main")], streamID: 1)
        var transcript = try transcript(enhanced)
        #expect(transcript.connection.peerCapabilities.listed == ["hvc1"])
        #expect(
            transcript.connection.peerCapabilities.video == [
                .init("hvc1", [.decode, .encode, .forward]), .init("*", .forward),
            ])
        let asked = transcript.connection.requestReconnect(to: "rtmp://b/play", reason: "Update.")
        #expect(asked)
        try transcript.drain()
        #expect(transcript.lines.last == "onStatus NetConnection.Connect.ReconnectRequest")
    }
}
