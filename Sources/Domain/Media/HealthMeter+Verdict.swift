/// Which conditions hold, their figures, and what to tell the DJ.
extension HealthMeter {
    /// A group longer than this delays joins and viewers' starts.
    static let longGroup = MediaTime.milliseconds(4200)
    static let overlongGroup = MediaTime.milliseconds(10_500)
    static let shortGroup = MediaTime.milliseconds(450)
    /// Bits a pixel and picture, under which pictures look poor.
    static let lowBitsPerPixel = 0.02
    static let lowAudioBitsPerSecond = 48_000
    static let jitterMilliseconds = 700.0
    static let driftPPM = 500.0
    static let offsetMilliseconds = 500.0
    /// What is prompt has two of the three seconds in which it is to be told; the rest is for looking, reading and decoding.
    private static let trackPatience: Int64 = 2 * second
    private static let silencePatience: Int64 = 2 * second
    private static let stillPatience = MediaTime.milliseconds(2000)
    /// Fewer pictures in that time may well be alike.
    private static let leastStillPictures = 10
    /// A track is missing only while the other goes on for this long: after a stall both begin anew.
    private static let otherTrackGoesOn = MediaTime.milliseconds(1000)
    private static let oneSidedPatience: Int64 = 5 * second

    func conditions(at now: Int64) -> Set<StreamIssue> {
        guard firstArrival != nil else { return [] }
        var issues = promptConditions(at: now)
        func hold(_ issue: StreamIssue, _ condition: Bool) { if condition { issues.insert(issue) } }
        let measures = measures(at: now)
        if let since = oneSidedSince, let newest = levelsAt, now - newest < Hearing.verdictSpan {
            hold(.oneSidedAudio, now - since > Self.oneSidedPatience)
        }
        hold(.multitrack, !leftOut.isEmpty)
        if let video { holdPicture(video, measures, hold) }
        if let audio { holdSound(audio, measures, hold) }
        let bits = (measures.videoBitsPerSecond ?? 0) + (measures.audioBitsPerSecond ?? 0)
        hold(.bitrateHigh, Double(bits) > Double(envelope.maximumBitsPerSecond) * 1.1)
        if let rate = measures.ingestionRate {
            hold(.videoIngestionStarved, rate < 0.9)
            hold(.videoIngestionFasterThanRealtime, rate > 1.1)
        }
        hold(.arrivalJitter, measures.arrivalJitterMilliseconds.map { $0 > Self.jitterMilliseconds } ?? false)
        hold(.clockDrift, measures.clockDriftPPM.map { abs($0) > Self.driftPPM } ?? false)
        hold(
            .audioVideoOffset,
            measures.audioVideoOffsetMilliseconds.map { abs($0) > Self.offsetMilliseconds } ?? false)
        return issues
    }

    /// A few comparisons: looked at more often than the rest.
    func promptConditions(at now: Int64) -> Set<StreamIssue> {
        guard let firstArrival else { return [] }
        var issues: Set<StreamIssue> = []
        if now - (lastPicture ?? firstArrival) > Self.trackPatience, goesOn(newestSound, since: soundAtPicture) {
            issues.insert(.noVideoStream)
        }
        if now - (lastSound ?? firstArrival) > Self.trackPatience, goesOn(newestPicture, since: pictureAtSound) {
            issues.insert(.noAudioStream)
        }
        if let heard = hearing.lastHeard, let sound = lastSound, sound - heard > Self.silencePatience,
            !issues.contains(.noAudioStream)
        {
            issues.insert(.silentAudio)
        }
        if let stillSince, let newestPicture, newestPicture - stillSince >= Self.stillPatience,
            stillPictures >= Self.leastStillPictures, !issues.contains(.noVideoStream)
        {
            issues.insert(.frozenVideo)
        }
        return issues
    }

    private func goesOn(_ newest: MediaTime?, since then: MediaTime?) -> Bool {
        guard let newest, let then else { return false }
        return newest - then > Self.otherTrackGoesOn
    }

    private func holdPicture(
        _ video: VideoFormat, _ measures: StreamMeasures, _ hold: (StreamIssue, Bool) -> Void
    ) {
        hold(.videoCodec, envelope.codecReason(.video(video)) != nil)
        hold(
            .videoResolutionUnsupported,
            video.width > envelope.maximumWidth || video.height > envelope.maximumHeight)
        hold(.frameRateHigh, (measures.frameRate ?? 0) > envelope.maximumFrameRate * 1.02)
        if let length = groupLength {
            hold(.gopSizeOver, length > Self.overlongGroup)
            hold(.gopSizeLong, length > Self.longGroup && length <= Self.overlongGroup)
        }
        hold(.gopSizeShort, keyFrameInterval.map { $0 < Self.shortGroup } ?? false)
        hold(.openGop, hasOpenGop)
        hold(.bFrames, hasReordering)
        if window.count == Self.windowSeconds, let bits = measures.videoBitsPerSecond, let rate = measures.frameRate {
            let pixels = Double(video.width * video.height) * rate
            // Where no picture comes, another word says so.
            hold(.bitrateLow, pixels > 0 && bits > 0 && Double(bits) / pixels < Self.lowBitsPerPixel)
        }
    }

    private func holdSound(
        _ audio: AudioFormat, _ measures: StreamMeasures, _ hold: (StreamIssue, Bool) -> Void
    ) {
        hold(.audioCodec, envelope.codecReason(.audio(audio)) != nil)
        hold(.audioTooManyChannels, audio.channels > envelope.maximumAudioChannels)
        hold(.audioSampleRate, audio.sampleRate != 44_100 && audio.sampleRate != 48_000)
        let isSilent = window.allSatisfy { $0.largestSound <= Hearing.silentFrameBytes }
        if window.count == Self.windowSeconds, !isSilent, let bits = measures.audioBitsPerSecond {
            hold(.audioBitrateLow, bits < Self.lowAudioBitsPerSecond)
        }
    }

    // MARK: Figures

    func measures(at now: Int64) -> StreamMeasures {
        var measures = StreamMeasures()
        measures.videoCodec = video?.codec.rawValue
        measures.width = video?.width
        measures.height = video?.height
        measures.audioCodec = audio?.codec.rawValue
        measures.sampleRate = audio?.sampleRate
        measures.channels = audio?.channels
        measures.frameRate = frameRate
        measures.keyFrameIntervalSeconds = groupLength?.seconds
        measures.hasBFrames = hasReordering
        measures.hasOpenGop = hasOpenGop
        measures.stalls = stalls
        measures.clockDriftPPM = clockDriftPPM
        // The first second may hold an encoder's first burst.
        guard window.count >= 2 else { return measures }
        let count = window.count
        if video != nil { measures.videoBitsPerSecond = window.reduce(0) { $0 + $1.videoBytes } * 8 / count }
        if audio != nil { measures.audioBitsPerSecond = window.reduce(0) { $0 + $1.audioBytes } * 8 / count }
        let spreads = window.compactMap { second in
            second.bestVideoLead > .min ? Double(second.bestVideoLead - second.worstVideoLead) / 1_000_000 : nil
        }
        measures.arrivalJitterMilliseconds = spreads.max()
        let (picture, sound) = (window.map(\.bestVideoLead).max() ?? .min, window.map(\.bestAudioLead).max() ?? .min)
        if picture > .min, sound > .min {
            measures.audioVideoOffsetMilliseconds = Double(sound - picture) / 1_000_000
        }
        if count == Self.windowSeconds, let first = window.first?.newest {
            let last = window.last { $0.newest != nil }?.newest ?? first
            measures.ingestionRate = (last - first).seconds / Double(count - 1)
        }
        return measures
    }

    // MARK: Words

    func advice(for issue: StreamIssue, _ measures: StreamMeasures) -> String {
        switch issue {
        case .noVideoStream: "No picture arrives: check the video source and the encoder."
        case .noAudioStream: "No sound arrives: check the sound source and the encoder's audio track."
        case .videoCodec: video.flatMap { envelope.codecReason(.video($0)) } ?? "Choose H.264 in the encoder."
        case .audioCodec: audio.flatMap { envelope.codecReason(.audio($0)) } ?? "Choose AAC in the encoder."
        case .videoResolutionUnsupported:
            "Your picture is \(measures.width ?? 0)x\(measures.height ?? 0); scale it down to "
                + "\(envelope.maximumWidth)x\(envelope.maximumHeight) or less in the encoder."
        case .frameRateHigh:
            "Your frame rate is \(Self.text(measures.frameRate)); set at most \(Int(envelope.maximumFrameRate))."
        case .bitrateHigh:
            "Your bitrate is \(Self.kilobits(measures)) kbit/s; set at most "
                + "\(envelope.maximumBitsPerSecond / 1000) kbit/s for picture and sound together."
        case .audioTooManyChannels: "Your sound has \(measures.channels ?? 0) channels; choose stereo in the encoder."
        case .audioSampleRate:
            "Your sound has \(measures.sampleRate ?? 0) Hz; set 48 kHz or 44.1 kHz in the encoder."
        case .bitrateLow:
            "Your picture has \((measures.videoBitsPerSecond ?? 0) / 1000) kbit/s, which is little for its size: raise "
                + "the bitrate, or lower the size or frame rate."
        case .audioBitrateLow:
            "Your sound has \((measures.audioBitsPerSecond ?? 0) / 1000) kbit/s: set 128 kbit/s or more for music."
        case .gopSizeLong, .gopSizeOver:
            "Your key-frame interval is \(Self.text(measures.keyFrameIntervalSeconds)) s: set it to 2 s in the encoder."
        case .gopSizeShort:
            "Your key frames come every \(Self.text(measures.keyFrameIntervalSeconds)) s: set the interval to 2 s."
        case .openGop:
            video?.codec == .hevc
                ? "Your encoder uses open GOPs: the pictures before each key picture are left out where the programme joins "
                    + "you and where viewers begin; switch that off (x265: open-gop=0)."
                : "Your encoder uses open GOPs: switch that off (x264: open-gop=0), so that others can join."
        case .videoIngestionStarved:
            "Your stream arrives slower than it plays: lower the bitrate, or check the network and the encoder's load."
        case .videoIngestionFasterThanRealtime:
            "Your stream arrives faster than it plays: send at playing speed (ffmpeg: -re)."
        case .bFrames: "Your encoder uses B-frames: fine here; switching them off shortens the delay a little."
        case .silentAudio: "Your sound is silent: check the mixer's output and the encoder's audio source."
        case .oneSidedAudio:
            "Only one side of your stereo sound can be heard: check the mixer's balance and cables, or send mono."
        case .multitrack: TrackKind.allCases.compactMap { leftOut[$0] }.joined(separator: " ")
        case .frozenVideo: "Your picture is black or still: check the video source, unless it is meant to be."
        case .arrivalJitter:
            "Your stream arrives in bursts of \(Self.text(measures.arrivalJitterMilliseconds.map { $0 / 1000 })) s: "
                + "use a cable rather than Wi-Fi, or lower the bitrate."
        case .clockDrift:
            "Your encoder's clock is off by \(Self.text(measures.clockDriftPPM)) parts in a million: it will be cut "
                + "now and then; use the sound card as the clock, or restart the encoder."
        case .audioVideoOffset:
            "Sound and picture arrive \(Self.text(measures.audioVideoOffsetMilliseconds.map { $0 / 1000 })) s apart: "
                + "check the sync offset of the sound source."
        }
    }

    private static func kilobits(_ measures: StreamMeasures) -> Int {
        ((measures.videoBitsPerSecond ?? 0) + (measures.audioBitsPerSecond ?? 0)) / 1000
    }

    /// With one decimal.
    private static func text(_ value: Double?) -> String {
        guard let value, value.isFinite, abs(value) < 1e9 else { return "?" }
        let tenths = Int((value * 10).rounded())
        let sign = tenths < 0 ? "-" : ""
        return "\(sign)\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }
}
