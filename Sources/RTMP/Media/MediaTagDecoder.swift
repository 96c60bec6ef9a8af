package import Domain
package import NIOCore

/// What a publisher's tags amount to.
package enum MediaEvent: Sendable {
    case metadata(StreamMetadata)
    case format(TrackFormat)
    case unit(AccessUnit)
    /// In words for the DJ; once per track and reason.
    case refused(TrackKind, reason: String)
}

/// Turns audio and video tags into formats and access units.
///
/// Owned by one connection or file reader. A payload is handed on as a slice of its message, uncopied, unless its NAL lengths
/// must be rewritten. Key frames are found in the NAL units; the container's flag is not believed.
package struct MediaTagDecoder: Sendable {
    private var unwrapper = TimestampUnwrapper()
    private var video: AVCConfiguration?
    private var audio: AudioFormat?
    private var videoRefusal: String?
    private var audioRefusal: String?
    private var damagedInARow = 0

    /// One damaged picture is a hiccup; this many are an encoder or a codec that we misread.
    private static let damagedBeforeRefusal = 10
    private static let damagedReason =
        "The pictures' NAL units do not fit their lengths: restart the encoder, or choose another H.264 encoder in it."

    package init() {}

    /// - Parameter timestamp: the message's, in milliseconds, wrapping at 2^32.
    /// - Returns: `nil` when the tag brings nothing: a repeated configuration, a unit before its configuration or of a refused
    ///   track, a damaged unit.
    /// - Throws: `RTMPError(.timestampRange)`.
    package mutating func videoReceived(_ body: ByteBuffer, timestamp: UInt32) throws(RTMPError) -> MediaEvent? {
        let time = try unwrapper.unwrap(timestamp)
        switch MediaTag(video: body) {
        case .configuration(.h264, let record): return videoConfigured(record)
        case .frame(.h264, let offset, let payload): return videoUnit(payload, time: time, offset: offset)
        case .configuration(.other(let name), _), .frame(.other(let name), _, _):
            return refuseVideo(
                "\(name) video was sent, and this channel takes H.264: set the encoder's video codec to it.")
        case .refused(let reason): return refuseVideo(reason)
        case .configuration(.aac, _), .frame(.aac, _, _), .nothing, .truncated: return nil
        }
    }

    /// As `videoReceived`, for sound.
    package mutating func audioReceived(_ body: ByteBuffer, timestamp: UInt32) throws(RTMPError) -> MediaEvent? {
        let time = try unwrapper.unwrap(timestamp)
        switch MediaTag(audio: body) {
        case .configuration(.aac, let record): return audioConfigured(record)
        case .frame(.aac, _, let payload):
            guard audio != nil else { return nil }
            let at = MediaTime.milliseconds(time)
            return .unit(
                AccessUnit(track: .audio, decodeTime: at, presentationTime: at, isKeyFrame: true, payload: payload))
        case .configuration(.other(let name), _), .frame(.other(let name), _, _):
            return refuseAudio(
                "\(name) audio was sent, and this channel takes AAC: set the encoder's audio codec to it.")
        case .refused(let reason): return refuseAudio(reason)
        case .configuration(.h264, _), .frame(.h264, _, _), .nothing, .truncated: return nil
        }
    }

    // MARK: Video

    private mutating func videoConfigured(_ record: ByteBuffer) -> MediaEvent? {
        do throws(CodecError) {
            let configuration = try AVCConfiguration(record)
            let isNew = configuration.format != video?.format
            video = configuration
            videoRefusal = nil
            damagedInARow = 0
            return isNew ? .format(.video(configuration.format)) : nil
        } catch {
            video = nil
            return refuseVideo(error.message)
        }
    }

    private mutating func videoUnit(_ payload: ByteBuffer, time: Int64, offset: Int32) -> MediaEvent? {
        guard let video else { return nil }
        let summary = NALUnitSummary(payload, lengthSize: video.lengthSize)
        guard !summary.isBroken else { return unitDamaged() }
        damagedInARow = 0
        guard summary.containsPicture else { return nil }  // Parameter sets or SEI alone: nothing to show at this time.
        let isCanonical = video.lengthSize == 4 && !summary.hasEmptyUnits
        return .unit(
            AccessUnit(
                track: .video, decodeTime: .milliseconds(time), presentationTime: .milliseconds(time + Int64(offset)),
                isKeyFrame: summary.containsIDR,
                payload: isCanonical ? payload : withFourByteLengths(payload, lengthSize: video.lengthSize)))
    }

    private mutating func unitDamaged() -> MediaEvent? {
        damagedInARow += 1
        return damagedInARow == Self.damagedBeforeRefusal ? refuseVideo(Self.damagedReason) : nil
    }

    private mutating func refuseVideo(_ reason: String) -> MediaEvent? {
        guard videoRefusal != reason else { return nil }
        videoRefusal = reason
        return .refused(.video, reason: reason)
    }

    // MARK: Audio

    private mutating func audioConfigured(_ record: ByteBuffer) -> MediaEvent? {
        do throws(CodecError) {
            let format = try AACConfiguration(Array(record.readableBytesView)).format
            let isNew = format != audio
            audio = format
            audioRefusal = nil
            return isNew ? .format(.audio(format)) : nil
        } catch {
            audio = nil
            return refuseAudio(error.message)
        }
    }

    private mutating func refuseAudio(_ reason: String) -> MediaEvent? {
        guard audioRefusal != reason else { return nil }
        audioRefusal = reason
        return .refused(.audio, reason: reason)
    }
}
