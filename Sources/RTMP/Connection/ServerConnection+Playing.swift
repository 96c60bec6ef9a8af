import Domain

/// The player's side of the conversation (RTMP 1.0 §7.2.2). A player has message stream 1, whatever it asked on.
extension ServerConnection {
    mutating func playReceived(_ command: Command, address: StreamAddress) {
        // play2 has its name within an object.
        let name = command.arguments.first?.string ?? command.arguments.first?.object?["streamName"]?.string ?? ""
        guard address.application == StreamAddress.playing, let channel = address.channel(streamName: name) else {
            refusePlay(.unknownChannel)
            return
        }
        phase = .admitting
        perform(
            .play(
                PlayIntent(
                    application: address.application, channel: channel, player: encoderName,
                    region: StreamAddress.region(in: name) ?? address.region)))
    }

    /// ffmpeg and librtmp wait for `NetStream.Play.Start`; Flash's players want the rest, in this order.
    mutating func beginPlaying() {
        let streamID = SharedMessage.usualStreamID
        phase = .playing
        replies.writeChunkSize(SharedMessage.chunkSize)
        replies.writeUserControl(UserControl.streamBegin, streamID)
        writePlayStatus("NetStream.Play.Reset", "Starting over.")
        writePlayStatus("NetStream.Play.Start", "Playing.")
        replies.writeData([.string("|RtmpSampleAccess"), .boolean(true), .boolean(true)], streamID: streamID)
        replies.writeData(
            [.string("onStatus"), .object(["code": .string("NetStream.Data.Start")])], streamID: streamID)
    }

    mutating func refusePlay(_ refusal: PlayRefusal) {
        replies.writeStatus(
            level: "error", code: refusal.code, description: refusal.message, streamID: SharedMessage.usualStreamID)
        close(.playRefused, lateEnd: .closedByServer)
    }

    mutating func playingCommandReceived(_ command: Command) {
        guard !answered(command) else { return }
        switch command.name {
        case "pause", "pauseRaw":
            let isPaused = command.arguments.first?.boolean ?? true
            writePlayStatus(
                isPaused ? "NetStream.Pause.Notify" : "NetStream.Unpause.Notify", isPaused ? "Paused." : "Going on.")
            perform(.playback(.paused(isPaused)))
        case "receiveAudio": receiveChanged(command, PlaybackChange.audio)
        case "receiveVideo": receiveChanged(command, PlaybackChange.video)
        case "seek":
            // What is live stays where it is; a player that is told so does not give up, as it does after an error.
            writePlayStatus("NetStream.Seek.Notify", "Live streams do not seek.")
        case "closeStream", "deleteStream":
            writePlayStatus("NetStream.Play.Stop", "Stopped.")
            close(.finished, lateEnd: .finished)
        case "play", "play2":
            replies.writeStatus(
                level: "error", code: "NetStream.Play.Failed",
                description: "This connection plays already: use one connection per stream.",
                streamID: SharedMessage.usualStreamID)
        case "publish":
            replies.writeStatus(
                level: "error", code: "NetStream.Publish.BadName",
                description: "This connection plays: publish on another.", streamID: SharedMessage.usualStreamID)
        default: break
        }
    }

    /// §7.2.2.4, §7.2.2.5: only switching on is answered.
    private mutating func receiveChanged(_ command: Command, _ change: (Bool) -> PlaybackChange) {
        let isWanted = command.arguments.first?.boolean ?? true
        if isWanted {
            writePlayStatus("NetStream.Seek.Notify", "Going on.")
            writePlayStatus("NetStream.Play.Start", "Playing.")
        }
        perform(.playback(change(isWanted)))
    }

    private mutating func writePlayStatus(_ code: String, _ description: String) {
        replies.writeStatus(
            level: "status", code: code, description: description, streamID: SharedMessage.usualStreamID)
    }
}
