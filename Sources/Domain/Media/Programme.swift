package import NIOCore

/// Both tracks' formats, as they hold for the units that follow: what one init section describes.
package struct ProgrammeFormat: Sendable, Hashable {
    package var video: VideoFormat
    package var audio: AudioFormat

    package init(video: VideoFormat, audio: AudioFormat) {
        self.video = video
        self.audio = audio
    }
}

/// One access unit on the programme timeline. DTS rises strictly per track, for ever (I2).
package struct ProgrammeUnit: Sendable {
    package var track: TrackKind
    package var decodeTime: MediaTime
    package var presentationTime: MediaTime
    /// The nominal span to the next unit of the track. Audio: exact. Video: best knowledge; the next unit's DTS decides.
    package var duration: MediaTime
    package var isKeyFrame: Bool
    /// Of a picture. Of no meaning for sound.
    package var videoCodec: VideoFormat.Codec
    /// What stands in front of `payload` in the same access unit: the parameter sets of a key picture that came without them
    /// (design §5, Formats), in `payload`'s form. Apart, because putting both into one buffer would copy the picture.
    package var front: ByteBuffer
    /// As `AccessUnit.payload`, where it is not in `front`.
    package var payload: ByteBuffer

    package init(
        track: TrackKind, decodeTime: MediaTime, presentationTime: MediaTime, duration: MediaTime, isKeyFrame: Bool,
        videoCodec: VideoFormat.Codec = .h264, front: ByteBuffer = ByteBuffer(), payload: ByteBuffer
    ) {
        self.track = track
        self.decodeTime = decodeTime
        self.presentationTime = presentationTime
        self.duration = duration
        self.isKeyFrame = isKeyFrame
        self.videoCodec = videoCodec
        self.front = front
        self.payload = payload
    }

    /// A key picture of HEVC behind which pictures may come that need those before it (RASL).
    package var isCleanRandomAccess: Bool {
        track == .video && videoCodec == .hevc && isKeyFrame && HEVCUnitSummary(payload).picture == .cleanRandomAccess
    }

    /// Of the whole access unit.
    package var byteCount: Int { front.readableBytes + payload.readableBytes }

    /// The access unit as one buffer: a copy where something stands in front.
    package var whole: ByteBuffer {
        guard front.readableBytes > 0 else { return payload }
        var whole = ByteBufferAllocator().buffer(capacity: byteCount)
        write(into: &whole)
        return whole
    }

    /// Appends the access unit to `buffer`.
    package func write(into buffer: inout ByteBuffer) {
        buffer.writeImmutableBuffer(front)
        buffer.writeImmutableBuffer(payload)
    }
}

/// Why the programme's source changed; it ends the running segment in every wrapping.
package struct ProgrammeJoin: Sendable, Equatable {
    /// Nobody for the slate.
    package var session: PublishSessionID?
    /// The programme's presentation time of the first picture after the join.
    package var at: MediaTime
    /// Set when the codec configuration differs from the one before: a discontinuity and a new init section are due.
    package var formatChanged: Bool

    package init(session: PublishSessionID?, at: MediaTime, formatChanged: Bool) {
        self.session = session
        self.at = at
        self.formatChanged = formatChanged
    }
}

/// Reads the programme as it leaves, on the channel's event loop, in DTS order per track. Must not block (I4).
package protocol ProgrammeReader: AnyObject {
    /// Comes before the first unit of the new source. `format` holds from there on.
    func joined(_ join: ProgrammeJoin, format: ProgrammeFormat)
    func unit(_ unit: ProgrammeUnit)
    /// The channel stops; nothing follows.
    func finished()
}
