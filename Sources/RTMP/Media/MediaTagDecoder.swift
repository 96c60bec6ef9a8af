package import Domain
package import NIOCore

/// What a publisher's tags amount to.
package enum MediaEvent: Sendable {
    case metadata(StreamMetadata)
    case format(TrackFormat)
    case unit(AccessUnit)
    /// In words for the DJ; once per track and reason.
    case refused(TrackKind, reason: String)
    /// Something beside the track's media is left out, and the track goes on: in words for the DJ, once per track.
    case leftOut(TrackKind, reason: String)
}

/// Turns audio and video tags into formats and access units.
///
/// Owned by one connection or file reader. A payload is handed on as a slice of its message, uncopied, unless its NAL lengths
/// must be rewritten or it is a small part of a large message. Key frames are found in the NAL units (OBUs, frame headers); the
/// container's flag is not believed. A nanosecond offset (Enhanced RTMP's ModEx) moves both times of its unit.
///
/// Most tags bring one event. Where one brings more (a format that stands in a key frame), the others wait in `nextEvent()`:
/// take them before the next tag.
package struct MediaTagDecoder: Sendable {
    private var unwrapper = TimestampUnwrapper()
    private var video = VideoTrackReader()
    private var audio = AudioTrackReader()
    private var announcedVideo: VideoFormat?
    private var announcedAudio: AudioFormat?
    private var refusals: [TrackKind: String] = [:]
    private var leftOut: Set<TrackKind> = []
    private var damagedPictures = 0
    private var damagedSounds = 0
    private var waiting: [MediaEvent] = []

    /// Of the sound, when the publisher sent one.
    package private(set) var multichannelLayout: MultichannelLayout?
    /// Of tracks beside the first, which are not taken.
    package private(set) var unitsLeftOut = 0

    /// One damaged picture is a hiccup; this many are an encoder or a codec that we misread.
    private static let damagedBeforeRefusal = 10
    private static let damagedReason =
        "The pictures' units (NAL units, OBUs) do not fit their lengths: restart the encoder, or choose another one in it."

    package init() {}

    /// - Parameter timestamp: the message's, in milliseconds, wrapping at 2^32.
    /// - Returns: `nil` when the tag brings nothing: a repeated configuration, a unit before its configuration or of a refused
    ///   track, a damaged unit.
    /// - Throws: `RTMPError(.timestampRange)`.
    package mutating func videoReceived(_ body: ByteBuffer, timestamp: UInt32) throws(RTMPError) -> MediaEvent? {
        let time = MediaTime.milliseconds(try unwrapper.unwrap(timestamp))
        let tag = MediaTag(video: body)
        noteOtherTracks(of: tag, .video)
        switch tag.content {
        case .configuration(.video(let codec), let record):
            configureVideo { reader throws(CodecError) in try reader.configure(codec, record) }
        case .transportDescriptor(let descriptor):
            configureVideo { reader throws(CodecError) in try reader.configure(transportDescriptor: descriptor) }
        case .frame(.video(let codec), let offset, let payload):
            let decodeTime = time + MediaTime(nanoseconds: tag.nanoseconds)
            pictureReceived(
                codec, payload, decodeTime: decodeTime, presentationTime: decodeTime + .milliseconds(Int64(offset)))
        case .configuration(.other(let name), _), .frame(.other(let name), _, _):
            refuse(.video, "\(name) video was sent, and this channel takes H.264: set the encoder's video codec to it.")
        case .refused(let reason): refuse(.video, reason)
        case .configuration(.audio, _), .frame(.audio, _, _), .channels, .nothing, .truncated: break
        }
        return nextEvent()
    }

    /// As `videoReceived`, for sound.
    package mutating func audioReceived(_ body: ByteBuffer, timestamp: UInt32) throws(RTMPError) -> MediaEvent? {
        let time = MediaTime.milliseconds(try unwrapper.unwrap(timestamp))
        let tag = MediaTag(audio: body)
        noteOtherTracks(of: tag, .audio)
        switch tag.content {
        case .configuration(.audio(let codec), let record): configureAudio(codec, record)
        case .frame(.audio(let codec), _, let payload):
            soundReceived(codec, payload, time: time + MediaTime(nanoseconds: tag.nanoseconds))
        case .channels(let layout): multichannelLayout = layout
        case .configuration(.other(let name), _), .frame(.other(let name), _, _):
            refuse(.audio, "\(name) audio was sent, and this channel takes AAC: set the encoder's audio codec to it.")
        case .refused(let reason): refuse(.audio, reason)
        case .configuration(.video, _), .frame(.video, _, _), .transportDescriptor, .nothing, .truncated: break
        }
        return nextEvent()
    }

    /// A further event of the last tag; `nil` when there is none.
    package mutating func nextEvent() -> MediaEvent? { waiting.isEmpty ? nil : waiting.removeFirst() }

    // MARK: Video

    private mutating func configureVideo(_ configure: (inout VideoTrackReader) throws(CodecError) -> Void) {
        do throws(CodecError) {
            try configure(&video)
            refusals[.video] = nil
            damagedPictures = 0
            announceVideo()
        } catch {
            announcedVideo = nil
            refuse(.video, error.message)
        }
    }

    private mutating func announceVideo() {
        guard let format = video.format, format != announcedVideo else { return }
        announcedVideo = format
        waiting.append(.format(.video(format)))
    }

    private mutating func pictureReceived(
        _ codec: VideoFormat.Codec, _ payload: ByteBuffer, decodeTime: MediaTime, presentationTime: MediaTime
    ) {
        switch video.read(codec, payload) {
        case .picture(let payload, let isKeyFrame):
            damagedPictures = 0
            if isKeyFrame { announceVideo() }
            waiting.append(
                .unit(
                    AccessUnit(
                        track: .video, decodeTime: decodeTime, presentationTime: presentationTime,
                        isKeyFrame: isKeyFrame, payload: payload)))
        case .damaged:
            damagedPictures += 1
            if damagedPictures == Self.damagedBeforeRefusal { refuse(.video, Self.damagedReason) }
        case .nothing: damagedPictures = 0
        }
    }

    // MARK: Audio

    private mutating func configureAudio(_ codec: AudioFormat.Codec, _ record: ByteBuffer) {
        do throws(CodecError) {
            try audio.configure(codec, record)
            refusals[.audio] = nil
            announceAudio()
        } catch {
            announcedAudio = nil
            refuse(.audio, error.message)
        }
    }

    private mutating func announceAudio() {
        guard let format = audio.format, format != announcedAudio else { return }
        announcedAudio = format
        waiting.append(.format(.audio(format)))
    }

    private mutating func soundReceived(_ codec: AudioFormat.Codec, _ payload: ByteBuffer, time: MediaTime) {
        do throws(CodecError) {
            guard try audio.read(codec, payload) else { return }
        } catch {
            damagedSounds += 1
            if damagedSounds == Self.damagedBeforeRefusal { refuse(.audio, error.message) }
            return
        }
        damagedSounds = 0
        announceAudio()
        waiting.append(
            .unit(
                AccessUnit(
                    track: .audio, decodeTime: time, presentationTime: time, isKeyFrame: true,
                    payload: payload))
        )
    }

    // MARK: What is not taken

    private mutating func refuse(_ track: TrackKind, _ reason: String) {
        guard refusals[track] != reason else { return }
        refusals[track] = reason
        waiting.append(.refused(track, reason: reason))
    }

    private mutating func noteOtherTracks(of tag: MediaTag, _ track: TrackKind) {
        guard !tag.otherTracks.isEmpty else { return }
        unitsLeftOut += tag.otherTracks.count
        guard leftOut.insert(track).inserted else { return }
        let words = track == .video ? "picture" : "sound"
        waiting.append(
            .leftOut(
                track,
                reason:
                    "Your encoder sends several \(words) tracks (multitrack): the first one is used and the others are "
                    + "left out; switch them off in the encoder to save your bandwidth."))
    }
}
