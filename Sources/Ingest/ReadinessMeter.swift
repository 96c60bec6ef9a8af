import Domain

/// Decides whether a publisher could go on air, and says what is missing in words for the DJ (design §4, rule 2). Pure; owned
/// by `LivePublisher`.
///
/// A stream of one track is taken: the programme shows a still or plays silence for the other.
struct ReadinessMeter {
    /// Without metadata, tracks that were not seen within this are not waited for.
    static let trackPatience: Int64 = 2_000_000_000
    /// Measured rates may be this much above the envelope: encoders overshoot for moments.
    static let rateTolerance = 1.1

    private(set) var envelope: Envelope
    /// Of media behind a key frame before it may go on air; 0…30 s.
    private(set) var delay: Duration
    private(set) var measure = StreamMeasure()
    private var metadata: StreamMetadata?
    private var video: VideoFormat?
    private var audio: AudioFormat?
    private var refusals: [TrackKind: String] = [:]
    /// Why a track's coding is outside the envelope.
    private var pictureCoding: String?
    private var soundCoding: String?
    private var firstArrival: Int64?
    private var hasPicture = false
    private var hasSound = false
    /// Of those that follow each other closely enough.
    private var firstKeyFrame: MediaTime?
    private var newestKeyFrame: MediaTime?
    /// From the key frame before the newest one to the last picture before that.
    private var lastGroup: MediaTime?
    private var newestPicture: MediaTime?
    private var firstSound: MediaTime?
    private var newestSound: MediaTime?

    init(envelope: Envelope, delay: Duration) {
        self.envelope = envelope
        self.delay = delay
    }

    /// The channel takes something else from now on.
    mutating func change(_ envelope: Envelope, delay: Duration) {
        (self.envelope, self.delay) = (envelope, delay)
        pictureCoding = video.flatMap { envelope.codecReason(.video($0)) }
        soundCoding = audio.flatMap { envelope.codecReason(.audio($0)) }
    }

    /// The formats that came last.
    var formats: [TrackFormat] { [video.map(TrackFormat.video), audio.map(TrackFormat.audio)].compactMap { $0 } }

    mutating func received(_ metadata: StreamMetadata) { self.metadata = metadata }

    mutating func received(_ format: TrackFormat) {
        refusals[format.track] = nil
        let reason = envelope.codecReason(format)
        switch format {
        case .video(let format):
            video = format
            pictureCoding = reason
        case .audio(let format):
            audio = format
            soundCoding = reason
        }
    }

    /// The track is measured, and its media must not reach the channel.
    func isOutsideEnvelope(_ track: TrackKind) -> Bool {
        switch track {
        case .video: pictureCoding != nil
        case .audio: soundCoding != nil
        }
    }

    mutating func refused(_ track: TrackKind, reason: String) { refusals[track] = reason }

    /// - Parameter unit: normalised.
    /// - Returns: `true` when the delay has just been filled: the moment to look, for the key frame is the right age now.
    @discardableResult
    mutating func received(_ unit: AccessUnit, at now: Int64) -> Bool {
        let wasFilled = isDelayFilled
        firstArrival = firstArrival ?? now
        measure.received(unit, at: now)
        switch unit.track {
        case .audio:
            hasSound = true
            firstSound = firstSound ?? unit.presentationTime
            newestSound = unit.presentationTime
        case .video:
            hasPicture = true
            let last = newestPicture
            newestPicture = unit.decodeTime
            guard unit.isKeyFrame else { break }
            if let last, let newestKeyFrame { lastGroup = last - newestKeyFrame }
            if firstKeyFrame == nil || isGroupOverlong { firstKeyFrame = unit.decodeTime }
            newestKeyFrame = unit.decodeTime
        }
        return isDelayFilled && !wasFilled
    }

    /// By the picture, or by the sound where no picture came.
    private var isDelayFilled: Bool {
        let (first, newest) = hasPicture ? (firstKeyFrame, newestPicture) : (firstSound, newestSound)
        guard let first, let newest else { return false }
        return newest - first >= MediaTime(nanoseconds: delay.wholeNanoseconds)
    }

    /// Nobody knows when the next key frame will come, and there is no place to join before. Whose last group was so long will
    /// probably send another one: they would be ready and not ready in turns. The first shorter group ends it.
    private var isGroupOverlong: Bool {
        guard let newestKeyFrame, let newestPicture else { return false }
        return max(lastGroup ?? .zero, newestPicture - newestKeyFrame) > longestGroup
    }

    private var longestGroup: MediaTime { DelayLine.longestGroup + MediaTime(nanoseconds: delay.wholeNanoseconds) }

    func readiness(at now: Int64) -> Readiness {
        guard let firstArrival else {
            let reasons = TrackKind.allCases.compactMap { refusals[$0] }
            return .notReady(reasons.isEmpty ? ["No media has arrived yet."] : reasons)
        }
        let isPatient = now - firstArrival < Self.trackPatience
        var missing: [String] = []
        missing += pictureReasons(isPatient: isPatient)
        missing += soundReasons(isPatient: isPatient)
        if let bits = measure.statistics.bitsPerSecond,
            Double(bits) > Double(envelope.maximumBitsPerSecond) * Self.rateTolerance
        {
            missing.append(
                "Your bitrate is too high: this channel takes up to \(envelope.maximumBitsPerSecond / 1000) kbit/s of "
                    + "picture and sound; lower it in the encoder.")
        }
        return missing.isEmpty ? .ready : .notReady(missing)
    }

    // MARK: Picture

    private func pictureReasons(isPatient: Bool) -> [String] {
        if let refusal = refusals[.video] { return [refusal] }
        guard hasPicture, let video else {
            // A stream of sound alone.
            if hasSound, metadata?.hasVideo == false || !(isPatient || metadata?.hasVideo == true) {
                return isDelayFilled ? [] : [Self.buffering]
            }
            return ["No picture has arrived yet: check the video source and the encoder."]
        }
        return envelopeReasons(video) + delayReasons()
    }

    private func envelopeReasons(_ video: VideoFormat) -> [String] {
        var reasons: [String] = []
        if video.width > envelope.maximumWidth || video.height > envelope.maximumHeight {
            reasons.append(
                "Your picture is \(video.width)x\(video.height); this channel takes up to "
                    + "\(envelope.maximumWidth)x\(envelope.maximumHeight): scale the output down in the encoder.")
        }
        if let pictureCoding { reasons.append(pictureCoding) }
        if let rate = measure.statistics.frameRate ?? video.frameRate, rate > envelope.maximumFrameRate * 1.02 {
            reasons.append(
                "Your frame rate is \(Int(rate.rounded())); this channel takes up to "
                    + "\(Int(envelope.maximumFrameRate)): lower it in the encoder.")
        }
        return reasons
    }

    private func delayReasons() -> [String] {
        guard firstKeyFrame != nil else { return ["No key frame yet: set the key-frame interval to 2 s."] }
        guard !isGroupOverlong else {
            return [
                "Your key frames are more than \(Int(longestGroup.seconds)) s apart: set the key-frame interval to 2 s "
                    + "and switch open GOPs off."
            ]
        }
        // The text holds no countdown: each change of it is an event.
        return isDelayFilled ? [] : [Self.buffering]
    }

    private static let buffering = "Your stream is being buffered for the channel's delay: ready in a moment."

    // MARK: Sound

    private func soundReasons(isPatient: Bool) -> [String] {
        if let refusal = refusals[.audio] { return [refusal] }
        guard hasSound, let audio else {
            if hasPicture, metadata?.hasAudio == false || !(isPatient || metadata?.hasAudio == true) { return [] }
            return ["No audio has arrived yet: check the sound source and the encoder."]
        }
        var reasons: [String] = []
        if let soundCoding { reasons.append(soundCoding) }
        if audio.channels > envelope.maximumAudioChannels {
            reasons.append(
                "Your sound has \(audio.channels) channels; this channel takes up to \(envelope.maximumAudioChannels): "
                    + "choose stereo in the encoder.")
        }
        return reasons
    }
}
